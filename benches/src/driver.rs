//! The baseline for the store: the official MongoDB driver, with one durable `findOneAndUpdate` for each event.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::Context;
use bson::{Document, doc, oid::ObjectId};
use gametriggers_test_mongod::TestDatabase;
use hdrhistogram::Histogram;
use mongodb::{
    Client, Collection,
    options::{Acknowledgment, ClientOptions, WriteConcern},
};
use tokio::task;

use crate::{
    load::Outcome,
    results::{DRIVER_IN_FLIGHT, Documents, Run},
    stage,
};

/// The number of distinct documents that are updated: as many as streamers are live.
const DOCUMENTS: usize = stage::LIVE as usize;

/// A collection of documents like those that a click changes.
pub(crate) struct Driver {
    collection: Collection<Document>,
    ids: Vec<ObjectId>,
    // Declared last, so that it is dropped last.
    _database: TestDatabase,
}

impl Driver {
    /// Creates the collection in its own database.
    ///
    /// # Errors
    /// If the server cannot be used.
    pub(crate) async fn prepare(mongodb: &str) -> anyhow::Result<Self> {
        let database = TestDatabase::create_on(mongodb).await;
        let mut options = ClientOptions::parse(database.uri()).await.context("the connection string")?;
        // The driver's default is 10.
        options.max_pool_size = Some(DRIVER_IN_FLIGHT);
        let durable = WriteConcern::builder().w(Acknowledgment::Majority).journal(true).build();
        options.write_concern = Some(durable);
        let collection = Client::with_options(options)?.database(database.raw().name()).collection("events");
        let ids: Vec<_> = (0..DOCUMENTS).map(|_| ObjectId::new()).collect();
        collection.insert_many(ids.iter().map(|id| participation(*id))).await?;
        Ok(Self { collection, ids, _database: database })
    }

    /// Updates documents for the given time.
    ///
    /// # Errors
    /// If a task panics.
    pub(crate) async fn run(
        &self,
        documents: Documents,
        warm_up: Duration,
        measured: Duration,
    ) -> anyhow::Result<Outcome> {
        let begin = Instant::now() + warm_up;
        let end = begin + measured;
        let ids: Arc<[ObjectId]> = match documents {
            Documents::One => self.ids[..1].into(),
            Documents::Many => self.ids.as_slice().into(),
        };
        let updating: Vec<_> = (0..DRIVER_IN_FLIGHT as usize)
            .map(|first| task::spawn(update(self.collection.clone(), ids.clone(), first, begin, end)))
            .collect();
        let mut micros = Histogram::<u64>::new(3)?;
        let mut outcome = Outcome::default();
        for updated in updating {
            match updated.await? {
                Ok(latencies) => latencies.into_iter().try_for_each(|latency| micros.record(latency))?,
                Err(error) => *outcome.wrong.entry(error.to_string()).or_default() += 1,
            }
        }
        outcome.run = Run::of(&micros, measured);
        Ok(outcome)
    }
}

/// Updates one document after the other. Returns the latencies in microseconds of the updates that ended within the
/// measured time.
async fn update(
    collection: Collection<Document>,
    ids: Arc<[ObjectId]>,
    first: usize,
    begin: Instant,
    end: Instant,
) -> mongodb::error::Result<Vec<u64>> {
    let mut micros = Vec::new();
    let mut next = first;
    loop {
        let asked = Instant::now();
        if asked >= end {
            return Ok(micros);
        }
        let id = ids[next % ids.len()];
        next += DRIVER_IN_FLIGHT as usize;
        collection.find_one_and_update(doc! {"_id": id}, doc! {"$inc": {"clicks": 1_i64}}).await?;
        let answered = Instant::now();
        if begin <= answered && answered < end {
            micros.push(u64::try_from(answered.duration_since(asked).as_micros()).unwrap_or(u64::MAX));
        }
    }
}

/// A document about as large as a participation.
fn participation(id: ObjectId) -> Document {
    let token = format!("{id}{id}").repeat(2);
    let counters = ["impressions", "clicks", "chatClicks", "qrScans", "linkClicks", "visits", "paidUnits"];
    let mut document = doc! {"_id": id, "campaignId": id, "streamerId": id, "status": "active"};
    document.extend(counters.map(|name| (name.to_owned(), 0_i64.into())));
    document.insert("browserSourceUrl", format!("/api/v1/overlay/{token}"));
    document.insert("browserSourceToken", token);
    document
}

/// The version of a MongoDB server.
///
/// # Errors
/// If it does not answer.
pub(crate) async fn server_version(mongodb: &str) -> anyhow::Result<String> {
    let client = Client::with_uri_str(mongodb).await.context("the connection string of MongoDB")?;
    let info = client.database("admin").run_command(doc! {"buildInfo": 1}).await?;
    Ok(info.get_str("version")?.to_owned())
}
