//! Candidates by their number, and generators of arbitrary candidates and moments.

use std::sync::LazyLock;

use gametriggers_domain::{
    price::Payment,
    selection::{
        self, APPEARANCES_MAX, Appearance, AwayCampaign, BroadcastSoFar, Candidate, NumberParameter,
        Parameter, Parameters, Seed, SelectionContext,
    },
};
use gametriggers_fixtures::{blackout, interval, noon, weights};
use gametriggers_types::{
    CampaignId, Daypart, DaypartWeight, Money, ObjectId, ParameterValue, ParticipationId, PaymentType,
    RotationInterval, SelectionSettings, SignedDuration, Slot, SlotsBetween, SlotsInARow, Spacing,
    StrategyParameters, Timestamp,
};
use proptest::prelude::*;

/// The campaign with this number. The id consists of the number alone, because stored records in the tests contain such
/// ids.
pub(crate) fn campaign(number: u64) -> CampaignId {
    ObjectId::from_parts(0, number.to_be_bytes()).into()
}

/// The number of a campaign made by [`campaign`].
pub(crate) fn number_of(campaign: CampaignId) -> u64 {
    let [_, _, _, _, number @ ..] = campaign.object_id().bytes();
    u64::from_be_bytes(number)
}

/// The participation in campaign `number`. Participations sort in the opposite order of their campaigns.
pub(crate) fn participation(number: u64) -> ParticipationId {
    ObjectId::from_parts(0, (!number).to_be_bytes()).into()
}

/// A candidate of campaign `number`, never shown, paying 1,000 per thousand.
pub(crate) fn candidate(number: u64) -> Candidate<'static> {
    let (campaign, participation) = (campaign(number), participation(number));
    Candidate { campaign, participation, ..gametriggers_fixtures::candidate(0) }
}

/// 1 to 8 candidates of different campaigns, with any history at all.
pub(crate) fn any_candidates() -> impl Strategy<Value = Vec<Candidate<'static>>> {
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
        // The order of a hash map differs from run to run. Sorted candidates let a failure be repeated from its seed.
        candidates.sort_by_key(|candidate| candidate.campaign);
        candidates
    })
}

/// A candidate whose counters, rate and times are zero, equal, ordinary, contradictory or huge.
fn any_history() -> impl Strategy<Value = Candidate<'static>> {
    let count = || prop_oneof![Just(0), 1..1_000_u64, any::<u64>(), Just(u64::MAX)];
    let counts = (count(), count(), count(), count());
    let screen_time = (time_on_screen(), time_on_screen(), prop::option::of(any_moment()));
    let dates = (any_moment(), prop::option::of(any_moment()), prop::option::of(any_moment()));
    let money = (any_money(), any_money(), any_money());
    (any_moment(), any_payment(), counts, screen_time, dates, money, any_categories()).prop_map(
        |(joined_at, payment, counts, screen_time, dates, money, categories)| {
            let (paid_units, impressions, clicks, visits) = counts;
            let (displayed, tallied, last_shown) = screen_time;
            let (created_at, starts_at, ends_at) = dates;
            let (budget, remaining, earned) = money;
            Candidate {
                categories,
                languages: categories,
                joined_at,
                payment,
                budget,
                remaining,
                created_at,
                starts_at,
                ends_at,
                paid_units,
                impressions,
                clicks,
                visits,
                earned,
                displayed,
                tallied,
                last_shown,
                ..candidate(0)
            }
        },
    )
}

/// No time, some hours, or any time at all.
fn time_on_screen() -> impl Strategy<Value = SignedDuration> {
    prop_oneof![Just(0), 0..14_400_000_i64, 0..=i64::MAX].prop_map(SignedDuration::from_millis)
}

fn any_money() -> impl Strategy<Value = Money> {
    prop_oneof![Just(0), 0..5_000_000_000_i64, 0..=i64::MAX].prop_map(Money::from_micros)
}

/// Up to two of four categories. The last two differ only in upper and lower case.
fn any_categories() -> impl Strategy<Value = &'static [String]> {
    static ALL: LazyLock<[String; 4]> =
        LazyLock::new(|| ["food", "travel", "Gaming", "gaming"].map(str::to_owned));
    (0..=4_usize, 0..=2_usize).prop_map(|(from, count)| &ALL[from..(from + count).min(4)])
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

/// The circumstances of a decision: the moment, the settings and the broadcast before it.
#[derive(Debug, Clone)]
pub(crate) struct Moment {
    now: Timestamp,
    seed: [u8; 16],
    settings: SelectionSettings,
    viewers: Option<u64>,
    displayed: SignedDuration,
    began: Timestamp,
    appearances: Vec<Appearance>,
    away: Vec<AwayCampaign>,
}

impl Moment {
    /// The context for the strategy with this name.
    pub(crate) fn context(&self, strategy: &str) -> SelectionContext<'_> {
        SelectionContext {
            now: self.now,
            slot: Slot::containing(self.now, self.settings.interval),
            local: self.settings.time_zone.local_time(self.now),
            seed: Seed::new(self.seed),
            parameters: Parameters::of(&self.settings, strategy),
            viewers: self.viewers,
            categories: &[],
            languages: &[],
            broadcast: BroadcastSoFar {
                began: self.began,
                displayed: self.displayed,
                appearances: &self.appearances,
                away: &self.away,
            },
        }
    }

    /// The distance that the streamer wants between campaigns.
    pub(crate) fn spacing(&self) -> Spacing {
        self.settings.spacing
    }
}

/// Any moment, interval, seed, weights, parameters, distance and broadcast.
pub(crate) fn any_context() -> impl Strategy<Value = Moment> {
    let part = || prop_oneof![Just(0.0), Just(1.0), 0.0..=1.0];
    let weights = (part(), part(), part())
        .prop_filter("all are 0", |&(pay, performance, fairness)| pay + performance + fairness > 0.0)
        .prop_map(|(pay, performance, fairness)| weights(pay, performance, fairness));
    let spacing = (0..=SlotsInARow::MAX, 0..=SlotsBetween::MAX).prop_map(|(in_a_row, between)| Spacing {
        in_a_row: f64::from(in_a_row).try_into().unwrap(),
        between: f64::from(between).try_into().unwrap(),
    });
    let spacing = prop_oneof![Just(Spacing::default()), spacing];
    let settings = (any_interval(60), weights, any_parameters(), spacing).prop_map(
        |(interval, weights, parameters, spacing)| SelectionSettings {
            interval,
            weights,
            parameters,
            spacing,
            ..SelectionSettings::default()
        },
    );
    let broadcast = (
        any_moment(),
        time_on_screen(),
        prop::collection::vec(any_appearance(), 0..=APPEARANCES_MAX),
        prop::collection::vec(any_away(), 0..4),
    );
    (any_moment(), any::<[u8; 16]>(), settings, prop::option::of(any::<u64>()), broadcast).prop_map(
        |(now, seed, settings, viewers, (began, displayed, appearances, away))| Moment {
            now,
            seed,
            settings,
            viewers,
            displayed,
            began,
            appearances,
            away,
        },
    )
}

fn any_appearance() -> impl Strategy<Value = Appearance> {
    (0..16_u64, any_categories(), any_moment(), any_moment()).prop_map(|(number, categories, from, until)| {
        Appearance { campaign: campaign(number), categories: categories.to_vec(), from, until }
    })
}

fn any_away() -> impl Strategy<Value = AwayCampaign> {
    (16..32_u64, time_on_screen(), time_on_screen(), prop::option::of(any_moment())).prop_map(
        |(number, displayed, tallied, last_shown)| AwayCampaign {
            campaign: campaign(number),
            displayed,
            tallied,
            last_shown,
        },
    )
}

/// For each parameter of each strategy: no value, the ends of its range, or any value that is allowed.
fn any_parameters() -> impl Strategy<Value = StrategyParameters> {
    let all = selection::all().iter().flat_map(|strategy| {
        strategy.parameters().iter().map(|parameter| {
            any_value(*parameter).prop_map(|value| (strategy.name(), parameter.name(), value))
        })
    });
    all.collect::<Vec<_>>().prop_map(|values| {
        let mut parameters = StrategyParameters::default();
        for (strategy, name, value) in values {
            if let Some(value) = value {
                parameters.set(strategy, name, value);
            }
        }
        parameters
    })
}

fn any_value(parameter: Parameter) -> BoxedStrategy<Option<ParameterValue>> {
    match parameter {
        Parameter::Number(NumberParameter { min, max, is_whole, .. }) => {
            let value = prop_oneof![Just(min), Just(max), min..=max];
            let value = value.prop_map(move |value| if is_whole { value.round() } else { value });
            prop::option::of(value.prop_map(ParameterValue::Number)).boxed()
        }
        Parameter::Dayparts(_) => {
            let part =
                (0..24_u8, 0..=23_u8, any_weight(), prop::sample::select(vec!["food", "GAMING", "none"]));
            let part = part.prop_filter("empty", |(from, until, _, _)| from != until).prop_map(
                |(from, until, weight, category)| Daypart {
                    period: blackout(
                        &format!("{from:02}:00"),
                        &format!("{until:02}:00"),
                        &["monday", "friday"],
                    ),
                    category: category.to_owned(),
                    weight: DaypartWeight::try_from(weight).unwrap(),
                },
            );
            prop::option::of(prop::collection::vec(part, 0..4).prop_map(ParameterValue::Dayparts)).boxed()
        }
        Parameter::PriorityWeight(_) => Just(None).boxed(),
    }
}

fn any_weight() -> impl Strategy<Value = f64> {
    prop_oneof![Just(0.0), Just(DaypartWeight::MAX), 0.0..=DaypartWeight::MAX]
}

/// A slot length from 1 to `longest` minutes.
pub(crate) fn any_interval(longest: i64) -> impl Strategy<Value = RotationInterval> {
    (1..=longest).prop_map(interval)
}
