//! Values that are missing, unusual or new.

use gametriggers_domain::ledger::Counters;
use gametriggers_fixtures::time;
use gametriggers_types::{CampaignStatus, MediaType, ParticipationStatus, SelectionSettings, Weekday};
use serde_json::{Value, json};

use crate::support::{
    CAMPAIGNS, EARLY_BIRD, HINGE, KARMA, KARMA_IN_HINGE, PARTICIPATIONS, REPORTED_TOKEN, Store, USERS,
    WEIGHTY, assert_all_inserted, campaign, exported, participation, remarks, user,
};

#[tokio::test]
async fn values_that_cannot_be_used_are_replaced_and_noted() {
    let rotation = |settings: Value| json!({"campaignRotationSettings": settings});
    let period = |start: &str, end: &str, days: Value| json!({"campaignRotationSettings": {"blackoutPeriods": [{"startTime": start, "endTime": end, "days": days}]}});
    let cases = [
        (json!({"overlaySettings": {"opacity": 10}}), "overlaySettings.opacity", "20 is used"),
        (json!({"overlaySettings": {"opacity": 250}}), "overlaySettings.opacity", "100 is used"),
        (json!({"overlaySettings": {"opacity": "80"}}), "overlaySettings.opacity", "the default is used"),
        (
            json!({"overlaySettings": {"backgroundColor": "red;}</style>"}}),
            "overlaySettings.backgroundColor",
            "the default is used",
        ),
        (json!({"overlaySettings": {"position": "middle"}}), "overlaySettings.position", "top-left"),
        (json!({"overlaySettings": {"size": "huge"}}), "overlaySettings.size", "small, medium, large"),
        (json!({"overlaySettings": "none"}), "overlaySettings", "the defaults are used"),
        (json!({"overlayToken": "hunter2/../"}), "overlayToken", "a new one is made"),
        (json!({"overlayLastSeen": "yesterday"}), "overlayLastSeen", "left out"),
        (json!({"image": 7}), "image", "left out"),
        (json!({"category": [7]}), "category", "left out"),
        (json!({"timezone": "Mars/Olympus"}), "timezone", "UTC is used"),
        (json!({"createdAt": "once"}), "createdAt", "the time in the id is used"),
        (
            json!({"testCampaign": {"mediaUrl": "javascript:alert(1)", "expiresAt": {"$date": "2025-07-02T07:10:31Z"}}}),
            "testCampaign.mediaUrl",
            "the test ad is left out",
        ),
        (
            json!({"campaignSelectionStrategy": "bogus"}),
            "campaignSelectionStrategy",
            "`bogus` is no strategy",
        ),
        (
            rotation(json!({"rotationIntervalMinutes": 0})),
            "campaignRotationSettings.rotationIntervalMinutes",
            "the default is used",
        ),
        (
            rotation(json!({"rotationIntervalMinutes": 61})),
            "campaignRotationSettings.rotationIntervalMinutes",
            "the default is used",
        ),
        (
            rotation(json!({"rotationIntervalMinutes": 1.5})),
            "campaignRotationSettings.rotationIntervalMinutes",
            "the default is used",
        ),
        (
            rotation(json!({"priorityWeights": {"fairness": -1}})),
            "campaignRotationSettings.priorityWeights.fairness",
            "the default is used",
        ),
        (
            rotation(json!({"priorityWeights": {"paymentRate": 0, "performance": 0, "fairness": 0}})),
            "campaignRotationSettings.priorityWeights.paymentRate",
            "the default weights are used",
        ),
        (
            period("99:99", "06:00", json!(["monday"])),
            "campaignRotationSettings.blackoutPeriods[0].startTime",
            "the blackout period is left out",
        ),
        (
            period("22:00", "22:00", json!(["monday"])),
            "campaignRotationSettings.blackoutPeriods[0].days",
            "the blackout period is left out",
        ),
        (
            period("22:00", "06:00", json!([])),
            "campaignRotationSettings.blackoutPeriods[0].days",
            "names at least one day",
        ),
    ];
    for (changes, field, reason) in cases {
        let document = user(changes);
        let (store, report) = Store::of(&[(USERS, &document)]).await;
        assert_all_inserted(&report.users, 1);
        let [note] = report.users.notes.as_slice() else { panic!("{document}: {:?}", report.users.notes) };
        assert_eq!(note.field.as_deref(), Some(field), "{document}");
        assert!(note.reason.contains(reason), "{document}: {}", note.reason);
        assert!(!note.to_string().contains("hunter2"), "{note}");
        let stored = store.user(KARMA).await;
        assert_eq!((stored.selection.blackouts.len(), stored.test_campaign), (0, None), "{document}");
        assert_eq!(stored.selection.weights, SelectionSettings::default().weights, "{document}");
        assert_eq!(stored.selection.interval.minutes(), 3, "{document}");
        assert_eq!(stored.overlay.background_color.as_str(), "transparent", "{document}");
    }
}

#[tokio::test]
async fn a_blackout_period_holds_on_the_days_that_are_days() {
    let settings = json!({"blackoutPeriods": [
        {"_id": {"$oid": HINGE}, "startTime": "22:00", "endTime": "06:00", "days": ["monday", "someday"]},
        "always",
        {"startTime": "12:00", "endTime": "13:00", "days": ["Sun"]},
    ]});
    let (store, report) = Store::of(&[(USERS, &user(json!({"campaignRotationSettings": settings})))]).await;
    let blackouts = store.user(KARMA).await.selection.blackouts;
    let days: Vec<_> = blackouts.iter().map(gametriggers_types::WeeklyPeriod::days).collect();
    assert_eq!(days, [[Weekday::Monday], [Weekday::Sunday]]);
    let path = "campaignRotationSettings.blackoutPeriods";
    assert_eq!(
        remarks(&report.users.notes),
        [
            (
                format!("{path}[0].days").as_str(),
                "`someday` is not a day of the week: write monday to sunday; the day is left out"
            ),
            (format!("{path}[1]").as_str(), "not a document; left out"),
        ]
    );
}

#[tokio::test]
async fn the_preferred_strategy_stands_in_for_an_absent_one_only() {
    let preferred = json!({"preferredStrategy": "performance"});
    for (changes, strategy) in [
        (json!({}), "fair-rotation"),
        (json!({"campaignRotationSettings": preferred}), "performance"),
        (json!({"campaignRotationSettings": preferred, "campaignSelectionStrategy": "weighted"}), "weighted"),
    ] {
        let (store, report) = Store::of(&[(USERS, &user(changes))]).await;
        assert_eq!(report.users.notes, []);
        assert_eq!(store.user(KARMA).await.selection.strategy.as_str(), strategy);
    }
}

#[tokio::test]
async fn absent_empty_and_null_tokens_are_no_tokens() {
    let lines = [
        user(json!({})),
        user(json!({"_id": {"$oid": WEIGHTY}, "email": "b", "overlayToken": ""})),
        user(json!({"_id": {"$oid": EARLY_BIRD}, "email": "c", "overlayToken": null})),
    ];
    let (store, report) = Store::of(&[(USERS, &lines.join("\n"))]).await;
    assert_all_inserted(&report.users, 3);
    assert_eq!(report.users.notes, []);
    for id in [KARMA, WEIGHTY, EARLY_BIRD] {
        assert_eq!(store.user(id).await.overlay_token, None);
    }
}

#[tokio::test]
async fn a_bare_participation_gets_the_defaults() {
    let (store, report) = Store::of(&[
        (CAMPAIGNS, &campaign(json!({"status": null, "mediaUrl": "javascript:alert(1)"}))),
        (PARTICIPATIONS, &participation(json!({}))),
    ])
    .await;
    assert_eq!((report.refused().count(), remarks(&report.campaigns.notes).len()), (0, 1));
    assert!(!report.users.found);
    let campaign = store.campaign(HINGE).await;
    assert_eq!(campaign.status, CampaignStatus::Draft);
    assert_eq!(campaign.media_url, "javascript:alert(1)", "kept as it was stored; it is never shown");
    let participation = store.participation(KARMA_IN_HINGE).await;
    assert_eq!(participation.status, ParticipationStatus::Active);
    assert_eq!(participation.counters, Counters::default());
    assert_eq!(participation.browser_source_url, format!("/api/v1/overlay/{REPORTED_TOKEN}"));
    let of_id = time("2025-07-02T06:42:54Z");
    assert_eq!(
        (participation.created_at, participation.updated_at, participation.joined_at),
        (of_id, of_id, of_id)
    );
}

#[tokio::test]
async fn who_joined_at_no_time_joined_when_the_document_was_made() {
    let made = json!({"createdAt": {"$date": "2025-07-03T00:00:00Z"}});
    let (store, _report) = Store::of(&[(PARTICIPATIONS, &participation(made))]).await;
    assert_eq!(store.participation(KARMA_IN_HINGE).await.joined_at, time("2025-07-03T00:00:00Z"));
}

#[tokio::test]
async fn earnings_of_a_fixed_campaign_count_as_paid_units() {
    let fixed = campaign(json!({"paymentType": "fixed", "paymentRate": 5000}));
    let earned = participation(json!({"estimatedEarnings": 2500, "impressions": 7000}));
    let store = Store::empty().await;
    store.import(&exported(&[(CAMPAIGNS, &fixed)])).await;
    store.import(&exported(&[(PARTICIPATIONS, &earned)])).await;
    assert_eq!(store.participation(KARMA_IN_HINGE).await.counters.paid_units, 5_000);
    assert_eq!(store.repositories.ledger.reconcile(false).await.unwrap(), []);
}

/// Addresses are kept as stored, and a note says that they are unusable.
#[tokio::test]
async fn addresses_that_lead_nowhere_are_noted() {
    for (field, address, is_noted) in [
        ("clickUrl", "https://brand.example.com/deal", false),
        ("clickUrl", "http://brand.example.com", false),
        ("clickUrl", "www.brand.com/deal", false),
        ("clickUrl", "brand.com", false),
        ("clickUrl", "", true),
        ("clickUrl", "deal", true),
        ("clickUrl", "javascript:alert(1)", true),
        ("clickUrl", "see our shop", true),
        ("clickUrl", "https://", true),
        ("mediaUrl", "/media/a.png", false),
        ("mediaUrl", "media.example.com/a.png", true),
        ("mediaUrl", "javascript:alert(1)", true),
    ] {
        let (store, report) = Store::of(&[(CAMPAIGNS, &campaign(json!({field: address})))]).await;
        assert_all_inserted(&report.campaigns, 1);
        let noted: Vec<_> = report.campaigns.notes.iter().map(|note| note.field.as_deref()).collect();
        assert_eq!(noted, if is_noted { vec![Some(field)] } else { vec![] }, "{field} {address}");
        let stored = store.campaign(HINGE).await;
        let stored = if field == "clickUrl" { stored.click_url } else { Some(stored.media_url) };
        assert_eq!(stored.as_deref(), Some(address));
    }
}

/// The previous system counted the last minute of a period as a whole, and had no other way to write the end of the day.
#[tokio::test]
async fn a_period_to_the_last_minute_of_the_day_lasts_to_its_end() {
    let period = |end: &str| json!({"startTime": "00:00", "endTime": end, "days": ["monday"]});
    let with_id =
        |end: &str| json!({"_id": {"$oid": HINGE}, "startTime": "00:00", "endTime": end, "days": ["monday"]});
    let settings = |period: Value| json!({"campaignRotationSettings": {"blackoutPeriods": [period]}});
    let ours = |mut settings: Value| {
        settings["selectionVersion"] = 3.into();
        settings
    };
    for (changes, end, is_noted) in [
        (settings(period("23:59")), "24:00", true),
        (settings(with_id("23:59")), "24:00", true),
        (settings(with_id("23:58")), "23:58", false),
        (settings(with_id("06:00")), "06:00", false),
        (settings(period("24:00")), "24:00", false),
        (ours(settings(with_id("23:59"))), "24:00", true),
        (ours(settings(period("23:59"))), "23:59", false),
    ] {
        let shown = changes.to_string();
        let (store, report) = Store::of(&[(USERS, &user(changes))]).await;
        let blackouts = store.user(KARMA).await.selection.blackouts;
        let [blackout] = blackouts.as_slice() else { panic!("{shown}: {blackouts:?}") };
        assert_eq!(blackout.end().to_string(), end, "{shown}");
        let field = "campaignRotationSettings.blackoutPeriods[0].endTime";
        let note = (field, "23:59 was within the period; 24:00 is used, the end of the day");
        assert_eq!(remarks(&report.users.notes), if is_noted { vec![note] } else { vec![] }, "{shown}");
    }
}

#[tokio::test]
async fn a_number_is_a_flag_and_an_address_may_be_missing() {
    let lines = [
        user(json!({"email": null, "isActive": 1})),
        user(json!({"_id": {"$oid": WEIGHTY}, "email": null, "isActive": 0.0})),
    ];
    let (store, report) = Store::of(&[(USERS, &lines.join("\n"))]).await;
    assert_all_inserted(&report.users, 2);
    let note = ("email", "missing; an address is used at which nobody receives mail");
    assert_eq!(remarks(&report.users.notes), [note, note]);
    let (karma, weighty) = (store.user(KARMA).await, store.user(WEIGHTY).await);
    assert_eq!((karma.is_active, weighty.is_active), (true, false));
    assert_eq!(karma.email, format!("{KARMA}@email.invalid"));
}

#[tokio::test]
async fn fields_that_are_new_in_this_system_come_back() {
    let (store, report) = Store::of(&[
        (
            USERS,
            &user(json!({
                "timezone": "Asia/Kolkata", "selectionVersion": 17,
                "tokensRevokedAt": {"$date": "2026-01-01T00:00:00Z"},
                "testCampaign": {"title": "Test", "mediaUrl": "https://media.example.com/t.mp4", "mediaType": "video",
                    "testMode": true, "expiresAt": {"$date": "2026-01-01T00:00:10Z"}},
            })),
        ),
        (
            CAMPAIGNS,
            &campaign(json!({
                "clickUrl": "https://brand.example.com", "expectedImpressions": 500, "paymentType": "cpc",
            })),
        ),
        (
            PARTICIPATIONS,
            &participation(json!({
                "visits": 4, "paidUnits": 3, "viewerSum": 150, "viewerSamples": 3,
                "trackingUrl": "https://example.com/c/1", "chatCommand": "!sponsor",
            })),
        ),
    ])
    .await;
    assert_eq!((report.refused().count(), report.notes().count()), (0, 0));
    let user = store.user(KARMA).await;
    assert_eq!(user.selection.time_zone.as_str(), "Asia/Kolkata");
    assert_eq!(user.selection.version, 17);
    assert_eq!(user.tokens_revoked_at, Some(time("2026-01-01T00:00:00Z")));
    let test = user.test_campaign.unwrap();
    assert_eq!((test.title.as_str(), test.media_type), ("Test", MediaType::Video));
    let campaign = store.campaign(HINGE).await;
    assert_eq!(campaign.click_url.as_deref(), Some("https://brand.example.com"));
    assert_eq!(campaign.payment.expected_impressions(), 500);
    let participation = store.participation(KARMA_IN_HINGE).await;
    let expected =
        Counters { visits: 4, paid_units: 3, viewer_sum: 150, viewer_samples: 3, ..Counters::default() };
    assert_eq!(participation.counters, expected);
    assert_eq!(participation.tracking.tracking_url.as_deref(), Some("https://example.com/c/1"));
    assert_eq!(participation.tracking.qr_code_url, None);
    assert_eq!(participation.tracking.chat_command.as_deref(), Some("!sponsor"));
}
