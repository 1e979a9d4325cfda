//! Import of a previous database into a real store.
//!
//! `previous-database` holds documents as the previous system stored them: doubles with rounding noise, missing fields,
//! names of before June 2025, an unknown strategy, a budget already overspent.

// Helpers of tests fail by panicking, as the tests themselves do.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::{
    fs,
    path::{Path, PathBuf},
};

use bson::Bson;
use gametriggers_domain::{
    ledger::{Counters, Entry, EntryId, EntryKind},
    model::{Campaign, Participation, User},
};
use gametriggers_persistence::{Outcome, OverlayPatch, Repositories, SelectionPatch, SelectionUpdate};
use gametriggers_persistence_sqlite::SqliteStore;
use gametriggers_services::import::{self, CollectionReport, ImportError, ImportReport, Remark};
use gametriggers_types::{
    AuthProvider, CampaignStatus, ClickKind, MediaType, Money, OverlayPosition, OverlaySettings, OverlaySize,
    ParticipationStatus, PaymentType, Role, ScreenToken, SelectionSettings, StrategyName, TimeZoneName,
    Timestamp, Weekday,
};
use serde_json::{Value, json};
use tempfile::TempDir;

const USERS: &str = "users.json";
const CAMPAIGNS: &str = "campaigns.json";
const PARTICIPATIONS: &str = "campaignparticipations.json";

const KARMA: &str = "6864d4187d06a675f2abb714";
const WEIGHTY: &str = "6864d4187d06a675f2abb715";
const EARLY_BIRD: &str = "6864d4187d06a675f2abb716";
const LATER_ROLE: &str = "6864d4187d06a675f2abb719";
const HINGE: &str = "685f9273332f9dae98cbd254";
const KARMA_IN_HINGE: &str = "6864d4ee7d06a675f2abb716";
const EARLY_BIRD_IN_KEYBOARD: &str = "686511bdf5a1848d4e973390";

/// The token that the original bug report is about.
const REPORTED_TOKEN: &str = "29c9f80049037a0cc9edb2899b2478157d9dd25fd1de1958d01aee459f4219c2";

/// An empty store, and the folder that goes with it.
struct Store {
    repositories: Repositories,
    _folder: TempDir,
}

impl Store {
    async fn empty() -> Self {
        let folder = TempDir::new().unwrap();
        let store = SqliteStore::open(&folder.path().join("store.db")).await.unwrap();
        store.migrate().await.unwrap();
        Self { repositories: store.repositories(), _folder: folder }
    }

    /// A store into which the files were imported, and what the import reported.
    async fn of(files: &[(&str, &str)]) -> (Self, ImportReport) {
        let store = Self::empty().await;
        let report = store.import(&exported(files)).await;
        (store, report)
    }

    /// A store into which the previous database was imported.
    async fn of_fixture() -> Self {
        let store = Self::empty().await;
        import::run(&store.repositories, &fixture()).await.unwrap();
        store
    }

    async fn import(&self, files: &TempDir) -> ImportReport {
        import::run(&self.repositories, files.path()).await.unwrap()
    }

    async fn user(&self, id: &str) -> User {
        self.repositories.users.find_by_id(id.parse().unwrap()).await.unwrap().unwrap()
    }

    async fn campaign(&self, id: &str) -> Campaign {
        self.repositories.campaigns.find_by_id(id.parse().unwrap()).await.unwrap().unwrap()
    }

    async fn participation(&self, id: &str) -> Participation {
        self.repositories.participations.find_by_id(id.parse().unwrap()).await.unwrap().unwrap()
    }
}

fn fixture() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/previous-database")
}

fn fixture_file(file: &str) -> String {
    fs::read_to_string(fixture().join(file)).unwrap()
}

/// A folder with these files.
fn exported(files: &[(&str, &str)]) -> TempDir {
    let folder = TempDir::new().unwrap();
    for (name, content) in files {
        fs::write(folder.path().join(name), content).unwrap();
    }
    folder
}

fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn units(amount: f64) -> Money {
    Money::from_units(amount).unwrap()
}

/// The least that is a user, with `changes` in it; a change to null takes a field away.
fn user(changes: Value) -> String {
    let document = json!({
        "_id": {"$oid": KARMA}, "email": "karma@example.com", "name": "karma", "role": "streamer",
        "authProvider": "twitch",
    });
    changed(document, changes)
}

fn campaign(changes: Value) -> String {
    let document = json!({
        "_id": {"$oid": HINGE}, "title": "Hinge", "brandId": {"$oid": KARMA}, "budget": 100,
        "remainingBudget": 100, "mediaUrl": "https://media.example.com/a.png", "mediaType": "image",
        "paymentRate": 1660, "paymentType": "cpm",
    });
    changed(document, changes)
}

fn participation(changes: Value) -> String {
    let document = json!({
        "_id": {"$oid": KARMA_IN_HINGE}, "campaignId": {"$oid": HINGE}, "streamerId": {"$oid": KARMA},
        "browserSourceToken": REPORTED_TOKEN,
    });
    changed(document, changes)
}

fn changed(mut document: Value, changes: Value) -> String {
    let Value::Object(changes) = changes else { panic!("changes are an object") };
    document.as_object_mut().unwrap().extend(changes);
    document.to_string()
}

/// Field and reason of each remark.
fn remarks(remarks: &[Remark]) -> Vec<(&str, &str)> {
    remarks.iter().map(|remark| (remark.field.as_deref().unwrap_or(""), remark.reason.as_str())).collect()
}

fn assert_all_inserted(report: &CollectionReport, count: u64) {
    assert!(report.found);
    assert_eq!((report.inserted, report.already_present), (count, 0));
    assert_eq!(report.refused, []);
}

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

    let entry = |event: &str, kind| Entry {
        id: EntryId::click(karma, ClickKind::Qr, event),
        participation: KARMA_IN_HINGE.parse().unwrap(),
        campaign: HINGE.parse().unwrap(),
        kind,
        units: 1,
        at,
        rejected: None,
    };
    let batch = [entry("click", EntryKind::Click(ClickKind::Qr)), entry("display", EntryKind::Display)];
    let outcomes = ledger.record(&batch).await.unwrap();
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

#[tokio::test]
async fn one_bad_line_refuses_its_document_only() {
    let words = "streamer, brand, admin";
    let cases = [
        (USERS, "{\"_id\": ".to_owned(), "", "the document does not end on its line"),
        (USERS, format!("{},", user(json!({}))), "", "not valid JSON at column"),
        (USERS, "\"hunter2\"".to_owned(), "", "not a document"),
        (USERS, user(json!({"_id": null})), "_id", "missing"),
        (USERS, user(json!({"_id": "not-an-id"})), "_id", "not an id"),
        (USERS, user(json!({"email": null})), "email", "missing"),
        (USERS, user(json!({"email": 7})), "email", "not text"),
        (USERS, user(json!({"name": null})), "name", "missing"),
        (USERS, user(json!({"role": "emperor"})), "role", words),
        (USERS, user(json!({"authProvider": "myspace"})), "authProvider", "twitch, youtube, email"),
        (USERS, user(json!({"isActive": "no"})), "isActive", "neither true nor false"),
        (USERS, user(json!({"password": 7})), "password", "not text"),
        (USERS, user(json!({"tokensRevokedAt": "x"})), "tokensRevokedAt", "not a date"),
        (USERS, user(json!({"email": {"$oid": "hunter2"}})), "email", "not MongoDB Extended JSON"),
        (USERS, user(json!({"xp": {"at": {"$date": "hunter2"}}})), "xp", "not MongoDB Extended JSON"),
        (CAMPAIGNS, campaign(json!({"title": null})), "title", "missing"),
        (CAMPAIGNS, campaign(json!({"brandId": "x"})), "brandId", "not an id"),
        (CAMPAIGNS, campaign(json!({"budget": "100"})), "budget", "not a number"),
        (CAMPAIGNS, campaign(json!({"budget": -1})), "budget", "less than 0"),
        (CAMPAIGNS, campaign(json!({"budget": 1e18})), "budget", "an amount of money is"),
        (CAMPAIGNS, campaign(json!({"budget": {"$numberDouble": "NaN"}})), "budget", "not a finite number"),
        (CAMPAIGNS, campaign(json!({"remainingBudget": null})), "remainingBudget", "missing"),
        (CAMPAIGNS, campaign(json!({"mediaUrl": null})), "mediaUrl", "missing"),
        (CAMPAIGNS, campaign(json!({"mediaType": "gif"})), "mediaType", "image, video"),
        (CAMPAIGNS, campaign(json!({"status": "lost"})), "status", "draft, pending, active"),
        (CAMPAIGNS, campaign(json!({"paymentType": "barter"})), "paymentType", "cpm, fixed, cpc"),
        (CAMPAIGNS, campaign(json!({"paymentRate": null})), "paymentRate", "missing"),
        (CAMPAIGNS, campaign(json!({"paymentRate": -1})), "paymentRate", "paymentRate is 0 or more"),
        (CAMPAIGNS, campaign(json!({"expectedImpressions": 0})), "expectedImpressions", "1 or more"),
        (CAMPAIGNS, campaign(json!({"endDate": "tomorrow"})), "endDate", "not a date"),
        (PARTICIPATIONS, participation(json!({"campaignId": null})), "campaignId", "missing"),
        (PARTICIPATIONS, participation(json!({"streamerId": 1})), "streamerId", "not an id"),
        (PARTICIPATIONS, participation(json!({"status": "gone"})), "status", "left_early"),
        (PARTICIPATIONS, participation(json!({"browserSourceToken": null})), "browserSourceToken", "missing"),
        (
            PARTICIPATIONS,
            participation(json!({"browserSourceToken": "hunter2/../"})),
            "browserSourceToken",
            "token",
        ),
        (PARTICIPATIONS, participation(json!({"clicks": -1})), "clicks", "not a whole number of 0 or more"),
        (PARTICIPATIONS, participation(json!({"impressions": 1.5})), "impressions", "not a whole number"),
        (
            PARTICIPATIONS,
            participation(json!({"estimatedEarnings": -0.01})),
            "estimatedEarnings",
            "less than 0",
        ),
    ];
    for (file, bad, field, reason) in cases {
        let mut lines = fixture_file(file);
        lines.insert_str(0, &format!("{bad}\n"));
        let (_store, report) = Store::of(&[(file, &lines)]).await;
        let collection = match file {
            USERS => &report.users,
            CAMPAIGNS => &report.campaigns,
            _ => &report.participations,
        };
        assert_eq!(collection.inserted, 6, "{bad}");
        let [refused] = collection.refused.as_slice() else { panic!("{bad}: {:?}", collection.refused) };
        assert_eq!((refused.file, refused.line), (file, 1), "{bad}");
        assert_eq!(refused.field.as_deref().unwrap_or(""), field, "{bad}");
        assert!(refused.reason.contains(reason), "{bad}: {}", refused.reason);
        assert!(!refused.to_string().contains("hunter2"), "{refused}");
        assert_eq!(refused.id.is_some(), !matches!(field, "" | "_id"), "{bad}");
    }
}

#[tokio::test]
async fn a_refusal_says_where_and_what() {
    let (_store, report) = Store::of(&[(USERS, &format!("\n{}", user(json!({"role": "emperor"}))))]).await;
    let refused: Vec<_> = report.refused().map(ToString::to_string).collect();
    let [refused] = refused.as_slice() else { panic!("{refused:?}") };
    assert!(
        refused
            .starts_with(&format!("users.json line 2 ({KARMA}): role: `emperor` is not one of streamer, ")),
        "{refused}"
    );
}

#[tokio::test]
async fn a_unique_value_that_another_document_has_refuses_the_second() {
    let second = user(json!({"_id": {"$oid": WEIGHTY}, "name": "second"}));
    let (store, report) = Store::of(&[(USERS, &format!("{}\n{second}", user(json!({}))))]).await;
    assert_eq!(report.users.inserted, 1);
    let [refused] = report.users.refused.as_slice() else { panic!("{report:?}") };
    assert_eq!((refused.line, refused.field.as_deref()), (2, Some("email")));
    assert_eq!(refused.reason, "another user is stored with the same value");
    assert_eq!(store.user(KARMA).await.name, "karma");
}

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
    let days: Vec<_> = blackouts.iter().map(gametriggers_types::BlackoutPeriod::days).collect();
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
    assert_eq!((report.refused().count(), report.notes().count()), (0, 0));
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

#[tokio::test]
async fn a_participation_outlives_its_campaign() {
    let earned = participation(json!({"estimatedEarnings": 2500}));
    let (store, report) = Store::of(&[(PARTICIPATIONS, &earned)]).await;
    assert_eq!(store.participation(KARMA_IN_HINGE).await.counters.paid_units, 0);
    let expected = format!("there is no campaign {HINGE}; no unit counts as paid so far");
    assert_eq!(remarks(&report.participations.notes), [("campaignId", expected.as_str())]);
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

#[tokio::test]
async fn blank_lines_line_ends_and_huge_lines_are_fine() {
    let description = "x".repeat(5_000_000);
    let content = format!(
        "\u{feff}\r\n\n{}\r\n  \n{}",
        user(json!({"description": description})),
        user(json!({"_id": {"$oid": WEIGHTY}, "email": "b", "role": "emperor"})),
    );
    let (store, report) = Store::of(&[(USERS, &content)]).await;
    assert_eq!(report.users.inserted, 1);
    assert_eq!(report.users.refused[0].line, 5);
    assert_eq!(store.user(KARMA).await.description, Some(description));
}

#[tokio::test]
async fn an_empty_file_is_an_empty_collection() {
    let (_store, report) = Store::of(&[(USERS, "")]).await;
    assert_eq!(report.users, CollectionReport { found: true, ..CollectionReport::default() });
    assert!(!report.campaigns.found);
}

#[tokio::test]
async fn a_folder_without_any_of_the_files_is_an_error_that_names_them() {
    let store = Store::empty().await;
    for folder in [exported(&[("user.json", "{}")]).path().to_owned(), PathBuf::from("/no/such/folder")] {
        let error = import::run(&store.repositories, &folder).await.unwrap_err();
        assert!(matches!(error, ImportError::NothingFound { .. }), "{error:?}");
        let message = error.to_string();
        for name in [USERS, CAMPAIGNS, PARTICIPATIONS, folder.to_str().unwrap()] {
            assert!(message.contains(name), "{message}");
        }
    }
}

#[tokio::test]
async fn a_file_that_is_not_lines_says_how_to_export_it_and_nothing_is_imported() {
    let array = format!("\n[{},\n{}]", participation(json!({})), participation(json!({})));
    for (content, option) in [(array.as_str(), "--jsonArray"), ("{\n\t\"_id\": 1\n}\n", "--pretty")] {
        let store = Store::empty().await;
        let files = exported(&[(USERS, &user(json!({}))), (PARTICIPATIONS, content)]);
        let error = import::run(&store.repositories, files.path()).await.unwrap_err();
        assert_eq!(
            error.to_string(),
            format!(
                "campaignparticipations.json was exported with {option}; export it without, so that each line holds \
                 one document"
            )
        );
        assert_eq!(store.repositories.users.find_by_id(KARMA.parse().unwrap()).await.unwrap(), None);
    }
}

#[tokio::test]
async fn a_file_that_cannot_be_read_is_named() {
    let store = Store::empty().await;
    let files = TempDir::new().unwrap();
    fs::create_dir(files.path().join(USERS)).unwrap();
    let error = import::run(&store.repositories, files.path()).await.unwrap_err();
    assert!(matches!(error, ImportError::Unreadable { file: USERS, .. }), "{error:?}");
    assert_eq!(error.to_string(), "users.json cannot be read");
}

/// Defect A25: tokens and addresses were logged.
#[tokio::test]
async fn a25_a_report_shows_no_token_address_or_password() {
    let fixture_report = import::run(&Store::empty().await.repositories, &fixture()).await.unwrap();
    let bad = [
        user(
            json!({"email": "hunter2@example.com", "overlayToken": "hunter2 hunter2", "password": "hunter2"}),
        ),
        user(json!({"email": ["hunter2@example.com"], "_id": {"$oid": WEIGHTY}})),
        user(json!({"email": "hunter2@example.com", "_id": {"$oid": EARLY_BIRD}})),
        "{\"password\": \"hunter2\"".to_owned(),
    ];
    let (_store, report) = Store::of(&[(USERS, &bad.join("\n"))]).await;
    assert_eq!((report.users.refused.len(), report.users.notes.len()), (3, 1));
    let shown = format!("{fixture_report:?} {report:?}");
    for secret in ["hunter2", "@example.com", REPORTED_TOKEN, "$2b$10$"] {
        assert!(!shown.contains(secret), "{shown}");
    }
}

/// What a field may hold that is not what it should hold.
fn odd_values() -> Vec<Value> {
    vec![
        json!(null),
        json!(true),
        json!(0),
        json!(-1),
        json!(1.5),
        json!(1e300),
        json!({"$numberLong": "9223372036854775807"}),
        json!({"$numberDouble": "NaN"}),
        json!({"$numberDouble": "-Infinity"}),
        json!({"$numberDecimal": "NaN"}),
        json!({"$numberDecimal": "9.999999999999999999999999999999999E+6144"}),
        json!({"$numberDecimal": "1E-6176"}),
        json!({"$numberDecimal": "x"}),
        json!({"$date": {"$numberLong": "9223372036854775807"}}),
        json!({"$date": {"$numberLong": "-9223372036854775808"}}),
        json!({"$oid": "zz"}),
        json!({"$undefined": true}),
        json!({"$minKey": 1}),
        json!({"$timestamp": {"t": 1, "i": 1}}),
        json!({"$binary": {"base64": "AA==", "subType": "00"}}),
        json!(""),
        json!("x\u{0}"),
        json!("é".repeat(200)),
        json!([]),
        json!([null, [], {}]),
        json!({}),
        json!({"a": null}),
    ]
}

/// The place of every value in a document.
fn places(document: &Value, path: &str, places: &mut Vec<String>) {
    let inner: Vec<(String, &Value)> = match document {
        Value::Object(fields) => fields.iter().map(|(key, value)| (key.clone(), value)).collect(),
        Value::Array(items) => {
            items.iter().enumerate().map(|(index, item)| (index.to_string(), item)).collect()
        }
        _ => Vec::new(),
    };
    for (key, value) in inner {
        let place = format!("{path}/{key}");
        places.push(place.clone());
        self::places(value, &place, places);
    }
}

/// What is stored can be read: nothing that the import lets through is corrupt to the store.
#[tokio::test]
async fn whatever_a_field_holds_is_stored_readably_or_refused() {
    for file in [USERS, CAMPAIGNS, PARTICIPATIONS] {
        let whole: Value = serde_json::from_str(fixture_file(file).lines().next().unwrap()).unwrap();
        let mut odd = Vec::new();
        places(&whole, "", &mut odd);
        let mut lines = Vec::new();
        for place in odd {
            for value in odd_values() {
                let number = lines.len();
                let mut document = whole.clone();
                document["_id"] = json!({"$oid": format!("{number:024x}")});
                for (unique, value) in [
                    ("email", format!("{number}@example.com")),
                    ("overlayToken", format!("overlay-{number}")),
                    ("browserSourceToken", format!("browser-{number}")),
                    ("streamerId", format!("{number:024x}")),
                ] {
                    if document.get(unique).is_some() {
                        document[unique] = value.into();
                    }
                }
                if let Some(field) = document.pointer_mut(&place) {
                    *field = value;
                }
                lines.push(document.to_string());
            }
        }
        let (store, report) = Store::of(&[(file, &lines.join("\n"))]).await;
        let collection = match file {
            USERS => &report.users,
            CAMPAIGNS => &report.campaigns,
            _ => &report.participations,
        };
        let told = collection.inserted + collection.already_present;
        assert_eq!(usize::try_from(told).unwrap() + collection.refused.len(), lines.len(), "{file}");
        assert!(told > 0 && !collection.refused.is_empty(), "{file}");
        for number in 0..lines.len() {
            let id = format!("{number:024x}");
            let Repositories { users, campaigns, participations, .. } = &store.repositories;
            match file {
                USERS => drop(users.find_by_id(id.parse().unwrap()).await.unwrap()),
                CAMPAIGNS => drop(campaigns.find_by_id(id.parse().unwrap()).await.unwrap()),
                _ => drop(participations.find_by_id(id.parse().unwrap()).await.unwrap()),
            }
        }
        assert_eq!(store.repositories.ledger.reconcile(false).await.unwrap(), [], "{file}");
    }
}
