//! The course of a broadcast, which each decision passes to the next.

use gametriggers_types::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::Decision;
use crate::{
    model::Campaign,
    selection::{APPEARANCES_MAX, Appearance, AwayCampaign, BroadcastSoFar, NO_BREAK},
};

/// A broadcast ends when no decision was in force for this time.
const BROADCAST_ENDS_AFTER: SignedDuration = SignedDuration::from_hours(6);

/// Whether the broadcast of `previous` still goes on at `now`.
pub(super) fn goes_on(previous: &Decision, now: Timestamp) -> bool {
    now.duration_since(previous.actual_end(Some(now))) < BROADCAST_ENDS_AFTER
}

/// The course of a broadcast: when it began, how long campaigns were on screen, and the latest appearances. Empty in
/// [shortened](Decision::shortened) decisions, and in decisions of earlier versions, which did not store the course.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Broadcast {
    /// When the first decision of the broadcast was made.
    #[serde(skip_serializing_if = "Option::is_none")]
    began: Option<Timestamp>,
    /// How long campaigns were on screen before this decision.
    displayed_ms: i64,
    /// The latest appearances, the earliest first. The last one belongs to this decision, and lasts until the
    /// decision's planned end.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    appearances: Vec<Appearance>,
}

impl Broadcast {
    /// The broadcast before a decision made at `now`: the broadcast of the streamer's previous decision plus that
    /// decision's own time on screen. If the previous broadcast has ended, a new one begins.
    #[must_use]
    pub fn inherited(previous: Option<&Decision>, now: Timestamp) -> Self {
        let Some(previous) = previous.filter(|previous| goes_on(previous, now)) else {
            return Self { began: Some(now), ..Self::default() };
        };
        let mut broadcast = previous.broadcast.clone();
        if broadcast.began.is_none() {
            // The decision was stored by an earlier version, without the broadcast. The tally knows most of the time on
            // screen.
            broadcast.began = Some(previous.from);
            broadcast.displayed_ms = millis(previous.tally.displayed());
        }
        if let Some((campaign, _)) = previous.shown() {
            let end = previous.actual_end(Some(now));
            broadcast.displayed_ms =
                broadcast.displayed_ms.saturating_add(millis(end.duration_since(previous.from)));
            let is_known = broadcast.appearances.last().is_some_and(|last| last.campaign == campaign);
            if !is_known {
                broadcast.append(Appearance {
                    campaign,
                    categories: Vec::new(),
                    from: previous.from,
                    until: end,
                });
            }
        }
        broadcast.end_at(now);
        broadcast
    }

    /// When the first decision of the broadcast was made; `None` if the record does not say.
    #[must_use]
    pub const fn began(&self) -> Option<Timestamp> {
        self.began
    }

    /// Removes all times after `now`. There are two sources of such times. The latest appearance was stored with the
    /// planned end of its decision. And an instance whose clock is ahead may have made decisions that have not begun
    /// yet.
    fn end_at(&mut self, now: Timestamp) {
        self.began = self.began.map(|began| began.min(now));
        for appearance in &mut self.appearances {
            appearance.until = appearance.until.min(now);
        }
        self.appearances.retain(|appearance| appearance.from < appearance.until);
    }

    /// Adds the appearance of the decision's own campaign. A campaign that is on screen already stays in the same
    /// appearance.
    pub(super) fn show(&mut self, campaign: &Campaign, from: Timestamp, until: Timestamp) {
        let same = |last: &&mut Appearance| {
            last.campaign == campaign.id && from.duration_since(last.until) <= NO_BREAK
        };
        match self.appearances.last_mut().filter(same) {
            Some(last) => last.until = until,
            None => self.append(Appearance {
                campaign: campaign.id,
                categories: campaign.categories.clone(),
                from,
                until,
            }),
        }
    }

    fn append(&mut self, appearance: Appearance) {
        if self.appearances.len() >= APPEARANCES_MAX {
            self.appearances.drain(..=self.appearances.len() - APPEARANCES_MAX);
        }
        self.appearances.push(appearance);
    }

    /// The broadcast in the form that strategies see, before a decision made at `now`.
    pub(super) fn so_far<'a>(&'a self, away: &'a [AwayCampaign], now: Timestamp) -> BroadcastSoFar<'a> {
        BroadcastSoFar {
            began: self.began.unwrap_or(now),
            displayed: SignedDuration::from_millis(self.displayed_ms),
            appearances: &self.appearances,
            away,
        }
    }
}

/// The time in whole milliseconds. 0 if the time is negative, because clocks may be wrong.
pub(super) fn millis(time: SignedDuration) -> i64 {
    i64::try_from(time.as_millis().max(0)).unwrap_or(i64::MAX)
}
