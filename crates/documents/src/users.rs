//! Reads and writes `users`.

use bson::{Bson, Document, deserialize_from_bson, doc};
use gametriggers_domain::{
    model::{TestCampaign, User},
    selection,
};
use gametriggers_types::{
    Daypart, InvalidSelectionSetting, MediaType, Opacity, OverlaySettings, ParameterValue, PriorityWeights,
    RotationInterval, ScreenToken, SelectionSettings, Spacing, StrategyName, StrategyParameters, TimeOfDay,
    TimeZoneName, UserId, WebUrl, WeeklyPeriod, Weight, parse_weekday, weekday_name,
};

use crate::{
    fields::{Fields, Problem},
    values::{
        self, Read, checked, count, flag, number, parsed, stored_count, stored_id, stored_time, text, texts,
        time, token,
    },
};

const DEFAULT: &str = "the default is used";
const LEFT_OUT: &str = "left out";
const PERIOD_LEFT_OUT: &str = "the blackout period is left out";
const AD_LEFT_OUT: &str = "the test ad is left out";

/// Reads a user from the fields of the document and removes the fields that it reads. [`password`] reads the password
/// hash.
///
/// # Errors
/// [`Problem`] if a required field is missing, or if a field has a wrong value that must not be replaced by a default.
pub fn read(fields: &mut Fields) -> Result<User, Problem> {
    let id: UserId = fields.required("_id", values::id)?;
    for shown in ["email", "name", "description", "category", "language"] {
        fields.mend(shown);
    }
    Ok(User {
        id,
        email: email(fields, id)?,
        name: fields.required("name", text)?,
        image: fields.usable("image", text, LEFT_OUT),
        role: fields.required("role", parsed)?,
        auth_provider: fields.required("authProvider", parsed)?,
        auth_provider_id: fields.usable("authProviderId", text, LEFT_OUT),
        channel_url: fields.usable("channelUrl", text, LEFT_OUT),
        categories: fields.usable("category", texts, LEFT_OUT).unwrap_or_default(),
        languages: fields.usable("language", texts, LEFT_OUT).unwrap_or_default(),
        description: fields.usable("description", text, LEFT_OUT),
        is_active: fields.optional("isActive", flag)?.unwrap_or(true),
        overlay: fields.inside("overlaySettings", overlay),
        overlay_token: overlay_token(fields),
        tokens_revoked_at: fields.optional("tokensRevokedAt", time)?,
        overlay_last_seen: fields.usable("overlayLastSeen", time, LEFT_OUT),
        selection: selection(fields),
        test_campaign: fields.inside("testCampaign", test_campaign),
        created_at: fields.time_or_of_id("createdAt", id.object_id()),
        updated_at: fields.time_or_of_id("updatedAt", id.object_id()),
    })
}

/// Reads the password hash; only users who sign in by e-mail have one.
///
/// # Errors
/// [`Problem`] if the field is not text.
pub fn password(fields: &mut Fields) -> Result<Option<String>, Problem> {
    fields.optional("password", text)
}

/// The document of a user. Absent values have no field.
#[must_use]
pub fn write(user: &User, password_hash: Option<&str>) -> Document {
    let selection = &user.selection;
    let mut document = doc! {
        "_id": stored_id(user.id.object_id()),
        "email": &user.email,
        "name": &user.name,
        "role": user.role.as_str(),
        "authProvider": user.auth_provider.as_str(),
        "category": &user.categories,
        "language": &user.languages,
        "isActive": user.is_active,
        "overlaySettings": {
            "position": user.overlay.position.as_str(),
            "size": user.overlay.size.as_str(),
            "opacity": user.overlay.opacity.percent(),
            "backgroundColor": user.overlay.background_color.as_str(),
        },
        "campaignSelectionStrategy": selection.strategy.as_str(),
        "campaignRotationSettings": {
            "preferredStrategy": selection.strategy.as_str(),
            "rotationIntervalMinutes": i32::from(selection.interval.minutes()),
            "priorityWeights": write_weights(selection.weights),
            "strategyParameters": write_parameters(&selection.parameters),
            "maxSlotsInARow": i32::from(selection.spacing.in_a_row.slots()),
            "minSlotsBetweenCategory": i32::from(selection.spacing.between.slots()),
            "blackoutPeriods": write_blackouts(&selection.blackouts),
        },
        "timezone": selection.time_zone.as_str(),
        "selectionVersion": stored_count(selection.version),
        "createdAt": stored_time(user.created_at),
        "updatedAt": stored_time(user.updated_at),
    };
    let texts = [
        ("image", user.image.as_deref()),
        ("password", password_hash),
        ("authProviderId", user.auth_provider_id.as_deref()),
        ("channelUrl", user.channel_url.as_deref()),
        ("description", user.description.as_deref()),
        ("overlayToken", user.overlay_token.as_ref().map(ScreenToken::expose)),
    ];
    document.extend(texts.into_iter().filter_map(|(key, text)| Some((key.to_owned(), text?.into()))));
    let times = [("tokensRevokedAt", user.tokens_revoked_at), ("overlayLastSeen", user.overlay_last_seen)];
    document.extend(
        times.into_iter().filter_map(|(key, time)| Some((key.to_owned(), stored_time(time?).into()))),
    );
    if let Some(test) = &user.test_campaign {
        document.insert("testCampaign", write_test_campaign(test));
    }
    document
}

/// The value of `campaignRotationSettings.priorityWeights`.
#[must_use]
pub fn write_weights(weights: PriorityWeights) -> Document {
    doc! {
        "paymentRate": weights.payment_rate().value(),
        "performance": weights.performance().value(),
        "fairness": weights.fairness().value(),
    }
}

/// The path of the values of strategies' parameters in the document of a user.
pub const STRATEGY_PARAMETERS: &str = "campaignRotationSettings.strategyParameters";

fn write_parameters(parameters: &StrategyParameters) -> Document {
    let mut written = Document::new();
    for (strategy, parameter, value) in parameters.iter() {
        let of_strategy = written.entry(strategy.to_owned()).or_insert_with(|| Document::new().into());
        if let Bson::Document(values) = of_strategy {
            values.insert(parameter, write_parameter(value));
        }
    }
    written
}

/// The value of one parameter of a strategy.
#[must_use]
pub fn write_parameter(value: &ParameterValue) -> Bson {
    match value {
        ParameterValue::Number(number) => (*number).into(),
        ParameterValue::Dayparts(parts) => {
            let write = |part: &Daypart| {
                let mut written = write_period(&part.period);
                written.extend(doc! {"category": &part.category, "weight": part.weight.value()});
                Bson::from(written)
            };
            parts.iter().map(write).collect::<Vec<_>>().into()
        }
    }
}

/// The value of `campaignRotationSettings.blackoutPeriods`.
#[must_use]
pub fn write_blackouts(periods: &[WeeklyPeriod]) -> Vec<Document> {
    periods.iter().map(write_period).collect()
}

fn write_period(period: &WeeklyPeriod) -> Document {
    let days: Vec<_> = period.days().iter().map(|day| weekday_name(*day)).collect();
    doc! {"startTime": period.start().to_string(), "endTime": period.end().to_string(), "days": days}
}

/// The value of `testCampaign`.
#[must_use]
pub fn write_test_campaign(test: &TestCampaign) -> Document {
    doc! {
        "title": &test.title,
        "mediaUrl": test.media_url.as_str(),
        "mediaType": test.media_type.as_str(),
        "testMode": true,
        "expiresAt": stored_time(test.expires_at),
    }
}

/// Reads the e-mail address. A user without one gets an address at `email.invalid` that contains the user's id, because
/// addresses must be unique. Nobody receives mail there.
fn email(fields: &mut Fields, id: UserId) -> Result<String, Problem> {
    if let Some(address) = fields.optional("email", text)? {
        return Ok(address);
    }
    fields.note("email", "missing; an address is used at which nobody receives mail");
    Ok(format!("{id}@email.invalid"))
}

fn overlay(settings: &mut Fields) -> OverlaySettings {
    OverlaySettings {
        position: settings.usable("position", parsed, DEFAULT).unwrap_or(OverlaySettings::default().position),
        size: settings.usable("size", parsed, DEFAULT).unwrap_or(OverlaySettings::default().size),
        opacity: opacity(settings),
        background_color: settings.usable("backgroundColor", parsed, DEFAULT).unwrap_or_default(),
    }
}

/// Clamps the opacity to 20 to 100; the previous system stored 0 to 100.
fn opacity(settings: &mut Fields) -> Opacity {
    let Some(percent) = settings.usable("opacity", number, DEFAULT) else { return Opacity::default() };
    Opacity::try_from(percent).unwrap_or_else(|error| {
        let nearest = percent.clamp(20.0, 100.0);
        settings.note("opacity", &format!("{error}; {nearest} is used"));
        Opacity::try_from(nearest).unwrap_or_default()
    })
}

fn overlay_token(fields: &mut Fields) -> Option<ScreenToken> {
    let unless_empty = |value: &_| if text(value)?.is_empty() { Ok(None) } else { token(value).map(Some) };
    fields.usable("overlayToken", unless_empty, "a new one is made when the streamer first asks").flatten()
}

fn selection(fields: &mut Fields) -> SelectionSettings {
    let time_zone = |name: &_| checked(TimeZoneName::parse(&text(name)?));
    let time_zone = fields.usable("timezone", time_zone, "UTC is used").unwrap_or_default();
    let is_ours = fields.has("selectionVersion");
    let version = fields.usable("selectionVersion", count, "0 is used").unwrap_or_default();
    let chosen = fields.usable("campaignSelectionStrategy", text, LEFT_OUT);
    let (preferred, mut settings) = fields.inside("campaignRotationSettings", |stored| {
        let interval = |minutes: &_| checked(RotationInterval::try_from(number(minutes)?));
        let settings = SelectionSettings {
            strategy: StrategyName::default(),
            interval: stored.usable("rotationIntervalMinutes", interval, DEFAULT).unwrap_or_default(),
            weights: stored.inside("priorityWeights", weights),
            parameters: stored.usable("strategyParameters", parameters, DEFAULT).unwrap_or_default(),
            spacing: Spacing {
                in_a_row: stored.usable("maxSlotsInARow", slots, DEFAULT).unwrap_or_default(),
                between: stored.usable("minSlotsBetweenCategory", slots, DEFAULT).unwrap_or_default(),
            },
            blackouts: stored.each("blackoutPeriods", |period| blackout(period, is_ours)),
            time_zone,
            version,
        };
        (stored.usable("preferredStrategy", text, LEFT_OUT), settings)
    });
    // Defect S2: the strategy was stored in two fields, and only the first was read.
    if let Some(name) = chosen.or(preferred) {
        if selection::find(&name).is_err() {
            let shown: String = name.chars().take(64).collect();
            let instead = selection::default_strategy().name();
            let reason =
                format!("`{shown}` is no strategy; it is kept, and campaigns are chosen by {instead}");
            fields.note("campaignSelectionStrategy", &reason);
        }
        settings.strategy = StrategyName::new(&name);
    }
    settings
}

fn parameters(stored: &Bson) -> Read<StrategyParameters> {
    checked(deserialize_from_bson(stored.clone()))
}

fn slots<T: TryFrom<f64, Error = InvalidSelectionSetting>>(stored: &Bson) -> Read<T> {
    checked(T::try_from(number(stored)?))
}

fn weights(stored: &mut Fields) -> PriorityWeights {
    let defaults = PriorityWeights::default();
    let mut weight = |key, default| {
        let read = |value: &_| checked(Weight::try_from(number(value)?));
        stored.usable(key, read, DEFAULT).unwrap_or(default)
    };
    let payment_rate = weight("paymentRate", defaults.payment_rate());
    let performance = weight("performance", defaults.performance());
    let fairness = weight("fairness", defaults.fairness());
    PriorityWeights::new(payment_rate, performance, fairness).unwrap_or_else(|error| {
        stored.note("paymentRate", &format!("{error}; the default weights are used"));
        defaults
    })
}

/// Reads a blackout period. Unknown days are dropped, so that the period still holds on the other days.
///
/// The previous system had no 24:00. It used 23:59 for the end of the day, and that minute was within the period
/// (`docs/adr/0015-end-of-day.md`). A period of this system has no `_id` and is in a document with `selectionVersion`
/// (`is_ours`); its 23:59 is kept.
fn blackout(period: &mut Fields, is_ours: bool) -> Option<WeeklyPeriod> {
    let is_previous = period.forget("_id") || !is_ours;
    let start = period.usable("startTime", parsed, PERIOD_LEFT_OUT);
    let mut end = period.usable("endTime", parsed, PERIOD_LEFT_OUT);
    if is_previous && end == Some(TimeOfDay::LAST_MINUTE) {
        period.note("endTime", "23:59 was within the period; 24:00 is used, the end of the day");
        end = Some(TimeOfDay::END_OF_DAY);
    }
    let names = period.usable("days", texts, PERIOD_LEFT_OUT).unwrap_or_default();
    let mut days = Vec::new();
    for name in names {
        match parse_weekday(&name) {
            Ok(day) => days.push(day),
            Err(error) => period.note("days", &format!("{error}; the day is left out")),
        }
    }
    match WeeklyPeriod::new(start?, end?, &days) {
        Ok(period) => Some(period),
        Err(error) => {
            period.note("days", &format!("{error}; {PERIOD_LEFT_OUT}"));
            None
        }
    }
}

fn test_campaign(ad: &mut Fields) -> Option<TestCampaign> {
    let url = |value: &_| checked(WebUrl::parse(&text(value)?));
    let media_url = ad.usable("mediaUrl", url, AD_LEFT_OUT);
    let expires_at = ad.usable("expiresAt", time, AD_LEFT_OUT);
    let title = ad.usable("title", text, DEFAULT).unwrap_or_else(|| "Test Campaign".to_owned());
    let media_type = ad.usable("mediaType", parsed, DEFAULT).unwrap_or(MediaType::Image);
    Some(TestCampaign { title, media_url: media_url?, media_type, expires_at: expires_at? })
}
