//! The signed receipt of a display.
//!
//! `<subject>.<signature>`: the subject is `d<ordinal>` for a decision or `t<expiry in ms>` for a test ad; the signature
//! covers the streamer, the moment of their last revocation and the subject. So it is the same for all displays of one
//! decision, good for one screen only, and void once the streamer makes the overlay token anew.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use gametriggers_types::{DecisionId, SignedDuration, Timestamp};

use crate::{ServiceError, secrets::Secrets, snapshots::Streamer};

/// How long after the display has ended a receipt is good.
pub const RECEIPT_GRACE: SignedDuration = SignedDuration::from_mins(10);

/// What was on screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Subject {
    Decision(DecisionId),
    /// A test ad that was shown until then.
    TestAd(Timestamp),
}

/// Signs a receipt of what is on the streamer's screen.
pub(crate) fn sign(secrets: &Secrets, streamer: Streamer, subject: Subject) -> String {
    let subject = match subject {
        Subject::Decision(id) => format!("d{}", id.ordinal),
        Subject::TestAd(until) => format!("t{}", until.as_millisecond()),
    };
    let signature = secrets.sign_receipt(&signed_parts(streamer, &subject).each_ref().map(Vec::as_slice));
    format!("{subject}.{}", URL_SAFE_NO_PAD.encode(signature))
}

/// Reads a receipt for the streamer's screen.
pub(crate) fn verify(secrets: &Secrets, streamer: Streamer, receipt: &str) -> Result<Subject, ServiceError> {
    let read = || {
        let (subject, signature) = receipt.split_once('.')?;
        let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
        let parts = signed_parts(streamer, subject);
        if !secrets.verify_receipt(&parts.each_ref().map(Vec::as_slice), &signature) {
            return None;
        }
        match subject.split_at_checked(1)? {
            ("d", ordinal) => {
                Some(Subject::Decision(DecisionId { streamer: streamer.id, ordinal: ordinal.parse().ok()? }))
            }
            ("t", until) => Timestamp::from_millisecond(until.parse().ok()?).ok().map(Subject::TestAd),
            _ => None,
        }
    };
    read().ok_or(ServiceError::InvalidReceipt)
}

fn signed_parts(streamer: Streamer, subject: &str) -> [Vec<u8>; 3] {
    let revoked = streamer.tokens_revoked_at.map_or(0, Timestamp::as_millisecond);
    [streamer.id.object_id().bytes().to_vec(), revoked.to_be_bytes().to_vec(), subject.as_bytes().to_vec()]
}
