//! Selecting allocates the record and nothing else.

use gametriggers_domain::selection::{self, Candidate, select};
use gametriggers_fixtures::{candidate, context, minutes, noon, payment, seed, start};
use gametriggers_types::PaymentType;

/// The buffers of a record: the strategy's name, who was a candidate, and the chance of each.
const OWNED_BY_THE_RECORD: u64 = 3;

fn candidates(count: u32) -> Vec<Candidate<'static>> {
    let candidate = |(number, &kind)| Candidate {
        payment: payment(kind, 1.66, 10_000),
        paid_units: u64::from(number),
        impressions: 100 * u64::from(number),
        clicks: u64::from(number),
        visits: u64::from(number),
        tallied: minutes(3),
        last_shown: Some(start()),
        ..candidate(number)
    };
    (0..count).zip(PaymentType::ALL.iter().cycle()).map(candidate).collect()
}

#[test]
fn selecting_allocates_what_the_record_owns_and_nothing_else() {
    let ctx = context(noon(), seed(7));
    for count in [1, 3, 10, 100, 1_000] {
        let candidates = candidates(count);
        for strategy in selection::all() {
            let mut record = None;
            let while_selecting =
                allocation_counter::measure(|| record = select(*strategy, &ctx, &candidates));
            let name = strategy.name();
            assert_eq!(
                while_selecting.count_total, OWNED_BY_THE_RECORD,
                "{name} of {count}: {while_selecting:?}"
            );
            let freed = allocation_counter::measure(|| drop(record));
            let [owned, freed] = [while_selecting.count_current, -freed.count_current];
            assert_eq!(owned, freed, "{name} of {count}: all that was allocated is the record's");
        }
    }
}
