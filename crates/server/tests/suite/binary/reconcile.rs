//! `reconcile`: finds and repairs counters that differ from the ledger.

use serde_json::json;

use super::{process::Folder, serving::Server};
use crate::support::{Field, TestStore};

/// A participation of the previous database whose campaign is always on.
const TOKEN: &str = "ccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc6";
const PARTICIPATION: &str = "686511bdf5a1848d4e973390";
const CAMPAIGN: &str = "68626579d05bf40ec8267ffd";

/// Another participation of the previous database, which had no traffic since the import.
const UNTOUCHED: &str = "6864d4ee7d06a675f2abb716";

#[tokio::test]
async fn what_was_falsified_by_hand_is_reported_and_repaired() {
    let folder = Folder::with_previous_database().await;
    let server = Server::start(&folder);
    let shown = server.data(TOKEN).await;
    let receipt = json!({"receipt": shown["receipt"]});
    let displayed = server.post(&format!("/api/v1/campaigns/impression/{TOKEN}"), receipt.clone()).await;
    displayed.assert_event("counted", None);
    server.click(TOKEN, receipt.clone()).await.assert_event("counted", None);
    server.click(TOKEN, receipt).await.assert_event("counted", None);
    server.stop();
    folder.assert_reconciled();
    let store = folder.store();
    let true_store = store.without_record_of_repairs(store.everything().await);

    store.set_one(Field::PARTICIPATION_CLICKS, PARTICIPATION, 7).await;
    let one = folder.run(&["reconcile"]);
    let line = format!("participation {PARTICIPATION}: clicks is 7, the ledger says 2");
    let advice = "1 difference; `gametriggers reconcile --repair` stores what the ledger says";
    assert_eq!((one.code, one.stdout), (Some(1), format!("{line}\n{advice}\n")));

    store.set_one(Field::CAMPAIGN_REMAINING, CAMPAIGN, 1).await;
    store.set_one(Field::ROLLUP_IMPRESSIONS, PARTICIPATION, 0).await;
    let remaining = store.name_of(Field::CAMPAIGN_REMAINING);
    let mut expected =
        vec![line, format!("campaign {CAMPAIGN}: {remaining} is 1, the ledger says 39998755000")];
    if store.has_openings_without_entries() {
        // The difference is found even without traffic since the import.
        store.set_one(Field::PARTICIPATION_IMPRESSIONS, UNTOUCHED, 6).await;
        expected.push(format!("participation {UNTOUCHED}: impressions is 6, the ledger says 5"));
    }
    let count = expected.len() + 1;
    let false_store = store.everything().await;
    let found = folder.run(&["reconcile"]);
    assert_eq!(found.code, Some(1));
    let mut lines: Vec<_> = found.stdout.lines().collect();
    let advice = format!("{count} differences; `gametriggers reconcile --repair`");
    assert!(lines.pop().unwrap().starts_with(&advice), "{}", found.stdout);
    for line in &expected {
        assert!(lines.contains(&line.as_str()), "no `{line}` in {}", found.stdout);
    }
    let rollup = lines.iter().find(|line| line.ends_with(": impressions is 0, the ledger says 1"));
    assert!(rollup.is_some_and(|line| line.starts_with("rollup ")), "{lines:?}");
    assert_eq!(store.everything().await, false_store, "a report changes nothing");

    let repaired = folder.run(&["reconcile", "--repair"]);
    assert_eq!(repaired.code, Some(0));
    let told: Vec<_> = repaired.stdout.lines().collect();
    let summary = format!("{count} differences, repaired");
    assert_eq!((&told[..count], told[count]), (&lines[..], summary.as_str()));
    assert_eq!(store.without_record_of_repairs(store.everything().await), true_store);
    folder.assert_reconciled();
}

/// This test always uses SQLite, because MongoDB refuses a second entry with the same id.
#[tokio::test]
async fn an_entry_that_is_stored_twice_is_named_and_the_exit_code_says_that_it_stays() {
    let folder = Folder::with_previous_database_in(TestStore::sqlite());
    let server = Server::start(&folder);
    let receipt = json!({"receipt": server.data(TOKEN).await["receipt"]});
    server.click(TOKEN, receipt).await.assert_event("counted", None);
    server.stop();
    assert_eq!(folder.store().file().store_entries_twice(), 1);
    for (args, summary) in [
        (&["reconcile"][..], "1 difference; `gametriggers reconcile --repair` stores what the ledger says"),
        (
            &["reconcile", "--repair"],
            "1 difference, repaired but for 1: what was counted twice stays so, because no entry is ever deleted; see \
             docs/operations.md",
        ),
    ] {
        let ended = folder.run(args);
        assert_eq!(ended.code, Some(1));
        let (named, said) = ended.stdout.trim_end().split_once('\n').unwrap();
        assert!(named.starts_with("ledger entry event:"), "{named}");
        assert!(named.ends_with(": times stored is 2, the ledger says 1"), "{named}");
        assert_eq!(said, summary);
    }
}

/// A mistyped address must not look like a store without differences.
#[tokio::test]
async fn where_there_is_no_store_nothing_is_reconciled_and_none_is_made() {
    let folder = Folder::with_store().await;
    for args in [&["reconcile"][..], &["reconcile", "--repair"]] {
        let ended = folder.run(args);
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""));
        let refusal = folder.store().nothing_to_reconcile();
        assert!(ended.stderr.contains(refusal), "{}", ended.stderr);
    }
    assert!(!folder.store().exists().await);
}
