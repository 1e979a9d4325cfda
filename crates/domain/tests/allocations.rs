//! Selecting allocates the record and nothing else.

#![allow(clippy::unwrap_used)] // a test that cannot set its stage fails, and says where

use gametriggers_domain::{
    price::Payment,
    selection::{self, Candidate, Seed, SelectionContext, select},
};
use gametriggers_types::{
    Money, ObjectId, PaymentType, PriorityWeights, RotationInterval, SignedDuration, Slot, Timestamp,
};

/// The buffers of a record: the strategy's name, who was a candidate, and the chance of each.
const OWNED_BY_THE_RECORD: u64 = 3;

fn candidates(count: u64) -> Vec<Candidate> {
    let candidate = |number: u64| {
        let id = ObjectId::from_parts(0, number.to_be_bytes());
        let kind = PaymentType::ALL[usize::try_from(number).unwrap() % PaymentType::ALL.len()];
        Candidate {
            campaign: id.into(),
            participation: id.into(),
            joined_at: Timestamp::UNIX_EPOCH,
            payment: Payment::new(kind, Money::from_units(1.66).unwrap(), 10_000).unwrap(),
            paid_units: number,
            impressions: 100 * number,
            clicks: number,
            visits: number,
            shown: SignedDuration::from_mins(3),
            last_shown: Some(Timestamp::UNIX_EPOCH),
        }
    };
    (0..count).map(candidate).collect()
}

#[test]
fn selecting_allocates_what_the_record_owns_and_nothing_else() {
    let now: Timestamp = "2026-11-20T12:00:00Z".parse().unwrap();
    let slot = Slot::containing(now, RotationInterval::default());
    let ctx = SelectionContext { now, slot, weights: PriorityWeights::default(), seed: Seed::new([7; 16]) };
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
