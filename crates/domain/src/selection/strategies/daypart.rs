//! `daypart`: the weights of campaigns follow the hour and the day of the week where the streamer lives.

use crate::selection::{Candidate, DaypartsParameter, Parameter, SelectionContext, SelectionStrategy};

const DAYPARTS: DaypartsParameter = DaypartsParameter {
    name: "dayparts",
    description: "Parts of the week in which the campaigns of a category have a weight of their own; otherwise it is 1.",
};

static PARAMETERS: [Parameter; 1] = [Parameter::Dayparts(DAYPARTS)];

/// A campaign has the weight of the first daypart that covers the local time and names one of the campaign's
/// categories. Without such a daypart, the weight is 1. If all weights are 0, every campaign has the same weight.
pub(super) struct Daypart;

impl SelectionStrategy for Daypart {
    fn name(&self) -> &'static str {
        "daypart"
    }

    fn description(&self) -> &'static str {
        "Campaigns of a category get more or less time at the hours and on the days that you choose."
    }

    fn parameters(&self) -> &'static [Parameter] {
        &PARAMETERS
    }

    fn weigh(&self, ctx: &SelectionContext<'_>, candidates: &[Candidate<'_>], weights: &mut [f64]) {
        let parts = ctx.parameters.dayparts(&DAYPARTS);
        for (candidate, weight) in candidates.iter().zip(&mut *weights) {
            let part = parts
                .iter()
                .find(|part| part.period.covers(ctx.local) && candidate.has_category(&part.category));
            *weight = part.map_or(1.0, |part| part.weight.value());
        }
        if weights.iter().all(|weight| *weight <= 0.0) {
            weights.fill(1.0);
        }
    }
}
