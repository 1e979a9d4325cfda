//! `pacing`: campaigns that are behind their flight plan come first, so that budgets are spent evenly over the campaigns'
//! dates.
//!
//! A campaign is on plan if the part of its budget that is spent equals the part of its flight that has passed.

use super::fair_rotation;
use crate::selection::{Candidate, NumberParameter, Parameter, SelectionContext, SelectionStrategy};

const TOLERANCE: NumberParameter = NumberParameter {
    name: "tolerance",
    description: "How far a campaign may be off its plan before that matters: 0.02 is 2 % of its budget.",
    default: 0.02,
    min: 0.0,
    max: 0.5,
    is_whole: false,
};

static PARAMETERS: [Parameter; 1] = [Parameter::Number(TOLERANCE)];

/// A campaign's lag is the part of its flight that has passed minus the part of its budget that is spent, from −1 to 1.
/// A campaign without an end date or without a budget has no plan, and a lag of 0.
///
/// - If campaigns lag by more than the tolerance, the weight of each is its lag. All other campaigns have a weight of
///   0.
/// - Otherwise all weight is on the next campaign of a fair rotation among those that are not ahead by more than the
///   tolerance.
/// - If all campaigns are ahead by more than the tolerance, all weight is on the campaign that is ahead the least. Ties
///   go to the smaller id.
pub(super) struct Pacing;

impl SelectionStrategy for Pacing {
    fn name(&self) -> &'static str {
        "pacing"
    }

    fn description(&self) -> &'static str {
        "Campaigns that are behind their plan come first, so that brands get what they booked by its last day."
    }

    fn parameters(&self) -> &'static [Parameter] {
        &PARAMETERS
    }

    fn weigh(&self, ctx: &SelectionContext<'_>, candidates: &[Candidate<'_>], weights: &mut [f64]) {
        let tolerance = ctx.parameters.number(&TOLERANCE);
        let mut is_one_behind = false;
        for (candidate, weight) in candidates.iter().zip(&mut *weights) {
            let lag = lag(ctx, candidate);
            if lag > tolerance {
                (*weight, is_one_behind) = (lag, true);
            }
        }
        if is_one_behind {
            return;
        }
        let on_plan = candidates.iter().zip(&mut *weights);
        let on_plan = on_plan.filter(|(candidate, _)| lag(ctx, candidate) >= -tolerance);
        if let Some((_, weight)) = on_plan.min_by_key(|(candidate, _)| fair_rotation::turn(candidate)) {
            *weight = 1.0;
            return;
        }
        let least_ahead = candidates.iter().zip(weights).max_by(|(one, _), (other, _)| {
            lag(ctx, one).total_cmp(&lag(ctx, other)).then(other.campaign.cmp(&one.campaign))
        });
        if let Some((_, weight)) = least_ahead {
            *weight = 1.0;
        }
    }
}

fn lag(ctx: &SelectionContext<'_>, candidate: &Candidate<'_>) -> f64 {
    candidate
        .elapsed_share(ctx.now)
        .zip(candidate.spent_share())
        .map_or(0.0, |(elapsed, spent)| elapsed - spent)
}
