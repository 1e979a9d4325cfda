//! The ledger on MongoDB: what it makes of documents that others have left there, what it says when the server does not
//! answer, and repairs amid traffic. What every store keeps is in `contract.rs`.

#![allow(clippy::unwrap_used)] // a store that cannot be made fails the test

mod batches;
mod faults;
mod openings;
mod repairs;
mod rollups;
#[path = "../support/mod.rs"]
mod support;
mod turns;

use bson::{Bson, Document, doc, oid::ObjectId};
use gametriggers_documents::values;
use gametriggers_domain::{
    ledger::{Counters, Entry, EntryId, EntryKind, Verdict},
    price::Accrual,
};
use gametriggers_fixtures::units;
use gametriggers_persistence::{Entity, Outcome, Repositories, StorageError};
use gametriggers_persistence_mongodb::MongoStore;
use gametriggers_test_mongod::{Server, TestDatabase};
use gametriggers_types::{CampaignId, ClickKind, Money, ParticipationId};
use tokio::task::block_in_place;

use crate::support::migrated;

const CAMPAIGN: &str = "6864d4187d06a675f2abb701";
const PARTICIPATION: &str = "6864d4187d06a675f2abb801";

/// A migrated store, into which documents are put past every rule.
struct Stage {
    database: TestDatabase,
    store: MongoStore,
}

impl Stage {
    async fn set() -> Self {
        Self::set_on(TestDatabase::create().await).await
    }

    async fn set_on(database: TestDatabase) -> Self {
        let store = migrated(&database).await;
        Self { database, store }
    }

    /// A stage with one campaign and one participation as the previous system left them.
    async fn with_old_documents() -> Self {
        let stage = Self::set().await;
        stage.put("campaigns", old_campaign()).await;
        stage.put("campaignparticipations", old_participation()).await;
        stage
    }

    async fn put(&self, collection: &str, document: Document) {
        self.database.raw().collection(collection).insert_one(document).await.unwrap();
    }

    async fn stored(&self, collection: &str, id: impl Into<Bson>) -> Document {
        let collection = self.database.raw().collection::<Document>(collection);
        collection.find_one(doc! {"_id": id.into()}).await.unwrap().unwrap()
    }

    /// Another instance.
    async fn instance(&self) -> Repositories {
        MongoStore::connect(self.database.uri()).await.unwrap().repositories()
    }

    async fn record(&self, entries: &[Entry]) -> Result<Vec<Outcome>, StorageError> {
        self.store.repositories().ledger.record(entries.into()).await
    }

    async fn counters(&self) -> Counters {
        let participations = self.instance().await.participations;
        participations.find_by_id(participation()).await.unwrap().unwrap().counters
    }

    async fn remaining(&self) -> Money {
        self.instance().await.campaigns.find_by_id(campaign()).await.unwrap().unwrap().remaining_budget
    }

    async fn assert_reconciled(&self) {
        assert_eq!(self.instance().await.ledger.reconcile(false).await.unwrap(), []);
    }
}

fn campaign() -> CampaignId {
    CAMPAIGN.parse().unwrap()
}

fn participation() -> ParticipationId {
    PARTICIPATION.parse().unwrap()
}

fn oid(id: &str) -> ObjectId {
    id.parse().unwrap()
}

fn decimal(text: &str) -> Bson {
    Bson::Decimal128(text.parse().unwrap())
}

/// Money as doubles with their rounding noise; 5 impressions at 1.66 are left.
fn old_campaign() -> Document {
    doc! {
        "_id": oid(CAMPAIGN), "title": "Energy", "brandId": oid(CAMPAIGN), "budget": 83,
        "remainingBudget": 8.299_999_999_999_999, "mediaUrl": "https://example.com/a.png", "mediaType": "image",
        "status": "active", "paymentRate": 1660.0, "paymentType": "cpm",
    }
}

/// Some counters absent, null, or numbers of another type, and the mean that (old + new) / 2 gave.
fn old_participation() -> Document {
    doc! {
        "_id": oid(PARTICIPATION), "campaignId": oid(CAMPAIGN), "streamerId": oid(PARTICIPATION),
        "status": "active", "viewerImpressions": 7.0, "clicks": 3, "chatClicks": 2_i64, "qrScans": Bson::Null,
        "estimatedEarnings": 0.300_000_000_000_000_04, "avgViewerCount": 1.5, "peakViewerCount": 40.0,
        "browserSourceUrl": "/api/v1/overlay/a-token", "browserSourceToken": "a-token",
    }
}

fn entry(id: &str, kind: EntryKind, units: u64) -> Entry {
    let (id, at) = (EntryId::stored(id.to_owned()), "2026-03-01T12:00:00Z".parse().unwrap());
    Entry { units, basis: kind.basis(), ..Entry::new(id, kind, participation(), campaign(), at) }
}

fn display(id: &str) -> Entry {
    entry(id, EntryKind::Display, 1)
}

fn paid(units: u64, amount: Money) -> Accrual {
    Accrual::priced(units, 0, amount)
}
