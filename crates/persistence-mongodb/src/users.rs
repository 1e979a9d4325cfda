//! Users and their settings.

use async_trait::async_trait;
use bson::{Bson, Document, RawDocumentBuf, doc};
use gametriggers_documents::{Fields, users, values::text};
use gametriggers_domain::model::{TestCampaign, User};
use gametriggers_persistence::{
    Credentials, Entity, Insertion, Insertions, NewUser, OverlayPatch, SelectionPatch, SelectionUpdate,
    StorageError, UserRepository,
};
use gametriggers_types::{
    BackgroundColor, Opacity, OverlayPosition, OverlaySize, PriorityWeights, RotationInterval, ScreenToken,
    SlotsBetween, SlotsInARow, StrategyName, TimeZoneName, Timestamp, UserId, Weight,
};
use mongodb::{Collection, options::ReturnDocument};

use crate::{
    MongoStore, call, collection,
    document::{self, by_id, stored_time},
    insertion,
};

#[async_trait]
impl UserRepository for MongoStore {
    async fn find_by_id(&self, id: UserId) -> Result<Option<User>, StorageError> {
        self.find_user(by_id(id)).await
    }

    async fn find_by_overlay_token(&self, token: &ScreenToken) -> Result<Option<User>, StorageError> {
        self.find_user(doc! {"overlayToken": token.expose()}).await
    }

    async fn find_credentials(&self, email: &str) -> Result<Option<Credentials>, StorageError> {
        // The address at `email.invalid` that `users::read` gives to a user without one is not stored, and finds nobody.
        let found = document::find_one(self.users(), doc! {"email": email}, doc! {}).await?;
        let credentials = |fields: &mut Fields| {
            let password_hash = users::password(fields)?;
            Ok(Credentials { user: users::read(fields)?, password_hash })
        };
        found.as_ref().map(|document| document::read(Entity::User, document, credentials)).transpose()
    }

    async fn insert_if_absent(&self, user: &NewUser) -> Result<Insertion, StorageError> {
        let document = users::write(&user.user, user.password_hash.as_deref());
        insertion::if_absent(self.users(), document, &user.other_fields).await
    }

    async fn insert_all_if_absent(&self, users: Vec<NewUser>) -> Result<Insertions, StorageError> {
        let documents = users
            .into_iter()
            .map(|user| (users::write(&user.user, user.password_hash.as_deref()), user.other_fields));
        insertion::all_if_absent(&self.users(), documents).await
    }

    async fn ensure_overlay_token(
        &self,
        id: UserId,
        token: &ScreenToken,
    ) -> Result<Option<ScreenToken>, StorageError> {
        // The previous system left the token absent, null or empty until somebody asked for it.
        let mut without_token = by_id(id);
        without_token.insert("overlayToken", doc! {"$not": {"$regex": ScreenToken::PATTERN}});
        let change = doc! {"$set": {"overlayToken": token.expose()}};
        if document::update_one(self.users(), without_token, change).await? {
            return Ok(Some(token.clone()));
        }
        let found = document::find_one(self.users(), by_id(id), doc! {"overlayToken": 1}).await?;
        let Some(document) = found else { return Ok(None) };
        let stored = document::read(Entity::User, &document, |fields| fields.required("overlayToken", text))?;
        Ok(ScreenToken::parse(&stored))
    }

    async fn regenerate_overlay_token(
        &self,
        id: UserId,
        token: &ScreenToken,
        now: Timestamp,
    ) -> Result<bool, StorageError> {
        let now = stored_time(now);
        let change = doc! {
            "$set": {"overlayToken": token.expose(), "tokensRevokedAt": now, "updatedAt": now},
            "$unset": {"overlayLastSeen": ""},
        };
        self.update_user(id, change).await
    }

    async fn update_overlay(
        &self,
        id: UserId,
        patch: &OverlayPatch,
        now: Timestamp,
    ) -> Result<Option<User>, StorageError> {
        let mut changes = Changes::at(now);
        changes.set("overlaySettings.position", patch.position.map(OverlayPosition::as_str));
        changes.set("overlaySettings.size", patch.size.map(OverlaySize::as_str));
        changes.set("overlaySettings.opacity", patch.opacity.map(Opacity::percent));
        let background = patch.background_color.as_ref().map(BackgroundColor::as_str);
        changes.set("overlaySettings.backgroundColor", background);
        self.change_user(by_id(id), changes).await
    }

    async fn update_selection(
        &self,
        id: UserId,
        patch: &SelectionPatch,
        now: Timestamp,
    ) -> Result<SelectionUpdate, StorageError> {
        let mut changes = Changes::at(now);
        let strategy = patch.strategy.as_ref().map(StrategyName::as_str);
        changes.set("campaignSelectionStrategy", strategy);
        changes.set("campaignRotationSettings.preferredStrategy", strategy);
        let interval = patch.interval.map(RotationInterval::minutes).map(i32::from);
        changes.set("campaignRotationSettings.rotationIntervalMinutes", interval);
        for (strategy, parameter, value) in patch.parameters.iter() {
            let field = format!("{}.{strategy}.{parameter}", users::STRATEGY_PARAMETERS);
            changes.set(&field, Some(users::write_parameter(value)));
        }
        let in_a_row = patch.in_a_row.map(SlotsInARow::slots).map(i32::from);
        changes.set("campaignRotationSettings.maxSlotsInARow", in_a_row);
        let between = patch.between.map(SlotsBetween::slots).map(i32::from);
        changes.set("campaignRotationSettings.minSlotsBetweenCategory", between);
        let blackouts = patch.blackouts.as_deref().map(users::write_blackouts);
        changes.set("campaignRotationSettings.blackoutPeriods", blackouts);
        changes.set("timezone", patch.time_zone.as_ref().map(TimeZoneName::as_str));
        changes.compute("selectionVersion", next_version());
        let mut filter = by_id(id);
        if let Some(weights) = weights_after(patch) {
            let is_positive = |weight: &Bson| Bson::from(doc! {"$gt": [weight, 0]});
            let some_positive: Vec<_> = weights.iter().map(|(_, weight)| is_positive(weight)).collect();
            filter.insert("$expr", doc! {"$or": some_positive});
            for (key, weight) in weights {
                changes.compute(&format!("{WEIGHTS}.{key}"), weight);
            }
        }
        if let Some(user) = self.change_user(filter, changes).await? {
            return Ok(SelectionUpdate::Updated(Box::new(user)));
        }
        let found = document::find_one(self.users(), by_id(id), doc! {"_id": 1}).await?;
        Ok(if found.is_some() { SelectionUpdate::AllWeightsZero } else { SelectionUpdate::NotFound })
    }

    async fn touch_overlays(&self, seen: &[(UserId, Timestamp)]) -> Result<(), StorageError> {
        let statement = |(id, at): &(UserId, Timestamp)| {
            doc! {"q": by_id(*id), "u": {"$max": {"overlayLastSeen": stored_time(*at)}}}
        };
        document::update_each(&self.database, collection::USERS, seen.iter().map(statement).collect()).await
    }

    async fn set_test_campaign(&self, id: UserId, test: &TestCampaign) -> Result<bool, StorageError> {
        self.update_user(id, doc! {"$set": {"testCampaign": users::write_test_campaign(test)}}).await
    }
}

impl MongoStore {
    fn users(&self) -> Collection<RawDocumentBuf> {
        self.collection(collection::USERS)
    }

    async fn find_user(&self, filter: Document) -> Result<Option<User>, StorageError> {
        document::find_one(self.users(), filter, doc! {}).await?.as_ref().map(read).transpose()
    }

    /// Changes a user. Returns false if there is no such user.
    async fn update_user(&self, id: UserId, change: Document) -> Result<bool, StorageError> {
        document::update_one(self.users(), by_id(id), change).await
    }

    async fn change_user(&self, filter: Document, changes: Changes) -> Result<Option<User>, StorageError> {
        let users = self.users();
        let updating = async move {
            users
                .find_one_and_update(filter, vec![doc! {"$set": changes.0}])
                .return_document(ReturnDocument::After)
                .await
        };
        call::write(updating).await?.as_ref().map(read).transpose()
    }
}

fn read(document: &RawDocumentBuf) -> Result<User, StorageError> {
    document::read(Entity::User, document, users::read)
}

/// The fields that a write names, as expressions. Unlike plain operators, expressions take a parent that is null, or a
/// number field that holds no number, as absent. The code that reads the document does the same.
struct Changes(Document);

impl Changes {
    fn at(now: Timestamp) -> Self {
        Self(doc! {"updatedAt": stored_time(now)})
    }

    fn set(&mut self, field: &str, value: Option<impl Into<Bson>>) {
        if let Some(value) = value {
            // Without `$literal`, a text that begins with a dollar sign would be the name of a field.
            self.0.insert(field, doc! {"$literal": value.into()});
        }
    }

    fn compute(&mut self, field: &str, expression: impl Into<Bson>) {
        self.0.insert(field, expression);
    }
}

/// The expression for the stored version plus one. A version that is not a number counts as 0.
fn next_version() -> Document {
    let stored =
        doc! {"$convert": {"input": "$selectionVersion", "to": "long", "onError": 0_i64, "onNull": 0_i64}};
    doc! {"$add": [{"$max": [stored, 0_i64]}, 1_i64]}
}

const WEIGHTS: &str = "campaignRotationSettings.priorityWeights";

/// The three weights after the patch: the weight of the patch if it names one, and otherwise the present weight. `None`
/// if the patch names none of them.
fn weights_after(patch: &SelectionPatch) -> Option<[(&'static str, Bson); 3]> {
    let given = [patch.payment_rate, patch.performance, patch.fairness];
    given.iter().any(Option::is_some).then(|| {
        let now = weights_now();
        let [payment_rate, performance, fairness] = [0, 1, 2].map(|place: usize| {
            given[place].map_or_else(|| now[place].clone(), |weight| Bson::from(weight.value()))
        });
        [("paymentRate", payment_rate), ("performance", performance), ("fairness", fairness)]
    })
}

/// The weights as [`users::read`] reads them. A weight that is not a number from 0 to 1 has its default. If all weights
/// are 0, all have their defaults.
fn weights_now() -> [Bson; 3] {
    let defaults = PriorityWeights::default();
    let of = |key: &str, default: Weight| {
        let stored = format!("${WEIGHTS}.{key}");
        let usable = doc! {"$and": [{"$isNumber": &stored}, {"$gte": [&stored, 0]}, {"$lte": [&stored, 1]}]};
        (doc! {"$cond": [usable, &stored, default.value()]}, default.value())
    };
    let weights = [
        of("paymentRate", defaults.payment_rate()),
        of("performance", defaults.performance()),
        of("fairness", defaults.fairness()),
    ];
    let sum: Vec<_> = weights.iter().map(|(stored, _)| stored.clone()).collect();
    let all_zero = doc! {"$eq": [{"$add": sum}, 0]};
    weights.map(|(stored, default)| doc! {"$cond": [&all_zero, default, stored]}.into())
}
