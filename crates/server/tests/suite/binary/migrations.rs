//! `migrate`: lists migrations in advance, applies each once, and never changes an applied one.

use super::{
    process::{Folder, Running},
    serving::Server,
};
use crate::support::PREVIOUS_DATABASE;

const UP_TO_DATE: &str = "the store is up to date\n";

#[tokio::test]
async fn migrations_are_told_applied_and_then_done() {
    let folder = Folder::with_store().await;
    let told = folder.run(&["migrate", "--dry-run"]);
    assert_eq!(told.code, Some(0), "{}", told.stderr);
    let first = format!("would apply {}\n", folder.store().first_migration());
    assert!(told.stdout.starts_with(&first), "{}", told.stdout);
    assert!(told.stdout.lines().all(|line| line.starts_with("would apply ")), "{}", told.stdout);
    assert!(!folder.store().exists().await, "a dry run makes nothing");
    assert_eq!(folder.run(&["migrate", "--dry-run"]).stdout, told.stdout);
    let applied = folder.run(&["migrate"]);
    assert_eq!((applied.code, applied.stdout), (Some(0), told.stdout.replace("would apply", "applied")));
    let stored = folder.store().everything().await;
    for args in [&["migrate"][..], &["migrate", "--dry-run"]] {
        let ended = folder.run(args);
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(0), UP_TO_DATE));
    }
    assert_eq!(folder.store().everything().await, stored);
}

#[tokio::test]
async fn of_several_processes_that_migrate_at_once_one_does_and_all_succeed() {
    let folder = Folder::with_store().await;
    let all: Vec<_> = (0..4).map(|_| Running::start(folder.command(&["migrate"]))).collect();
    let mut printed = Vec::new();
    for process in all {
        let ended = process.wait();
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        printed.push(ended.stdout);
    }
    assert_eq!(printed.iter().filter(|text| *text == UP_TO_DATE).count(), 3, "{printed:?}");
    let first = format!("applied {}\n", folder.store().first_migration());
    assert_eq!(printed.iter().filter(|text| text.starts_with(&first)).count(), 1, "{printed:?}");
}

#[tokio::test]
async fn servers_that_start_at_once_on_no_store_at_all_share_a_new_one() {
    let folder = Folder::with_store().await;
    let all: Vec<_> = (0..3).map(|_| Running::start(folder.command(&["serve"]))).collect();
    for process in all {
        let server = Server::of(process);
        assert_eq!(server.get("/health/ready").await.status, 200);
        server.stop();
    }
}

/// Applied migrations are history. The server does not write to a store with another history.
#[tokio::test]
async fn a_migration_that_was_changed_after_it_was_applied_is_refused() {
    let folder = Folder::with_previous_database().await;
    folder.store().falsify_migrations().await;
    let stored = folder.store().everything().await;
    for args in [&["migrate"][..], &["serve"], &["import", PREVIOUS_DATABASE], &["reconcile"]] {
        let ended = folder.run(args);
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""), "{args:?}");
        let message = ended.stderr.lines().last().unwrap();
        assert!(message.contains(folder.store().first_migration()), "{}", ended.stderr);
    }
    assert_eq!(folder.store().everything().await, stored);
}
