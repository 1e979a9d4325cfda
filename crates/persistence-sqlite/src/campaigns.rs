//! Campaigns.

use async_trait::async_trait;
use gametriggers_domain::{model::Campaign, price::Payment};
use gametriggers_persistence::{
    CampaignRepository, Entity, Insertion, Insertions, NewCampaign, StorageError,
};
use gametriggers_types::{CampaignId, CampaignStatus, Money, Timestamp};
use rusqlite::{Connection, OptionalExtension, Row, named_params};

use crate::{
    SqliteStore,
    error::DbResult,
    insertion,
    row::{EntityRow, json_text, signed, text},
};

/// A campaign's columns, named `c_…` so that they can stand beside a participation's.
pub(crate) const COLUMNS: &str = "c.id AS c_id, c.title AS c_title, c.description AS c_description, \
     c.brand_id AS c_brand_id, c.budget_micros AS c_budget_micros, c.remaining_micros AS c_remaining_micros, \
     c.media_url AS c_media_url, c.media_type AS c_media_type, c.click_url AS c_click_url, c.status AS c_status, \
     c.categories AS c_categories, c.languages AS c_languages, c.start_date AS c_start_date, \
     c.end_date AS c_end_date, c.payment_type AS c_payment_type, c.payment_rate_micros AS c_payment_rate_micros, \
     c.expected_impressions AS c_expected_impressions, c.created_at AS c_created_at, c.updated_at AS c_updated_at";

#[async_trait]
impl CampaignRepository for SqliteStore {
    async fn find_by_id(&self, id: CampaignId) -> Result<Option<Campaign>, StorageError> {
        self.database.read(move |db| find(db, id)).await
    }

    async fn insert_if_absent(&self, campaign: &NewCampaign) -> Result<Insertion, StorageError> {
        let new = campaign.clone();
        self.database.write(move |db| insert(db, &new)).await
    }

    async fn insert_all_if_absent(&self, campaigns: Vec<NewCampaign>) -> Result<Insertions, StorageError> {
        insertion::insert_all(&self.database, campaigns, insert).await
    }

    async fn transition(
        &self,
        id: CampaignId,
        from: CampaignStatus,
        to: CampaignStatus,
        now: Timestamp,
    ) -> Result<bool, StorageError> {
        self.database
            .write(move |db| {
                let sql = "UPDATE campaigns SET status = ?, updated_at = ? WHERE id = ? AND status = ?";
                let row = (text(to), now.as_millisecond(), text(id), text(from));
                Ok(db.prepare_cached(sql)?.execute(row)? == 1)
            })
            .await
    }
}

pub(crate) fn find(db: &Connection, id: CampaignId) -> DbResult<Option<Campaign>> {
    db.prepare_cached(&format!("SELECT {COLUMNS} FROM campaigns c WHERE c.id = ?"))?
        .query_and_then([text(id)], from_row)?
        .next()
        .transpose()
}

/// What a campaign pays and what remains of its budget.
pub(crate) fn find_purse(db: &Connection, id: CampaignId) -> DbResult<Option<(Payment, Money)>> {
    let sql = "SELECT id AS c_id, payment_type AS c_payment_type, payment_rate_micros AS c_payment_rate_micros, \
               expected_impressions AS c_expected_impressions, remaining_micros FROM campaigns WHERE id = ?";
    db.prepare_cached(sql)?
        .query_and_then([text(id)], |row| {
            let row = EntityRow::new(row, Entity::Campaign, "c_id")?;
            Ok((payment(&row)?, row.money("remaining_micros")?))
        })?
        .next()
        .transpose()
}

fn insert(db: &Connection, new: &NewCampaign) -> DbResult<Insertion> {
    let campaign = &new.campaign;
    let id = text(campaign.id);
    let known =
        db.prepare_cached("SELECT 1 FROM campaigns WHERE id = ?")?.query_row([&id], |_| Ok(())).optional()?;
    if known.is_some() {
        return Ok(Insertion::AlreadyPresent);
    }
    let sql = "INSERT INTO campaigns (id, title, description, brand_id, budget_micros, remaining_micros, media_url, \
         media_type, click_url, status, categories, languages, start_date, end_date, payment_type, \
         payment_rate_micros, expected_impressions, created_at, updated_at, other_fields) \
         VALUES (:id, :title, :description, :brand_id, :budget, :remaining, :media_url, \
         :media_type, :click_url, :status, :categories, :languages, :start_date, :end_date, :payment_type, \
         :payment_rate, :expected_impressions, :created_at, :updated_at, :other_fields)";
    db.prepare_cached(sql)?.execute(named_params! {
        ":id": id,
        ":title": campaign.title,
        ":description": campaign.description,
        ":brand_id": text(campaign.brand_id),
        ":budget": campaign.budget.micros(),
        ":remaining": campaign.remaining_budget.micros(),
        ":media_url": campaign.media_url,
        ":media_type": text(campaign.media_type),
        ":click_url": campaign.click_url,
        ":status": text(campaign.status),
        ":categories": json_text(Entity::Campaign, &id, "categories", &campaign.categories)?,
        ":languages": json_text(Entity::Campaign, &id, "languages", &campaign.languages)?,
        ":start_date": campaign.start_date.map(Timestamp::as_millisecond),
        ":end_date": campaign.end_date.map(Timestamp::as_millisecond),
        ":payment_type": text(campaign.payment.kind()),
        ":payment_rate": campaign.payment.rate().micros(),
        ":expected_impressions": signed(campaign.payment.expected_impressions()),
        ":created_at": campaign.created_at.as_millisecond(),
        ":updated_at": campaign.updated_at.as_millisecond(),
        ":other_fields": new.other_fields,
    })?;
    let sql = "INSERT INTO campaign_openings (id, campaign_id, remaining_micros) VALUES (?, ?, ?)";
    db.prepare_cached(sql)?.execute((format!("opening:{id}"), &id, campaign.remaining_budget.micros()))?;
    Ok(Insertion::Inserted)
}

pub(crate) fn from_row(row: &Row<'_>) -> DbResult<Campaign> {
    let row = EntityRow::new(row, Entity::Campaign, "c_id")?;
    Ok(Campaign {
        id: row.parse("c_id")?,
        title: row.get("c_title")?,
        description: row.get("c_description")?,
        brand_id: row.parse("c_brand_id")?,
        budget: row.money("c_budget_micros")?,
        remaining_budget: row.money("c_remaining_micros")?,
        media_url: row.get("c_media_url")?,
        media_type: row.parse("c_media_type")?,
        click_url: row.get("c_click_url")?,
        status: row.parse("c_status")?,
        categories: row.json("c_categories")?,
        languages: row.json("c_languages")?,
        start_date: row.optional_time("c_start_date")?,
        end_date: row.optional_time("c_end_date")?,
        payment: payment(&row)?,
        created_at: row.time("c_created_at")?,
        updated_at: row.time("c_updated_at")?,
    })
}

fn payment(row: &EntityRow<'_, '_>) -> DbResult<Payment> {
    let payment = Payment::new(
        row.parse("c_payment_type")?,
        row.money("c_payment_rate_micros")?,
        row.count("c_expected_impressions")?,
    );
    row.check("c_payment_rate_micros", payment)
}
