//! The promises of strategies that always have one favourite.

use gametriggers_types::PaymentType;

use crate::moment::{Admitted, Moment};

/// The campaign with the least tallied time is next.
pub(crate) fn fair_rotation(moment: &Moment<'_>) {
    moment.assert_favourite(moment.admitted.iter().min_by_key(|one| moment.turn(one)).unwrap());
}

/// Of the campaigns within their share, the one with the least tallied time is next. A campaign above its share is
/// never picked while another campaign within its share could be.
pub(crate) fn capped_fair(moment: &Moment<'_>) {
    let time = |one: &Admitted<'_>| moment.screen.displayed(one.campaign.id);
    let displayed = moment.screen.displayed_by_all().as_secs_f64();
    let allowed = moment.parameter("capped-fair", "share", 0.5) * displayed;
    let within = moment.admitted.iter().filter(|one| time(one).as_secs_f64() <= allowed);
    let next = within.min_by_key(|one| moment.turn(one));
    let smallest = moment.admitted.iter().min_by_key(|one| (time(one), one.campaign.id));
    moment.assert_favourite(next.or(smallest).unwrap());
}

/// Slot number s belongs to candidate number s mod N, in the order of joining.
pub(crate) fn time_rotation(moment: &Moment<'_>) {
    let mut order: Vec<_> = moment.admitted.iter().collect();
    order.sort_by_key(|one| (one.participation.joined_at, one.participation.id));
    let turn = usize::try_from(moment.slot.index()).unwrap() % order.len();
    moment.assert_favourite(order[turn]);
}

/// No campaign is on screen while another is expected to earn more for an impression.
pub(crate) fn revenue_optimized(moment: &Moment<'_>) {
    let best = moment.admitted.iter().map(expected_earning).fold(0.0, f64::max);
    let best = |one: &&Admitted<'_>| expected_earning(one) >= best;
    let first = moment.admitted.iter().filter(best).min_by_key(|one| one.campaign.id);
    moment.assert_favourite(first.unwrap());
}

#[allow(clippy::cast_precision_loss)]
fn expected_earning(one: &Admitted<'_>) -> f64 {
    let (payment, counters) = (&one.campaign.payment, &one.participation.counters);
    let rate = payment.rate().as_units();
    match payment.kind() {
        PaymentType::Cpm => rate / 1_000.0,
        PaymentType::Fixed if counters.paid_units >= payment.expected_impressions() => 0.0,
        PaymentType::Fixed => rate / payment.expected_impressions() as f64,
        PaymentType::Cpc => rate * (counters.visits as f64 + 1.0) / (counters.impressions as f64 + 100.0),
    }
}
