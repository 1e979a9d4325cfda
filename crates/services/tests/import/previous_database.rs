//! The fixture: a database as the previous system left it.

use bson::Bson;
use gametriggers_domain::ledger::{Counters, Entry, EntryId, EntryKind};
use gametriggers_fixtures::{time, units};
use gametriggers_persistence::{Outcome, OverlayPatch, Repositories, SelectionPatch, SelectionUpdate};
use gametriggers_services::import;
use gametriggers_types::{
    AuthProvider, CampaignStatus, ClickKind, MediaType, Money, OverlayPosition, OverlaySettings, OverlaySize,
    ParticipationStatus, PaymentType, Role, ScreenToken, SelectionSettings, StrategyName, TimeZoneName,
    Weekday,
};
use serde_json::{Value, json};

use crate::support::{
    CAMPAIGNS, EARLY_BIRD, EARLY_BIRD_IN_KEYBOARD, HINGE, KARMA, KARMA_IN_HINGE, LATER_ROLE, PARTICIPATIONS,
    REPORTED_TOKEN, Store, USERS, WEIGHTY, assert_all_inserted, campaign, fixture, fixture_file,
    participation,
};

#[tokio::test]
async fn the_previous_database_is_imported_whole() {
    let store = Store::empty().await;
    let report = import::run(&store.repositories, &fixture()).await.unwrap();
    assert_all_inserted(&report.users, 6);
    assert_all_inserted(&report.campaigns, 6);
    assert_all_inserted(&report.participations, 6);
    let notes: Vec<_> = report.notes().map(ToString::to_string).collect();
    assert_eq!(
        notes,
        ["users.json line 6 (6864d4187d06a675f2abb719): campaignSelectionStrategy: `bogus` is no strategy; \
             it is kept, and campaigns are chosen by fair-rotation"]
    );
    assert_eq!(store.repositories.ledger.reconcile(false).await.unwrap(), []);
}

#[tokio::test]
async fn a_streamer_is_imported_with_every_field() {
    let store = Store::of_fixture().await;
    let karma = store.user(KARMA).await;
    assert_eq!(karma.email, "karma@example.com");
    assert_eq!(karma.name, "karma_sapiens");
    assert_eq!((karma.role, karma.auth_provider), (Role::Streamer, AuthProvider::Twitch));
    assert_eq!(karma.auth_provider_id.as_deref(), Some("141981764"));
    assert_eq!(karma.channel_url.as_deref(), Some("https://twitch.tv/karma_sapiens"));
    assert_eq!(karma.categories, ["Gaming"]);
    assert_eq!(karma.languages, ["English", "Hindi"]);
    assert!(karma.is_active);
    assert_eq!(karma.overlay, OverlaySettings::default());
    let token =
        ScreenToken::parse("0f44b311d2a3777b161a8c9ab3efe78b3122b03a1ea7de83a7b0fe628d34cb1e").unwrap();
    assert_eq!(karma.overlay_token.as_ref(), Some(&token));
    assert_eq!(karma.tokens_revoked_at, None);
    assert_eq!(karma.overlay_last_seen, Some(time("2025-07-02T07:10:31.456Z")));
    assert_eq!(karma.created_at, time("2025-07-02T06:30:00.123Z"));
    assert_eq!(karma.updated_at, time("2025-07-02T07:10:31.456Z"));
    let [blackout] = karma.selection.blackouts.as_slice() else { panic!("{:?}", karma.selection.blackouts) };
    assert_eq!((blackout.start().to_string(), blackout.end().to_string()), ("22:00".into(), "06:00".into()));
    assert_eq!(blackout.days().len(), 5);
    assert!(!blackout.days().contains(&Weekday::Saturday));
    assert_eq!(karma.selection.time_zone, TimeZoneName::default());
    assert_eq!(store.repositories.users.find_by_overlay_token(&token).await.unwrap(), Some(karma));

    let weighty = store.user(WEIGHTY).await;
    assert_eq!(
        (weighty.overlay.position, weighty.overlay.size),
        (OverlayPosition::TopLeft, OverlaySize::Large)
    );
    assert_eq!(weighty.overlay.background_color.as_str(), "#102030");
    assert_eq!(weighty.overlay.opacity, 55.5.try_into().unwrap());
    assert_eq!(weighty.selection.strategy.as_str(), "weighted");
    assert_eq!(weighty.selection.interval.minutes(), 7);
    let stored = weighty.selection.weights;
    let expected = [0.6, 0.1, 0.3].map(|weight: f64| weight.try_into().unwrap());
    assert_eq!([stored.payment_rate(), stored.performance(), stored.fairness()], expected);
}

#[tokio::test]
async fn a_streamer_of_before_the_settings_has_the_defaults() {
    let store = Store::of_fixture().await;
    let early_bird = store.user(EARLY_BIRD).await;
    assert_eq!(early_bird.name, "early_bird");
    assert_eq!(early_bird.auth_provider, AuthProvider::Email);
    assert!(early_bird.is_active);
    assert_eq!(early_bird.overlay, OverlaySettings::default());
    assert_eq!(early_bird.overlay_token, None);
    assert_eq!(early_bird.selection, SelectionSettings::default());
    assert_eq!(early_bird.overlay_last_seen, None);
    assert_eq!(early_bird.test_campaign, None);
}

#[tokio::test]
async fn a_later_role_and_an_unknown_strategy_are_kept() {
    let store = Store::of_fixture().await;
    let later = store.user(LATER_ROLE).await;
    assert_eq!(later.role, Role::StreamerIndividual);
    assert!(later.role.is_streamer());
    assert_eq!(later.selection.strategy, StrategyName::new("bogus"));
    assert_eq!(later.selection.interval.minutes(), 3);
}

#[tokio::test]
async fn campaigns_are_imported_with_money_free_of_noise() {
    let store = Store::of_fixture().await;
    let hinge = store.campaign(HINGE).await;
    assert_eq!(hinge.title, "Hinge");
    assert_eq!(hinge.brand_id.to_string(), "6864d4187d06a675f2abb717");
    assert_eq!((hinge.budget, hinge.remaining_budget), (units(83_000.0), units(82_991.7)));
    assert_eq!((hinge.payment.kind(), hinge.payment.rate()), (PaymentType::Cpm, units(1660.0)));
    assert_eq!(hinge.status, CampaignStatus::Active);
    assert_eq!((hinge.start_date, hinge.end_date), (None, None));
    assert_eq!(hinge.click_url, None);
    assert_eq!(hinge.media_url, "https://media.example.com/d254.png");

    let drink = store.campaign("68626579d05bf40ec8267ffe").await;
    assert_eq!((drink.budget, drink.remaining_budget), (units(12_500.5), units(0.3)));
    assert_eq!(drink.media_type, MediaType::Video);
    assert_eq!(drink.start_date, Some(time("2025-07-01T00:00:00Z")));
    assert_eq!(drink.end_date, Some(time("2099-12-31T23:59:59Z")));

    let fixed = store.campaign("68626579d05bf40ec8267fff").await;
    assert_eq!(fixed.payment.kind(), PaymentType::Fixed);
    assert_eq!(fixed.payment.expected_impressions(), 10_000);
    assert_eq!(fixed.status, CampaignStatus::Paused);
    assert_eq!((fixed.categories.len(), fixed.languages.len()), (0, 0));

    let draft = store.campaign("68626579d05bf40ec8268000").await;
    assert_eq!(draft.description.as_deref(), Some("<b>draft</b>"));
    assert_eq!(draft.payment.rate(), units(2.5));

    let over = store.campaign("68626579d05bf40ec8268001").await;
    assert_eq!(over.remaining_budget, units(-0.01));
    assert_eq!(over.status, CampaignStatus::Completed);
}

#[tokio::test]
async fn the_participation_of_the_bug_report_is_found_by_its_token() {
    let store = Store::of_fixture().await;
    let token = ScreenToken::parse(REPORTED_TOKEN).unwrap();
    let found = store.repositories.participations.find_by_token(&token).await.unwrap().unwrap();
    assert_eq!(found.id.to_string(), KARMA_IN_HINGE);
    assert_eq!(found.campaign_id.to_string(), HINGE);
    assert_eq!(found.streamer_id.to_string(), KARMA);
    assert_eq!(found.status, ParticipationStatus::Active);
    assert_eq!(found.browser_source_url, format!("/api/v1/overlay/{REPORTED_TOKEN}"));
    assert_eq!(found.joined_at, time("2025-07-02T06:41:50Z"));
    assert_eq!(found.updated_at, time("2025-07-02T07:05:00Z"));
    let expected =
        Counters { impressions: 5, clicks: 2, earnings: units(8.3), peak_viewers: 3, ..Counters::default() };
    assert_eq!(found.counters, expected);
    assert_eq!(found.average_viewers_before.to_string(), "1.5");
}

#[tokio::test]
async fn old_names_and_every_status_of_participations_are_understood() {
    let store = Store::of_fixture().await;
    assert_eq!(store.participation(EARLY_BIRD_IN_KEYBOARD).await.counters.impressions, 42);
    let drink = store.participation("686511bdf5a1848d4e97338d").await;
    assert_eq!((drink.counters.impressions, drink.counters.clicks), (13_888, 9));
    assert_eq!((drink.counters.qr_scans, drink.counters.link_clicks), (4, 1));
    assert_eq!(drink.counters.earnings, units(12_500.2));
    let paused = store.participation("686511bdf5a1848d4e97338e").await;
    assert_eq!(paused.status, ParticipationStatus::ParticipationPaused);
    let left = store.participation("686511bdf5a1848d4e97338f").await;
    assert_eq!(left.status, ParticipationStatus::LeftEarly);
}

#[tokio::test]
async fn a_second_import_inserts_and_overwrites_nothing() {
    let store = Store::of_fixture().await;
    let Repositories { users, participations, ledger, .. } = &store.repositories;
    let karma = KARMA.parse().unwrap();
    let at = time("2026-01-01T10:00:00Z");

    let entry = |event: &str, kind: EntryKind| {
        let id = EntryId::click(karma, ClickKind::Qr, event);
        let entry = Entry::new(id, kind, KARMA_IN_HINGE.parse().unwrap(), HINGE.parse().unwrap(), at);
        Entry { basis: kind.basis(), ..entry }
    };
    let batch = [entry("click", EntryKind::Click(ClickKind::Qr)), entry("display", EntryKind::Display)];
    let outcomes = ledger.record(batch.into()).await.unwrap();
    assert!(outcomes.iter().all(|outcome| matches!(outcome, Outcome::Counted(_))), "{outcomes:?}");
    let patch = SelectionPatch { strategy: Some(StrategyName::new("weighted")), ..SelectionPatch::default() };
    let updated = users.update_selection(karma, &patch, at).await.unwrap();
    assert!(matches!(updated, SelectionUpdate::Updated(_)));
    let patch = OverlayPatch { size: Some(OverlaySize::Small), ..OverlayPatch::default() };
    users.update_overlay(karma, &patch, at).await.unwrap();
    let new_token = ScreenToken::parse("new-overlay-token").unwrap();
    users.regenerate_overlay_token(karma, &new_token, at).await.unwrap();
    let (from, to) = (ParticipationStatus::Active, ParticipationStatus::ParticipationPaused);
    assert!(participations.transition(KARMA_IN_HINGE.parse().unwrap(), from, to, at).await.unwrap());
    let before =
        (store.user(KARMA).await, store.campaign(HINGE).await, store.participation(KARMA_IN_HINGE).await);

    let again = import::run(&store.repositories, &fixture()).await.unwrap();

    for collection in [&again.users, &again.campaigns, &again.participations] {
        assert_eq!((collection.inserted, collection.already_present), (0, 6));
    }
    assert_eq!((again.refused().count(), again.notes().count()), (0, 0));
    let after =
        (store.user(KARMA).await, store.campaign(HINGE).await, store.participation(KARMA_IN_HINGE).await);
    assert_eq!(after, before);
    assert_eq!(after.0.overlay_token, Some(new_token));
    assert_eq!(after.1.remaining_budget, units(82_991.7 - 1.66));
    assert_eq!((after.2.counters.impressions, after.2.counters.qr_scans), (6, 1));
    assert_eq!(after.2.counters.earnings, units(9.96));
    assert_eq!(ledger.reconcile(false).await.unwrap(), []);
}

#[tokio::test]
async fn canonical_extended_json_reads_as_relaxed() {
    let canonical: Vec<_> = [USERS, CAMPAIGNS, PARTICIPATIONS]
        .map(|file| {
            let relaxed = fixture_file(file);
            let lines = relaxed.lines().map(|line| {
                let document = Bson::try_from(serde_json::from_str::<Value>(line).unwrap()).unwrap();
                document.into_canonical_extjson().to_string()
            });
            (file, lines.collect::<Vec<_>>().join("\n"))
        })
        .into();
    assert!(canonical[2].1.contains(r#"{"$date":{"$numberLong":"1751438510000"}}"#));
    assert!(canonical[2].1.contains(r#"{"$numberDouble":"8.299999999999999"}"#));
    assert!(canonical[2].1.contains(r#"{"$numberInt":"5"}"#));

    let files: Vec<_> = canonical.iter().map(|(file, lines)| (*file, lines.as_str())).collect();
    let (from_canonical, report) = Store::of(&files).await;
    let from_relaxed = Store::of_fixture().await;

    assert_eq!((report.refused().count(), report.notes().count()), (0, 1));
    for id in ids_in(USERS) {
        assert_eq!(from_canonical.user(&id).await, from_relaxed.user(&id).await);
    }
    for id in ids_in(CAMPAIGNS) {
        assert_eq!(from_canonical.campaign(&id).await, from_relaxed.campaign(&id).await);
    }
    for id in ids_in(PARTICIPATIONS) {
        assert_eq!(from_canonical.participation(&id).await, from_relaxed.participation(&id).await);
    }
}

fn ids_in(file: &str) -> Vec<String> {
    let content = fixture_file(file);
    let id = |line| serde_json::from_str::<Value>(line).unwrap()["_id"]["$oid"].as_str().unwrap().to_owned();
    content.lines().map(id).collect()
}

#[tokio::test]
async fn decimals_and_longs_are_read_as_the_numbers_they_are() {
    let (store, report) = Store::of(&[
        (
            CAMPAIGNS,
            &campaign(json!({
                "budget": {"$numberDecimal": "3999999999.999999"},
                "remainingBudget": {"$numberDecimal": "-0.010000"},
                "paymentRate": {"$numberLong": "1660"},
                "expectedImpressions": {"$numberLong": "20000"},
            })),
        ),
        (
            PARTICIPATIONS,
            &participation(json!({
                "impressions": {"$numberLong": "5000000000"},
                "clicks": {"$numberDouble": "7.0"},
                "peakViewerCount": {"$numberDecimal": "12"},
                "avgViewerCount": {"$numberDecimal": "1.25"},
                "estimatedEarnings": {"$numberDecimal": "8.3000004"},
            })),
        ),
    ])
    .await;
    assert_eq!((report.refused().count(), report.notes().count()), (0, 0));
    let campaign = store.campaign(HINGE).await;
    assert_eq!(campaign.budget, Money::from_micros(3_999_999_999_999_999));
    assert_eq!(campaign.remaining_budget, Money::from_micros(-10_000));
    assert_eq!(campaign.payment.expected_impressions(), 20_000);
    let participation = store.participation(KARMA_IN_HINGE).await;
    assert_eq!((participation.counters.impressions, participation.counters.clicks), (5_000_000_000, 7));
    assert_eq!(participation.counters.peak_viewers, 12);
    assert_eq!(participation.counters.earnings, units(8.3));
    assert_eq!(participation.average_viewers_before.to_string(), "1.25");
}
