//! Keeps the distance between campaigns that the streamer wants, whatever the strategy.
//!
//! There are two rules. Both are off by default.
//!
//! - *First rule:* a campaign that was on screen in *n* slots in a row needs a break.
//! - *Second rule:* at least *m* slots lie between two different campaigns of one category (competitive separation).
//!   Until then, the second campaign *waits*. While a campaign waits, other campaigns of its categories stay off if
//!   they were on screen more recently. Otherwise a campaign could wait for ever. The campaign that is on screen now
//!   may stay nevertheless.
//!
//! The rules never leave a screen empty:
//!
//! - The second rule may admit only the campaign that is on screen. If another campaign comes nearer to its turn
//!   meanwhile, the campaign on screen stays. In this case the first rule yields.
//! - If no other campaign comes nearer to its turn, or if the second rule admits no campaign, the second rule yields.
//! - If there is only one candidate, both rules yield.

use gametriggers_types::{SignedDuration, Slot, Spacing, Timestamp};

use super::{Appearance, Candidate, SelectionContext, input::share_category};

/// The longest pause between two decisions that does not count as a break. Pauses occur when no page asks for the next
/// decision in time.
pub(crate) const NO_BREAK: SignedDuration = SignedDuration::from_mins(1);

/// Moves the candidates that may be on screen now to the front, and returns their number. The number is at least 1 if
/// there are candidates.
pub(super) fn admit(spacing: Spacing, ctx: &SelectionContext<'_>, candidates: &mut [Candidate<'_>]) -> usize {
    if spacing == Spacing::default() {
        return candidates.len();
    }
    let may_stay = |candidate: &Candidate<'_>| !needs_break(spacing, ctx, candidate);
    let separate = keep_apart(spacing, ctx, candidates);
    if separate > 0 {
        // Only the campaign on screen can need a break. If the second rule admits no other campaign, the first rule
        // yields.
        return to_front(&mut candidates[..separate], may_stay).max(1);
    }
    match to_front(candidates, may_stay) {
        0 => candidates.len(),
        rested => rested,
    }
}

/// Moves the candidates that the second rule admits to the front, and returns their number; 0 if the rule yields.
fn keep_apart(spacing: Spacing, ctx: &SelectionContext<'_>, candidates: &mut [Candidate<'_>]) -> usize {
    let free = to_front(candidates, |candidate| !waits(spacing, ctx, candidate));
    let (front, waiting) = candidates.split_at_mut(free);
    // Whether `one` must stay off while `other` waits.
    let lets_first = |one: &Candidate<'_>, other: &Candidate<'_>| {
        (other.last_shown, other.campaign) < (one.last_shown, one.campaign) && are_rivals(one, other)
    };
    let is_held = |one: &Candidate<'_>| waiting.iter().any(|other| lets_first(one, other));
    let admitted = to_front(front, |one| is_on_screen(ctx, one) || !is_held(one));
    let (front, held) = front.split_at(admitted);
    let stays = match front {
        [only] if is_on_screen(ctx, only) => only,
        _ => return admitted,
    };
    // A campaign's wait does not end while one of its rivals is on screen.
    let comes_nearer = |one: &Candidate<'_>| {
        !are_rivals(one, stays)
            && !waiting.iter().any(|other| lets_first(one, other) && are_rivals(other, stays))
    };
    usize::from(held.iter().chain(&*waiting).any(comes_nearer))
}

/// Whether the candidate was on screen in as many slots in a row as the streamer allows, up to now.
fn needs_break(spacing: Spacing, ctx: &SelectionContext<'_>, candidate: &Candidate<'_>) -> bool {
    let limit = i64::from(spacing.in_a_row.slots());
    let stay = on_screen(ctx).filter(|stay| stay.campaign == candidate.campaign);
    limit > 0 && stay.is_some_and(|stay| ctx.slot.index() - slot_of(ctx, stay.from) >= limit)
}

/// Whether another campaign of one of the candidate's categories was on screen too few slots ago.
fn waits(spacing: Spacing, ctx: &SelectionContext<'_>, candidate: &Candidate<'_>) -> bool {
    let least = i64::from(spacing.between.slots());
    // Names are compared first, because that is cheaper than arithmetic with times.
    least > 0
        && ctx.broadcast.appearances.iter().any(|appearance| {
            appearance.campaign != candidate.campaign
                && share_category(&appearance.categories, candidate.categories)
                && slots_since(ctx, appearance) < least
        })
}

/// Whether these are two campaigns that have a category in common.
fn are_rivals(one: &Candidate<'_>, other: &Candidate<'_>) -> bool {
    one.campaign != other.campaign && share_category(one.categories, other.categories)
}

/// The latest appearance, if it lasts until now.
fn on_screen<'a>(ctx: &SelectionContext<'a>) -> Option<&'a Appearance> {
    ctx.broadcast.appearances.last().filter(|last| ctx.now.duration_since(last.until) <= NO_BREAK)
}

fn is_on_screen(ctx: &SelectionContext<'_>, candidate: &Candidate<'_>) -> bool {
    on_screen(ctx).is_some_and(|stay| stay.campaign == candidate.campaign)
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
