//! `users`.

use gametriggers_domain::{
    model::{TestCampaign, User},
    selection,
};
use gametriggers_persistence::NewUser;
use gametriggers_types::{
    BlackoutPeriod, MediaType, Opacity, OverlaySettings, PriorityWeights, RotationInterval, ScreenToken,
    SelectionSettings, StrategyName, TimeZoneName, UserId, WebUrl, Weight, parse_weekday,
};

use super::{
    fields::{Fields, Problem},
    values::{self, checked, count, flag, number, parsed, text, texts, time, token},
};

const DEFAULT: &str = "the default is used";
const LEFT_OUT: &str = "left out";
const PERIOD_LEFT_OUT: &str = "the blackout period is left out";
const AD_LEFT_OUT: &str = "the test ad is left out";

pub(super) fn read(fields: &mut Fields) -> Result<NewUser, Problem> {
    let id: UserId = fields.required("_id", values::id)?;
    let user = User {
        id,
        email: fields.required("email", text)?,
        name: fields.required("name", text)?,
        image: fields.usable("image", text, LEFT_OUT),
        role: fields.required("role", parsed)?,
        auth_provider: fields.required("authProvider", parsed)?,
        auth_provider_id: fields.optional("authProviderId", text)?,
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
    };
    let password_hash = fields.optional("password", text)?;
    Ok(NewUser { user, password_hash, other_fields: fields.rest()? })
}

fn overlay(settings: &mut Fields) -> OverlaySettings {
    OverlaySettings {
        position: settings.usable("position", parsed, DEFAULT).unwrap_or(OverlaySettings::default().position),
        size: settings.usable("size", parsed, DEFAULT).unwrap_or(OverlaySettings::default().size),
        opacity: opacity(settings),
        background_color: settings.usable("backgroundColor", parsed, DEFAULT).unwrap_or_default(),
    }
}

/// The previous system stored 0 to 100.
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
    let version = fields.usable("selectionVersion", count, "0 is used").unwrap_or_default();
    let chosen = fields.usable("campaignSelectionStrategy", text, LEFT_OUT);
    let (preferred, mut settings) = fields.inside("campaignRotationSettings", |stored| {
        let interval = |minutes: &_| checked(RotationInterval::try_from(number(minutes)?));
        let settings = SelectionSettings {
            strategy: StrategyName::default(),
            interval: stored.usable("rotationIntervalMinutes", interval, DEFAULT).unwrap_or_default(),
            weights: stored.inside("priorityWeights", weights),
            blackouts: stored.each("blackoutPeriods", blackout),
            time_zone,
            version,
        };
        (stored.usable("preferredStrategy", text, LEFT_OUT), settings)
    });
    // Defect S2: one setting was stored twice, and only the first was read.
    if let Some(name) = chosen.or(preferred) {
        if selection::find(&name).is_none() {
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

/// Days that are none are left out, so that the period still holds on the others.
fn blackout(period: &mut Fields) -> Option<BlackoutPeriod> {
    let start = period.usable("startTime", parsed, PERIOD_LEFT_OUT);
    let end = period.usable("endTime", parsed, PERIOD_LEFT_OUT);
    let names = period.usable("days", texts, PERIOD_LEFT_OUT).unwrap_or_default();
    let mut days = Vec::new();
    for name in names {
        match parse_weekday(&name) {
            Ok(day) => days.push(day),
            Err(error) => period.note("days", &format!("{error}; the day is left out")),
        }
    }
    match BlackoutPeriod::new(start?, end?, &days) {
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

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    /// The documents of the previous database, by line from 0.
    fn previous(line: usize) -> NewUser {
        let users = include_str!("../../tests/previous-database/users.json");
        read(&mut Fields::parse(users.lines().nth(line).unwrap().as_bytes()).unwrap()).unwrap()
    }

    #[test]
    fn the_password_is_kept_apart_from_the_user() {
        assert!(previous(2).password_hash.is_some_and(|hash| hash.starts_with("$2b$10$")));
        assert_eq!(previous(0).password_hash, None);
        assert!(!previous(2).other_fields.contains("$2b$"));
    }

    #[test]
    fn fields_that_this_version_does_not_use_are_kept() {
        let other: Value = serde_json::from_str(&previous(0).other_fields).unwrap();
        let expected = json!({
            "__v": 0,
            "overlayActive": true,
            "streakCurrent": 0, "streakLongest": 0, "streakLastDate": null, "streakHistory": [],
            "energyPacks": {
                "current": 10, "maximum": 10, "dailyUsed": 0, "lastReset": {"$date": "2025-07-01T00:00:00Z"},
            },
            "xp": {"total": 0, "level": 1, "earnedToday": 0, "lastEarned": null, "activities": []},
            "rp": {"total": 0, "earnedToday": 0, "lastEarned": null, "activities": []},
        });
        assert_eq!(other, expected);
    }
}
