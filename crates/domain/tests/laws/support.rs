//! Candidates by any number, and generators of any.

use gametriggers_domain::{
    price::Payment,
    selection::{Candidate, Seed, SelectionContext},
};
use gametriggers_fixtures::{interval, noon, weights};
use gametriggers_types::{
    CampaignId, Money, ObjectId, ParticipationId, PaymentType, RotationInterval, SignedDuration, Slot,
    Timestamp,
};
use proptest::prelude::*;

/// The campaign of this number, which is the whole id: stored records of the tests name such ids.
pub(crate) fn campaign(number: u64) -> CampaignId {
    ObjectId::from_parts(0, number.to_be_bytes()).into()
}

/// The number of a campaign made by [`campaign`].
pub(crate) fn number_of(campaign: CampaignId) -> u64 {
    let [_, _, _, _, number @ ..] = campaign.object_id().bytes();
    u64::from_be_bytes(number)
}

/// The participation in campaign `number`; participations sort the other way round than campaigns.
pub(crate) fn participation(number: u64) -> ParticipationId {
    ObjectId::from_parts(0, (!number).to_be_bytes()).into()
}

/// A candidate of campaign `number`, never shown, paying 1,000 per thousand.
pub(crate) fn candidate(number: u64) -> Candidate {
    let (campaign, participation) = (campaign(number), participation(number));
    Candidate { campaign, participation, ..gametriggers_fixtures::candidate(0) }
}

/// 1 to 8 candidates of different campaigns, with any history at all.
pub(crate) fn any_candidates() -> impl Strategy<Value = Vec<Candidate>> {
    let number = prop_oneof![0..16_u64, any::<u64>()];
    prop::collection::hash_map(number, any_history(), 1..=8).prop_map(|candidates| {
        let mut candidates: Vec<_> = candidates
            .into_iter()
            .map(|(number, history)| Candidate {
                campaign: campaign(number),
                participation: participation(number),
                ..history
            })
            .collect();
        // A hash map's order is the machine's choice, and a failure must come back from its seed.
        candidates.sort_by_key(|candidate| candidate.campaign);
        candidates
    })
}

/// A candidate whose counters, rate and times are zero, equal, ordinary, contradictory or huge.
fn any_history() -> impl Strategy<Value = Candidate> {
    let count = || prop_oneof![Just(0), 1..1_000_u64, any::<u64>(), Just(u64::MAX)];
    let shown = prop_oneof![Just(0), 0..14_400_000_i64, 0..=i64::MAX].prop_map(SignedDuration::from_millis);
    (any_moment(), any_payment(), (count(), count(), count(), count()), shown, prop::option::of(any_moment()))
        .prop_map(|(joined_at, payment, (paid_units, impressions, clicks, visits), shown, last_shown)| {
            Candidate {
                joined_at,
                payment,
                paid_units,
                impressions,
                clicks,
                visits,
                shown,
                last_shown,
                ..candidate(0)
            }
        })
}

fn any_payment() -> impl Strategy<Value = Payment> {
    let kind = prop::sample::select(PaymentType::ALL);
    let rate = prop_oneof![Just(0), 0..5_000_000_000_i64, 0..=i64::MAX].prop_map(Money::from_micros);
    let expected = prop_oneof![Just(1), 1..100_000_u64, 1..=u64::MAX];
    (kind, rate, expected).prop_map(|(kind, rate, expected)| Payment::new(kind, rate, expected).unwrap())
}

/// Noon, about noon, or the ends of time.
fn any_moment() -> impl Strategy<Value = Timestamp> {
    let about_noon = (-7_200_000..7_200_000_i64).prop_map(|ms| noon() + SignedDuration::from_millis(ms));
    prop_oneof![2 => Just(noon()), 6 => about_noon, 1 => Just(Timestamp::MIN), 1 => Just(Timestamp::MAX)]
}

/// A decision about to be made: any moment, interval, weights of the streamer and seed.
pub(crate) fn any_context() -> impl Strategy<Value = SelectionContext> {
    let part = || prop_oneof![Just(0.0), Just(1.0), 0.0..=1.0];
    let weights = (part(), part(), part())
        .prop_filter("all are 0", |&(pay, performance, fairness)| pay + performance + fairness > 0.0)
        .prop_map(|(pay, performance, fairness)| weights(pay, performance, fairness));
    (any_moment(), any_interval(60), weights, any::<[u8; 16]>()).prop_map(|(now, interval, weights, seed)| {
        SelectionContext { now, slot: Slot::containing(now, interval), weights, seed: Seed::new(seed) }
    })
}

/// A slot length from 1 to `longest` minutes.
pub(crate) fn any_interval(longest: i64) -> impl Strategy<Value = RotationInterval> {
    (1..=longest).prop_map(interval)
}
