//! Which decision follows another one. Pure: reads and stores nothing.

use gametriggers_domain::{
    decision::{Basis, Content, Decision, Tally},
    eligibility::{EmptyReason, shown_until},
    model::{Campaign, Participation, User},
    selection::{self, Candidate, SelectionContext},
};
use gametriggers_types::{CampaignId, DecisionId, Slot, Timestamp};

use crate::secrets::Secrets;

/// The decision that follows `previous` and shows one of the eligible campaigns; `None` if there are none. The streamer's
/// strategy weighs the campaigns, and the seed of the decision's id draws one of them.
pub(super) fn next_decision(
    secrets: &Secrets,
    user: &User,
    previous: Option<&Decision>,
    eligible: &[(Participation, Campaign)],
    now: Timestamp,
) -> Option<Decision> {
    let id = next_id(user, previous);
    let from = previous.map_or(now, |previous| previous.successor_from(now));
    let slot = Slot::containing(from, user.selection.interval);
    let mut tally = Tally::inherited(previous, from);
    tally.admit(&eligible.iter().map(|(_, campaign)| campaign.id).collect::<Vec<CampaignId>>(), from);
    let candidates: Vec<_> =
        eligible.iter().map(|(participation, campaign)| candidate(participation, campaign, &tally)).collect();
    let strategy = selection::find(user.selection.strategy.as_str()).unwrap_or(selection::default_strategy());
    let ctx = SelectionContext { now: from, slot, weights: user.selection.weights, seed: secrets.seed(id) };
    let selection = selection::select(strategy, &ctx, &candidates)?;
    if selection.weights_unusable {
        tracing::warn!(strategy = strategy.name(), decision = %id, "unusable weights: weighed all equally");
    }
    let picked = selection.picked().participation;
    let campaign = eligible.iter().find_map(|(one, campaign)| (one.id == picked).then_some(campaign))?;
    Some(Decision {
        id,
        from,
        until: shown_until(&user.selection, campaign, from, slot),
        slot_start: slot.start(),
        settings_version: user.selection.version,
        // No streamer has a channel whose audience is measured yet.
        basis: Basis::Display,
        content: Content::Campaign(selection),
        tally,
    })
}

/// The decision that ends `ended` and shows nothing.
pub(super) fn empty_decision(user: &User, ended: &Decision, reason: EmptyReason, now: Timestamp) -> Decision {
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
    }
}

fn next_id(user: &User, previous: Option<&Decision>) -> DecisionId {
    previous.map_or(DecisionId { streamer: user.id, ordinal: 1 }, |previous| previous.id.successor())
}

fn candidate(participation: &Participation, campaign: &Campaign, tally: &Tally) -> Candidate {
    let time = tally.of(campaign.id);
    Candidate {
        campaign: campaign.id,
        participation: participation.id,
        joined_at: participation.joined_at,
        payment: campaign.payment,
        paid_units: participation.counters.paid_units,
        impressions: participation.counters.impressions,
        clicks: participation.counters.clicks,
        visits: participation.counters.visits,
        shown: time.total(),
        last_shown: time.last(),
    }
}
