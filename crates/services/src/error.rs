//! The errors of use cases.

use gametriggers_domain::access::Denied;
use gametriggers_persistence::StorageError;
use gametriggers_types::UserId;

use crate::entropy::NoEntropy;

/// The reason why a use case failed.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// No screen has this token, or it was revoked.
    #[error("no overlay has this token; copy the overlay URL from your settings again")]
    UnknownToken,
    /// The caller's account does not exist any more, so the bearer token is useless.
    #[error("the account {0} of the bearer token is gone; sign in again")]
    UnknownUser(UserId),
    /// The caller's account is deactivated.
    #[error("this account is deactivated")]
    AccountInactive,
    /// The caller is not a streamer. The text completes "only streamers can …".
    #[error("only streamers can {0}")]
    NotStreamer(&'static str),
    /// The overlay token in a request is not the caller's.
    #[error("this is not your overlay token; load your settings again")]
    NotYourToken,
    /// No campaign is on screen.
    #[error("no campaign is on screen")]
    NothingOnScreen,
    /// No participation has this id.
    #[error("this link leads to no campaign")]
    UnknownParticipation,
    /// This server did not sign the receipt for this screen, or the receipt was revoked.
    #[error("the receipt is not valid for this overlay; use the one from the latest /data answer")]
    InvalidReceipt,
    /// The display of the receipt ended too long ago.
    #[error("the receipt has expired: it is good until 10 minutes after the display has ended")]
    ExpiredReceipt,
    /// The change would set all weights to 0.
    #[error(
        "campaignRotationSettings.priorityWeights: at least one of priorityWeights must be greater than 0; enter a number \
         from 0 to 1 for each of paymentRate, performance and fairness, and one of them above 0"
    )]
    AllWeightsZero,
    /// The store failed.
    #[error("the store did not answer as it should")]
    Storage(#[from] StorageError),
    /// The operating system gave no random bytes.
    #[error("the server cannot make random numbers")]
    Entropy(#[from] NoEntropy),
}

/// Turns a denied permission into the error of a use case. `action` completes "only streamers can …".
pub(crate) fn denied(action: &'static str) -> impl Fn(Denied) -> ServiceError {
    move |denied| match denied {
        // Defect A18: a wrong role was answered with 401, which clients understand as "signed out".
        Denied::NotAStreamer => ServiceError::NotStreamer(action),
        Denied::NotYourToken => ServiceError::NotYourToken,
    }
}
