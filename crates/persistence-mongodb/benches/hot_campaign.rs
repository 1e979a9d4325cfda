//! How should several instances pay from one campaign? The measurement behind `docs/adr/0020-turns.md`.
//!
//! ```text
//! GAMETRIGGERS_TEST_MONGODB_URI='mongodb://127.0.0.1:27017/?replicaSet=rs0' \
//!     cargo bench -p gametriggers-persistence-mongodb --bench hot_campaign
//! ```
//!
//! 256 callers are spread over one to three instances. Each instance has a connection pool and a committer of its own. A
//! committer takes what has queued, at most 256 events, and pays for it in one transaction, with the commands of the real
//! ledger: read the participations and the money; store the entries and the quotas; change the money and the participations.
//! After a conflict, it begins the transaction again. The forms differ only in how instances avoid conflicts. All forms are
//! measured one after the other, and that is repeated, so that a change of the machine does not favour one.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    clippy::similar_names,
    clippy::cast_lossless,
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    reason = "a measurement that cannot be made has nothing to say, and its figures are rounded"
)]

mod support;

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use bson::{DateTime, Document, doc, oid::ObjectId};
use futures_util::future::join_all;
use mongodb::{
    Client, ClientSession, Database,
    error::{Error, TRANSIENT_TRANSACTION_ERROR},
};
use tokio::{
    sync::{mpsc, oneshot},
    time::sleep,
};

use self::support::{Random, begin, decimal, percentile, server_uri};

const CALLERS: usize = 256;
const BATCH_MAX: usize = 256;
const MEASURED: Duration = Duration::from_secs(3);
const ROUNDS: usize = 3;
const INSTANCES: [usize; 3] = [1, 2, 3];
/// The participations of the campaign among which the events are spread.
const PARTICIPATIONS: [usize; 2] = [1, 1_000];
/// After a conflict, an instance takes turns for this many batches.
const TURNS: u32 = 64;
/// The greatest pause after the first conflict of a batch.
const PAUSE_FIRST: Duration = Duration::from_millis(2);
const PRICE: &str = "0.000100";
const BUDGET: &str = "1000000.000000";

#[derive(Clone, Copy, PartialEq)]
enum Form {
    /// Nothing avoids conflicts.
    Optimistic,
    /// The budget is divided: each instance pays from a document of its own.
    Slices,
    /// As [`Form::Slices`], and each instance adds to a document of its own for each participation.
    AllSliced,
    /// After a conflict, an instance waits for the turn before it takes the next batch from its queue. The transaction gives
    /// the turn back.
    Turns,
}

impl Form {
    const ALL: [Self; 4] = [Self::Optimistic, Self::Slices, Self::AllSliced, Self::Turns];

    const fn name(self) -> &'static str {
        match self {
            Self::Optimistic => "optimistic",
            Self::Slices => "slices of the budget",
            Self::AllSliced => "slices of budget and participations",
            Self::Turns => "turns",
        }
    }
}

struct Visit {
    id: String,
    participation: usize,
    answer: oneshot::Sender<()>,
}

#[derive(Default)]
struct Counts {
    batches: AtomicUsize,
    conflicts: AtomicU32,
    /// The most conflicts of a batch.
    most: AtomicU32,
}

#[derive(Default)]
struct Figures {
    per_second: Vec<f64>,
    p99: Vec<Duration>,
    batch: Vec<f64>,
    conflicts: Vec<f64>,
    most: u32,
}

#[tokio::main]
async fn main() {
    let Some(uri) = server_uri() else { return };
    println!(
        "| participations | instances | | events/s | ÷ one instance | p99 | events/batch | conflicts/batch | most |"
    );
    println!("| --- | --- | --- | --- | --- | --- | --- | --- | --- |");
    for participations in PARTICIPATIONS {
        let mut all: BTreeMap<(usize, usize), Figures> = BTreeMap::new();
        for _ in 0..ROUNDS {
            for instances in INSTANCES {
                for (number, form) in Form::ALL.into_iter().enumerate() {
                    measure(
                        &uri,
                        form,
                        instances,
                        participations,
                        all.entry((instances, number)).or_default(),
                    )
                    .await;
                }
            }
        }
        let alone = median(&all[&(1, 0)].per_second);
        for ((instances, form), figures) in &all {
            let per_second = median(&figures.per_second);
            println!(
                "| {participations} | {instances} | {} | {per_second:.0} | {:.2} | {:.0?} | {:.0} | {:.2} | {} |",
                Form::ALL[*form].name(),
                per_second / alone,
                median(&figures.p99),
                median(&figures.batch),
                median(&figures.conflicts),
                figures.most,
            );
        }
    }
}

fn median<T: PartialOrd + Copy>(values: &[T]) -> T {
    let mut sorted = values.to_vec();
    sorted.sort_by(|one, other| one.partial_cmp(other).unwrap());
    sorted[sorted.len() / 2]
}

async fn measure(uri: &str, form: Form, instances: usize, participations: usize, figures: &mut Figures) {
    let client = Client::with_uri_str(uri).await.unwrap();
    let database = client.database(&format!("gt_bench_{}", ObjectId::new().to_hex()));
    set(&database, participations).await;
    let counts = Arc::new(Counts::default());
    let (mut senders, mut committers) = (Vec::new(), Vec::new());
    for number in 0..instances {
        let client = Client::with_uri_str(uri).await.unwrap();
        let database = client.database(database.name());
        let (sender, receiver) = mpsc::channel(CALLERS);
        let instance = Instance { form, number, client, database, counts: counts.clone(), turns: 0 };
        committers.push(tokio::spawn(instance.commit_all(receiver)));
        senders.push(sender);
    }
    let start = Instant::now();
    let callers =
        (0..CALLERS).map(|caller| call(caller, participations, start, senders[caller % instances].clone()));
    let mut latencies: Vec<Duration> = join_all(callers).await.concat();
    let elapsed = start.elapsed();
    drop(senders);
    join_all(committers).await;
    let batches = counts.batches.load(Ordering::Relaxed) as f64;
    figures.per_second.push(latencies.len() as f64 / elapsed.as_secs_f64());
    figures.p99.push(percentile(&mut latencies, 99));
    figures.batch.push(latencies.len() as f64 / batches);
    figures.conflicts.push(counts.conflicts.load(Ordering::Relaxed) as f64 / batches);
    figures.most = figures.most.max(counts.most.load(Ordering::Relaxed));
    database.drop().await.unwrap();
}

async fn set(database: &Database, participations: usize) {
    for collection in ["ledger", "quotas", "turns", "slices"] {
        database.create_collection(collection).await.unwrap();
    }
    for (collection, document) in [
        ("campaigns", doc! {"_id": 0, "remainingBudget": decimal(BUDGET)}),
        ("turns", doc! {"_id": 0, "until": DateTime::from_millis(0)}),
    ] {
        database.collection(collection).insert_one(document).await.unwrap();
    }
    let slices = (0..3).map(|number| doc! {"_id": number, "remainingBudget": decimal(BUDGET)});
    database.collection::<Document>("slices").insert_many(slices).await.unwrap();
    let documents = (0..participations).map(|number| {
        doc! {
            "_id": number as i64, "visits": 0_i64, "paidUnits": 0_i64, "estimatedEarnings": decimal("0.000000"),
            "browserSourceToken": format!("{number:064}"),
        }
    });
    database.collection::<Document>("participations").insert_many(documents).await.unwrap();
}

async fn call(
    caller: usize,
    participations: usize,
    start: Instant,
    sender: mpsc::Sender<Visit>,
) -> Vec<Duration> {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let mut latencies = Vec::new();
    let mut random = Random::of(caller);
    while start.elapsed() < MEASURED {
        let called = Instant::now();
        let participation = random.below(participations);
        let (answer, answered) = oneshot::channel();
        let id = format!("visit:{:08x}:{}", random.below(usize::MAX), NUMBER.fetch_add(1, Ordering::Relaxed));
        sender.send(Visit { id, participation, answer }).await.ok().unwrap();
        answered.await.unwrap();
        latencies.push(called.elapsed());
    }
    latencies
}

struct Instance {
    form: Form,
    number: usize,
    client: Client,
    database: Database,
    counts: Arc<Counts>,
    /// The number of batches for which this instance still takes turns.
    turns: u32,
}

impl Instance {
    async fn commit_all(mut self, mut receiver: mpsc::Receiver<Visit>) {
        let mut batch = Vec::with_capacity(BATCH_MAX);
        while receiver.recv_many(&mut batch, BATCH_MAX).await > 0 {
            if self.takes_turns() {
                self.take_turn().await;
                while batch.len() < BATCH_MAX
                    && let Ok(visit) = receiver.try_recv()
                {
                    batch.push(visit);
                }
            }
            let mut conflicts = 0_u32;
            while let Err(error) = self.attempt(&batch).await {
                assert!(error.contains_label(TRANSIENT_TRANSACTION_ERROR), "{error}");
                conflicts += 1;
                let most = PAUSE_FIRST * 2_u32.pow((conflicts - 1).min(6));
                sleep(most.mul_f64(chance())).await;
                self.turns = TURNS + 1;
                if self.takes_turns() {
                    self.take_turn().await;
                }
            }
            self.turns = self.turns.saturating_sub(1);
            self.counts.batches.fetch_add(1, Ordering::Relaxed);
            self.counts.conflicts.fetch_add(conflicts, Ordering::Relaxed);
            self.counts.most.fetch_max(conflicts, Ordering::Relaxed);
            for visit in batch.drain(..) {
                visit.answer.send(()).ok();
            }
        }
    }

    fn takes_turns(&self) -> bool {
        self.form == Form::Turns && self.turns > 0
    }

    /// Waits until no other instance has the turn, for 300 ms at most.
    async fn take_turn(&self) {
        loop {
            let mine = doc! {"process": self.number as i64};
            let free = doc! {"$expr": {"$lte": ["$until", "$$NOW"]}};
            let until = doc! {"$add": ["$$NOW", 300_i64]};
            let take = doc! {
                "q": {"_id": 0, "$or": [mine, free]},
                "u": [{"$set": {"until": until, "process": self.number as i64}}],
            };
            let command = doc! {"update": "turns", "updates": [take], "writeConcern": {"w": 1}};
            if self.database.run_command(command).await.unwrap().get_i32("n").unwrap() == 1 {
                return;
            }
            sleep(Duration::from_micros(200) + Duration::from_micros(600).mul_f64(chance())).await;
        }
    }

    async fn attempt(&self, batch: &[Visit]) -> Result<(), Error> {
        let mut session = begin(&self.client).await?;
        self.record(&mut session, batch).await?;
        if self.takes_turns() {
            let give_back = doc! {
                "q": {"_id": 0, "process": self.number as i64}, "u": {"$set": {"until": DateTime::from_millis(0)}},
            };
            self.update(&mut session, "turns", vec![give_back]).await?;
        }
        session.commit_transaction().await
    }

    async fn record(&self, session: &mut ClientSession, batch: &[Visit]) -> Result<(), Error> {
        let mut visits = BTreeMap::new();
        for visit in batch {
            *visits.entry(visit.participation as i64).or_insert(0_i64) += 1;
        }
        let named: Vec<_> = visits.keys().copied().collect();
        let participations = if self.form == Form::AllSliced { "parts" } else { "participations" };
        let money = if matches!(self.form, Form::Slices | Form::AllSliced) { "slices" } else { "campaigns" };
        let purse = if money == "slices" { self.number as i64 } else { 0 };
        self.read(session, "participations", doc! {"_id": {"$in": named}}).await?;
        self.read(session, money, doc! {"_id": purse}).await?;
        let now = DateTime::now();
        let entries = batch.iter().map(|visit| {
            doc! {
                "_id": &visit.id, "participationId": visit.participation as i64, "campaignId": 0, "kind": "visit.qr",
                "units": 1_i64, "at": now, "paidUnits": 1_i64, "amount": decimal(PRICE),
            }
        });
        self.database.collection::<Document>("ledger").insert_many(entries).session(&mut *session).await?;
        let price = (PRICE.parse::<f64>().unwrap() * 1e6) as i64 * batch.len() as i64;
        let amount = decimal(&format!("{:.6}", price as f64 / 1e6));
        let less = decimal(&format!("-{:.6}", price as f64 / 1e6));
        let charge = doc! {
            "q": {"_id": purse, "remainingBudget": {"$gte": amount}}, "u": {"$inc": {"remainingBudget": less}},
        };
        self.update(session, money, vec![charge]).await?;
        let quotas = batch.iter().map(|visit| doc! {"_id": &visit.id, "used": 1_i64, "usedAt": now});
        self.database.collection::<Document>("quotas").insert_many(quotas).session(&mut *session).await?;
        let mut alike: BTreeMap<i64, Vec<i64>> = BTreeMap::new();
        for (participation, visits) in visits {
            alike.entry(visits).or_default().push(participation);
        }
        let credits = alike.into_iter().flat_map(|(visits, ids)| {
            let earned = decimal(&format!("{:.6}", visits as f64 * PRICE.parse::<f64>().unwrap()));
            let add = doc! {"$inc": {"visits": visits, "paidUnits": visits, "estimatedEarnings": earned}};
            if self.form == Form::AllSliced {
                let own = |id| doc! {"q": {"_id": format!("{id}:{}", self.number)}, "u": add.clone(), "upsert": true};
                ids.into_iter().map(own).collect::<Vec<_>>()
            } else {
                vec![doc! {"q": {"_id": {"$in": ids}}, "u": add, "multi": true}]
            }
        });
        self.update(session, participations, credits.collect()).await?;
        Ok(())
    }

    async fn read(
        &self,
        session: &mut ClientSession,
        collection: &str,
        filter: Document,
    ) -> Result<(), Error> {
        let collection = self.database.collection::<Document>(collection);
        let mut found = collection.find(filter).session(&mut *session).await?;
        while found.next(session).await.transpose()?.is_some() {}
        Ok(())
    }

    async fn update(
        &self,
        session: &mut ClientSession,
        collection: &str,
        statements: Vec<Document>,
    ) -> Result<(), Error> {
        let reply = self
            .database
            .run_command(doc! {"update": collection, "updates": statements})
            .session(session)
            .await?;
        assert!(reply.get("writeErrors").is_none(), "{reply}");
        Ok(())
    }
}

/// A random number from 0 to 1.
fn chance() -> f64 {
    f64::from(getrandom::u32().unwrap()) / f64::from(u32::MAX)
}
