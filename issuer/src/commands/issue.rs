//! `issuer issue`: one credential for one purpose.

use anyhow::{Result, bail};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::json;
use sha2::Sha256;
use shared::credential::{
    Attribute, AttributeValue, Attributes, Claims, Group, HiddenSecret, Purpose, StatusReference,
    prepare_with_secret,
};
use shared::key::Signer;
use shared::pairwise::PairwiseSecret;
use shared::time::Timestamp;
use shared::trust::{AccountRule, FaceRule, Policy, Status};

use crate::cli::Issue;
use crate::commands::now;
use crate::issuer_keys;
use crate::keys;
use crate::national::write_file;
use crate::office::Office;
use crate::output::Answer;
use crate::registry::IssuedCredential;
use crate::status_index::{issuable, status_index};

/// Bytes of a pairwise subject identifier: 96 bits, so that two of a billion never meet.
const SUBJECT_BYTES: usize = 12;

/// Ages that a desk may ask for.
const AGES: [u8; 6] = [65, 21, 18, 16, 14, 12];

const DAY: i64 = 24 * 3600;

pub fn run(arguments: &Issue) -> Result<Answer> {
    let now = now(arguments.at.at);
    let office = Office::open(&arguments.at.dir)?;
    let policy = office.policy(&arguments.purpose)?;
    let holder_key = arguments.holder_key.as_deref().map(keys::holder).transpose()?;
    if arguments.out.exists() {
        bail!("{} exists already", arguments.out.display());
    }
    let registry = office.registry()?;
    let data = registry.subject(&arguments.subject)?;
    let mut attributes = data.attributes.clone();
    if let Some(age) = age_over(&attributes, now) {
        attributes.set(Attribute::AgeOver, AttributeValue::Code(age))?;
    }
    let attributes = attributes.only(&policy.carry);
    let groups = groups(&policy, &attributes)?;
    let always: Vec<Attribute> = policy
        .carry
        .iter()
        .copied()
        .filter(|attribute| !policy.groups.concat().contains(attribute))
        .collect();
    let attributes = attributes.only(&always);
    if let Some(missing) = policy.require.iter().find(|attribute| attributes.get(**attribute).is_none()) {
        bail!("{} needs {}, which was not enrolled for this subject", arguments.purpose, missing.name());
    }

    let status_key = office.status_key()?;
    // Opened first: nobody else has to wait while a passphrase is typed.
    let signer = issuer_keys::signer(&office, &registry)?;
    let taking = registry.take_turn()?;
    let serial = issuable(status_key.as_slice(), u64::try_from(registry.next_serial()?)?);
    let place = status_index(status_key.as_slice(), serial);
    let serial = i64::try_from(serial)?;
    let status_uri = office.status_uri(place.list);
    let claims = Claims {
        issuer: office.agency.issuer.clone(),
        subject: pairwise_subject(&data.secret, &arguments.purpose),
        purpose: Some(arguments.purpose.clone()),
        expires: arguments.expires.unwrap_or_else(|| now.plus(i64::from(policy.validity_days) * DAY)),
        not_before: now,
        issued_at: now,
        holder_key,
        status: Some(StatusReference { index: place.index, uri: status_uri.clone() }),
        max_presentation_age: policy.max_presentation_age,
        attributes,
        face: if policy.face == FaceRule::NotUsed { None } else { data.template()? },
        portrait: None,
    };
    let secret = match policy.accounts {
        // Paper proves nothing, so nobody is known again by it.
        AccountRule::Bound if holder_key.is_some() => {
            let secret = PairwiseSecret::derive(&*office.pairwise_key()?, &data.secret);
            Some(HiddenSecret { secret, salt: keys::random()? })
        }
        _ => None,
    };
    let to_be_signed = prepare_with_secret(&claims, &groups, secret.as_ref(), signer.public_key().id())?;
    let record = IssuedCredential {
        serial,
        purpose: arguments.purpose.clone(),
        list: place.list,
        index: place.index,
        status: Status::Valid,
    };
    registry.record(&arguments.subject, &record, (now, claims.expires), &to_be_signed.bytes())?;
    taking.commit()?;
    let credential = to_be_signed.sign(&signer)?;
    write_file(&arguments.out, &credential)?;
    registry.mark_signed(serial, now)?;

    let binding = if holder_key.is_some() { "the holder's phone" } else { "paper" };
    Ok(Answer::done(
        format!(
            "{} credential for {binding}, {} bytes, expires {}",
            arguments.purpose,
            credential.len(),
            claims.expires
        ),
        json!({
            "credential": arguments.out, "purpose": arguments.purpose, "bytes": credential.len(), "issued": now,
            "expires": claims.expires, "serial": serial, "status": { "uri": status_uri, "index": place.index },
            "holder_key": holder_key, "accounts": secret.is_some(), "face": claims.face.as_ref().map(|face| face.algorithm().as_str()),
        }),
    ))
}

/// The attributes that the holder may keep back, in the policy's groups. A group that this subject has nothing of is
/// there all the same, so that its number means the same in every credential.
fn groups(policy: &Policy, attributes: &Attributes) -> Result<Vec<Group>> {
    if let Some(required) =
        policy.groups.iter().flatten().find(|attribute| policy.require.contains(attribute))
    {
        bail!(
            "the policy of {} requires {} and lets the holder keep it back",
            policy.purpose,
            required.name()
        );
    }
    let group =
        |names: &Vec<Attribute>| Ok(Group { attributes: attributes.only(names), salt: keys::random()? });
    policy.groups.iter().map(group).collect()
}

/// An identifier that is the same whenever this subject shows up for this purpose, and tells nothing elsewhere.
fn pairwise_subject(secret: &[u8; 32], purpose: &Purpose) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).expect("HMAC takes keys of any length");
    mac.update(b"subject/1");
    mac.update(purpose.as_str().as_bytes());
    BASE64URL.encode(&mac.finalize().into_bytes()[..SUBJECT_BYTES])
}

/// The highest age of [`AGES`] that was reached by `now`.
fn age_over(attributes: &Attributes, now: Timestamp) -> Option<u8> {
    let AttributeValue::Text(born) = attributes.get(Attribute::DateOfBirth)? else { return None };
    // YYYYMMDD compares as a number; a year later is 10000 more, and 29 February turns a year older on 1 March.
    let (born, today): (u32, u32) = (born.parse().ok()?, now.calendar_day().parse().ok()?);
    AGES.into_iter().find(|age| born + u32::from(*age) * 10_000 <= today)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_turn_on_the_birthday() {
        let mut attributes = Attributes::default();
        attributes.set(Attribute::DateOfBirth, AttributeValue::Text("20080229".into())).unwrap();
        let on = |day: &str| age_over(&attributes, Timestamp::parse(day).unwrap());
        assert_eq!(on("2026-02-28T23:59:59Z"), Some(16));
        assert_eq!(on("2026-03-01T00:00:00Z"), Some(18));
        assert_eq!(on("2019-01-01T00:00:00Z"), None);
    }

    #[test]
    fn a_subject_is_another_one_for_every_purpose() {
        let purpose = |name: &str| Purpose::parse(name).unwrap();
        let border = pairwise_subject(&[1; 32], &purpose("border"));
        assert_eq!(border, pairwise_subject(&[1; 32], &purpose("border")));
        assert_ne!(border, pairwise_subject(&[1; 32], &purpose("hotel")));
        assert_ne!(border, pairwise_subject(&[2; 32], &purpose("border")));
    }
}
