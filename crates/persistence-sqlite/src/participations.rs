//! Participations.

use async_trait::async_trait;
use gametriggers_domain::model::{Campaign, Participation, TrackingLinks};
use gametriggers_persistence::{
    Entity, Insertion, Insertions, NewParticipation, ParticipationRepository, StorageError,
};
use gametriggers_types::{
    CampaignId, Listing, PageRequest, PageStart, ParticipationId, ParticipationStatus, ScreenToken,
    Timestamp, UserId,
};
use rusqlite::{Connection, OptionalExtension, Row, ToSql, named_params};

use crate::{
    SqliteStore, campaigns, counters,
    error::{DbError, DbResult},
    insertion,
    row::{EntityRow, text},
};

#[async_trait]
impl ParticipationRepository for SqliteStore {
    async fn find_by_id(&self, id: ParticipationId) -> Result<Option<Participation>, StorageError> {
        self.database.read(move |db| find(db, id)).await
    }

    async fn find_by_token(&self, token: &ScreenToken) -> Result<Option<Participation>, StorageError> {
        let token = token.clone();
        self.database
            .read(move |db| {
                db.prepare_cached(
                    "SELECT * FROM participations_with_counters WHERE browser_source_token = ?",
                )?
                .query_and_then([token.expose()], from_row)?
                .next()
                .transpose()
            })
            .await
    }

    async fn list_active(&self, streamer: UserId) -> Result<Vec<(Participation, Campaign)>, StorageError> {
        let condition = "p.status = 'active' AND c.status = 'active'";
        Ok(self.list_pairs(streamer, condition, None).await?.items)
    }

    async fn list_joined(&self, streamer: UserId, limit: u32) -> Result<Vec<CampaignId>, StorageError> {
        self.database
            .read(move |db| {
                db.prepare_cached(
                    "SELECT id, campaign_id FROM participations WHERE streamer_id = ? AND status = 'active' LIMIT ?",
                )?
                // An unreadable id leads to no campaign.
                .query_and_then((text(streamer), limit), |row| {
                    Ok(EntityRow::new(row, Entity::Participation, "id")
                        .and_then(|row| row.parse("campaign_id"))
                        .ok())
                })?
                .filter_map(Result::transpose)
                .collect()
            })
            .await
    }

    async fn list_current(
        &self,
        streamer: UserId,
        page: PageRequest<ParticipationId>,
    ) -> Result<Listing<(Participation, Campaign), ParticipationId>, StorageError> {
        let condition = "p.status IN ('active', 'paused', 'participation_paused') \
                         AND c.status IN ('active', 'paused')";
        self.list_pairs(streamer, condition, Some(page)).await
    }

    async fn insert_if_absent(&self, participation: &NewParticipation) -> Result<Insertion, StorageError> {
        let new = participation.clone();
        self.database.write(move |db| insert(db, &new)).await
    }

    async fn insert_all_if_absent(
        &self,
        participations: Vec<NewParticipation>,
    ) -> Result<Insertions, StorageError> {
        insertion::insert_all(&self.database, participations, insert).await
    }

    async fn transition(
        &self,
        id: ParticipationId,
        from: ParticipationStatus,
        to: ParticipationStatus,
        now: Timestamp,
    ) -> Result<bool, StorageError> {
        self.database
            .write(move |db| {
                let sql = "UPDATE participations SET status = ?, updated_at = ? WHERE id = ? AND status = ?";
                let row = (text(to), now.as_millisecond(), text(id), text(from));
                Ok(db.prepare_cached(sql)?.execute(row)? == 1)
            })
            .await
    }

    async fn set_tracking_links(
        &self,
        id: ParticipationId,
        links: &TrackingLinks,
    ) -> Result<bool, StorageError> {
        let links = links.clone();
        self.database
            .write(move |db| {
                let sql = "UPDATE participations SET tracking_url = coalesce(:tracking_url, tracking_url), \
                     qr_code_url = coalesce(:qr_code_url, qr_code_url), \
                     chat_command = coalesce(:chat_command, chat_command) WHERE id = :id";
                let changed = db.prepare_cached(sql)?.execute(named_params! {
                    ":tracking_url": links.tracking_url,
                    ":qr_code_url": links.qr_code_url,
                    ":chat_command": links.chat_command,
                    ":id": text(id),
                })?;
                Ok(changed == 1)
            })
            .await
    }
}

pub(crate) fn find(db: &Connection, id: ParticipationId) -> DbResult<Option<Participation>> {
    db.prepare_cached("SELECT * FROM participations_with_counters WHERE id = ?")?
        .query_and_then([text(id)], from_row)?
        .next()
        .transpose()
}

impl SqliteStore {
    /// Reads both documents of each pair by one query, in order of participation id: a page of them, or all.
    async fn list_pairs(
        &self,
        streamer: UserId,
        condition: &'static str,
        page: Option<PageRequest<ParticipationId>>,
    ) -> Result<Listing<(Participation, Campaign), ParticipationId>, StorageError> {
        let unreadable = self.unreadable.clone();
        self.database
            .read(move |db| {
                let sql = format!(
                    "SELECT p.*, {} FROM participations_with_counters p JOIN campaigns c ON c.id = p.campaign_id \
                     WHERE p.streamer_id = ? AND p.id > ? AND {condition} ORDER BY p.id LIMIT ? OFFSET ?",
                    campaigns::COLUMNS
                );
                let mut query = db.prepare_cached(&sql)?;
                let limit = page.map_or(usize::MAX, |page| page.limit.get() as usize);
                let mut rows = query.query(window(streamer, page))?;
                let mut listing = Listing { items: Vec::new(), next: None };
                let mut next = None;
                for place in 0.. {
                    let Some(row) = rows.next()? else { break };
                    if place == limit {
                        listing.next = next;
                        break;
                    }
                    match from_row(row).and_then(|it| Ok((it, campaigns::from_row(row)?))) {
                        Ok(pair) => {
                            next = Some(pair.0.id);
                            listing.items.push(pair);
                        }
                        // One row that was damaged long ago must not empty the screens of all streamers who share its
                        // campaign.
                        Err(DbError::Storage(error @ StorageError::Corrupt { .. })) => {
                            unreadable.report("left out of lists", &error);
                            let id = EntityRow::new(row, Entity::Participation, "id");
                            next = id.and_then(|row| row.parse("id")).map_or(next, Some);
                        }
                        Err(error) => return Err(error),
                    }
                }
                Ok(listing)
            })
            .await
    }
}

/// The values of a list's query: the streamer, the id after which it starts, its limit and its offset. One row more than fits
/// on the page is read, which tells whether the list goes on. A limit of -1 is none, and every id is greater than ''.
fn window(streamer: UserId, page: Option<PageRequest<ParticipationId>>) -> (String, String, i64, i64) {
    let limit = page.map_or(-1, |page| i64::from(page.limit.get()) + 1);
    let (after, offset) = match page.map(|page| page.start) {
        None | Some(PageStart::Beginning) => (String::new(), 0),
        Some(PageStart::After(id)) => (text(id), 0),
        Some(PageStart::Offset(offset)) => (String::new(), offset.into()),
    };
    (text(streamer), after, limit, offset)
}

fn insert(db: &Connection, new: &NewParticipation) -> DbResult<Insertion> {
    let participation = &new.participation;
    let id = text(participation.id);
    let known = db
        .prepare_cached("SELECT 1 FROM participations WHERE id = ?")?
        .query_row([&id], |_| Ok(()))
        .optional()?;
    if known.is_some() {
        return Ok(Insertion::AlreadyPresent);
    }
    let campaign_id = text(participation.campaign_id);
    let streamer_id = text(participation.streamer_id);
    let status = text(participation.status);
    let joined_at = participation.joined_at.as_millisecond();
    let created_at = participation.created_at.as_millisecond();
    let updated_at = participation.updated_at.as_millisecond();
    let tracking = &participation.tracking;
    let row: [&dyn ToSql; 14] = [
        &id,
        &campaign_id,
        &streamer_id,
        &status,
        &participation.average_viewers_before,
        &participation.browser_source_token.expose(),
        &participation.browser_source_url,
        &joined_at,
        &tracking.tracking_url,
        &tracking.qr_code_url,
        &tracking.chat_command,
        &created_at,
        &updated_at,
        &new.other_fields,
    ];
    let sql = "INSERT INTO participations (id, campaign_id, streamer_id, status, average_viewers_before, \
         browser_source_token, browser_source_url, joined_at, tracking_url, qr_code_url, chat_command, created_at, \
         updated_at, other_fields) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
    db.prepare_cached(sql)?.execute(row)?;
    counters::add(db, &id, &participation.counters)?;
    let opening = format!("opening:{id}");
    let sql = format!(
        "INSERT INTO participation_openings (id, participation_id, {}) VALUES (?, ?, {})",
        counters::COLUMNS,
        counters::PLACES
    );
    let counters = counters::values(&participation.counters);
    db.prepare_cached(&sql)?.execute(&*counters::with(&[&opening, &id], &counters, &[]))?;
    Ok(Insertion::Inserted)
}

fn from_row(row: &Row<'_>) -> DbResult<Participation> {
    let row = EntityRow::new(row, Entity::Participation, "id")?;
    let token = ScreenToken::parse(&row.get::<String>("browser_source_token")?);
    Ok(Participation {
        id: row.parse("id")?,
        campaign_id: row.parse("campaign_id")?,
        streamer_id: row.parse("streamer_id")?,
        status: row.parse("status")?,
        counters: counters::read(&row)?,
        average_viewers_before: row.get("average_viewers_before")?,
        browser_source_token: row.require("browser_source_token", token)?,
        browser_source_url: row.get("browser_source_url")?,
        joined_at: row.time("joined_at")?,
        tracking: TrackingLinks {
            tracking_url: row.get("tracking_url")?,
            qr_code_url: row.get("qr_code_url")?,
            chat_command: row.get("chat_command")?,
        },
        created_at: row.time("created_at")?,
        updated_at: row.time("updated_at")?,
    })
}
