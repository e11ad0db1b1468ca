//! Reason codes: why a visit ended as it did, in a form that never changes between releases.

use std::fmt;

use serde::Serialize;

/// What kind of answer a reason is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Answer {
    /// Everything the policy asks for was shown to be true.
    Accepted,
    /// Something was shown to be false: the gate stays shut.
    Refused,
    /// Nothing was shown to be false, but not everything could be checked: an officer decides.
    Unanswered,
}

macro_rules! reasons {
    ($($(#[$group:meta])* $variant:ident $answer:ident $code:literal $sentence:literal)*) => {
        /// Why a visit ended as it did.
        ///
        /// Codes are stable; sentences are for the operator and hold no personal data.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Reason { $(#[doc = $sentence] $variant,)* }

        impl Reason {
            /// Every reason, in the order of the checks.
            pub const ALL: &[Reason] = &[$(Reason::$variant),*];

            /// Returns the stable code, `area.what`.
            pub fn code(self) -> &'static str {
                match self { $(Reason::$variant => $code),* }
            }

            /// Returns the sentence shown to the operator.
            pub fn sentence(self) -> &'static str {
                match self { $(Reason::$variant => $sentence),* }
            }

            /// Returns whether this is a yes, a no, or neither.
            pub fn answer(self) -> Answer {
                match self { $(Reason::$variant => Answer::$answer),* }
            }
        }
    };
}

reasons! {
    Accepted Accepted "accepted" "The credential is genuine, current and presented by its holder."

    ImageUnreadable Unanswered "image.unreadable" "The picture could not be opened."
    NoSymbol Unanswered "qr.no_symbol" "No QR code was found in the picture."
    SymbolUnreadable Refused "qr.unreadable" "A QR code is in view and cannot be read: it is damaged or covered."
    SeveralSymbols Unanswered "qr.several_symbols" "More than one QR code is in view: show one."

    TextTooLong Refused "text.too_long" "The code holds more text than any identity code."
    TextNotBase45 Refused "text.not_base45" "The code is not a digital identity code."
    TextForeign Refused "text.foreign" "The code is not a digital identity code."
    TextCompression Refused "text.compression" "The code is damaged: its compressed content cannot be unpacked."
    TextEncrypted Unanswered "text.encrypted" "The code is encrypted and this kiosk holds no key for it."
    TextDecryption Refused "text.decryption" "The code is encrypted, and what is inside was altered or damaged."
    FormatCbor Refused "format.cbor" "The code is damaged or was not made by an issuer: its encoding is wrong."
    FormatTrailingBytes Refused "format.trailing_bytes" "The code carries extra bytes after its content."
    FormatStructure Refused "format.structure" "The code is damaged or was not made by an issuer: its structure is wrong."
    FormatAlgorithm Refused "format.algorithm" "The code is signed with an algorithm that is not accepted."
    FormatCritical Refused "format.critical" "The code asks for processing that this kiosk does not know."
    FormatDisclosure Refused "format.disclosure" "The code discloses something that its issuer did not sign."
    FormatKey Refused "format.key" "The code carries a holder key that is not acceptable."

    PurposeUnknown Unanswered "policy.purpose_unknown" "The trust repository has no policy for this purpose."
    DialectNotAccepted Refused "policy.dialect_not_accepted" "This kind of credential is not accepted for this purpose."
    IssuerUnknown Refused "issuer.unknown" "The issuer of this code is not trusted here."
    IssuerKeyUnknown Refused "issuer.key_unknown" "The issuer is trusted, but not the key that signed this code."
    IssuerKeyNotValid Refused "issuer.key_not_valid" "The issuer's key was not valid when this code was signed."
    IssuerKeyRevoked Refused "issuer.key_revoked" "The key that signed this code was withdrawn because it may be in the wrong hands."
    CredentialSignature Refused "credential.signature" "The issuer's signature is wrong: the code was altered or forged."
    CredentialNoExpiry Refused "credential.no_expiry" "The credential has no expiry date."
    CredentialExpired Refused "credential.expired" "The credential has expired."
    CredentialNotYetValid Refused "credential.not_yet_valid" "The credential is not valid yet."
    CredentialPurpose Refused "credential.wrong_purpose" "The credential was issued for another purpose."
    CredentialClaimMissing Refused "credential.claim_missing" "The credential lacks a claim that this purpose requires."
    StatusRevoked Refused "status.revoked" "The issuer has revoked this credential."
    StatusSuspended Refused "status.suspended" "The issuer has suspended this credential."
    StatusOutOfRange Refused "status.out_of_range" "The credential points outside the issuer's status list."
    StatusUnknown Unanswered "status.unknown" "Whether the credential was revoked cannot be told: its status list is not here."
    StatusExpired Unanswered "status.expired" "Whether the credential was revoked cannot be told: the status list is out of date."

    ProofMissing Refused "proof.missing" "The holder's live proof is missing: this is a copy of a credential."
    PaperNotAccepted Refused "proof.paper_not_accepted" "Paper credentials are not accepted for this purpose."
    ProofSignature Refused "proof.signature" "The holder's proof is wrong: the code was not made by the holder's phone."
    ProofAudience Refused "proof.wrong_audience" "The code was made for another place."
    ChallengeMissing Refused "proof.challenge_missing" "This lane shows a code of its own: the phone has to scan that first."
    ChallengeWrong Refused "proof.wrong_challenge" "The code answers the question of another lane, or of an earlier visit."
    ProofWindow Refused "proof.window" "The holder's proof claims a longer life than is allowed."
    ProofExpired Refused "proof.expired" "The code is too old: a screenshot, or a phone whose clock is slow."
    ProofNotYetValid Refused "proof.not_yet_valid" "The code is from the future: the clock of the phone or of the kiosk is wrong."
    ProofReplayed Refused "proof.replayed" "This very code has been used already: wait for the next one."

    SealGenuine Unanswered "seal.genuine" "A genuine certificate of another scheme: signature and expiry only, no holder binding. An officer decides."
    SealFormat Refused "seal.format" "The certificate of another scheme is damaged or incomplete."
    SealIssuerUnknown Refused "seal.issuer_unknown" "The signer of this certificate is not trusted here."
    SealSignature Refused "seal.signature" "The certificate's signature is wrong: it was altered or forged."
    SealExpired Refused "seal.expired" "The certificate, or the signer's own certificate, has expired or is not valid yet."

    VerifierSilent Unanswered "verify.no_answer" "The verifier gave no answer."
    ClockTampered Unanswered "clock.tampered" "The kiosk's clock is behind signed time: it was set back or has failed."
    TrustMissing Unanswered "trust.missing" "The kiosk has no trust repository: import one."
    TrustInvalid Unanswered "trust.invalid" "The trust repository failed its checks and was not used."
    TrustStale Unanswered "trust.stale" "The trust repository is out of date: import a newer one."
    TrustDead Unanswered "trust.dead" "The trust repository is so old that nothing can be decided with it."

    FaceNotCaptured Unanswered "face.not_captured" "The credential is good; no face was captured to compare with it."
    FaceNone Unanswered "face.none" "No face is in view."
    FaceSeveral Unanswered "face.several" "More than one face is in view."
    FaceQuality Unanswered "face.quality" "The picture of the face is not good enough to compare."
    FaceOfficer Unanswered "face.officer" "The credential is good; an officer compares the face."
    FaceNoTemplate Unanswered "face.no_template" "The credential carries no face to compare with: an officer looks."
    FacePortrait Unanswered "face.portrait" "The portrait in the credential is too poor to compare with: an officer looks."
    FaceUnsupported Unanswered "face.unsupported" "The face template needs a model that this kiosk does not have."
    FaceModelRefused Unanswered "face.model_refused" "The credential is good; its policy asks for a better face model than this one: an officer looks."
    FaceChallenge Unanswered "face.challenge" "The person did not do what the screen asked for: an officer looks."
    FaceModels Unanswered "face.models" "The face models cannot be loaded or failed: `kiosk models list` says why."
    FaceAttack Refused "face.attack" "The face looks like a picture or a screen."
    FaceNonMatch Refused "face.non_match" "The face does not match the credential."
    CameraFailed Unanswered "camera.failed" "The camera does not deliver pictures."
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl Serialize for Reason {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn codes_are_unique_and_well_formed() {
        let codes: HashSet<_> = Reason::ALL.iter().map(|reason| reason.code()).collect();
        assert_eq!(codes.len(), Reason::ALL.len());
        for code in codes {
            assert!(
                code.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "._".contains(c)),
                "{code}"
            );
        }
        assert_eq!(Reason::ALL.iter().filter(|reason| reason.answer() == Answer::Accepted).count(), 1);
    }
}
