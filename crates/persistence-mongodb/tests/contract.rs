//! The contract of every store, kept by this one.

#![allow(clippy::unwrap_used)] // a store that cannot be made fails the test

mod support;

use async_trait::async_trait;
use bson::{Bson, Decimal128, Document, doc, oid::ObjectId};
use gametriggers_persistence::{Entity, Repositories};
use gametriggers_persistence_contract::{Fixture, Unreadable, contract_tests};
use gametriggers_persistence_mongodb::MongoStore;
use gametriggers_test_mongod::TestDatabase;
use gametriggers_types::{CampaignId, DecisionId, ParticipationId, UserId};
use serde_json::Value;

use crate::support::migrated;

/// A database of its own that is dropped in the end.
struct MongoFixture {
    store: MongoStore,
    database: TestDatabase,
}

impl MongoFixture {
    /// Changes exactly the documents of this filter by the bare driver, past every rule.
    async fn falsify(&self, collection: &str, filter: Document, fields: Document) {
        let collection = self.database.raw().collection::<Document>(collection);
        let updated = collection.update_many(filter, doc! {"$set": fields}).await.unwrap();
        assert_ne!(updated.modified_count, 0, "nothing to falsify");
    }
}

/// One micro-unit, as the ledger writes money.
fn one_micro() -> Bson {
    Bson::Decimal128("0.000001".parse::<Decimal128>().unwrap())
}

fn object_id(id: impl std::fmt::Display) -> ObjectId {
    id.to_string().parse().unwrap()
}

#[async_trait]
impl Fixture for MongoFixture {
    async fn create() -> Self {
        let database = TestDatabase::create().await;
        let store = migrated(&database).await;
        Self { store, database }
    }

    fn repositories(&self) -> Repositories {
        self.store.repositories()
    }

    async fn reopen(&self) -> Repositories {
        MongoStore::connect(self.database.uri()).await.unwrap().repositories()
    }

    async fn falsify_participation(&self, id: ParticipationId) {
        let fields = doc! {"clicks": 999_i64, "estimatedEarnings": one_micro()};
        self.falsify("campaignparticipations", doc! {"_id": object_id(id)}, fields).await;
    }

    async fn falsify_campaign(&self, id: CampaignId) {
        self.falsify("campaigns", doc! {"_id": object_id(id)}, doc! {"remainingBudget": one_micro()}).await;
    }

    async fn falsify_budget(&self, id: CampaignId) {
        self.falsify("campaigns", doc! {"_id": object_id(id)}, doc! {"budget": one_micro()}).await;
    }

    async fn falsify_account(&self, streamer: UserId) {
        self.falsify("accounts", doc! {"_id": object_id(streamer)}, doc! {"settled": one_micro()}).await;
    }

    async fn delete_account(&self, streamer: UserId) {
        let accounts = self.database.raw().collection::<Document>("accounts");
        let deleted = accounts.delete_one(doc! {"_id": object_id(streamer)}).await.unwrap();
        assert_eq!(deleted.deleted_count, 1);
    }

    async fn falsify_rollups(&self, id: ParticipationId) {
        self.falsify("rollups", doc! {"_id.participationId": object_id(id)}, doc! {"clicks": 999_i64}).await;
        let fields = doc! {"openRollup.clicks": 999_i64};
        self.falsify("campaignparticipations", doc! {"_id": object_id(id)}, fields).await;
    }

    async fn make_unreadable(&self, what: Unreadable, way: usize) -> bool {
        let of_participations = [doc! {"browserSourceToken": 7}, doc! {"browserSourceToken": ""}];
        let of_campaigns = [
            doc! {"mediaType": "hologram"},
            doc! {"paymentType": Bson::Null},
            doc! {"expectedImpressions": -1},
            doc! {"startDate": "soon"},
            doc! {"title": 7},
            doc! {"brandId": "nobody"},
        ];
        let (collection, id, fields) = match what {
            Unreadable::Participation(id) => {
                ("campaignparticipations", object_id(id), of_participations.get(way))
            }
            Unreadable::Campaign(id) => ("campaigns", object_id(id), of_campaigns.get(way)),
        };
        let Some(fields) = fields else { return false };
        self.falsify(collection, doc! {"_id": id}, fields.clone()).await;
        true
    }

    async fn falsify_decision(&self, id: DecisionId) {
        let key = doc! {"streamerId": object_id(id.streamer), "ordinal": i64::try_from(id.ordinal).unwrap()};
        self.falsify("decisions", key, doc! {"basis": "none"}).await;
    }

    async fn other_field(
        &self,
        entity: Entity,
        id: gametriggers_types::ObjectId,
        name: &str,
    ) -> Option<Value> {
        let collection = match entity {
            Entity::User => "users",
            Entity::Campaign => "campaigns",
            _ => "campaignparticipations",
        };
        let collection = self.database.raw().collection::<Document>(collection);
        let found = collection.find_one(doc! {"_id": object_id(id)}).await.unwrap().unwrap();
        found.get(name).map(|value| value.clone().into_relaxed_extjson())
    }
}

contract_tests!(MongoFixture);
