//! One ledger document per entry, or one per batch? The measurement behind `docs/adr/0008-ledger-documents.md`.
//!
//! ```text
//! GAMETRIGGERS_TEST_MONGODB_URI='mongodb://127.0.0.1:27017/?directConnection=true' \
//!     cargo bench -p gametriggers-persistence-mongodb --bench ledger_documents
//! ```
//!
//! 256 callers submit clicks, one in ten of them for the second time, and wait for the answer; one committer takes what
//! has queued, at most 256, and commits it in one transaction: look up known ids, read those named, store the entries,
//! add to the counters and to the quarter-hours. Afterwards the last 50 entries of one streamer at a time are read.
//! Everything but the ledger's documents is the same for all forms. Each case has a database of its own, which is
//! dropped at the end.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    clippy::similar_names,
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::too_many_lines,
    reason = "a measurement that cannot be made has nothing to say, and its figures are rounded"
)]

mod support;

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::Arc,
    time::{Duration, Instant},
};

use bson::{Bson, DateTime, Document, doc, oid::ObjectId};
use futures_util::TryStreamExt;
use mongodb::{Client, ClientSession, Collection, Database, SessionCursor, options::ClientOptions};
use tokio::sync::{mpsc, oneshot};

use self::support::{Random, begin, decimal, percentile, server_uri};

const CALLERS: usize = 256;
const BATCH_MAX: usize = 256;
const MEASURED: Duration = Duration::from_secs(6);
const LOOK_UPS: usize = 200;
const PARTICIPATIONS_PER_STREAMER: usize = 4;
/// Few of them are in one batch together; many have more than [`LAST`] entries in the end.
const COLD: usize = 2_000;
const HOT: usize = 16;
const LAST: i64 = 50;

#[derive(Clone, Copy, PartialEq)]
enum Form {
    /// One document per entry, its id the document's.
    Entry,
    /// The same without an index for the look-up: a streamer's entries are those whose ids begin with them.
    EntryById,
    /// As the first, in a collection that is ordered by `_id` itself.
    EntryClustered,
    /// One document per batch, with an array of entries and a unique index on their ids.
    Batch,
}

impl Form {
    const ALL: [Self; 4] = [Self::Entry, Self::EntryById, Self::EntryClustered, Self::Batch];

    const fn name(self) -> &'static str {
        match self {
            Self::Entry => "per entry",
            Self::EntryById => "per entry, found by id",
            Self::EntryClustered => "per entry, clustered",
            Self::Batch => "per batch",
        }
    }
}

/// A click on its way to the committer.
struct Click {
    id: String,
    participation: usize,
    answer: oneshot::Sender<bool>,
}

struct Figures {
    acknowledged_per_second: f64,
    server_micros_per_entry: f64,
    batch_mean: f64,
    latency: Percentiles,
    look_up: Percentiles,
    bytes_per_entry: f64,
}

struct Percentiles {
    p50: Duration,
    p99: Duration,
}

#[tokio::main]
async fn main() {
    let Some(uri) = server_uri() else { return };
    let client = Client::with_options(ClientOptions::parse(uri).await.unwrap()).unwrap();
    println!(
        "| participations | ledger documents | acknowledged/s | server µs/entry | entries/batch | p50 | p99 | look-up p50 | p99 | bytes/entry |"
    );
    println!("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |");
    for participations in [HOT, COLD] {
        for form in Form::ALL {
            let database = client.database(&format!("gt_bench_{}", ObjectId::new().to_hex()));
            let figures = measure(&client, &database, form, participations).await;
            database.drop().await.unwrap();
            println!(
                "| {participations} | {} | {:.0} | {:.0} | {:.0} | {:.1?} | {:.1?} | {:.1?} | {:.1?} | {:.0} |",
                form.name(),
                figures.acknowledged_per_second,
                figures.server_micros_per_entry,
                figures.batch_mean,
                figures.latency.p50,
                figures.latency.p99,
                figures.look_up.p50,
                figures.look_up.p99,
                figures.bytes_per_entry,
            );
        }
    }
}

async fn measure(client: &Client, database: &Database, form: Form, participations: usize) -> Figures {
    let stage = Arc::new(Stage::set(database, form, participations).await);
    let (sender, receiver) = mpsc::channel(CALLERS);
    let committer = tokio::spawn(commit_all(client.clone(), stage.clone(), receiver));
    let begin = Instant::now();
    let processor_time = processor_micros(database).await;
    let callers: Vec<_> = (0..CALLERS)
        .map(|caller| tokio::spawn(call(caller, participations, begin, sender.clone())))
        .collect();
    drop(sender);
    let mut latencies = Vec::new();
    for caller in callers {
        latencies.extend(caller.await.unwrap());
    }
    let elapsed = begin.elapsed();
    let batches = committer.await.unwrap();
    let processor_time = processor_micros(database).await - processor_time;
    let stats = database.run_command(doc! {"collStats": "ledger"}).await.unwrap();
    let entries = stage.count_entries().await;
    Figures {
        acknowledged_per_second: latencies.len() as f64 / elapsed.as_secs_f64(),
        server_micros_per_entry: processor_time / latencies.len() as f64,
        batch_mean: latencies.len() as f64 / batches as f64,
        latency: percentiles(latencies),
        look_up: percentiles(stage.look_up().await),
        bytes_per_entry: number(&stats, "size") / entries,
    }
}

/// One caller: one click after the other, each tenth the one before once more.
async fn call(
    caller: usize,
    participations: usize,
    begin: Instant,
    sender: mpsc::Sender<Click>,
) -> Vec<Duration> {
    let mut latencies = Vec::new();
    let mut random = Random::of(caller);
    let mut last = (String::new(), 0);
    for number in 0.. {
        let begun = Instant::now();
        if begun - begin >= MEASURED {
            break;
        }
        let repeated = number % 10 == 9;
        if !repeated {
            let participation = random.below(participations);
            let streamer = object_id(1, participation / PARTICIPATIONS_PER_STREAMER);
            last = (format!("event:{streamer}:chat:{number:08}-{caller:04}"), participation);
        }
        let (answer, answered) = oneshot::channel();
        sender.send(Click { id: last.0.clone(), participation: last.1, answer }).await.ok().unwrap();
        assert_eq!(answered.await.unwrap(), repeated, "a click is known the second time, and not before");
        latencies.push(begun.elapsed());
    }
    latencies
}

/// The one committer: no waiting for more, what has queued while the last batch was committing is the next.
async fn commit_all(client: Client, stage: Arc<Stage>, mut receiver: mpsc::Receiver<Click>) -> usize {
    let mut batches = 0;
    let mut batch = Vec::with_capacity(BATCH_MAX);
    while receiver.recv_many(&mut batch, BATCH_MAX).await > 0 {
        let mut session = begin(&client).await.unwrap();
        let known = stage.record(&mut session, &batch).await;
        session.commit_transaction().await.unwrap();
        for click in batch.drain(..) {
            let _ = click.answer.send(known.contains(&click.id));
        }
        batches += 1;
    }
    batches
}

struct Stage {
    form: Form,
    participations: usize,
    database: Database,
    ledger: Collection<Document>,
}

impl Stage {
    async fn set(database: &Database, form: Form, participations: usize) -> Self {
        let ledger = database.collection("ledger");
        let clustered = doc! {"key": {"_id": 1}, "unique": true};
        let mut create = doc! {"create": "ledger"};
        let indexes = match form {
            Form::EntryById => Vec::new(),
            Form::Entry | Form::EntryClustered => {
                vec![doc! {"key": {"participationId": 1, "at": 1}, "name": "streamer"}]
            }
            Form::Batch => vec![
                doc! {"key": {"entries.id": 1}, "name": "ids", "unique": true},
                doc! {"key": {"entries.participationId": 1, "at": 1}, "name": "streamer"},
            ],
        };
        if form == Form::EntryClustered {
            create.insert("clusteredIndex", clustered);
        }
        database.run_command(create).await.unwrap();
        if !indexes.is_empty() {
            database.run_command(doc! {"createIndexes": "ledger", "indexes": indexes}).await.unwrap();
        }
        database.create_collection("rollups").await.unwrap();
        let campaigns = if participations == COLD { COLD / 10 } else { 1 };
        let documents = (0..campaigns).map(|number| {
            doc! {
                "_id": object_id(2, number), "title": "A campaign", "remainingBudget": decimal("5000.000000"),
                "paymentType": "cpm", "paymentRate": decimal("5.000000"),
            }
        });
        database.collection::<Document>("campaigns").insert_many(documents).await.unwrap();
        let documents = (0..participations).map(|number| {
            doc! {
                "_id": object_id(3, number), "campaignId": object_id(2, number % campaigns),
                "streamerId": object_id(1, number / PARTICIPATIONS_PER_STREAMER),
                "impressions": 0_i64, "clicks": 0_i64, "chatClicks": 0_i64, "paidUnits": 0_i64,
                "estimatedEarnings": decimal("0.000000"), "browserSourceToken": format!("{number:064}"),
            }
        });
        database.collection::<Document>("campaignparticipations").insert_many(documents).await.unwrap();
        Self { form, participations, database: database.clone(), ledger }
    }

    /// Everything but start and commit of the transaction; returns the ids that were known before.
    async fn record(&self, session: &mut ClientSession, batch: &[Click]) -> HashSet<String> {
        let ids: Vec<&str> = batch.iter().map(|click| click.id.as_str()).collect();
        let known = self.find_known(session, &ids).await;
        let new: Vec<_> = batch.iter().filter(|click| !known.contains(&click.id)).collect();
        if new.is_empty() {
            return known;
        }
        let mut clicks = BTreeMap::new();
        for click in &new {
            *clicks.entry(click.participation).or_insert(0_i64) += 1;
        }
        let named: Vec<_> = clicks.keys().map(|number| object_id(3, *number)).collect();
        let campaign_of = self.read_named(session, named).await;
        let now = DateTime::now();
        let entries: Vec<_> = new.iter().map(|click| entry(click, &campaign_of, now, self.form)).collect();
        match self.form {
            Form::Entry | Form::EntryById | Form::EntryClustered => {
                self.ledger.insert_many(entries).session(&mut *session).await.unwrap();
            }
            Form::Batch => {
                let bucket = doc! {"at": now, "entries": entries};
                self.ledger.insert_one(bucket).session(&mut *session).await.unwrap();
            }
        }
        let quarter = DateTime::from_millis(now.timestamp_millis() / 900_000 * 900_000);
        let (mut counters, mut rollups) = (Vec::new(), Vec::new());
        for (number, clicks) in clicks {
            let id = object_id(3, number);
            let add = doc! {"$inc": {"clicks": clicks, "chatClicks": clicks}};
            counters.push(doc! {"q": {"_id": id}, "u": add.clone()});
            let key = doc! {"_id": {"participationId": id, "quarter": quarter}};
            rollups.push(doc! {"q": key, "u": add, "upsert": true});
        }
        for (collection, updates) in [("campaignparticipations", counters), ("rollups", rollups)] {
            let expected = i32::try_from(updates.len()).unwrap();
            let command = doc! {"update": collection, "updates": updates};
            let reply = self.database.run_command(command).session(&mut *session).await.unwrap();
            assert_eq!(reply.get_i32("n").ok(), Some(expected), "{reply}");
        }
        known
    }

    async fn find_known(&self, session: &mut ClientSession, ids: &[&str]) -> HashSet<String> {
        match self.form {
            Form::Entry | Form::EntryById | Form::EntryClustered => {
                let found =
                    self.ledger.find(doc! {"_id": {"$in": ids}}).session(&mut *session).await.unwrap();
                texts(found, session, "_id").await
            }
            Form::Batch => {
                let stages = [
                    doc! {"$match": {"entries.id": {"$in": ids}}},
                    doc! {"$unwind": "$entries"},
                    doc! {"$match": {"entries.id": {"$in": ids}}},
                    doc! {"$replaceRoot": {"newRoot": "$entries"}},
                ];
                let found = self.ledger.aggregate(stages).session(&mut *session).await.unwrap();
                texts(found, session, "id").await
            }
        }
    }

    /// Reads what prices are made of; returns each participation's campaign.
    async fn read_named(
        &self,
        session: &mut ClientSession,
        ids: Vec<ObjectId>,
    ) -> HashMap<ObjectId, ObjectId> {
        let participations = self.database.collection::<Document>("campaignparticipations");
        let mut found = participations
            .find(doc! {"_id": {"$in": ids}})
            .projection(doc! {"campaignId": 1, "paidUnits": 1})
            .session(&mut *session)
            .await
            .unwrap();
        let mut campaign_of = HashMap::new();
        while let Some(one) = found.next(session).await {
            let one = one.unwrap();
            campaign_of.insert(one.get_object_id("_id").unwrap(), one.get_object_id("campaignId").unwrap());
        }
        let ids: HashSet<_> = campaign_of.values().copied().collect();
        let campaigns = self.database.collection::<Document>("campaigns");
        let mut found = campaigns
            .find(doc! {"_id": {"$in": Vec::from_iter(ids)}})
            .projection(doc! {"remainingBudget": 1, "paymentType": 1, "paymentRate": 1})
            .session(&mut *session)
            .await
            .unwrap();
        while found.next(session).await.transpose().unwrap().is_some() {}
        campaign_of
    }

    /// How long it takes to read the last 50 entries of one streamer, for many of them.
    async fn look_up(&self) -> Vec<Duration> {
        let streamers = self.participations / PARTICIPATIONS_PER_STREAMER;
        let mut times = Vec::new();
        for number in 0..LOOK_UPS {
            let first = number * 7 % streamers * PARTICIPATIONS_PER_STREAMER;
            let theirs: Vec<_> =
                (first..first + PARTICIPATIONS_PER_STREAMER).map(|number| object_id(3, number)).collect();
            let begun = Instant::now();
            let entries: Vec<Document> = match self.form {
                Form::EntryById => {
                    let streamer = object_id(1, first / PARTICIPATIONS_PER_STREAMER);
                    let ids =
                        doc! {"$gte": format!("event:{streamer}:"), "$lt": format!("event:{streamer};")};
                    let found = self.ledger.find(doc! {"_id": ids}).sort(doc! {"at": -1}).limit(LAST);
                    found.await.unwrap().try_collect().await.unwrap()
                }
                Form::Entry | Form::EntryClustered => {
                    let found = self.ledger.find(doc! {"participationId": {"$in": theirs}});
                    found.sort(doc! {"at": -1}).limit(LAST).await.unwrap().try_collect().await.unwrap()
                }
                Form::Batch => {
                    let stages = [
                        doc! {"$match": {"entries.participationId": {"$in": &theirs}}},
                        doc! {"$sort": {"at": -1}},
                        doc! {"$unwind": "$entries"},
                        doc! {"$match": {"entries.participationId": {"$in": &theirs}}},
                        doc! {"$limit": LAST},
                    ];
                    self.ledger.aggregate(stages).await.unwrap().try_collect().await.unwrap()
                }
            };
            times.push(begun.elapsed());
            assert!(!entries.is_empty(), "every streamer was clicked on");
        }
        times
    }

    async fn count_entries(&self) -> f64 {
        match self.form {
            Form::Entry | Form::EntryById | Form::EntryClustered => {
                self.ledger.count_documents(doc! {}).await.unwrap() as f64
            }
            Form::Batch => {
                let stages = [doc! {"$group": {"_id": null, "n": {"$sum": {"$size": "$entries"}}}}];
                let mut found = self.ledger.aggregate(stages).await.unwrap();
                number(&found.try_next().await.unwrap().unwrap(), "n")
            }
        }
    }
}

/// What the server has used of the processors: other programs on the machine do not change it.
async fn processor_micros(database: &Database) -> f64 {
    let status = database.run_command(doc! {"serverStatus": 1}).await.unwrap();
    let info = status.get_document("extra_info").unwrap();
    number(info, "user_time_us") + number(info, "system_time_us")
}

/// The entry of a click, under `id` where it is not a document of its own.
fn entry(click: &Click, campaign_of: &HashMap<ObjectId, ObjectId>, at: DateTime, form: Form) -> Document {
    let participation = object_id(3, click.participation);
    doc! {
        if form == Form::Batch { "id" } else { "_id" }: &click.id,
        "participationId": participation, "campaignId": campaign_of[&participation], "kind": "click.chat",
        "units": 1_i64, "at": at, "paidUnits": 0_i64, "unpaidUnits": 1_i64, "amount": decimal("0.000000"),
    }
}

async fn texts(
    mut found: SessionCursor<Document>,
    session: &mut ClientSession,
    field: &str,
) -> HashSet<String> {
    let mut texts = HashSet::new();
    while let Some(document) = found.next(session).await {
        texts.insert(document.unwrap().get_str(field).unwrap().to_owned());
    }
    texts
}

fn percentiles(mut times: Vec<Duration>) -> Percentiles {
    Percentiles { p50: percentile(&mut times, 50), p99: percentile(&mut times, 99) }
}

fn number(document: &Document, field: &str) -> f64 {
    match document.get(field) {
        Some(Bson::Int32(number)) => f64::from(*number),
        Some(Bson::Int64(number)) => *number as f64,
        Some(Bson::Double(number)) => *number,
        other => panic!("{field} is {other:?}"),
    }
}

fn object_id(kind: u8, number: usize) -> ObjectId {
    let mut bytes = [0; 12];
    bytes[0] = 0x69;
    bytes[3] = kind;
    bytes[8..].copy_from_slice(&(number as u32).to_be_bytes());
    ObjectId::from_bytes(bytes)
}
