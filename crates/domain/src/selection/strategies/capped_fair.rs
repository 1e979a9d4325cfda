//! `capped-fair`: a fair rotation in which no campaign gets more than a part of the broadcast.
//!
//! The plain fair rotation gives a campaign that was alone for an hour its turn like any other when others come. This one
//! lets it wait until the others have caught up with the part that the streamer leaves them.

use gametriggers_types::SignedDuration;

use super::fair_rotation;
use crate::selection::{Candidate, NumberParameter, Parameter, SelectionContext, SelectionStrategy};

const SHARE: NumberParameter = NumberParameter {
    name: "share",
    description: "The greatest part of the time on screen that one campaign gets in a broadcast: 0.5 is half.",
    default: 0.5,
    min: 0.05,
    max: 1.0,
    is_whole: false,
};

static PARAMETERS: [Parameter; 1] = [Parameter::Number(SHARE)];

/// A campaign's part is its time on screen / the time on screen of all campaigns in this broadcast. Puts all weight on the
/// candidate with the least tallied time among those whose part is at most `share`. Ties are broken as in a fair rotation.
/// If all have more (there are too few), all weight is on the one with the smallest part, then with the smaller id.
///
/// A campaign that has just its part may still get a whole slot. So its time exceeds its part by one slot at most, as long as
/// another candidate is within its part.
pub(super) struct CappedFair;

impl SelectionStrategy for CappedFair {
    fn name(&self) -> &'static str {
        "capped-fair"
    }

    fn description(&self) -> &'static str {
        "Every campaign gets the same time, and none gets more than the part of your broadcast that you allow."
    }

    fn parameters(&self) -> &'static [Parameter] {
        &PARAMETERS
    }

    fn weigh(&self, ctx: &SelectionContext<'_>, candidates: &[Candidate<'_>], weights: &mut [f64]) {
        let share = ctx.parameters.number(&SHARE);
        // Before anything was on screen, 0 / 0 is not a number, and nobody has more.
        let part = |one: &Candidate<'_>| millis(one.displayed) / millis(ctx.broadcast.displayed);
        let has_more = |candidate: &Candidate<'_>| part(candidate) > share;
        let within = candidates.iter().zip(&mut *weights).filter(|(candidate, _)| !has_more(candidate));
        let next = within.min_by_key(|(candidate, _)| fair_rotation::turn(candidate));
        if let Some((_, weight)) = next {
            *weight = 1.0;
            return;
        }
        let smallest = candidates
            .iter()
            .zip(weights)
            .min_by_key(|(candidate, _)| (candidate.displayed, candidate.campaign));
        if let Some((_, weight)) = smallest {
            *weight = 1.0;
        }
    }
}

/// Whole milliseconds. A part of two of them is rounded once, as the share is, so a campaign that has just its share does not
/// have more.
#[allow(clippy::cast_precision_loss)] // exact for 285,000 years
fn millis(time: SignedDuration) -> f64 {
    time.as_secs() as f64 * 1_000.0 + f64::from(time.subsec_millis())
}
