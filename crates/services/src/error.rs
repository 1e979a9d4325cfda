//! Why a use case was not carried out.

use gametriggers_domain::access::Denied;
use gametriggers_persistence::StorageError;
use gametriggers_types::UserId;

use crate::entropy::NoEntropy;

/// Why a use case was not carried out.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// No screen has this token, or it was revoked.
    #[error("no overlay has this token; copy the overlay URL from your settings again")]
    UnknownToken,
    /// The caller's account is gone, so their bearer token is of no use any more.
    #[error("the account {0} of the bearer token is gone; sign in again")]
    UnknownUser(UserId),
    /// The caller's account is deactivated.
    #[error("this account is deactivated")]
    AccountInactive,
    /// The caller is no streamer.
    #[error("only streamers can {0}")]
    NotStreamer(&'static str),
    /// The overlay token in a request is not the caller's.
    #[error("this is not your overlay token; load your settings again")]
    NotYourToken,
    /// No campaign is on screen.
    #[error("no campaign is on screen")]
    NothingOnScreen,
    /// There is no such participation.
    #[error("this link leads to no campaign")]
    UnknownParticipation,
    /// A receipt that this server did not sign for this screen, or that was revoked.
    #[error("the receipt is not valid for this overlay; use the one from the latest /data answer")]
    InvalidReceipt,
    /// A receipt of a display that ended too long ago.
    #[error("the receipt has expired: it is good until 10 minutes after the display has ended")]
    ExpiredReceipt,
    /// The change would leave all weights at 0.
    #[error(
        "campaignRotationSettings.priorityWeights: at least one of priorityWeights must be greater than 0; enter a number \
         from 0 to 1 for each of paymentRate, performance and fairness, and one of them above 0"
    )]
    AllWeightsZero,
    /// The store.
    #[error("the store did not answer as it should")]
    Storage(#[from] StorageError),
    /// The operating system.
    #[error("the server cannot make random numbers")]
    Entropy(#[from] NoEntropy),
}

/// Turns a denied permission into the error of a use case. `action` completes "only streamers can …".
pub(crate) fn denied(action: &'static str) -> impl Fn(Denied) -> ServiceError {
    move |denied| match denied {
        // Defect A18: the wrong role answered 401, which clients take for "signed out".
        Denied::NotAStreamer => ServiceError::NotStreamer(action),
        Denied::NotYourToken => ServiceError::NotYourToken,
    }
}
