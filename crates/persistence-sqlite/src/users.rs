//! Users and their settings.

use async_trait::async_trait;
use gametriggers_domain::model::{TestCampaign, User};
use gametriggers_persistence::{
    Credentials, Entity, Insertion, Insertions, NewUser, OverlayPatch, SelectionPatch, SelectionUpdate,
    StorageError, UserRepository,
};
use gametriggers_types::{
    Opacity, OverlaySettings, PriorityWeights, RotationInterval, ScreenToken, SelectionSettings,
    SlotsBetween, SlotsInARow, Spacing, StrategyName, StrategyParameters, TimeZoneName, Timestamp, UserId,
    WebUrl, WeeklyPeriod, Weight,
};
use rusqlite::{Connection, OptionalExtension, Row, named_params};

use crate::{
    SqliteStore,
    error::DbResult,
    insertion,
    row::{EntityRow, json_text, signed, text},
};

#[async_trait]
impl UserRepository for SqliteStore {
    async fn find_by_id(&self, id: UserId) -> Result<Option<User>, StorageError> {
        self.database.read(move |db| find(db, id)).await
    }

    async fn find_by_overlay_token(&self, token: &ScreenToken) -> Result<Option<User>, StorageError> {
        let token = token.clone();
        self.database
            .read(move |db| {
                db.prepare_cached("SELECT * FROM users WHERE overlay_token = ?")?
                    .query_and_then([token.expose()], from_row)?
                    .next()
                    .transpose()
            })
            .await
    }

    async fn find_credentials(&self, email: &str) -> Result<Option<Credentials>, StorageError> {
        let email = email.to_owned();
        self.database
            .read(move |db| {
                db.prepare_cached("SELECT * FROM users WHERE email = ?")?
                    .query_and_then([email], |row| {
                        let password_hash = EntityRow::new(row, Entity::User, "id")?.get("password_hash")?;
                        Ok(Credentials { user: from_row(row)?, password_hash })
                    })?
                    .next()
                    .transpose()
            })
            .await
    }

    async fn insert_if_absent(&self, user: &NewUser) -> Result<Insertion, StorageError> {
        let new = user.clone();
        self.database.write(move |db| insert(db, &new)).await
    }

    async fn insert_all_if_absent(&self, users: Vec<NewUser>) -> Result<Insertions, StorageError> {
        insertion::insert_all(&self.database, users, insert).await
    }

    async fn ensure_overlay_token(
        &self,
        id: UserId,
        token: &ScreenToken,
    ) -> Result<Option<ScreenToken>, StorageError> {
        let token = token.clone();
        self.database
            .write(move |db| {
                db.prepare_cached(
                    "UPDATE users SET overlay_token = ? WHERE id = ? AND overlay_token IS NULL",
                )?
                .execute((token.expose(), text(id)))?;
                Ok(find(db, id)?.and_then(|user| user.overlay_token))
            })
            .await
    }

    async fn regenerate_overlay_token(
        &self,
        id: UserId,
        token: &ScreenToken,
        now: Timestamp,
    ) -> Result<bool, StorageError> {
        let token = token.clone();
        self.database
            .write(move |db| {
                let sql = "UPDATE users SET overlay_token = :token, tokens_revoked_at = :now, \
                           overlay_last_seen = NULL, updated_at = :now WHERE id = :id";
                let changed = db.prepare_cached(sql)?.execute(named_params! {
                    ":token": token.expose(), ":now": now.as_millisecond(), ":id": text(id),
                })?;
                Ok(changed == 1)
            })
            .await
    }

    async fn update_overlay(
        &self,
        id: UserId,
        patch: &OverlayPatch,
        now: Timestamp,
    ) -> Result<Option<User>, StorageError> {
        let patch = patch.clone();
        self.database
            .write(move |db| {
                let sql = "UPDATE users SET \
                     overlay_position = coalesce(:position, overlay_position), \
                     overlay_size = coalesce(:size, overlay_size), \
                     overlay_opacity = coalesce(:opacity, overlay_opacity), \
                     overlay_background = coalesce(:background, overlay_background), \
                     updated_at = :now WHERE id = :id";
                db.prepare_cached(sql)?.execute(named_params! {
                    ":position": patch.position.map(text),
                    ":size": patch.size.map(text),
                    ":opacity": patch.opacity.map(Opacity::percent),
                    ":background": patch.background_color.map(text),
                    ":now": now.as_millisecond(),
                    ":id": text(id),
                })?;
                find(db, id)
            })
            .await
    }

    async fn update_selection(
        &self,
        id: UserId,
        patch: &SelectionPatch,
        now: Timestamp,
    ) -> Result<SelectionUpdate, StorageError> {
        let patch = patch.clone();
        self.database
            .write(move |db| {
                let blackouts = patch.blackouts.map(|periods| blackouts_text(id, &periods)).transpose()?;
                let sql = "UPDATE users SET \
                     strategy = coalesce(:strategy, strategy), \
                     interval_minutes = coalesce(:interval, interval_minutes), \
                     weight_payment_rate = coalesce(:payment_rate, weight_payment_rate), \
                     weight_performance = coalesce(:performance, weight_performance), \
                     weight_fairness = coalesce(:fairness, weight_fairness), \
                     strategy_parameters = json_patch(strategy_parameters, :parameters), \
                     slots_in_a_row = coalesce(:in_a_row, slots_in_a_row), \
                     slots_between = coalesce(:between, slots_between), \
                     blackouts = coalesce(:blackouts, blackouts), \
                     time_zone = coalesce(:time_zone, time_zone), \
                     selection_version = selection_version + 1, \
                     updated_at = :now \
                     WHERE id = :id AND (coalesce(:payment_rate, weight_payment_rate) > 0 \
                     OR coalesce(:performance, weight_performance) > 0 \
                     OR coalesce(:fairness, weight_fairness) > 0)";
                let changed = db.prepare_cached(sql)?.execute(named_params! {
                    ":strategy": patch.strategy.as_ref().map(StrategyName::as_str),
                    ":interval": patch.interval.map(RotationInterval::minutes),
                    ":payment_rate": patch.payment_rate.map(Weight::value),
                    ":performance": patch.performance.map(Weight::value),
                    ":fairness": patch.fairness.map(Weight::value),
                    ":parameters": parameters_text(id, &patch.parameters)?,
                    ":in_a_row": patch.in_a_row.map(SlotsInARow::slots),
                    ":between": patch.between.map(SlotsBetween::slots),
                    ":blackouts": blackouts,
                    ":time_zone": patch.time_zone.as_ref().map(TimeZoneName::as_str),
                    ":now": now.as_millisecond(),
                    ":id": text(id),
                })?;
                Ok(match find(db, id)? {
                    None => SelectionUpdate::NotFound,
                    Some(_) if changed == 0 => SelectionUpdate::AllWeightsZero,
                    Some(user) => SelectionUpdate::Updated(Box::new(user)),
                })
            })
            .await
    }

    async fn touch_overlays(&self, seen: &[(UserId, Timestamp)]) -> Result<(), StorageError> {
        let seen = seen.to_vec();
        self.database
            .write(move |db| {
                let sql = "UPDATE users SET overlay_last_seen = max(coalesce(overlay_last_seen, ?1), ?1) WHERE id = ?2";
                let mut update = db.prepare_cached(sql)?;
                for (id, at) in seen {
                    update.execute((at.as_millisecond(), text(id)))?;
                }
                Ok(())
            })
            .await
    }

    async fn set_test_campaign(&self, id: UserId, test: &TestCampaign) -> Result<bool, StorageError> {
        let test = test.clone();
        self.database
            .write(move |db| {
                let sql = "UPDATE users SET test_title = ?, test_media_url = ?, test_media_type = ?, \
                           test_expires_at = ? WHERE id = ?";
                let changed = db.prepare_cached(sql)?.execute((
                    &test.title,
                    test.media_url.as_str(),
                    text(test.media_type),
                    test.expires_at.as_millisecond(),
                    text(id),
                ))?;
                Ok(changed == 1)
            })
            .await
    }
}

fn find(db: &Connection, id: UserId) -> DbResult<Option<User>> {
    db.prepare_cached("SELECT * FROM users WHERE id = ?")?
        .query_and_then([text(id)], from_row)?
        .next()
        .transpose()
}

fn insert(db: &Connection, new: &NewUser) -> DbResult<Insertion> {
    let user = &new.user;
    let id = text(user.id);
    let known =
        db.prepare_cached("SELECT 1 FROM users WHERE id = ?")?.query_row([&id], |_| Ok(())).optional()?;
    if known.is_some() {
        return Ok(Insertion::AlreadyPresent);
    }
    let test = user.test_campaign.as_ref();
    let sql = "INSERT INTO users (id, email, name, image, password_hash, role, auth_provider, auth_provider_id, \
         channel_url, categories, languages, description, is_active, overlay_position, overlay_size, \
         overlay_opacity, overlay_background, overlay_token, tokens_revoked_at, overlay_last_seen, strategy, \
         interval_minutes, weight_payment_rate, weight_performance, weight_fairness, strategy_parameters, \
         slots_in_a_row, slots_between, blackouts, time_zone, selection_version, test_title, test_media_url, test_media_type, test_expires_at, created_at, updated_at, \
         other_fields) VALUES (:id, :email, :name, :image, :password_hash, :role, :auth_provider, \
         :auth_provider_id, :channel_url, :categories, :languages, :description, :is_active, :overlay_position, \
         :overlay_size, :overlay_opacity, :overlay_background, :overlay_token, :tokens_revoked_at, \
         :overlay_last_seen, :strategy, :interval_minutes, :weight_payment_rate, :weight_performance, \
         :weight_fairness, :strategy_parameters, :slots_in_a_row, :slots_between, :blackouts, :time_zone, \
         :selection_version, :test_title, :test_media_url, \
         :test_media_type, :test_expires_at, :created_at, :updated_at, :other_fields)";
    db.prepare_cached(sql)?.execute(named_params! {
        ":id": id,
        ":email": user.email,
        ":name": user.name,
        ":image": user.image,
        ":password_hash": new.password_hash,
        ":role": text(user.role),
        ":auth_provider": text(user.auth_provider),
        ":auth_provider_id": user.auth_provider_id,
        ":channel_url": user.channel_url,
        ":categories": json_text(Entity::User, &id, "categories", &user.categories)?,
        ":languages": json_text(Entity::User, &id, "languages", &user.languages)?,
        ":description": user.description,
        ":is_active": user.is_active,
        ":overlay_position": text(user.overlay.position),
        ":overlay_size": text(user.overlay.size),
        ":overlay_opacity": user.overlay.opacity.percent(),
        ":overlay_background": user.overlay.background_color.as_str(),
        ":overlay_token": user.overlay_token.as_ref().map(ScreenToken::expose),
        ":tokens_revoked_at": user.tokens_revoked_at.map(Timestamp::as_millisecond),
        ":overlay_last_seen": user.overlay_last_seen.map(Timestamp::as_millisecond),
        ":strategy": user.selection.strategy.as_str(),
        ":interval_minutes": user.selection.interval.minutes(),
        ":weight_payment_rate": user.selection.weights.payment_rate().value(),
        ":weight_performance": user.selection.weights.performance().value(),
        ":weight_fairness": user.selection.weights.fairness().value(),
        ":strategy_parameters": parameters_text(user.id, &user.selection.parameters)?,
        ":slots_in_a_row": user.selection.spacing.in_a_row.slots(),
        ":slots_between": user.selection.spacing.between.slots(),
        ":blackouts": blackouts_text(user.id, &user.selection.blackouts)?,
        ":time_zone": user.selection.time_zone.as_str(),
        ":selection_version": signed(user.selection.version),
        ":test_title": test.map(|test| &test.title),
        ":test_media_url": test.map(|test| test.media_url.as_str()),
        ":test_media_type": test.map(|test| text(test.media_type)),
        ":test_expires_at": test.map(|test| test.expires_at.as_millisecond()),
        ":created_at": user.created_at.as_millisecond(),
        ":updated_at": user.updated_at.as_millisecond(),
        ":other_fields": new.other_fields,
    })?;
    Ok(Insertion::Inserted)
}

fn parameters_text(id: UserId, parameters: &StrategyParameters) -> DbResult<String> {
    json_text(Entity::User, &text(id), "strategy_parameters", parameters)
}

fn blackouts_text(id: UserId, periods: &[WeeklyPeriod]) -> DbResult<String> {
    json_text(Entity::User, &text(id), "blackouts", &periods)
}

fn from_row(row: &Row<'_>) -> DbResult<User> {
    let row = EntityRow::new(row, Entity::User, "id")?;
    let token: Option<String> = row.get("overlay_token")?;
    let overlay_token = match token {
        None => None,
        Some(token) => Some(row.require("overlay_token", ScreenToken::parse(&token))?),
    };
    Ok(User {
        id: row.parse("id")?,
        email: row.get("email")?,
        name: row.get("name")?,
        image: row.get("image")?,
        role: row.parse("role")?,
        auth_provider: row.parse("auth_provider")?,
        auth_provider_id: row.get("auth_provider_id")?,
        channel_url: row.get("channel_url")?,
        categories: row.json("categories")?,
        languages: row.json("languages")?,
        description: row.get("description")?,
        is_active: row.get("is_active")?,
        overlay: OverlaySettings {
            position: row.parse("overlay_position")?,
            size: row.parse("overlay_size")?,
            opacity: row.check("overlay_opacity", Opacity::try_from(row.get::<f64>("overlay_opacity")?))?,
            background_color: row.parse("overlay_background")?,
        },
        overlay_token,
        tokens_revoked_at: row.optional_time("tokens_revoked_at")?,
        overlay_last_seen: row.optional_time("overlay_last_seen")?,
        selection: selection_from(&row)?,
        test_campaign: test_from(&row)?,
        created_at: row.time("created_at")?,
        updated_at: row.time("updated_at")?,
    })
}

fn selection_from(row: &EntityRow<'_, '_>) -> DbResult<SelectionSettings> {
    let weight = |column| row.check(column, Weight::try_from(row.get::<f64>(column)?));
    let weights = PriorityWeights::new(
        weight("weight_payment_rate")?,
        weight("weight_performance")?,
        weight("weight_fairness")?,
    );
    Ok(SelectionSettings {
        strategy: StrategyName::new(&row.get::<String>("strategy")?),
        interval: row
            .check("interval_minutes", RotationInterval::try_from(row.get::<i64>("interval_minutes")?))?,
        weights: row.check("weight_payment_rate", weights)?,
        parameters: row.json("strategy_parameters")?,
        spacing: Spacing {
            in_a_row: row.check("slots_in_a_row", row.get::<f64>("slots_in_a_row")?.try_into())?,
            between: row.check("slots_between", row.get::<f64>("slots_between")?.try_into())?,
        },
        blackouts: row.json("blackouts")?,
        time_zone: row.check("time_zone", TimeZoneName::parse(&row.get::<String>("time_zone")?))?,
        version: row.count("selection_version")?,
    })
}

fn test_from(row: &EntityRow<'_, '_>) -> DbResult<Option<TestCampaign>> {
    let Some(expires_at) = row.optional_time("test_expires_at")? else {
        return Ok(None);
    };
    Ok(Some(TestCampaign {
        title: row.get("test_title")?,
        media_url: row.check("test_media_url", WebUrl::parse(&row.get::<String>("test_media_url")?))?,
        media_type: row.parse("test_media_type")?,
        expires_at,
    }))
}
