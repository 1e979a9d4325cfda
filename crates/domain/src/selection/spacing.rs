//! Keeps the distance between campaigns that the streamer wants, whatever the strategy.
//!
//! Two rules, both off by default:
//!
//! - A campaign that was on screen in *n* slots in a row has a break.
//! - Between two different campaigns of one category there are at least *m* slots (competitive separation). A campaign also
//!   does not come back while another campaign waits for it because of this rule. Otherwise two campaigns of different
//!   categories could take turns for ever, and a third one would always come too close to one of them.
//!
//! A screen is never empty because of these rules. If they leave no candidate, the first rule yields. If all candidates are too
//! close, the second rule yields, and the first one holds. If still none is left, both yield.
//!
//! The second rule does not hold for a campaign that shares a category with every other candidate. Nothing could come between
//! them, so this campaign would stay on screen, or off it, for ever.

use gametriggers_types::{CampaignId, SignedDuration, Slot, Spacing, Timestamp};

use super::{Appearance, Candidate, SelectionContext, input::share_category};

/// A pause on screen that is no break: nobody asked for the next decision for a moment.
pub(crate) const NO_BREAK: SignedDuration = SignedDuration::from_mins(1);

/// Moves the candidates that may be on screen now to the front, and returns their number, which is at least 1 if there
/// are candidates.
pub(super) fn admit(spacing: Spacing, ctx: &SelectionContext<'_>, candidates: &mut [Candidate<'_>]) -> usize {
    if spacing == Spacing::default() {
        return candidates.len();
    }
    // Whether the first rule holds, and whether the second one does.
    let attempts = [(true, true), (false, true), (true, false)];
    for (in_a_row, between) in attempts {
        let admitted = to_front(candidates, |all, one| {
            let is_barred = (in_a_row && needs_break(spacing, ctx, one))
                || (between && is_too_close(spacing, ctx, all, one));
            !is_barred
        });
        if admitted > 0 {
            return admitted;
        }
    }
    candidates.len()
}

/// Whether the candidate was on screen in as many slots in a row as the streamer allows, up to now.
fn needs_break(spacing: Spacing, ctx: &SelectionContext<'_>, candidate: &Candidate<'_>) -> bool {
    let limit = i64::from(spacing.in_a_row.slots());
    let stay = on_screen(ctx).filter(|stay| stay.campaign == candidate.campaign);
    limit > 0 && stay.is_some_and(|stay| ctx.slot.index() - slot_of(ctx, stay.from) >= limit)
}

/// The appearance that goes on until now.
fn on_screen<'a>(ctx: &SelectionContext<'a>) -> Option<&'a Appearance> {
    ctx.broadcast.appearances.last().filter(|last| ctx.now.duration_since(last.until) <= NO_BREAK)
}

/// Whether a campaign of one of the candidate's categories was on screen too few slots ago: another campaign, or the candidate
/// itself before it left the screen and kept others waiting.
fn is_too_close(
    spacing: Spacing,
    ctx: &SelectionContext<'_>,
    all: &[Candidate<'_>],
    candidate: &Candidate<'_>,
) -> bool {
    let least = i64::from(spacing.between.slots());
    let others = |campaign: CampaignId| all.iter().filter(move |other| other.campaign != campaign);
    let can_be_apart = |campaign, categories: &[String]| {
        others(campaign).any(|other| !share_category(other.categories, categories))
    };
    let keeps_waiting = |appearance: &Appearance| {
        on_screen(ctx).is_none_or(|stay| stay.campaign != candidate.campaign)
            && others(candidate.campaign)
                .any(|other| share_category(other.categories, &appearance.categories))
    };
    let is_close = |appearance: &Appearance| {
        slots_since(ctx, appearance) < least
            && share_category(&appearance.categories, candidate.categories)
            && can_be_apart(appearance.campaign, &appearance.categories)
            && (appearance.campaign != candidate.campaign || keeps_waiting(appearance))
    };
    least > 0
        && ctx.broadcast.appearances.iter().any(is_close)
        && can_be_apart(candidate.campaign, candidate.categories)
}

/// The number of whole slots between an appearance and the slot of the decision. Negative if the appearance ended in the
/// slot of the decision.
fn slots_since(ctx: &SelectionContext<'_>, appearance: &Appearance) -> i64 {
    let last_moment = appearance.until.saturating_sub(SignedDuration::from_millis(1));
    ctx.slot.index() - slot_of(ctx, last_moment.unwrap_or(appearance.until)) - 1
}

/// The number of the slot that contains `at`, in slots of the present length.
fn slot_of(ctx: &SelectionContext<'_>, at: Timestamp) -> i64 {
    Slot::containing(at, ctx.slot.interval()).index()
}

/// Moves the candidates for which `is_allowed` holds to the front, and returns their number. `is_allowed` is also given all
/// candidates, in any order.
fn to_front<'a>(
    candidates: &mut [Candidate<'a>],
    is_allowed: impl Fn(&[Candidate<'a>], &Candidate<'a>) -> bool,
) -> usize {
    let mut allowed = 0;
    for place in 0..candidates.len() {
        if is_allowed(candidates, &candidates[place]) {
            candidates.swap(allowed, place);
            allowed += 1;
        }
    }
    allowed
}
