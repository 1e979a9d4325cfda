//! A scenario in the form that the engine knows: a user, and participations with campaigns.

use gametriggers_domain::{
    decision::Basis,
    model::{Campaign, Participation, User},
    price::Payment,
    selection::{self, ExplorationShare},
};
use gametriggers_types::{
    AuthProvider, CampaignId, CampaignStatus, LocalTime, Money, ObjectId, Role, ScreenToken,
    SelectionSettings, SignedDuration, Spacing, StrategyParameters, Timestamp,
};

use super::scenario::{InvalidScenario, Scenario, Sponsor, Streamer};

/// Monday, 5 January 2026, 00:00 UTC. The first broadcast starts within eight days from this time.
const WEEK: i64 = 1_767_571_200;
/// How long before the first broadcast campaigns are created and joined.
const JOINED_BEFORE: SignedDuration = SignedDuration::from_hours(7 * 24);

/// A scenario that is ready to run.
#[derive(Debug, Clone)]
pub struct Plan {
    pub(super) scenario: Scenario,
    pub(super) user: User,
    /// The campaigns in the order of the scenario, before the first broadcast.
    pub(super) pairs: Vec<(Participation, Campaign)>,
    /// The nominal start of the first broadcast.
    pub(super) starts: Timestamp,
}

impl Plan {
    /// Makes the documents of a scenario.
    ///
    /// # Errors
    /// [`InvalidScenario`] if a parameter or a rate is not allowed, or the time of the start does not exist.
    pub fn new(scenario: Scenario) -> Result<Self, InvalidScenario> {
        let starts = first_start(&scenario)?;
        let created = starts - JOINED_BEFORE;
        let id = object_id(1, 0).into();
        let name = "streamer".to_owned();
        let user = User::new(
            id,
            "streamer@example.com".to_owned(),
            name,
            Role::Streamer,
            AuthProvider::Twitch,
            created,
        );
        let user = User {
            categories: scenario.streamer.categories.clone(),
            languages: scenario.streamer.languages.clone(),
            selection: settings(&scenario.streamer)?,
            ..user
        };
        let pair = |(place, sponsor)| pair(place, sponsor, &user, starts);
        let pairs = scenario.campaigns.iter().enumerate().map(pair).collect::<Result<_, _>>()?;
        Ok(Self { scenario, user, pairs, starts })
    }

    /// The length of a broadcast.
    pub(super) fn minutes(&self) -> u32 {
        self.scenario.minutes
    }

    /// The nominal end of the last broadcast.
    pub(super) fn ends(&self) -> Timestamp {
        let days = i64::from(self.scenario.broadcasts_per_world - 1);
        self.starts
            + SignedDuration::from_hours(24 * days)
            + SignedDuration::from_mins(i64::from(self.minutes()))
    }

    /// What impressions are paid for: displays or viewers.
    pub(super) fn basis(&self) -> Basis {
        self.scenario.basis
    }

    /// The share of decisions that are left to chance.
    pub(super) fn exploration(&self) -> ExplorationShare {
        self.scenario.exploration
    }

    /// The place of a campaign in the scenario.
    #[must_use]
    pub fn place_of(&self, campaign: CampaignId) -> usize {
        let bytes = campaign.object_id().bytes();
        usize::from(u16::from_be_bytes([bytes[10], bytes[11]]))
    }
}

/// The id of the document of this kind with this number.
fn object_id(kind: u8, number: usize) -> ObjectId {
    let [high, low] = u16::try_from(number).unwrap_or(u16::MAX).to_be_bytes();
    ObjectId::from_parts(0x6900_0000, [kind, 0, 0, 0, 0, 0, high, low])
}

/// The first moment after [`WEEK`] at which the streamer's clock shows the start.
fn first_start(scenario: &Scenario) -> Result<Timestamp, InvalidScenario> {
    let wanted = LocalTime { day: scenario.starts.day, minute: scenario.starts.time.minutes() };
    let zone = &scenario.streamer.time_zone;
    let minute = |number: i64| Timestamp::from_second(WEEK + 60 * number).unwrap_or(Timestamp::UNIX_EPOCH);
    let found = (0..8 * 24 * 60).map(minute).find(|&at| zone.local_time(at) == wanted);
    found.ok_or_else(|| InvalidScenario::value("starts", "this time does not exist in the time zone"))
}

fn settings(streamer: &Streamer) -> Result<SelectionSettings, InvalidScenario> {
    let mut parameters = StrategyParameters::default();
    for (strategy, values) in &streamer.parameters {
        for (name, value) in values {
            parameters.set(strategy, name, value.clone());
        }
    }
    let mut settings = SelectionSettings {
        interval: streamer.interval_minutes,
        spacing: Spacing {
            in_a_row: streamer.max_slots_in_a_row,
            between: streamer.min_slots_between_category,
        },
        blackouts: streamer.blackouts.clone(),
        time_zone: streamer.time_zone.clone(),
        ..SelectionSettings::default()
    };
    selection::set_parameters(&mut settings, &parameters).map_err(|error| {
        InvalidScenario::value(format!("streamer.parameters.{}", error.path), error.reason)
    })?;
    Ok(settings)
}

fn pair(
    place: usize,
    sponsor: &Sponsor,
    user: &User,
    starts: Timestamp,
) -> Result<(Participation, Campaign), InvalidScenario> {
    let payment = Payment::new(sponsor.payment, sponsor.rate, sponsor.expected_impressions)
        .map_err(|error| InvalidScenario::value(format!("campaign[{place}]"), error.to_string()))?;
    let hour = |hour: i32| starts + SignedDuration::from_hours(i64::from(hour));
    let created = sponsor.begins_hour.map_or(user.created_at, |begins| hour(begins).min(user.created_at));
    let brand = object_id(4, place).into();
    let draft = Campaign::draft(object_id(2, place).into(), brand, sponsor.title.clone(), payment, created);
    let campaign = Campaign {
        budget: sponsor.budget,
        remaining_budget: sponsor.remaining.unwrap_or(sponsor.budget),
        media_url: "/media/ad.png".to_owned(),
        status: CampaignStatus::Active,
        categories: sponsor.categories.clone(),
        languages: sponsor.languages.clone(),
        start_date: sponsor.begins_hour.map(hour),
        end_date: sponsor.ends_hour.map(hour),
        ..draft
    };
    let token = ScreenToken::parse("simulated").ok_or_else(|| InvalidScenario::value("token", "invalid"))?;
    // Campaigns are joined one minute after the other.
    let joined = user.created_at + SignedDuration::from_mins(i64::try_from(place).unwrap_or(i64::MAX));
    let mut participation =
        Participation::joined(object_id(3, place).into(), campaign.id, user.id, token, joined);
    participation.counters.impressions = sponsor.before.impressions;
    participation.counters.clicks = sponsor.before.clicks;
    participation.counters.visits = sponsor.before.visits;
    participation.counters.paid_units = sponsor.before.paid_units;
    participation.counters.earnings = sponsor.before.earned;
    Ok((participation, campaign))
}

/// The money that all campaigns have before the first broadcast.
pub(super) fn money_of(pairs: &[(Participation, Campaign)]) -> Money {
    pairs.iter().map(|(_, campaign)| campaign.remaining_budget).sum()
}

/// Which part of a campaign's budget should be spent by `end`; `None` if the campaign has no end date or no budget, or has not
/// begun.
pub(super) fn planned_share(campaign: &Campaign, end: Timestamp) -> Option<f64> {
    let (begins, ends) = (campaign.start_date.unwrap_or(campaign.created_at), campaign.end_date?);
    let seconds = |until: Timestamp| until.duration_since(begins).as_secs_f64();
    let planned = (seconds(end) / seconds(ends)).clamp(0.0, 1.0);
    (planned > 0.0 && campaign.budget.micros() > 0).then_some(planned)
}
