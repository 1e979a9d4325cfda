//! `capped-fair`: a fair rotation in which no campaign gets more than a part of the broadcast.
//!
//! Example: a campaign was alone for an hour, and then others come. In the plain fair rotation, the first campaign goes
//! on taking turns with them. Here the first campaign waits until its part of the broadcast is no greater than the
//! streamer allows.

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

/// A campaign's part is its time on screen / the time on screen of all campaigns in this broadcast. The strategy puts
/// all weight on the candidate with the least tallied time among those whose part is at most `share`. Ties are broken
/// as in a fair rotation. If the parts of all candidates are greater than `share` (there are too few candidates), all
/// weight is on the candidate with the smallest part. Ties then go to the smaller id.
///
/// A campaign whose part is exactly `share` may still get a whole slot. So a campaign grows beyond its share by at most
/// one slot, as long as the part of another candidate is at most `share`.
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
        // Before the first campaign was on screen, the part is 0 / 0, which is not a number. Then no candidate has more
        // than its share.
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

/// The time in whole milliseconds. The quotient of two such numbers is rounded once, as the share is. So the part of a
/// campaign that has exactly its share does not come out greater than the share.
#[allow(clippy::cast_precision_loss)] // exact for 285,000 years
fn millis(time: SignedDuration) -> f64 {
    time.as_secs() as f64 * 1_000.0 + f64::from(time.subsec_millis())
}
