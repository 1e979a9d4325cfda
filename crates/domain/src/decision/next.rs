//! Which decision follows another one.

use gametriggers_types::{DecisionId, Slot, Timestamp};

use super::{Basis, Broadcast, Content, Decision, EmptyReason, Tally};
use crate::{
    eligibility::shown_until,
    model::{Campaign, Participation, User},
    selection::{
        self, Candidate, DrawRules, ExplorationShare, Parameters, Seed, SelectionContext, SelectionStrategy,
    },
};

/// All that a decision depends on, except the seed.
#[derive(Debug, Clone, Copy)]
pub struct Circumstances<'a> {
    /// The streamer.
    pub user: &'a User,
    /// The streamer's previous decision.
    pub previous: Option<&'a Decision>,
    /// The campaigns that may be on the screen, each with the streamer's participation in it.
    pub eligible: &'a [(Participation, Campaign)],
    /// The number of people who watch the stream; `None` if the number is not known.
    pub viewers: Option<u64>,
    /// The share of decisions that the installation leaves to chance.
    pub exploration: ExplorationShare,
    /// The time of the decision.
    pub now: Timestamp,
}

impl Circumstances<'_> {
    /// Makes the decision that follows the previous one. The streamer's strategy weighs the eligible campaigns, and the
    /// draw with the seed for the decision's id picks one of them. `None` if there is no eligible campaign.
    #[must_use]
    pub fn decide(&self, seed: impl FnOnce(DecisionId) -> Seed) -> Option<Decision> {
        self.decide_with(selection::find_or_default(&self.user.selection.strategy), seed)
    }

    /// Decides as [`decide`](Self::decide) does, but with this strategy instead of the streamer's.
    #[must_use]
    pub fn decide_with(
        &self,
        strategy: &dyn SelectionStrategy,
        seed: impl FnOnce(DecisionId) -> Seed,
    ) -> Option<Decision> {
        let Self { user, previous, eligible, .. } = *self;
        let id = previous.map_or(DecisionId { streamer: user.id, ordinal: 1 }, |one| one.id.successor());
        let from = previous.map_or(self.now, |previous| previous.successor_from(self.now));
        let slot = Slot::containing(from, user.selection.interval);
        let mut tally = Tally::inherited(previous, from);
        let ids: Vec<_> = eligible.iter().map(|(_, campaign)| campaign.id).collect();
        tally.admit(&ids);
        let mut broadcast = Broadcast::inherited(previous, from);
        let away = tally.away();
        let ctx = SelectionContext {
            now: from,
            slot,
            local: user.selection.time_zone.local_time(from),
            seed: seed(id),
            parameters: Parameters::of(&user.selection, strategy.name()),
            viewers: self.viewers,
            categories: &user.categories,
            languages: &user.languages,
            broadcast: broadcast.so_far(&away, from),
        };
        let mut candidates: Vec<_> = eligible.iter().map(|pair| candidate(pair, &tally)).collect();
        let rules = DrawRules { spacing: user.selection.spacing, exploration: self.exploration };
        let selection = selection::select_by(rules, strategy, &ctx, &mut candidates)?;
        let picked = selection.picked().participation;
        let campaign = eligible.iter().find_map(|(one, campaign)| (one.id == picked).then_some(campaign))?;
        let until = shown_until(&user.selection, campaign, from, slot);
        broadcast.show(campaign, from, until);
        Some(Decision {
            id,
            from,
            until,
            slot_start: slot.start(),
            settings_version: user.selection.version,
            // No streamer has a channel whose audience is measured yet.
            basis: Basis::Display,
            content: Content::Campaign(selection),
            tally,
            broadcast,
        })
    }
}

/// The decision that ends the decision `ended` and shows nothing.
#[must_use]
pub fn empty_decision(user: &User, ended: &Decision, reason: EmptyReason, now: Timestamp) -> Decision {
    let from = ended.successor_from(now);
    let slot = Slot::containing(from, user.selection.interval);
    Decision {
        id: ended.id.successor(),
        from,
        until: slot.end(),
        slot_start: slot.start(),
        settings_version: user.selection.version,
        basis: Basis::Display,
        content: Content::Empty { reason },
        tally: Tally::inherited(Some(ended), from),
        broadcast: Broadcast::inherited(Some(ended), from),
    }
}

/// What a strategy may know about a campaign and the streamer's participation in it.
fn candidate<'a>((participation, campaign): &'a (Participation, Campaign), tally: &Tally) -> Candidate<'a> {
    let time = tally.of(campaign.id);
    let counters = &participation.counters;
    Candidate {
        campaign: campaign.id,
        participation: participation.id,
        brand: campaign.brand_id,
        categories: &campaign.categories,
        languages: &campaign.languages,
        joined_at: participation.joined_at,
        payment: campaign.payment,
        budget: campaign.budget,
        remaining: campaign.remaining_budget,
        created_at: campaign.created_at,
        starts_at: campaign.start_date,
        ends_at: campaign.end_date,
        paid_units: counters.paid_units,
        impressions: counters.impressions,
        clicks: counters.clicks,
        visits: counters.visits,
        earned: counters.earnings,
        displayed: time.displayed(),
        tallied: time.total(),
        last_shown: time.last(),
    }
}
