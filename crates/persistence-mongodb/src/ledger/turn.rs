//! Turns: processes whose transactions conflict write one after the other for a while.
//!
//! All processes share one document, which says until when a process has the turn. Having the turn is a hint and never a
//! condition for truth: the transactions alone keep the ledger exact. A process without the turn may write at any time. So a
//! process that dies with the turn stops nobody for long, and a process that never met a conflict does not ask for it. The other
//! ways that were measured are in `docs/adr/0020-turns.md`.

use std::time::Duration;

use bson::{DateTime, Document, Timestamp, doc, oid::ObjectId};
use mongodb::ClientSession;
use tokio::time::{Instant, sleep, timeout_at};

use super::{statements::update_any, transaction::TxResult};
use crate::{MongoStore, collection};

/// The id of the one document.
const ID: &str = "ledger";
/// For how long others leave the turn to a process that does not give it back. A transaction normally takes some milliseconds.
const HELD_FOR: Duration = Duration::from_secs(1);
/// How long a process waits for the turn before it writes without it.
pub(super) const WAIT_MAX: Duration = Duration::from_secs(2);
/// The part of its last wait that a process waits before it asks the second time. Asking costs the server and the process time
/// that the transaction of another process may need.
const FIRST_PAUSE: f64 = 0.7;
/// The longest first pause. A wait may have been long only because another process was killed.
const FIRST_PAUSE_MAX: Duration = Duration::from_millis(50);
/// The shortest pause.
const PAUSE: Duration = Duration::from_micros(200);
/// By how much further pauses are longer at most.
const PAUSE_SPREAD: Duration = Duration::from_micros(600);
/// A process that has asked this often asks again after the shortest pause, so that the process that waits longest is the most
/// likely to be next.
const PATIENT_FOR: u32 = 16;
/// For how many transactions a process asks for the turn after it has met another process.
const TRANSACTIONS: u32 = 64;

/// This process's part in taking turns.
pub(crate) struct Turn {
    process: ObjectId,
    /// The number of transactions for which this process still asks for the turn.
    left: u32,
    /// How long this process waited for the turn the last time.
    waited: Duration,
    /// Whether this process has the turn, as far as it knows.
    is_held: bool,
    /// The time of the server's clock at which this process took the turn the last time.
    taken_at: Option<Timestamp>,
    /// Whether the document exists.
    is_there: bool,
}

impl Default for Turn {
    fn default() -> Self {
        Self {
            process: ObjectId::new(),
            left: 0,
            waited: Duration::ZERO,
            is_held: false,
            taken_at: None,
            is_there: false,
        }
    }
}

impl Turn {
    /// Must be called after a conflict with another process: from now on, this process asks for the turn.
    pub(super) const fn met_another(&mut self) {
        self.left = TRANSACTIONS;
    }

    /// Whether this process has the turn, as far as it knows.
    pub(super) const fn is_held(&self) -> bool {
        self.is_held
    }

    /// Waits until this process has the turn, if it has recently met another process. Returns at once if it has not. Returns
    /// without the turn after [`WAIT_MAX`], at the `deadline`, or if the store does not answer.
    pub(crate) async fn take(&mut self, store: &MongoStore, deadline: Instant) {
        if self.left == 0 || self.is_held {
            return;
        }
        let began = Instant::now();
        let deadline = deadline.min(began + WAIT_MAX);
        let mut asked = 0;
        while let Ok(Ok(is_taken)) = timeout_at(deadline, self.ask(store)).await {
            if is_taken {
                self.is_held = true;
                break;
            }
            asked += 1;
            // Somebody may have removed the document.
            self.is_there &= asked != PATIENT_FOR;
            sleep(self.pause(asked)).await;
        }
        self.waited = began.elapsed();
        // Whoever had to wait has met another process.
        self.left = if asked > 0 { TRANSACTIONS } else { self.left - 1 };
    }

    /// The pause after the request with this number.
    fn pause(&self, asked: u32) -> Duration {
        let chance = f64::from(getrandom::u32().unwrap_or(0)) / f64::from(u32::MAX);
        match asked {
            1 => self.waited.mul_f64(FIRST_PAUSE).clamp(PAUSE, FIRST_PAUSE_MAX),
            2..PATIENT_FOR => PAUSE + PAUSE_SPREAD.mul_f64(chance),
            _ => PAUSE,
        }
    }

    /// Takes the turn if nobody has it. The command is not acknowledged by a majority, because a turn that gets lost does no harm.
    async fn ask(&mut self, store: &MongoStore) -> mongodb::error::Result<bool> {
        if !self.is_there {
            let epoch = DateTime::from_millis(0);
            let create = doc! {"q": {"_id": ID}, "u": {"$setOnInsert": {"until": epoch}}, "upsert": true};
            store.database.run_command(command(create)).await?;
            self.is_there = true;
        }
        let milliseconds = i64::try_from(HELD_FOR.as_millis()).unwrap_or(i64::MAX);
        let until = doc! {"$add": ["$$NOW", milliseconds]};
        let take = doc! {
            // Nobody has the turn for longer than `HELD_FOR`, so a later time is wrong.
            "q": {"_id": ID, "$expr": {"$or": [{"$lte": ["$until", "$$NOW"]}, {"$gt": ["$until", until.clone()]}]}},
            "u": [{"$set": {"until": until, "process": self.process}}],
        };
        let reply = store.database.run_command(command(take)).await?;
        self.taken_at = reply.get_timestamp("operationTime").ok();
        Ok(reply.get_i32("n").is_ok_and(|taken| taken == 1))
    }

    /// Lets the session see what the process has written that had the turn before. Otherwise a transaction may show an older state
    /// of the store, because other writes that began earlier are not committed yet.
    pub(super) fn follow_others(&self, session: &mut ClientSession) {
        if let Some(taken_at) = self.taken_at.filter(|_| self.is_held) {
            session.advance_operation_time(taken_at);
        }
    }

    /// Gives the turn back with the commit of a transaction, if this process has the turn. So the next process can begin at the
    /// first moment at which its transaction sees the changes of this one. Returns false if this process has the turn, but
    /// the transaction shows a state of the store from before this process took it.
    pub(super) async fn give_back_within(
        &self,
        store: &MongoStore,
        session: &mut ClientSession,
    ) -> TxResult<bool> {
        if !self.is_held {
            return Ok(true);
        }
        let given_back =
            update_any(&store.database, session, collection::TURNS, &[self.given_back()]).await?;
        Ok(given_back == 1)
    }

    fn given_back(&self) -> Document {
        let epoch = DateTime::from_millis(0);
        doc! {"q": {"_id": ID, "process": self.process}, "u": {"$set": {"until": epoch}}}
    }

    /// Must be called after the commit of a transaction that gave the turn back.
    pub(super) const fn is_over(&mut self) {
        self.is_held = false;
    }

    /// Gives the turn back outside of a transaction, if this process has it and the store answers by the `deadline`.
    pub(crate) async fn give_back(&mut self, store: &MongoStore, deadline: Instant) {
        if self.is_held {
            let command = command(self.given_back());
            timeout_at(deadline, async { store.database.run_command(command).await }).await.ok();
            self.is_held = false;
        }
    }
}

fn command(statement: Document) -> Document {
    doc! {"update": collection::TURNS, "updates": [statement], "writeConcern": {"w": 1}}
}
