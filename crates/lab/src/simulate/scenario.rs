//! Scenarios: small TOML files that describe invented worlds.

use std::collections::BTreeMap;

use gametriggers_domain::{
    decision::Basis,
    selection::{ExplorationShare, InvalidParameter, set_parameters},
};
use gametriggers_types::{
    Money, ParameterValue, PaymentType, RotationInterval, SelectionSettings, SlotsBetween, SlotsInARow,
    StrategyParameters, TimeOfDay, TimeZoneName, Weekday, WeeklyPeriod, parse_weekday,
};
use serde::{Deserialize, Deserializer, de};

use crate::given;

/// The greatest length of a broadcast, in minutes. Broadcasts start up to four hours late, and six hours without a
/// decision must lie between a broadcast and the next day's. So 14 of 24 hours are left.
const MINUTES_MAX: u32 = 14 * 60;
const CAMPAIGNS_MAX: usize = 64;
const VIEWERS_MAX: f64 = 1e6;
/// The greatest distance of a campaign's dates from the first broadcast, in hours: a hundred years.
const HOURS_MAX: i32 = 100 * 8_766;
/// The greatest number that may have been counted before the first broadcast.
const BEFORE_MAX: u64 = 1_000_000_000_000;

/// Why a scenario cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidScenario {
    /// The text is not TOML, a key is unknown or missing, or a value is of a wrong kind.
    #[error("the scenario cannot be read: {0}")]
    Toml(String),
    /// A value is out of range.
    #[error("scenario: {key}: {reason}")]
    Value {
        /// The key, such as `campaign[2].rate`.
        key: String,
        /// What is allowed.
        reason: String,
    },
    /// A parameter that was given by hand does not exist or cannot have this value.
    #[error(transparent)]
    Parameter(#[from] InvalidParameter),
    /// The scenario is neither one of those that are shipped nor a file.
    #[error("there is no scenario `{name}`: write one of {}, or the path of a TOML file", .known.join(", "))]
    Unknown {
        /// The given name.
        name: String,
        /// The names of the shipped scenarios.
        known: Vec<&'static str>,
    },
}

impl InvalidScenario {
    pub(super) fn value(key: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::Value { key: key.into(), reason: reason.into() }
    }
}

/// An invented world: a streamer, an audience and campaigns. Each key of the file is a field of this type.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// What the scenario shows: one sentence.
    pub description: String,
    /// What impressions are: `display` (one for each decision) or `viewers` (one for each viewer and minute). The default is
    /// `display`.
    #[serde(default = "display")]
    pub basis: Basis,
    /// The length of a broadcast in minutes, from 10 to 840. The default is 360.
    #[serde(default = "six_hours")]
    pub minutes: u32,
    /// When the first broadcast of a world starts in the streamer's time zone: `friday 19:00`.
    pub starts: WeeklyMoment,
    /// A broadcast starts up to this many whole minutes late, at random: from 0 to 240. The default is 30.
    #[serde(default = "half_an_hour")]
    pub late_minutes: u32,
    /// The number of broadcasts in one world, from 1 to 60. They are on consecutive days and share the budgets. The
    /// default is 1.
    #[serde(default = "one")]
    pub broadcasts_per_world: u32,
    /// The mean number of viewers in each hour of the broadcast. The last number holds until the end.
    pub viewers: Vec<f64>,
    /// How much the audience differs from broadcast to broadcast: the standard deviation of the logarithm, from 0 to 2. The
    /// default is 0.3.
    #[serde(default = "some_spread")]
    pub viewers_spread: f64,
    /// The share of decisions that the installation leaves to chance, from 0 to 1. The default is 0.
    #[serde(default)]
    pub exploration: ExplorationShare,
    /// The streamer's settings.
    #[serde(default)]
    pub streamer: Streamer,
    /// The campaigns, in the order in which the streamer joined them: from 1 to 64.
    #[serde(rename = "campaign")]
    pub campaigns: Vec<Sponsor>,
}

/// A streamer's settings. Every key has the default of the server.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Streamer {
    /// The time zone: a name of the IANA database.
    pub time_zone: TimeZoneName,
    /// The length of a slot, in whole minutes from 1 to 60.
    pub interval_minutes: RotationInterval,
    /// In how many slots in a row one campaign may be on screen: 1 to 20, or 0 for no limit.
    pub max_slots_in_a_row: SlotsInARow,
    /// The least distance between two campaigns of one category, in slots: 1 to 10, or 0 for none.
    pub min_slots_between_category: SlotsBetween,
    /// The categories of the channel.
    pub categories: Vec<String>,
    /// The languages of the channel.
    pub languages: Vec<String>,
    /// The periods in which the screen stays empty.
    pub blackouts: Vec<WeeklyPeriod>,
    /// The parameters of strategies, by the strategy's name and the parameter's name. The weights of `weighted` are among
    /// them.
    pub parameters: BTreeMap<String, BTreeMap<String, ParameterValue>>,
}

/// A campaign, and how the audience answers it.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sponsor {
    /// The title, which reports use.
    pub title: String,
    /// What the campaign pays for: `cpm`, `fixed` or `cpc`.
    pub payment: PaymentType,
    /// The rate: for a thousand impressions (`cpm`), in total (`fixed`), or for a visit (`cpc`).
    pub rate: Money,
    /// The impressions over which a `fixed` rate is spread. The default is 10,000.
    #[serde(default = "ten_thousand")]
    pub expected_impressions: u64,
    /// The budget.
    pub budget: Money,
    /// The part of the budget that is left when the first broadcast starts: at most the budget. The default is the whole
    /// budget.
    pub remaining: Option<Money>,
    /// When the campaign begins: whole hours after the nominal start of the first broadcast, or before it if negative, from
    /// -876,600 to 876,600. The default is no date.
    pub begins_hour: Option<i32>,
    /// When the campaign ends, in the same hours. The default is no date. Only a campaign with an end has a plan.
    pub ends_hour: Option<i32>,
    /// The categories.
    #[serde(default)]
    pub categories: Vec<String>,
    /// The languages.
    #[serde(default)]
    pub languages: Vec<String>,
    /// The true mean number of clicks for a thousand viewer-minutes on screen, without visits: from 0 to 1,000. The
    /// default is 0.2.
    #[serde(default = "one_in_5000")]
    pub clicks_per_1000: f64,
    /// The true mean number of visits, for a thousand viewer-minutes on screen: from 0 to 1,000. The default is 0.2. Each
    /// visit is also a click.
    #[serde(default = "one_in_5000")]
    pub visits_per_1000: f64,
    /// The periods of each broadcast in which the participation is active, in order. Each is a pair of minutes: from
    /// and until. The default is the whole broadcast.
    #[serde(default)]
    pub active_minutes: Vec<[u32; 2]>,
    /// By how many minutes the periods of `active_minutes` move at most in each broadcast: from 0 to 240. Chance moves all
    /// their beginnings and ends by the same time. A beginning or an end at the start or the end of the broadcast does not
    /// move. The default is 0.
    #[serde(default)]
    pub shift_minutes: u32,
    /// What was counted before the first broadcast.
    #[serde(default)]
    pub before: Before,
}

/// What a participation had counted before the first broadcast: numbers from 0 to a million millions. Every number is 0 by
/// default.
#[derive(Debug, Clone, Copy, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[allow(missing_docs)]
pub struct Before {
    pub impressions: u64,
    /// Clicks, including visits.
    pub clicks: u64,
    pub visits: u64,
    pub paid_units: u64,
    pub earned: Money,
}

/// A day of the week and a time of day: `friday 19:00`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WeeklyMoment {
    /// The day.
    pub day: Weekday,
    /// The time, before 24:00.
    pub time: TimeOfDay,
}

impl<'de> Deserialize<'de> for WeeklyMoment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let parts = text.split_once(' ').and_then(|(day, time)| {
            let time: TimeOfDay = time.parse().ok()?;
            Some(Self { day: parse_weekday(day).ok()?, time }).filter(|_| time < TimeOfDay::END_OF_DAY)
        });
        parts.ok_or_else(|| {
            de::Error::custom(format!("`{text}` is not a day and a time such as `friday 19:00`"))
        })
    }
}

impl Scenario {
    /// Reads and checks a scenario.
    ///
    /// # Errors
    /// [`InvalidScenario`] names the key.
    pub fn parse(text: &str) -> Result<Self, InvalidScenario> {
        let scenario: Self = toml::from_str(text).map_err(|error: toml::de::Error| {
            InvalidScenario::Toml(error.to_string().trim_end().to_owned())
        })?;
        scenario.check()?;
        Ok(scenario)
    }

    /// Gives a parameter a value: `capped-fair.share=0.3`. The value is written as in JSON.
    ///
    /// # Errors
    /// [`InvalidScenario::Parameter`] if the text has another form, if the parameter does not exist, or if it cannot have
    /// this value. Whether one of the weights of `weighted` is above 0 is checked when the [`Plan`](super::Plan) is made.
    pub fn set_parameter(&mut self, text: &str) -> Result<(), InvalidScenario> {
        let mut values = StrategyParameters::default();
        given::add(&mut values, text)?;
        set_parameters(&mut SelectionSettings::default(), &values)?;
        for (strategy, name, value) in values.iter() {
            let of_strategy = self.streamer.parameters.entry(strategy.to_owned()).or_default();
            of_strategy.insert(name.to_owned(), value.clone());
        }
        Ok(())
    }

    fn check(&self) -> Result<(), InvalidScenario> {
        within("minutes", self.minutes, 10, MINUTES_MAX)?;
        within("late_minutes", self.late_minutes, 0, 240)?;
        within("broadcasts_per_world", self.broadcasts_per_world, 1, 60)?;
        within("viewers_spread", self.viewers_spread, 0.0, 2.0)?;
        within("viewers", self.viewers.len(), 1, 24)?;
        for (hour, &viewers) in self.viewers.iter().enumerate() {
            within(&format!("viewers[{hour}]"), viewers, 0.0, VIEWERS_MAX)?;
        }
        within("campaign", self.campaigns.len(), 1, CAMPAIGNS_MAX)?;
        self.campaigns
            .iter()
            .enumerate()
            .try_for_each(|(place, campaign)| campaign.check(place, self.minutes))
    }
}

impl Sponsor {
    fn check(&self, place: usize, minutes: u32) -> Result<(), InvalidScenario> {
        let key = |name: &str| format!("campaign[{place}].{name}");
        within(&key("title"), self.title.chars().count(), 1, 60)?;
        within(&key("clicks_per_1000"), self.clicks_per_1000, 0.0, 1_000.0)?;
        within(&key("visits_per_1000"), self.visits_per_1000, 0.0, 1_000.0)?;
        within(&key("shift_minutes"), self.shift_minutes, 0, 240)?;
        let amounts = [
            ("budget", Some(self.budget)),
            ("remaining", self.remaining),
            ("before.earned", Some(self.before.earned)),
        ];
        for (name, amount) in amounts {
            if amount.is_some_and(|amount| amount < Money::ZERO) {
                return Err(InvalidScenario::value(key(name), "an amount of 0 or more"));
            }
        }
        if self.remaining.is_some_and(|remaining| remaining > self.budget) {
            return Err(InvalidScenario::value(key("remaining"), "no more is left than the budget"));
        }
        for (name, hour) in [("begins_hour", self.begins_hour), ("ends_hour", self.ends_hour)] {
            within(&key(name), hour.unwrap_or(0), -HOURS_MAX, HOURS_MAX)?;
        }
        let Before { impressions, clicks, visits, paid_units, .. } = self.before;
        for (name, count) in
            [("impressions", impressions), ("clicks", clicks), ("visits", visits), ("paid_units", paid_units)]
        {
            within(&key(&format!("before.{name}")), count, 0, BEFORE_MAX)?;
        }
        if self.begins_hour.zip(self.ends_hour).is_some_and(|(begins, ends)| begins >= ends) {
            return Err(InvalidScenario::value(key("ends_hour"), "a campaign ends after it begins"));
        }
        let edges: Vec<_> = self.active_minutes.iter().flatten().copied().collect();
        if !edges.is_sorted_by(|one, next| one < next) || edges.last().is_some_and(|&last| last > minutes) {
            let reason = format!("pairs of from and until in order, from 0 to {minutes}");
            return Err(InvalidScenario::value(key("active_minutes"), reason));
        }
        Ok(())
    }
}

fn within<N: PartialOrd + Copy + std::fmt::Display>(
    key: &str,
    value: N,
    min: N,
    max: N,
) -> Result<(), InvalidScenario> {
    if value >= min && value <= max {
        return Ok(());
    }
    Err(InvalidScenario::value(key, format!("{value} is not from {min} to {max}")))
}

const fn display() -> Basis {
    Basis::Display
}

const fn six_hours() -> u32 {
    360
}

const fn half_an_hour() -> u32 {
    30
}

const fn one() -> u32 {
    1
}

const fn some_spread() -> f64 {
    0.3
}

const fn one_in_5000() -> f64 {
    0.2
}

const fn ten_thousand() -> u64 {
    10_000
}
