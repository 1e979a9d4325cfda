//! How many events that are alike are paid.
//!
//! A quota says nothing of what counts: what is not paid because of it is counted with its reason.

use gametriggers_types::{CampaignId, Minute, SignedDuration, Timestamp, UnpaidReason, UserId};

/// Of the entries that name the same quota, so many are paid: those that are recorded first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quota {
    /// What is bounded: entries of one key use the same quota.
    pub key: String,
    /// When the minute or hour began for which it is. Entries of one key say the same.
    pub since: Timestamp,
    /// How many entries are paid.
    pub limit: u64,
    /// Why the others are not.
    pub reason: UnpaidReason,
}

impl Quota {
    /// For how long from [`since`](Self::since) on a quota may be asked for. A display comes at the latest when its receipt
    /// has run out (a slot of an hour at most, and ten minutes), a visit within its hour; the rest is for requests that hang.
    pub const MATTERS_FOR: SignedDuration = SignedDuration::from_hours(3);

    /// A streamer's screen earns at most one paid display per minute of the clock, however often decisions change;
    /// `from` is when the display's decision was made.
    #[must_use]
    pub fn of_display(streamer: UserId, from: Timestamp) -> Self {
        let minute = Minute::containing(from);
        Self {
            key: format!("display:{}:{streamer}", minute.since_epoch()),
            since: minute.start(),
            limit: 1,
            reason: UnpaidReason::MinuteAlreadyPaid,
        }
    }

    /// A campaign pays at most `limit` visits from one network address in an hour, whatever they say that they are. The
    /// hour is the how many-th since the epoch; `address` is a keyed hash that only the server can make.
    #[must_use]
    pub fn of_visit(campaign: CampaignId, hour: i64, address: &str, limit: u64) -> Self {
        Self {
            key: format!("visit:{hour}:{campaign}:{address}"),
            since: Minute::from_epoch(hour.saturating_mul(60)).start(),
            limit,
            reason: UnpaidReason::AddressLimit,
        }
    }
}
