//! `lab replay`: estimates what another strategy would have earned with the decisions of a real server.

#![allow(clippy::float_cmp)] // whole numbers, and shares that are exactly 1

use std::fs;

use gametriggers_domain::model::Campaign;
use gametriggers_fixtures::{cpm, time, units};
use gametriggers_types::{Money, Timestamp, UserId};
use serde_json::{Value, json};

use super::process::Folder;
use crate::support::{Field, TestServer};

/// From before the first to after the last decision of these tests.
const TIME: [&str; 4] = ["--from", "2026-11-20T00:00:00Z", "--to", "2027-01-01T00:00:00Z"];
const DECISIONS_PER_BROADCAST: usize = 8;

/// The decisions of a server for a streamer in three campaigns, which pay 1, 2 and 3 for a display.
struct Decided {
    folder: Folder,
    streamer: UserId,
    earned: Money,
}

impl Decided {
    /// Decisions of a streamer with these settings. Every decision is displayed, every second one only after it ended. The last
    /// decision of each broadcast is clicked.
    async fn with(settings: Value, exploration: f64, broadcasts: usize) -> Self {
        let server = TestServer::start_exploring(exploration).await;
        let streamer = server.streamer().await;
        server.choose(&streamer, settings).await;
        let mut joined = Vec::new();
        for rate in [1_000.0, 2_000.0, 3_000.0] {
            let change = |it: &mut Campaign| {
                (it.payment, it.budget, it.remaining_budget) = (cpm(rate), units(20_000.0), units(20_000.0));
                it.end_date = Some(time("2026-12-20T00:00:00Z"));
            };
            let campaign = server.campaign_with(change).await;
            joined.push(server.join(&streamer, &campaign).await.id);
        }
        for _ in 0..broadcasts {
            for number in 1..=DECISIONS_PER_BROADCAST {
                let shown = server.data(&streamer.token).await;
                let is_late = number % 2 == 1;
                if is_late {
                    server.clock.advance_seconds(3 * 60);
                    server.data(&streamer.token).await;
                }
                server.display(&streamer.token, &shown).await.assert_event("counted", None);
                if number == DECISIONS_PER_BROADCAST {
                    server.click(&streamer.token, &shown).await.assert_event("counted", None);
                }
                if !is_late {
                    server.clock.advance_seconds(3 * 60);
                }
            }
            server.clock.advance_seconds(7 * 60 * 60);
        }
        // The last decision is not displayed. Whether it has ended depends on when the test runs.
        server.data(&streamer.token).await;
        let mut earned = Money::ZERO;
        for id in joined {
            earned += server.stored_participation(id).await.counters.earnings;
        }
        Self { folder: Folder::with(server.ended().await), streamer: streamer.user.id, earned }
    }
}

fn replay<'a>(strategy: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    [&["lab", "replay", "--strategy", strategy][..], &TIME, more].concat()
}

fn read(folder: &Folder, file: &str) -> Value {
    serde_json::from_str(&fs::read_to_string(folder.path().join(file)).unwrap()).unwrap()
}

/// Asserts that the page says all of this and names no other address.
#[track_caller]
fn assert_page(folder: &Folder, parts: &[&str]) {
    let page = fs::read_to_string(folder.path().join("replay.html")).unwrap();
    for part in parts {
        assert!(page.contains(part), "no `{part}` in {page}");
    }
    assert!(!page.contains("://"), "{page}");
}

fn number(value: &Value, path: &str) -> f64 {
    value.pointer(path).and_then(Value::as_f64).unwrap_or_else(|| panic!("no {path} in {value}"))
}

/// All decisions are left to chance, so a third shows the campaign that pays most, which the other strategy would always show.
#[tokio::test]
async fn decisions_that_were_left_to_chance_tell_what_another_strategy_would_have_earned() {
    let Decided { folder, streamer, earned } = Decided::with(json!({}), 1.0, 60).await;
    let before = folder.store().everything().await;
    let files = ["--json", "replay.json", "--html", "replay.html"];
    let ended = folder.run(&replay("revenue-optimized", &files));
    assert_eq!(ended.code, Some(0), "{}{}", ended.stdout, ended.stderr);
    assert_page(
        &folder,
        &["What revenue-optimized would have earned", "Earnings per hour on screen", "doubly robust", "<svg"],
    );
    for line in
        ["replayed with revenue-optimized", "made by fair-rotation, exploration share 1", "whole broadcasts"]
    {
        assert!(ended.stdout.contains(line), "no `{line}` in {}", ended.stdout);
    }
    assert_eq!(folder.store().everything().await, before, "a replay writes nothing");

    let report = read(&folder, "replay.json");
    let of = |path: &str| number(&report, path);
    let count = of("/decisions/replayed");
    assert_eq!(count + of("/decisions/unfinished"), 481.0, "{report:#}");
    assert_eq!(of("/decisions/reproduced"), count, "{report:#}");
    // Every display is credited to its decision, also one that was reported late.
    assert!((of("/earned") - earned.as_units()).abs() < 1e-6, "{earned}: {report:#}");
    let logged = of("/estimate/perDecision/logged/value");
    assert!((logged * count - of("/earned")).abs() < 1e-6, "{report:#}");
    assert!((of("/overlap/agreement") - 1.0 / 3.0).abs() < 0.1, "{report:#}");
    assert!(
        (of("/overlap/effectiveSampleSize") - of("/overlap/agreement") * count).abs() < 1e-6,
        "{report:#}"
    );
    let decisions_per_hour = of("/estimate/perHour/logged/value") / logged;
    assert!((decisions_per_hour - count / of("/hours")).abs() < 1e-9, "{report:#}");
    for estimator in ["inversePropensity", "selfNormalised", "doublyRobust"] {
        let end = |end| of(&format!("/estimate/perDecision/{estimator}/{end}"));
        assert!(end("low") <= end("value") && end("value") <= end("high"), "{report:#}");
        assert!((end("value") - 3.0).abs() < 1.0, "{estimator}: {report:#}");
    }

    let again = folder.run(&replay("revenue-optimized", &["--json", "again.json"]));
    assert_eq!(
        (again.stdout, read(&folder, "again.json")),
        (ended.stdout, report),
        "the same store says the same"
    );
    let own = streamer.to_string();
    let own = folder.run(&replay("revenue-optimized", &["--streamer", &own]));
    assert!(own.stdout.contains(&format!("decisions of streamer {streamer} from")), "{}", own.stdout);
    let other = folder.run(&replay("revenue-optimized", &["--streamer", "686511bdf5a1848d4e973390"]));
    assert_eq!(other.code, Some(1));
    assert!(
        other.stdout.contains("no estimate: no decision of this time can be replayed"),
        "{}",
        other.stdout
    );
}

/// A deterministic strategy says nothing about another one, but does about itself.
#[tokio::test]
async fn without_exploration_nothing_is_said_about_another_strategy_and_the_remedy_is_named() {
    let Decided { folder, .. } = Decided::with(json!({}), 0.0, 15).await;
    let files = ["--json", "replay.json", "--html", "replay.html"];
    let ended = folder.run(&replay("revenue-optimized", &files));
    assert_eq!(ended.code, Some(1), "{}{}", ended.stdout, ended.stderr);
    assert_page(&folder, &["No estimate", "set decisions.exploration = 0.05"]);
    for part in [
        "no estimate: in ",
        "could not have been drawn",
        "set decisions.exploration = 0.05",
        " days at the pace",
    ] {
        assert!(ended.stdout.contains(part), "no `{part}` in {}", ended.stdout);
    }
    let report = read(&folder, "replay.json");
    assert!(number(&report, "/overlap/unsupported") > 0.5, "{report:#}");
    assert_eq!((report.get("estimate"), number(&report, "/overlap/certain")), (None, 1.0), "{report:#}");

    let same = folder.run(&replay("fair-rotation", &["--json", "same.json"]));
    assert_eq!(same.code, Some(0), "{}{}", same.stdout, same.stderr);
    let report = read(&folder, "same.json");
    assert_eq!(
        (number(&report, "/overlap/agreement"), number(&report, "/overlap/meanWeight")),
        (1.0, 1.0),
        "{report:#}"
    );
}

/// Where the time begins or ends in the middle of a broadcast, the decisions before and after it are looked up.
#[tokio::test]
async fn a_time_may_be_cut_anywhere_and_shortened_decisions_are_left_out() {
    let Decided { folder, earned, .. } = Decided::with(json!({}), 1.0, 2).await;
    // The fifth decision of the first broadcast is made at this moment.
    let cut = "2026-11-20T10:12:30Z";
    let (mut counts, mut sum) = (Vec::new(), 0.0);
    for (from, to) in [(TIME[1], cut), (cut, TIME[3])] {
        let args = ["--from", from, "--to", to, "--strategy", "pacing", "--json", "replay.json"];
        let ended = folder.run(&[&["lab", "replay"][..], &args].concat());
        assert_eq!(ended.code, Some(1), "{}{}", ended.stdout, ended.stderr);
        let report = read(&folder, "replay.json");
        let of = |path: &str| number(&report, path);
        assert_eq!(of("/decisions/reproduced"), of("/decisions/replayed"), "{report:#}");
        counts.push(of("/decisions/replayed") + of("/decisions/unfinished"));
        sum += of("/earned");
        // A decision is made half a minute into its slot of three minutes.
        if to == cut {
            assert!((of("/hours") - 4.0 * 2.5 / 60.0).abs() < 1e-6, "{report:#}");
        }
    }
    assert_eq!(counts, [4.0, 13.0]);
    assert!((sum - earned.as_units()).abs() < 1e-6, "{sum} of {earned}");

    let decisions = folder.store().repositories().await.decisions;
    decisions.shorten(Timestamp::MAX, None, 100).await.unwrap();
    let ended = folder.run(&replay("pacing", &[]));
    assert_eq!(ended.code, Some(1));
    for part in
        ["left out: 17 shortened", "no decision of this time can be replayed", "decisions.shorten_after_days"]
    {
        assert!(ended.stdout.contains(part), "no `{part}` in {}", ended.stdout);
    }
}

/// The recorded probabilities come out again although clicks were counted and budgets were spent since.
#[tokio::test]
async fn decisions_are_made_again_with_counters_and_budgets_as_they_were() {
    let weights = json!({"paymentRate": 0.1, "performance": 0.9, "fairness": 0.0});
    for settings in [
        json!({
            "campaignSelectionStrategy": "weighted",
            "campaignRotationSettings": {"priorityWeights": weights},
        }),
        // The campaigns lag by 1 % in the second broadcast and by 2 % in the third. A tolerance of 2 % would lie where a display
        // more or less within a quarter-hour, which the replay does not see, makes another decision.
        json!({
            "campaignSelectionStrategy": "pacing",
            "campaignRotationSettings": {"strategyParameters": {"pacing": {"tolerance": 0.015}}},
        }),
    ] {
        let Decided { folder, .. } = Decided::with(settings.clone(), 0.5, 12).await;
        folder.run(&replay("revenue-optimized", &["--json", "replay.json"]));
        let report = read(&folder, "replay.json");
        assert_eq!(report["logged"][0]["strategy"], settings["campaignSelectionStrategy"]);
        let (replayed, reproduced) =
            (number(&report, "/decisions/replayed"), number(&report, "/decisions/reproduced"));
        assert!(replayed >= 96.0 && reproduced >= 0.95 * replayed, "{settings}: {report:#}");
    }
}

#[tokio::test]
async fn decisions_of_a_document_that_cannot_be_read_are_left_out_and_the_document_is_named() {
    let Decided { folder, .. } = Decided::with(json!({}), 1.0, 1).await;
    folder.store().set_all(Field::CAMPAIGN_MEDIA_TYPE, "hologram").await;
    let ended = folder.run(&replay("pacing", &[]));
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    for line in ["of documents that are gone or cannot be read", "no decision of this time can be replayed"] {
        assert!(ended.stdout.contains(line), "no `{line}` in {}{}", ended.stdout, ended.stderr);
    }
    assert!(ended.stderr.contains("left out of the replay: campaign "), "{}", ended.stderr);
}

#[tokio::test]
async fn what_cannot_be_replayed_is_refused_before_anything_is_read() {
    let folder = Folder::new();
    for (args, part) in [
        (replay("nonsense", &[]), "`nonsense` is not one of"),
        (replay("capped-fair", &["--parameter", "capped-fair.share=7"]), "capped-fair.share: a number from"),
        (replay("capped-fair", &[]), "there is no store at"),
    ] {
        let ended = folder.run(&args);
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""));
        assert_eq!(ended.stderr.matches(part).count(), 1, "said once: {}", ended.stderr);
    }
    let folder = Folder::with_store().await;
    assert_eq!(folder.run(&["migrate"]).code, Some(0));
    let ended = folder.run(&replay("pacing", &["--json", "missing/replay.json"]));
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""));
    assert!(ended.stderr.contains("cannot write missing/replay.json: No such file"), "{}", ended.stderr);
    if let Some(store) = folder.store().url().strip_prefix("sqlite://") {
        let ended = folder.run(&replay("pacing", &["--json", store]));
        assert!(ended.stderr.contains("--json names the store"), "{}", ended.stderr);
        assert_eq!(folder.run(&["reconcile"]).code, Some(0));
    }
    let backwards = ["lab", "replay", "--strategy", "pacing", "--from", TIME[3], "--to", TIME[1]];
    assert!(folder.run(&backwards).stderr.contains("--from must be before --to"));
}
