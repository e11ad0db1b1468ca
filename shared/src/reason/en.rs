//! What the operator reads, in English.

use super::{Reason, Words};

/// Returns the sentence, and what the operator does.
pub(super) fn words(reason: Reason) -> Words {
    let (sentence, action) = match reason {
        Reason::Accepted => {
            ("The credential is genuine, current and presented by its holder.", "Let the resident pass.")
        }

        Reason::ImageUnreadable => {
            ("The picture could not be opened.", "Take the picture again, or choose another file.")
        }
        Reason::NoSymbol => (
            "No QR code was found in the picture.",
            "Ask the resident to hold the code upright in front of the camera, with the screen bright.",
        ),
        Reason::SymbolUnreadable => (
            "A QR code is in view and cannot be read: it is damaged or covered.",
            "Ask the resident to wipe the screen, uncover the whole code and hold it still; check by hand \
             if it fails again.",
        ),
        Reason::SeveralSymbols => (
            "More than one QR code is in view: show one.",
            "Ask for one code at a time, and for other screens to be turned away.",
        ),

        Reason::TextTooLong => (
            "The code holds more text than any identity code.",
            "Ask the resident to open the identity wallet and show the code from there.",
        ),
        Reason::TextNotBase45 => (
            "The code is not a digital identity code.",
            "Ask the resident to open the identity wallet and show the code from there.",
        ),
        Reason::TextForeign => (
            "The code is written as an identity code is, but its content is of an unknown kind.",
            "Ask the resident to open the identity wallet and show the code from there.",
        ),
        Reason::TextCompression => (
            "The code is damaged: its compressed content cannot be unpacked.",
            "Ask for a fresh code or another printout; check by hand if it fails again.",
        ),
        Reason::TextEncrypted => (
            "The code is encrypted and this kiosk holds no key for it.",
            "Check by hand, and tell the technician that this kiosk lacks a sector key.",
        ),
        Reason::TextDecryption => (
            "The code is encrypted, and what is inside was altered or damaged.",
            "Ask for the next code; if it fails again, keep the gate shut and check by hand.",
        ),
        Reason::FormatCbor => (
            "The code is damaged or was not made by an issuer: its encoding is wrong.",
            "Ask the resident to show the code again; if it fails again, keep the gate shut and check by \
             hand.",
        ),
        Reason::FormatTrailingBytes => (
            "The code carries extra bytes after its content.",
            "Ask the resident to show the code again; if it fails again, keep the gate shut and check by \
             hand.",
        ),
        Reason::FormatStructure => (
            "The code is damaged or was not made by an issuer: its structure is wrong.",
            "Ask the resident to show the code again; if it fails again, keep the gate shut and check by \
             hand.",
        ),
        Reason::FormatAlgorithm => (
            "The code is signed with an algorithm that is not accepted.",
            "Keep the gate shut and check by hand; report the issuer to the technician.",
        ),
        Reason::FormatCritical => (
            "The code asks for processing that this kiosk does not know.",
            "Check by hand, and tell the technician that this kiosk may need an update.",
        ),
        Reason::FormatDisclosure => (
            "The code discloses something that its issuer did not sign.",
            "Keep the gate shut, check by hand, and report a suspected forgery.",
        ),
        Reason::FormatKey => (
            "The code carries a holder key that is not acceptable.",
            "Keep the gate shut and check by hand; report the issuer to the technician.",
        ),

        Reason::PurposeUnknown => (
            "The trust repository has no policy for this purpose.",
            "Check by hand, and ask the technician to check the purpose that is set and the trust \
             repository.",
        ),
        Reason::DialectNotAccepted => (
            "This kind of credential is not accepted for this purpose.",
            "Ask for a credential of the kind that this desk takes, or check by hand.",
        ),
        Reason::IssuerUnknown => (
            "The issuer of this code is not trusted here.",
            "Keep the gate shut and check by hand; tell the technician if this issuer should be trusted \
             here.",
        ),
        Reason::IssuerKeyUnknown => (
            "The issuer is trusted, but not the key that signed this code.",
            "Keep the gate shut and check by hand; ask the technician to import the newest trust repository.",
        ),
        Reason::IssuerKeyNotValid => (
            "The issuer's key was not valid when this code was signed.",
            "Keep the gate shut and check by hand; the resident needs a new credential from the issuer.",
        ),
        Reason::IssuerKeyRevoked => (
            "The key that signed this code was withdrawn because it may be in the wrong hands.",
            "Keep the gate shut and check by hand; the resident needs a new credential from the issuer.",
        ),
        Reason::CredentialSignature => (
            "The issuer's signature is wrong: the code was altered or forged.",
            "Keep the gate shut, check by hand, and report a suspected forgery.",
        ),
        Reason::CredentialNoExpiry => (
            "The credential has no expiry date.",
            "Keep the gate shut and check by hand; the resident needs a new credential from the issuer.",
        ),
        Reason::CredentialExpired => (
            "The credential has expired.",
            "Ask for a credential that is in date; the resident renews it with the issuer. Check by hand \
             meanwhile.",
        ),
        Reason::CredentialNotYetValid => (
            "The credential is not valid yet.",
            "Look at the kiosk's clock; if it is right, the credential cannot be used yet. Check by hand.",
        ),
        Reason::CredentialPurpose => (
            "The credential was issued for another purpose.",
            "Ask the resident to choose the credential for this desk in the wallet and show it.",
        ),
        Reason::CredentialClaimMissing => (
            "The credential lacks a claim that this purpose requires.",
            "Ask for another credential, or take the missing detail from a document by hand.",
        ),
        Reason::StatusRevoked => (
            "The issuer has revoked this credential.",
            "Keep the gate shut, check by hand, and follow the procedure for revoked documents.",
        ),
        Reason::StatusSuspended => (
            "The issuer has suspended this credential.",
            "Keep the gate shut, check by hand, and send the resident to the issuer.",
        ),
        Reason::StatusOutOfRange => (
            "The credential points outside the issuer's status list.",
            "Keep the gate shut and check by hand; report the issuer to the technician.",
        ),
        Reason::StatusUnknown => (
            "Whether the credential was revoked cannot be told: its status list is not here.",
            "Check by hand, and ask the technician to import the newest trust repository.",
        ),
        Reason::StatusExpired => (
            "Whether the credential was revoked cannot be told: the status list is out of date.",
            "Check by hand, and ask the technician to import the newest trust repository.",
        ),

        Reason::ProofMissing => (
            "The holder's live proof is missing: this is a copy of a credential.",
            "Ask the resident to show the moving code on the phone itself; do not take a picture or a \
             printout of it.",
        ),
        Reason::PaperNotAccepted => (
            "Paper credentials are not accepted for this purpose.",
            "Ask for the code on the phone, or check by hand.",
        ),
        Reason::ProofSignature => (
            "The holder's proof is wrong: the code was not made by the holder's phone.",
            "Keep the gate shut, check by hand, and report a suspected forgery.",
        ),
        Reason::ProofAudience => (
            "The code was made for another place.",
            "Ask the resident to choose this place in the wallet and show the new code.",
        ),
        Reason::ChallengeMissing => (
            "This lane shows a code of its own: the phone has to scan that first.",
            "Ask the resident to scan the lane's screen with the wallet, then show the code.",
        ),
        Reason::ChallengeWrong => (
            "The code answers the question of another lane, or of an earlier visit.",
            "Ask the resident to scan the lane's screen again; if it fails again, check by hand for a \
             relayed code.",
        ),
        Reason::ProofWindow => (
            "The holder's proof claims a longer life than is allowed.",
            "Ask the resident to restart or update the wallet and show a new code; check by hand if it \
             fails again.",
        ),
        Reason::ProofExpired => (
            "The code is too old: a screenshot, or a phone whose clock is slow.",
            "Ask the resident to wait for the next code and show it on the phone itself; if it fails again, \
             look at the phone's clock.",
        ),
        Reason::ProofNotYetValid => (
            "The code is from the future: the clock of the phone or of the kiosk is wrong.",
            "Compare the clocks of phone and kiosk: let the resident set the phone to automatic time, or \
             call the technician.",
        ),
        Reason::ProofReplayed => (
            "This very code has been used already: wait for the next one.",
            "Ask the resident to wait for the next code and show it again; watch for a second person with \
             the same code.",
        ),
        Reason::ProofSiteUnreachable => (
            "The other lanes cannot be asked whether this code was used already.",
            "Ask whether the resident has just been at another lane, and check by hand; if it repeats, call the \
             technician about the site's network.",
        ),

        Reason::SealGenuine => (
            "A genuine certificate of another scheme: signature and expiry only, no holder binding. An \
             officer decides.",
            "Compare name and date of birth with an identity document, then decide.",
        ),
        Reason::SealFormat => (
            "The certificate of another scheme is damaged or incomplete.",
            "Ask the resident to show it again or to bring another copy; check by hand.",
        ),
        Reason::SealIssuerUnknown => (
            "The signer of this certificate is not trusted here.",
            "Do not rely on it; check by hand. Tell the technician if this signer should be trusted here.",
        ),
        Reason::SealSignature => (
            "The certificate's signature is wrong: it was altered or forged.",
            "Do not rely on it; check by hand, and report a suspected forgery.",
        ),
        Reason::SealExpired => (
            "The certificate, or the signer's own certificate, has expired or is not valid yet.",
            "Do not rely on it; ask for one that is in date, or check by hand.",
        ),

        Reason::VerifierSilent => (
            "The verifier gave no answer.",
            "Ask the resident to show the code again; if it repeats, close the lane and call the technician.",
        ),
        Reason::ClockTampered => (
            "The kiosk's clock is behind signed time: it was set back or has failed.",
            "Close the lane, check by hand, and call the technician to set the clock.",
        ),
        Reason::ClockUnsure => (
            "The kiosk cannot be sure what time it is.",
            "Check by hand, dates included, and call the technician: the clock has lost its time server.",
        ),
        Reason::TrustMissing => (
            "The kiosk has no trust repository: import one.",
            "Close the lane, check by hand, and ask the technician to import a trust repository.",
        ),
        Reason::TrustInvalid => (
            "The trust repository failed its checks and was not used.",
            "Close the lane, check by hand, and report to the technician where this repository came from.",
        ),
        Reason::TrustStale => (
            "The trust repository is out of date: import a newer one.",
            "Check by hand until the technician has imported a newer trust repository.",
        ),
        Reason::TrustDead => (
            "The trust repository is so old that nothing can be decided with it.",
            "Close the lane and check by hand until the technician has imported a newer trust repository.",
        ),

        Reason::FaceNotCaptured => (
            "The credential is good; no face was captured to compare with it.",
            "Ask the resident to face the camera and show a new code, or compare the face yourself.",
        ),
        Reason::FaceNone => ("No face is in view.", "Ask the resident to stand in front of the camera."),
        Reason::FaceSeveral => (
            "More than one face is in view.",
            "Ask the others to step back, so that one person stands before the camera.",
        ),
        Reason::FaceQuality => (
            "The picture of the face is not good enough to compare.",
            "Ask the resident to come closer, look straight ahead and uncover the face; compare it yourself \
             if that does not help.",
        ),
        Reason::FaceOfficer => (
            "The credential is good; an officer compares the face.",
            "Compare the person with the picture on the document, then decide.",
        ),
        Reason::FaceNoTemplate => (
            "The credential carries no face to compare with: an officer looks.",
            "Compare the person with the picture on a document, then decide.",
        ),
        Reason::FacePortrait => (
            "The portrait in the credential is too poor to compare with: an officer looks.",
            "Compare the person with the picture on a document, then decide.",
        ),
        Reason::FaceUnsupported => (
            "The face template needs a model that this kiosk does not have.",
            "Compare the face yourself, and tell the technician which credential needs another model.",
        ),
        Reason::FaceModelRefused => (
            "The credential is good; its policy asks for a better face model than this one: an officer \
             looks.",
            "Compare the face yourself, then decide; tell the technician that a better model is needed.",
        ),
        Reason::FaceChallenge => (
            "The person did not do what the screen asked for: an officer looks.",
            "Look whether a living person stands there, compare the face yourself, then decide.",
        ),
        Reason::FaceModels => (
            "The face models cannot be loaded or failed: `kiosk models list` says why.",
            "Compare the face yourself, and call the technician.",
        ),
        Reason::FaceAttack => (
            "The face looks like a picture or a screen.",
            "Look at the person: if it is a picture, screen or mask, do not let the person pass, and report \
             it; if not, check by hand.",
        ),
        Reason::FaceNonMatch => (
            "The face does not match the credential.",
            "Keep the gate shut, and compare the person with the picture on a document yourself.",
        ),
        Reason::CameraFailed => (
            "The camera does not deliver pictures.",
            "Close the lane, check by hand, and call the technician.",
        ),
        Reason::JournalFailed => (
            "The kiosk cannot write down its work.",
            "Close the lane, check by hand, and call the technician: the disk may be full or damaged.",
        ),
        Reason::GateFailed => (
            "The gate does not answer.",
            "Close the lane, look whether the gate is shut, and call the technician.",
        ),
        Reason::GateForced => (
            "The gate was opened by force.",
            "Go to the lane at once, and see that whoever came through is checked.",
        ),
        Reason::LaneClosed => {
            ("An operator closed this lane.", "Send people to another lane until it is opened again.")
        }
    };
    Words { sentence, action }
}
