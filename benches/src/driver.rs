//! The baseline for the store: the official MongoDB driver, with one durable `findOneAndUpdate` for each event. It adds
//! a click to a participation, or takes the price of an event from a campaign's budget if the budget suffices.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::Context;
use bson::{Decimal128, Document, doc, oid::ObjectId};
use gametriggers_test_mongod::TestDatabase;
use hdrhistogram::Histogram;
use mongodb::{
    Client, Collection,
    options::{Acknowledgment, ClientOptions, WriteConcern},
};
use tokio::task;

use crate::{
    load::Outcome,
    results::{DRIVER_IN_FLIGHT, Documents, PAYMENTS_IN_FLIGHT, Run},
    stage,
};

/// The number of distinct documents that are updated: as many as streamers are live.
const DOCUMENTS: usize = stage::LIVE as usize;

/// A budget that does not run out, and the price of an event, in units of money.
const BUDGET: &str = "1000000000";
const PRICE: &str = "0.1";

/// The updates of a run.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Updates {
    /// Add a click to a participation, whatever the document holds.
    Clicks(Documents),
    /// Take [`PRICE`] from one of so many budgets, on the condition that the budget suffices.
    Payments { budgets: u32 },
}

/// Collections of documents like those that an event changes.
pub(crate) struct Driver {
    participations: Documented,
    campaigns: Documented,
    // Declared last, so that it is dropped last.
    _database: TestDatabase,
}

/// A collection and the ids of its documents.
struct Documented {
    collection: Collection<Document>,
    ids: Vec<ObjectId>,
}

impl Documented {
    async fn fill(
        collection: Collection<Document>,
        count: usize,
        document: impl Fn(ObjectId) -> Document,
    ) -> anyhow::Result<Self> {
        let ids: Vec<_> = (0..count).map(|_| ObjectId::new()).collect();
        collection.insert_many(ids.iter().map(|id| document(*id))).await?;
        Ok(Self { collection, ids })
    }
}

impl Driver {
    /// Creates the collections in their own database, with this many campaigns.
    ///
    /// # Errors
    /// If the server cannot be used.
    pub(crate) async fn prepare(mongodb: &str, campaigns: u32) -> anyhow::Result<Self> {
        let database = TestDatabase::create_on(mongodb).await;
        let mut options = ClientOptions::parse(database.uri()).await.context("the connection string")?;
        // The driver's default is 10.
        options.max_pool_size = Some(PAYMENTS_IN_FLIGHT.max(DRIVER_IN_FLIGHT));
        let durable = WriteConcern::builder().w(Acknowledgment::Majority).journal(true).build();
        options.write_concern = Some(durable);
        let in_database = Client::with_options(options)?.database(database.raw().name());
        let participations = in_database.collection("participations");
        let participations = Documented::fill(participations, DOCUMENTS, participation).await?;
        let budget = BUDGET.parse()?;
        let with_budget = |id| campaign(id, budget);
        let collection = in_database.collection("campaigns");
        let campaigns = Documented::fill(collection, campaigns as usize, with_budget).await?;
        Ok(Self { participations, campaigns, _database: database })
    }

    /// Updates documents for the given time.
    ///
    /// # Errors
    /// If a task panics.
    pub(crate) async fn run(
        &self,
        updates: Updates,
        warm_up: Duration,
        measured: Duration,
    ) -> anyhow::Result<Outcome> {
        let begin = Instant::now() + warm_up;
        let end = begin + measured;
        let (of, documents, in_flight, condition, update) = match updates {
            Updates::Clicks(documents) => {
                let count = if documents == Documents::One { 1 } else { DOCUMENTS };
                let click = doc! {"$inc": {"clicks": 1_i64}};
                (&self.participations, count, DRIVER_IN_FLIGHT, Document::new(), click)
            }
            Updates::Payments { budgets } => {
                let price: Decimal128 = PRICE.parse()?;
                let payment = doc! {"$inc": {"remainingBudget": format!("-{PRICE}").parse::<Decimal128>()?}};
                let suffices = doc! {"remainingBudget": {"$gte": price}};
                (&self.campaigns, budgets as usize, PAYMENTS_IN_FLIGHT, suffices, payment)
            }
        };
        let ids: Arc<[ObjectId]> = of.ids.get(..documents).context("too few documents")?.into();
        let plan = Arc::new(Plan { ids, in_flight: in_flight as usize, condition, update, begin, end });
        let updating: Vec<_> = (0..plan.in_flight)
            .map(|first| task::spawn(update_in_turn(of.collection.clone(), plan.clone(), first)))
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

/// The updates of a run, and its measured time.
struct Plan {
    ids: Arc<[ObjectId]>,
    in_flight: usize,
    /// What must be true of a document, besides its id.
    condition: Document,
    update: Document,
    begin: Instant,
    end: Instant,
}

/// Updates one document after the other. Returns the latencies in microseconds of the updates that ended within the
/// measured time.
///
/// # Errors
/// If an update fails, or finds no document.
async fn update_in_turn(
    collection: Collection<Document>,
    plan: Arc<Plan>,
    first: usize,
) -> anyhow::Result<Vec<u64>> {
    let mut micros = Vec::new();
    let mut next = first;
    loop {
        let asked = Instant::now();
        if asked >= plan.end {
            return Ok(micros);
        }
        let mut filter = doc! {"_id": plan.ids[next % plan.ids.len()]};
        filter.extend(plan.condition.clone());
        next += plan.in_flight;
        let found = collection.find_one_and_update(filter, plan.update.clone()).await?;
        found.context("an update whose condition no document meets")?;
        let answered = Instant::now();
        if plan.begin <= answered && answered < plan.end {
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

/// A document about as large as a campaign.
fn campaign(id: ObjectId, budget: Decimal128) -> Document {
    doc! {
        "_id": id, "brandId": id, "title": "Autumn promotion of a brand", "status": "active",
        "description": "A drink for those who stay up late.", "budget": budget, "remainingBudget": budget,
        "mediaUrl": "https://media.example.com/campaigns/autumn-promotion.png", "mediaType": "image",
        "clickUrl": "https://brand.example.com/autumn", "paymentType": "cpc", "categories": ["gaming"],
    }
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
