//! A command shortens old decisions, and so does a server that is configured to.

use gametriggers::SystemClock;
use gametriggers_domain::{
    decision::{Basis, Broadcast, Content, Decision, Tally},
    eligibility::EmptyReason,
};
use gametriggers_fixtures::eventually;
use gametriggers_services::Clock;
use gametriggers_types::{DecisionId, SignedDuration, UserId};

use super::{
    process::{Folder, Running},
    serving::Server,
};

const STREAMER: &str = "686511bdf5a1848d4e973390";

/// A folder whose store holds three decisions from a year ago and one from now. Also returns the ids of the three.
async fn folder() -> (Folder, Vec<DecisionId>) {
    let folder = Folder::with_store().await;
    assert_eq!(folder.run(&["migrate"]).code, Some(0));
    let decisions = folder.store().repositories().await.decisions;
    let streamer: UserId = STREAMER.parse().unwrap();
    let (now, minute) = (SystemClock.now(), SignedDuration::from_mins(1));
    let year_ago = now - SignedDuration::from_hours(365 * 24);
    let mut ids = Vec::new();
    for (ordinal, from) in (1..).zip([year_ago, year_ago + minute, year_ago + minute * 2, now]) {
        let mut tally = Tally::default();
        tally.admit(&[STREAMER.parse().unwrap()]);
        let decision = Decision {
            id: DecisionId { streamer, ordinal },
            from,
            until: from + minute,
            slot_start: from,
            settings_version: 1,
            basis: Basis::Display,
            content: Content::Empty { reason: EmptyReason::NoCampaign },
            tally,
            broadcast: Broadcast::default(),
        };
        decisions.insert_first(&decision).await.unwrap();
        ids.push(decision.id);
    }
    (folder, ids)
}

/// The decisions that have no tally any more.
async fn shortened(folder: &Folder, ids: &[DecisionId]) -> Vec<u64> {
    let decisions = folder.store().repositories().await.decisions;
    let mut shortened = Vec::new();
    for id in ids {
        if decisions.find(*id).await.unwrap().unwrap().decision.tally.is_empty() {
            shortened.push(id.ordinal);
        }
    }
    shortened
}

#[tokio::test]
async fn a_command_shortens_what_is_older_than_it_is_told() {
    let (folder, ids) = folder().await;
    for (days, told, expected) in [
        ("366", "0 decisions shortened\n", &[][..]),
        ("364", "3 decisions shortened\n", &[1, 2, 3]),
        ("1", "0 decisions shortened\n", &[1, 2, 3]),
    ] {
        let ended = folder.run(&["shorten-decisions", "--older-than-days", days]);
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(0), told), "{}", ended.stderr);
        assert_eq!(shortened(&folder, &ids).await, expected);
    }
    for wrong in [&["shorten-decisions"][..], &["shorten-decisions", "--older-than-days", "0"]] {
        let ended = folder.run(wrong);
        assert_eq!(ended.code, Some(2));
        assert!(ended.stderr.contains("--older-than-days"), "{}", ended.stderr);
    }
}

#[tokio::test]
async fn a_server_shortens_by_itself_only_where_it_is_told_to() {
    let (folder, ids) = folder().await;
    Server::start(&folder).stop();
    assert!(shortened(&folder, &ids).await.is_empty());
    let mut command = folder.command(&["serve"]);
    command.env("GAMETRIGGERS__DECISIONS__SHORTEN_AFTER_DAYS", "30");
    let server = Server::of(Running::start(command));
    eventually("they are shortened", async || {
        (shortened(&folder, &ids).await == [1_u64, 2, 3]).then_some(())
    })
    .await;
    server.stop();
}
