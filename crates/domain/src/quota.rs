//! Limits on how many similar events are paid.
//!
//! A quota does not change what is counted: an event that is not paid because of a quota is counted, with the reason.

use gametriggers_types::{CampaignId, Minute, SignedDuration, Timestamp, UnpaidReason, UserId};

/// Of all entries with the same quota key, only the first `limit` that are recorded are paid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quota {
    /// Entries with the same key share the quota.
    pub key: String,
    /// The beginning of the minute or hour that the quota covers. It is the same for all entries with the same key.
    pub since: Timestamp,
    /// How many entries are paid.
    pub limit: u64,
    /// Why the other entries are not paid.
    pub reason: UnpaidReason,
}

impl Quota {
    /// How long after [`since`](Self::since) an entry may still use the quota. A display may come until its receipt has
    /// expired (a slot of at most an hour, plus ten minutes), and a visit within its hour. The rest is for requests
    /// that take long.
    pub const MATTERS_FOR: SignedDuration = SignedDuration::from_hours(3);

    /// The quota of displays: a streamer's screen earns at most one paid display per clock minute, however often
    /// decisions change. `from` is when the display's decision was made.
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

    /// The quota of visits: a campaign pays at most `limit` visits from one network address in an hour, whatever user
    /// agents they send. `hour` is counted from the epoch. `address` is a keyed hash that only the server can make.
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
