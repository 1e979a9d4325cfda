//! Group commit: every caller gets the outcome of their own event, whatever happens to its batch.

#![allow(clippy::unwrap_used)] // a test that cannot set its stage fails, and says where
#![allow(clippy::needless_pass_by_value)] // ids of any kind

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use futures_util::{future::join_all, poll};
use gametriggers_domain::{
    ledger::{Entry, EntryId, EntryKind},
    model::{Campaign, Participation},
    price::Accrual,
};
use gametriggers_fixtures::{
    campaign, cpm, participation, participation_id, store_campaign, store_participation, units,
};
use gametriggers_persistence::{
    Discrepancy, Entity, EntryPlace, Ledger, Outcome, Repositories, Rollup, StorageError, StoredEntry,
};
use gametriggers_persistence_sqlite::SqliteStore;
use gametriggers_services::{BATCH_MAX, QUEUE_MAX, Recorder, tasks::Tasks};
use gametriggers_types::{ClickKind, Listing, ParticipationId, RejectionReason, Timestamp};
use tempfile::TempDir;
use tokio::{
    sync::watch,
    task::yield_now,
    time::{sleep, timeout},
};

/// A fault on the way of one batch to the store and back.
#[derive(Clone, Copy)]
enum Fault {
    /// The batch does not reach the store.
    Away,
    /// The batch is stored, but its answer is lost.
    AnswerLost,
    /// A panic happens before the batch is stored.
    Panic,
}

/// The real store's ledger behind a connection that can be delayed and can fail.
struct Line {
    ledger: Arc<dyn Ledger>,
    is_held: watch::Sender<bool>,
    faults: Mutex<VecDeque<Fault>>,
    batches: Mutex<Vec<usize>>,
}

impl Line {
    fn fails_with(&self, faults: impl IntoIterator<Item = Fault>) {
        self.faults.lock().unwrap().extend(faults);
    }

    /// The sizes of the submitted batches.
    fn batches(&self) -> Vec<usize> {
        self.batches.lock().unwrap().clone()
    }
}

#[async_trait]
impl Ledger for Line {
    async fn record(&self, batch: Arc<[Entry]>) -> Result<Vec<Outcome>, StorageError> {
        self.batches.lock().unwrap().push(batch.len());
        self.is_held.subscribe().wait_for(|is_held| !is_held).await.unwrap();
        let fault = self.faults.lock().unwrap().pop_front();
        let lost = |outcome_unknown| {
            Err(StorageError::Unavailable { outcome_unknown, source: "the line is broken".into() })
        };
        match fault {
            Some(Fault::Away) => lost(false),
            Some(Fault::AnswerLost) => {
                self.ledger.record(batch).await?;
                lost(true)
            }
            Some(Fault::Panic) => panic!("the line panics"),
            None => self.ledger.record(batch).await,
        }
    }

    async fn find_entry(&self, id: &EntryId) -> Result<Option<StoredEntry>, StorageError> {
        self.ledger.find_entry(id).await
    }

    async fn list_rollups(&self, participation: ParticipationId) -> Result<Vec<Rollup>, StorageError> {
        self.ledger.list_rollups(participation).await
    }

    async fn scan_paid(
        &self,
        from: Timestamp,
        to: Timestamp,
        after: Option<EntryPlace>,
    ) -> Result<Listing<StoredEntry, EntryPlace>, StorageError> {
        self.ledger.scan_paid(from, to, after).await
    }

    async fn reconcile(&self, repair: bool) -> Result<Vec<Discrepancy>, StorageError> {
        self.ledger.reconcile(repair).await
    }
}

/// A store with one participation in a campaign that pays 1 per impression, and a recorder for the store.
struct Stage {
    line: Arc<Line>,
    recorder: Recorder,
    storage: Repositories,
    participation: Participation,
    _folder: TempDir,
}

impl Stage {
    async fn set(budget: f64) -> Self {
        let folder = TempDir::new().unwrap();
        let store = SqliteStore::open(&folder.path().join("test.db")).await.unwrap();
        store.migrate().await.unwrap();
        let storage = store.repositories();
        let budget = units(budget);
        let campaign = Campaign { budget, remaining_budget: budget, payment: cpm(1_000.0), ..campaign(1) };
        let participation = participation(1, 1, 1);
        store_campaign(&storage, campaign).await;
        store_participation(&storage, participation.clone()).await;
        let line = Arc::new(Line {
            ledger: storage.ledger.clone(),
            is_held: watch::Sender::new(false),
            faults: Mutex::default(),
            batches: Mutex::default(),
        });
        let recorder = Recorder::new(line.clone(), &Tasks::default());
        Self { line, recorder, storage, participation, _folder: folder }
    }

    fn entry(&self, id: impl ToString, kind: EntryKind) -> Entry {
        gametriggers_fixtures::entry(&id.to_string(), &self.participation, kind)
    }

    fn click(&self, id: impl ToString) -> Entry {
        self.entry(id, EntryKind::Click(ClickKind::Chat))
    }

    /// Submits the entries in this order while the connection is delayed, so that they gather in one batch. Returns the answer to
    /// each.
    async fn record_together(&self, entries: Vec<Entry>) -> Vec<Result<Outcome, StorageError>> {
        self.line.is_held.send_replace(true);
        let all = join_all(entries.into_iter().map(|entry| self.recorder.record(entry)));
        tokio::pin!(all);
        assert!(poll!(all.as_mut()).is_pending());
        self.line.is_held.send_replace(false);
        all.await
    }

    async fn clicks(&self) -> u64 {
        let found = self.storage.participations.find_by_id(self.participation.id).await.unwrap();
        found.unwrap().counters.clicks
    }

    async fn assert_reconciled(&self) {
        assert_eq!(self.storage.ledger.reconcile(false).await.unwrap(), []);
    }
}

#[track_caller]
fn assert_counted(outcome: &Result<Outcome, StorageError>) {
    assert!(matches!(outcome, Ok(Outcome::Counted(_))), "{outcome:?}");
}

#[tokio::test]
async fn what_gathers_while_a_batch_is_committed_is_the_next_batch_up_to_its_limit() {
    let stage = Stage::set(0.0).await;
    let many = 2 * BATCH_MAX + 7;
    let outcomes = stage.record_together((0..many).map(|number| stage.click(number)).collect()).await;
    outcomes.iter().for_each(assert_counted);
    assert_eq!(stage.line.batches(), [BATCH_MAX, BATCH_MAX, 7]);
    assert_counted(&stage.recorder.record(stage.click("alone")).await);
    assert_eq!(stage.line.batches().last(), Some(&1), "nobody waits for more");
    assert_eq!(stage.clicks().await, many as u64 + 1);
}

#[tokio::test]
async fn everybody_is_told_their_own_outcome_and_who_came_first_is_paid_first() {
    let stage = Stage::set(2.0).await;
    let display = |id: u32| stage.entry(id, EntryKind::Display);
    let outcomes =
        stage.record_together(vec![display(1), display(2), stage.click(3), display(1), display(4)]).await;
    let outcomes: Vec<_> = outcomes.into_iter().map(Result::unwrap).collect();
    let paid = Accrual::priced(1, 0, units(1.0));
    assert_eq!(outcomes[..2], [Outcome::Counted(paid); 2]);
    assert!(matches!(outcomes[2], Outcome::Counted(Accrual { paid: 0, .. })));
    assert!(matches!(outcomes[3], Outcome::Duplicate { .. }));
    assert_eq!(outcomes[4], Outcome::Rejected(RejectionReason::BudgetExhausted));
    stage.assert_reconciled().await;
}

#[tokio::test]
async fn an_entry_that_is_refused_harms_no_other_of_its_batch() {
    let stage = Stage::set(0.0).await;
    let mut entries: Vec<_> = (0..100).map(|number| stage.click(number)).collect();
    for place in [0, 57, 99] {
        entries[place].participation = participation_id(2);
    }
    let outcomes = stage.record_together(entries).await;
    for (place, outcome) in outcomes.iter().enumerate() {
        if [0, 57, 99].contains(&place) {
            let Err(StorageError::Missing { entity: Entity::Participation, .. }) = outcome else {
                panic!("{place}: {outcome:?}");
            };
        } else {
            assert_counted(outcome);
        }
    }
    assert_eq!(stage.clicks().await, 97);
    stage.assert_reconciled().await;
}

#[tokio::test]
async fn a_lost_answer_is_asked_for_again_and_is_no_duplicate_to_its_own_caller() {
    let stage = Stage::set(0.0).await;
    assert_counted(&stage.recorder.record(stage.click("before")).await);
    stage.line.fails_with([Fault::AnswerLost]);
    let [one, two] = ["one", "two"].map(|id| stage.click(id));
    let outcomes = stage.record_together(vec![one.clone(), two, one]).await;
    assert_counted(&outcomes[0]);
    assert_counted(&outcomes[1]);
    assert!(matches!(outcomes[2], Ok(Outcome::Duplicate { .. })), "{:?}", outcomes[2]);
    assert_eq!(stage.clicks().await, 3);
}

#[tokio::test]
async fn what_may_have_been_stored_is_not_said_to_have_failed() {
    let stage = Stage::set(0.0).await;
    for (faults, is_unknown, clicks) in [
        ([Fault::Away; 3], false, 0),
        ([Fault::AnswerLost; 3], true, 2),
        ([Fault::AnswerLost, Fault::Away, Fault::Away], true, 2),
    ] {
        stage.line.fails_with(faults);
        let outcomes = stage.record_together(vec![stage.click("one"), stage.click("two")]).await;
        for outcome in outcomes {
            let error = outcome.unwrap_err();
            assert_eq!((error.is_retryable(), error.outcome_unknown()), (true, is_unknown), "{error:?}");
        }
        assert_eq!(stage.clicks().await, clicks);
    }
    stage.line.fails_with([Fault::Away; 2]);
    assert!(stage.recorder.record(stage.click("one")).await.is_ok(), "tried again");
}

#[tokio::test]
async fn more_than_can_wait_is_refused_at_once_and_loses_nothing_that_waits() {
    let stage = Stage::set(0.0).await;
    stage.line.is_held.send_replace(true);
    let all = join_all((0..QUEUE_MAX).map(|number| stage.recorder.record(stage.click(number))));
    tokio::pin!(all);
    assert!(poll!(all.as_mut()).is_pending());
    let refused = timeout(Duration::from_secs(5), stage.recorder.record(stage.click("one too many"))).await;
    let error = refused.unwrap().unwrap_err();
    assert_eq!((error.is_retryable(), error.outcome_unknown()), (true, false), "{error:?}");
    stage.line.is_held.send_replace(false);
    all.await.iter().for_each(assert_counted);
    assert_counted(&stage.recorder.record(stage.click("one too many")).await);
    assert_eq!(stage.clicks().await, QUEUE_MAX as u64 + 1);
}

/// No caller waits for two deadlines of the store in turn.
#[tokio::test]
async fn who_waited_while_the_store_was_away_is_told_so_without_another_attempt() {
    let stage = Stage::set(0.0).await;
    stage.line.is_held.send_replace(true);
    let mut calls = ["tried", "waited"].map(|id| Box::pin(stage.recorder.record(stage.click(id))));
    for call in &mut calls {
        assert!(poll!(call).is_pending());
        // The committer takes the first entry before the second comes.
        yield_now().await;
    }
    sleep(Duration::from_millis(2_100)).await;
    let just_come = stage.recorder.record(stage.click("just come"));
    tokio::pin!(just_come);
    assert!(poll!(just_come.as_mut()).is_pending());
    stage.line.fails_with([Fault::Away]);
    stage.line.is_held.send_replace(false);
    for call in calls {
        let error = call.await.unwrap_err();
        assert_eq!((error.is_retryable(), error.outcome_unknown()), (true, false), "{error:?}");
    }
    assert_counted(&just_come.await);
    assert_eq!(stage.line.batches(), [1, 1], "the store was asked for the first and the last");
    assert_eq!(stage.clicks().await, 1);
}

/// A batch wakes a thread once: its outcomes arrive together, and the thread's own future hands them out.
#[tokio::test]
async fn who_waits_on_one_thread_is_told_there_and_also_when_nothing_runs_there_any_more() {
    let stage = Stage::set(0.0).await;
    let ((one, handing_out), (other, gone)) = (stage.recorder.for_thread(), stage.recorder.for_thread());
    drop(gone);
    let calls = |recorder: &Recorder, first: u32| {
        let recorder = recorder.clone();
        let calls = (first..first + 3).map(|number| stage.click(number));
        join_all(calls.map(move |click| {
            let recorder = recorder.clone();
            async move { recorder.record(click).await }
        }))
    };
    let on_one = calls(&one, 0);
    tokio::pin!(on_one);
    assert!(poll!(on_one.as_mut()).is_pending());
    // Callers in the same batch, and callers after it.
    for first in [10, 20] {
        calls(&other, first).await.iter().for_each(assert_counted);
    }
    assert!(poll!(on_one.as_mut()).is_pending(), "nobody has handed them out");
    let handing_out = tokio::spawn(handing_out);
    on_one.await.iter().for_each(assert_counted);
    assert_eq!(stage.line.batches()[..2], [6, 3]);

    drop(one);
    timeout(Duration::from_secs(5), handing_out).await.unwrap().unwrap();
}

/// Entries that were accepted are committed, even if the client hangs up or the server stops.
#[tokio::test]
async fn what_was_taken_is_committed_also_if_nobody_waits_for_it_any_more() {
    let stage = Stage::set(0.0).await;
    stage.line.is_held.send_replace(true);
    for number in 0..3 {
        let call = stage.recorder.record(stage.click(number));
        tokio::pin!(call);
        assert!(poll!(call.as_mut()).is_pending());
    }
    let Stage { line, recorder, storage, participation, .. } = &stage;
    line.is_held.send_replace(false);
    let last = recorder.clone().record(stage.click("last")).await;
    assert_counted(&last);
    let stored = storage.participations.find_by_id(participation.id).await.unwrap().unwrap();
    assert_eq!(stored.counters.clicks, 4);
}

/// A panic fails only the batch in which it happens.
#[tokio::test]
async fn after_a_panic_events_are_recorded_as_before() {
    let stage = Stage::set(0.0).await;
    stage.line.fails_with([Fault::Panic]);
    let lost = stage.recorder.record(stage.click("lost")).await;
    assert!(lost.is_err_and(|error| error.is_retryable() && error.outcome_unknown()));
    for id in ["lost", "next"] {
        assert_counted(&stage.recorder.record(stage.click(id)).await);
    }
    assert_eq!(stage.clicks().await, 2);
    stage.assert_reconciled().await;
}
