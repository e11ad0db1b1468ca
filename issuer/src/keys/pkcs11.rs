//! Private keys in a hardware security module (PKCS#11 v3): they sign there and never leave.
//!
//! What a module signs is verified before anyone sees it, as every signature is: a module that was asked for another
//! scheme than it knows was seen to sign by the one it knows.

use anyhow::{Context, Result, bail, ensure};
use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::error::{Error, RvError};
use cryptoki::mechanism::eddsa::{EddsaParams, EddsaSignatureScheme};
use cryptoki::mechanism::{Mechanism, MechanismType};
use cryptoki::object::{Attribute, AttributeType, KeyType, ObjectClass, ObjectHandle};
use cryptoki::session::{Session, SessionState, UserType};
use cryptoki::slot::Slot;
use shared::key::{PublicKey, SignError, Signer};

use super::pkcs11_uri::Pkcs11Uri;
use super::{random, secret};

/// CKA_EC_PARAMS of Ed25519: the DER of its object identifier, 1.3.101.112 (RFC 8410 §3).
const ED25519: [u8; 5] = [0x06, 0x03, 0x2b, 0x65, 0x70];

/// A DER OCTET STRING of 32 bytes starts so.
const OCTET_STRING_32: [u8; 2] = [0x04, 0x20];

/// A key in a token, with the session that may use it.
pub(super) struct HsmKey {
    public: PublicKey,
    session: Session,
    key: ObjectHandle,
}

/// Opens the one private key that a URI names.
pub(super) fn open(uri: &Pkcs11Uri) -> Result<HsmKey> {
    let (module, slot) = connect(uri)?;
    let session = module.open_ro_session(slot).context("opening a session")?;
    log_in(&session, &module, slot, uri)?;
    HsmKey::find(session, uri)
}

/// Makes a key pair in the token: the private half can be neither read nor wrapped. Returns it and its URI.
pub(super) fn generate(token: &Pkcs11Uri, label: &str) -> Result<(HsmKey, Pkcs11Uri)> {
    ensure!(
        token.object().is_none() && token.id().is_none(),
        "the URI names a key; name a token alone to make keys in it"
    );
    let (module, slot) = connect(token)?;
    let mechanisms = module.get_mechanism_list(slot).context("asking what the token can do")?;
    for (mechanism, name) in [
        (MechanismType::ECC_EDWARDS_KEY_PAIR_GEN, "CKM_EC_EDWARDS_KEY_PAIR_GEN"),
        (MechanismType::EDDSA, "CKM_EDDSA"),
    ] {
        ensure!(mechanisms.contains(&mechanism), "the token {} does not offer {name}", token.token_name());
    }
    let session = module.open_rw_session(slot).context("opening a session")?;
    log_in(&session, &module, slot, token)?;
    // Drawn, so that an older key of the same label is never meant.
    let id = random::<8>()?;
    let named = [Attribute::Token(true), Attribute::Label(label.into()), Attribute::Id(id.to_vec())];
    let public = [
        &named[..],
        &[Attribute::Private(false), Attribute::Verify(true), Attribute::EcParams(ED25519.to_vec())],
    ];
    let private = [
        &named[..],
        &[
            Attribute::Private(true),
            Attribute::Sign(true),
            Attribute::Sensitive(true),
            Attribute::Extractable(false),
        ],
    ];
    session
        .generate_key_pair(&Mechanism::EccEdwardsKeyPairGen, &public.concat(), &private.concat())
        .context("making a key pair in the token")?;
    let uri = token.clone().with_object(label, &id);
    Ok((HsmKey::find(session, &uri)?, uri))
}

fn connect(uri: &Pkcs11Uri) -> Result<(Pkcs11, Slot)> {
    let module = uri.module();
    let context = Pkcs11::new(module).with_context(|| format!("loading {}", module.display()))?;
    match context.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)) {
        // By the key before this one.
        Ok(()) | Err(Error::Pkcs11(RvError::CryptokiAlreadyInitialized, _)) => {}
        Err(error) => return Err(error).with_context(|| format!("starting {}", module.display())),
    }
    let mut found = Vec::new();
    for slot in context.get_slots_with_token().context("listing tokens")? {
        let token = context.get_token_info(slot).context("asking a token who it is")?;
        if uri.is_token(token.label(), token.serial_number(), token.manufacturer_id(), token.model()) {
            found.push(slot);
        }
    }
    match found[..] {
        [slot] => Ok((context, slot)),
        [] => bail!("{} reaches no token {}", module.display(), uri.token_name()),
        _ => bail!("{} tokens are called {}; give a serial too", found.len(), uri.token_name()),
    }
}

fn log_in(session: &Session, module: &Pkcs11, slot: Slot, uri: &Pkcs11Uri) -> Result<()> {
    // A login holds for every session with the token, so that the PIN is asked for once.
    let state = session.get_session_info().context("asking about the session")?.session_state();
    if matches!(state, SessionState::RoUser | SessionState::RwUser) {
        return Ok(());
    }
    let own_keypad = module.get_token_info(slot).is_ok_and(|token| token.protected_authentication_path());
    let pin = if own_keypad { None } else { Some(secret::pin(uri.pin_source(), uri.token_name())?) };
    session
        .login(UserType::User, pin.as_ref())
        .map_err(|error| match error {
            Error::Pkcs11(RvError::PinIncorrect, _) => anyhow::anyhow!("the PIN is wrong"),
            Error::Pkcs11(RvError::PinLocked, _) => {
                anyhow::anyhow!("the PIN is locked after too many wrong ones")
            }
            error => error.into(),
        })
        .with_context(|| format!("logging in to {}", uri.token_name()))
}

impl HsmKey {
    fn find(session: Session, uri: &Pkcs11Uri) -> Result<Self> {
        let object = |class, id: Option<&[u8]>, label: Option<&str>| {
            let mut template = vec![
                Attribute::Class(class),
                Attribute::KeyType(KeyType::EC_EDWARDS),
                Attribute::Token(true),
            ];
            template.extend(id.map(|id| Attribute::Id(id.to_vec())));
            template.extend(label.map(|label| Attribute::Label(label.into())));
            let found = session.find_objects(&template).context("looking for a key")?;
            match found[..] {
                [object] => Ok(object),
                [] => bail!("the token {} has no such Ed25519 key", uri.token_name()),
                _ => bail!("{} keys in the token {} match; give an id too", found.len(), uri.token_name()),
            }
        };
        ensure!(uri.object().is_some() || uri.id().is_some(), "the URI names a token and no key in it");
        let key = object(ObjectClass::PRIVATE_KEY, uri.id(), uri.object())?;
        // The halves of a pair have the same identifier; their labels may differ.
        let id = match &session
            .get_attributes(key, &[AttributeType::Id])
            .context("reading a key's identifier")?[..]
        {
            [Attribute::Id(id)] if !id.is_empty() => id.clone(),
            _ => bail!("the key has no identifier (CKA_ID), so that its public half cannot be told"),
        };
        let public =
            object(ObjectClass::PUBLIC_KEY, Some(&id), None).context("looking for the public half")?;
        let point = match &session.get_attributes(public, &[AttributeType::EcPoint])?[..] {
            [Attribute::EcPoint(point)] => point.clone(),
            _ => bail!("the token does not say what the public key is"),
        };
        Ok(Self { public: public_key(&point)?, session, key })
    }
}

/// Reads CKA_EC_POINT: 32 bytes, bare or in a DER OCTET STRING. Modules do either.
fn public_key(point: &[u8]) -> Result<PublicKey> {
    let bytes = point.strip_prefix(&OCTET_STRING_32).filter(|_| point.len() == 34).unwrap_or(point);
    let bytes = bytes.try_into().context("the token's public key is not an Ed25519 key")?;
    PublicKey::import(bytes).context("the token's public key is not usable")
}

impl Signer for HsmKey {
    fn public_key(&self) -> PublicKey {
        self.public
    }

    fn sign(&self, message: &[u8]) -> Result<[u8; 64], SignError> {
        let pure = Mechanism::Eddsa(EddsaParams::new(EddsaSignatureScheme::Ed25519));
        let refused = |reason: String| SignError::Refused { reason };
        let signature =
            self.session.sign(&pure, self.key, message).map_err(|error| refused(error.to_string()))?;
        let length = signature.len();
        signature.try_into().map_err(|_| refused(format!("a signature of {length} bytes")))
    }
}

#[cfg(test)]
mod tests;
