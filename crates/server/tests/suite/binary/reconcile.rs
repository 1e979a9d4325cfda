//! `reconcile`: counters are what the ledger says, or are made so.

use serde_json::json;

use super::{process::Folder, serving::Server};

/// A participation of the previous database whose campaign is always on.
const TOKEN: &str = "ccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc6";
const PARTICIPATION: &str = "686511bdf5a1848d4e973390";
const CAMPAIGN: &str = "68626579d05bf40ec8267ffd";

#[tokio::test]
async fn what_was_falsified_by_hand_is_reported_and_repaired() {
    let folder = Folder::with_previous_database();
    let server = Server::start(&folder);
    let shown = server.data(TOKEN).await;
    let receipt = json!({"receipt": shown["receipt"]});
    let displayed = server.post(&format!("/api/v1/campaigns/impression/{TOKEN}"), receipt.clone()).await;
    displayed.assert_event("counted", None);
    server.click(TOKEN, receipt.clone()).await.assert_event("counted", None);
    server.click(TOKEN, receipt).await.assert_event("counted", None);
    server.stop();
    folder.assert_reconciled();
    let true_store = folder.stored();

    let falsify = |sql: &str| assert_eq!(folder.store().execute(sql, []).unwrap(), 1, "{sql}");
    falsify(&format!("UPDATE participations SET clicks = 7 WHERE id = '{PARTICIPATION}'"));
    let one = folder.run(&["reconcile"]);
    let line = format!("participation {PARTICIPATION}: clicks is 7, the ledger says 2\n");
    let advice = "1 difference; `gametriggers reconcile --repair` stores what the ledger says\n";
    assert_eq!((one.code, one.stdout), (Some(1), format!("{line}{advice}")));

    falsify(&format!("UPDATE campaigns SET remaining_micros = 1 WHERE id = '{CAMPAIGN}'"));
    falsify(&format!(
        "UPDATE rollups SET impressions = 0 WHERE participation_id = '{PARTICIPATION}' AND impressions = 1"
    ));
    // Also where there was no traffic: this one has stood as it was imported.
    falsify("UPDATE participations SET impressions = 6 WHERE id = '6864d4ee7d06a675f2abb716'");
    let false_store = folder.stored();
    let found = folder.run(&["reconcile"]);
    assert_eq!(found.code, Some(1));
    let mut lines: Vec<_> = found.stdout.lines().collect();
    assert!(lines.pop().unwrap().starts_with("4 differences; `gametriggers reconcile --repair`"));
    for line in [
        line.trim_end(),
        &format!("campaign {CAMPAIGN}: remaining_micros is 1, the ledger says 39998755000"),
        "participation 6864d4ee7d06a675f2abb716: impressions is 6, the ledger says 5",
    ] {
        assert!(lines.contains(&line), "no `{line}` in {}", found.stdout);
    }
    assert!(lines.iter().any(|line| line.ends_with(": impressions is 0, the ledger says 1")), "{lines:?}");
    assert_eq!(folder.stored(), false_store, "a report changes nothing");

    let repaired = folder.run(&["reconcile", "--repair"]);
    assert_eq!(repaired.code, Some(0));
    let told: Vec<_> = repaired.stdout.lines().collect();
    assert_eq!((&told[..4], told[4]), (&lines[..], "4 differences, repaired"));
    assert_eq!(folder.stored(), true_store);
    folder.assert_reconciled();
}

/// A mistyped address must not look like a store in which all is well.
#[test]
fn where_there_is_no_store_nothing_is_reconciled_and_none_is_made() {
    let folder = Folder::new();
    for args in [&["reconcile"][..], &["reconcile", "--repair"]] {
        let ended = folder.run(args);
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""));
        assert!(ended.stderr.contains("there is no store at sqlite://"), "{}", ended.stderr);
    }
    assert!(!folder.path().join("data").exists());
}
