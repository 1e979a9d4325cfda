//! The signed receipt of a display.
//!
//! A receipt is `<subject>.<signature>`. The subject is `d<ordinal>` for a decision, or `t<expiry in ms>` for a test ad.
//! The signature covers the streamer, the moment of their last revocation, and the subject. So all displays of one decision
//! have the same receipt, a receipt is valid for one screen only, and it is void once the streamer makes their overlay
//! token anew.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use gametriggers_types::{DecisionId, SignedDuration, Timestamp};

use super::ScreenOwner;
use crate::{ServiceError, secrets::Secrets};

/// How long a receipt is accepted after its display has ended.
pub const RECEIPT_GRACE: SignedDuration = SignedDuration::from_mins(10);

/// What a receipt proves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Subject {
    Decision(DecisionId),
    /// A test ad that was shown until this moment.
    TestAd(Timestamp),
}

/// Makes the receipt of `subject` on the owner's screen.
pub(crate) fn sign(secrets: &Secrets, owner: ScreenOwner, subject: Subject) -> String {
    let subject = match subject {
        Subject::Decision(id) => format!("d{}", id.ordinal),
        Subject::TestAd(until) => format!("t{}", until.as_millisecond()),
    };
    let signature = secrets.sign_receipt(&signed_parts(owner, &subject).each_ref().map(Vec::as_slice));
    format!("{subject}.{}", URL_SAFE_NO_PAD.encode(signature))
}

/// Checks the signature of a receipt for the owner's screen and returns its subject.
///
/// # Errors
/// [`ServiceError::InvalidReceipt`] if the text is no receipt, or if this server did not sign it for this owner.
pub(crate) fn verify(secrets: &Secrets, owner: ScreenOwner, receipt: &str) -> Result<Subject, ServiceError> {
    let read = || {
        let (subject, signature) = receipt.split_once('.')?;
        let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
        let parts = signed_parts(owner, subject);
        if !secrets.verify_receipt(&parts.each_ref().map(Vec::as_slice), &signature) {
            return None;
        }
        match subject.split_at_checked(1)? {
            ("d", ordinal) => {
                Some(Subject::Decision(DecisionId { streamer: owner.id, ordinal: ordinal.parse().ok()? }))
            }
            ("t", until) => Timestamp::from_millisecond(until.parse().ok()?).ok().map(Subject::TestAd),
            _ => None,
        }
    };
    read().ok_or(ServiceError::InvalidReceipt)
}

fn signed_parts(owner: ScreenOwner, subject: &str) -> [Vec<u8>; 3] {
    let revoked = owner.tokens_revoked_at.map_or(0, Timestamp::as_millisecond);
    [owner.id.object_id().bytes().to_vec(), revoked.to_be_bytes().to_vec(), subject.as_bytes().to_vec()]
}
