//! Keeps the distance between campaigns that the streamer wants, whatever the strategy.
//!
//! Two rules, both off by default. A campaign that was on screen in *n* slots in a row has a break. Between two different
//! campaigns of one category there are at least *m* slots (competitive separation).
//!
//! A screen is never empty because of these rules. If they leave no candidate, the first rule yields; if still none is
//! left, the second yields as well.

use gametriggers_types::{SignedDuration, Slot, Spacing, Timestamp};

use super::{Appearance, Candidate, SelectionContext, input::same_category};

/// A pause on screen that is no break: nobody asked for the next decision for a moment.
pub(crate) const NO_BREAK: SignedDuration = SignedDuration::from_mins(1);

/// Moves the candidates that may be on screen now to the front, and returns their number, which is at least 1 if there
/// are candidates.
pub(super) fn admit(spacing: Spacing, ctx: &SelectionContext<'_>, candidates: &mut [Candidate<'_>]) -> usize {
    let row = |candidate: &Candidate<'_>| needs_break(spacing, ctx, candidate);
    let close = |candidate: &Candidate<'_>| is_too_close(spacing, ctx, candidate);
    let both = to_front(candidates, |candidate| !row(candidate) && !close(candidate));
    if both > 0 {
        return both;
    }
    match to_front(candidates, |candidate| !close(candidate)) {
        0 => candidates.len(),
        separate => separate,
    }
}

/// Whether the candidate was on screen in as many slots in a row as the streamer allows, up to now.
fn needs_break(spacing: Spacing, ctx: &SelectionContext<'_>, candidate: &Candidate<'_>) -> bool {
    let limit = i64::from(spacing.in_a_row.slots());
    let on_screen = ctx.broadcast.appearances.last().filter(|last| last.campaign == candidate.campaign);
    let runs_until_now = on_screen.filter(|last| ctx.now.duration_since(last.until) <= NO_BREAK);
    limit > 0 && runs_until_now.is_some_and(|last| ctx.slot.index() - slot_of(ctx, last.from) >= limit)
}

/// Whether another campaign of one of the candidate's categories was on screen too few slots ago.
fn is_too_close(spacing: Spacing, ctx: &SelectionContext<'_>, candidate: &Candidate<'_>) -> bool {
    let least = i64::from(spacing.between.slots());
    // Names are compared first, because that is cheaper than arithmetic with times.
    least > 0
        && ctx.broadcast.appearances.iter().any(|appearance| {
            appearance.campaign != candidate.campaign
                && appearance
                    .categories
                    .iter()
                    .any(|category| candidate.categories.iter().any(|own| same_category(own, category)))
                && slots_since(ctx, appearance) < least
        })
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

/// Moves the candidates for which `is_allowed` holds to the front, and returns their number.
fn to_front<'a>(candidates: &mut [Candidate<'a>], is_allowed: impl Fn(&Candidate<'a>) -> bool) -> usize {
    let mut allowed = 0;
    for place in 0..candidates.len() {
        if is_allowed(&candidates[place]) {
            candidates.swap(allowed, place);
            allowed += 1;
        }
    }
    allowed
}
