//! The screen time of each campaign, which each decision passes to the next.

use std::collections::BTreeMap;

use gametriggers_types::{CampaignId, SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{Decision, broadcast};
use crate::selection::AwayCampaign;

/// The greatest number of campaigns in a tally that are not candidates.
pub const AWAY_MAX: usize = 32;

/// The screen time of each campaign in a streamer's current broadcast. It holds the candidates of the latest decision
/// with candidates, and at most [`AWAY_MAX`] other campaigns whose time would matter if they came back.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Tally(BTreeMap<CampaignId, ScreenTime>);

/// One campaign's time on screen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ScreenTime {
    /// The time on screen plus the time that [`Tally::admit`] credited.
    total_ms: i64,
    /// The time on screen. Tallies of earlier versions do not have this field. Then the total counts as the time on
    /// screen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    displayed_ms: Option<i64>,
    last: Option<Timestamp>,
    /// Whether the campaign was a candidate of the latest decision with candidates.
    candidate: bool,
}

impl ScreenTime {
    /// The time for which the campaign was on screen, plus the time that [`Tally::admit`] credited.
    #[must_use]
    pub const fn total(&self) -> SignedDuration {
        SignedDuration::from_millis(self.total_ms)
    }

    /// How long the campaign was really on screen.
    #[must_use]
    pub fn displayed(&self) -> SignedDuration {
        SignedDuration::from_millis(self.displayed_ms.unwrap_or(self.total_ms))
    }

    /// Adds time on screen that ended at `end`.
    fn add(&mut self, time: SignedDuration, end: Timestamp) {
        let millis = broadcast::millis(time);
        self.displayed_ms = Some(self.displayed_ms.unwrap_or(self.total_ms).saturating_add(millis));
        self.total_ms = self.total_ms.saturating_add(millis);
        self.last = Some(end);
    }

    /// Raises the total to `total_ms`, if the total is less. The time really on screen stays.
    fn credit(&mut self, total_ms: i64) {
        self.displayed_ms = Some(self.displayed_ms.unwrap_or(self.total_ms));
        self.total_ms = self.total_ms.max(total_ms);
    }

    /// When the campaign was last on screen.
    #[must_use]
    pub const fn last(&self) -> Option<Timestamp> {
        self.last
    }
}

impl Tally {
    /// The tally for a decision made at `now`: the tally of the streamer's previous decision plus that decision's own
    /// screen time. Empty if the broadcast has ended since the previous decision.
    ///
    /// Clocks may be wrong, so a time on screen is never negative and never ends after `now`.
    #[must_use]
    pub fn inherited(previous: Option<&Decision>, now: Timestamp) -> Self {
        let Some(previous) = previous.filter(|previous| broadcast::goes_on(previous, now)) else {
            return Self::default();
        };
        let end = previous.actual_end(Some(now));
        let mut tally = previous.tally.clone();
        if let Some((campaign, _)) = previous.shown() {
            let time = tally.0.entry(campaign).or_default();
            time.add(end.duration_since(previous.from), end);
        }
        for time in tally.0.values_mut() {
            time.last = time.last.map(|last| last.min(now));
        }
        tally
    }

    /// Marks `candidates` as the candidates of the next decision, and forgets campaigns whose time no longer matters.
    ///
    /// A campaign that was not a candidate of the previous decision enters. It enters with at least the least time of
    /// the candidates that stayed. If no candidate stayed, it enters with at least the greatest time in the tally,
    /// because the others may come back. So a new campaign gets the next slot, but not every slot until it has caught
    /// up.
    pub fn admit(&mut self, candidates: &[CampaignId]) {
        let stayed = |campaign: CampaignId| self.0.get(&campaign).filter(|time| time.candidate);
        let least_of_stayed = candidates.iter().copied().filter_map(stayed).map(|time| time.total_ms).min();
        let greatest_of_broadcast = || self.0.values().map(|time| time.total_ms).max();
        let entry_ms = least_of_stayed.or_else(greatest_of_broadcast).unwrap_or(0);
        let entering: Vec<_> = candidates.iter().copied().filter(|&id| stayed(id).is_none()).collect();
        for campaign in entering {
            self.0.entry(campaign).or_default().credit(entry_ms);
        }
        for time in self.0.values_mut() {
            time.candidate = false;
        }
        for &campaign in candidates {
            self.0.entry(campaign).or_default().candidate = true;
        }
        self.forget();
    }

    /// Forgets campaigns that are not candidates: those whose stored time makes no difference, and then those with the
    /// least time until at most [`AWAY_MAX`] are left.
    ///
    /// A campaign that comes back enters with at least the least time of the candidates, and that least time never
    /// shrinks during a broadcast. So a stored time that is not greater makes no difference, now or later. If a
    /// campaign with a greater time is forgotten and comes back, it has as much time as the candidate with the least
    /// time. Such a campaign does not monopolise the screen.
    ///
    /// Strategies need to know how long a campaign was really on screen, and when it was last, if it comes back. So
    /// campaigns that were on screen are kept, too. `fair-rotation` treats a forgotten campaign as shown longest ago.
    fn forget(&mut self) {
        let candidates = self.0.values().filter(|time| time.candidate);
        let Some(least_ms) = candidates.map(|time| time.total_ms).min() else { return };
        self.0.retain(|_, time| time.candidate || time.total_ms > least_ms || time.last.is_some());
        let away = self.0.iter().filter(|(_, time)| !time.candidate);
        let mut away: Vec<_> = away.map(|(&campaign, time)| (time.total_ms, time.last, campaign)).collect();
        if let Some(too_many @ 1..) = away.len().checked_sub(AWAY_MAX) {
            away.sort_unstable();
            for (_, _, campaign) in away.drain(..too_many) {
                self.0.remove(&campaign);
            }
        }
    }

    /// The campaigns of the tally that are not marked as candidates.
    #[must_use]
    pub fn away(&self) -> Vec<AwayCampaign> {
        let away = self.0.iter().filter(|(_, time)| !time.candidate);
        away.map(|(&campaign, time)| AwayCampaign {
            campaign,
            displayed: time.displayed(),
            tallied: time.total(),
            last_shown: time.last,
        })
        .collect()
    }

    /// How long campaigns of the tally were really on screen, all together.
    pub(super) fn displayed(&self) -> SignedDuration {
        self.0.values().map(ScreenTime::displayed).sum()
    }

    /// The number of campaigns in the tally.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether the tally has no campaigns.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The screen time of a campaign; zero if the tally does not have it.
    #[must_use]
    pub fn of(&self, campaign: CampaignId) -> ScreenTime {
        self.0.get(&campaign).copied().unwrap_or_default()
    }
}
