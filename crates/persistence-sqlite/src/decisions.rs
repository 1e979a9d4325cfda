//! Decisions. The first one that is written under an id is the only one. Old ones are shortened.

use async_trait::async_trait;
use gametriggers_domain::decision::{Basis, Content, Decision};
use gametriggers_persistence::{
    DecisionRepository, EndedDecision, Entity, MadeDecision, Shortening, StorageError, StoredDecision,
    UnreadableDocuments,
};
use gametriggers_types::{DecisionId, Listing, PageLimit, Timestamp, UserId};
use rusqlite::{Connection, Row};

use crate::{
    SqliteStore,
    error::{DbError, DbResult},
    row::{EntityRow, json_text, signed, text},
};

#[async_trait]
impl DecisionRepository for SqliteStore {
    async fn find_latest(&self, streamer: UserId) -> Result<Option<Decision>, StorageError> {
        self.database
            .read(move |db| {
                let sql = "SELECT * FROM decisions WHERE streamer_id = ? ORDER BY ordinal DESC LIMIT 1";
                db.prepare_cached(sql)?.query_and_then([text(streamer)], from_row)?.next().transpose()
            })
            .await
    }

    async fn find(&self, id: DecisionId) -> Result<Option<StoredDecision>, StorageError> {
        self.database
            .read(move |db| {
                let Some(decision) = find(db, id)? else {
                    return Ok(None);
                };
                let successor_from = find(db, id.successor())?.map(|successor| successor.from);
                Ok(Some(StoredDecision { decision, successor_from }))
            })
            .await
    }

    async fn insert_first(&self, decision: &Decision) -> Result<Decision, StorageError> {
        let decision = decision.clone();
        self.database
            .write(move |db| {
                let id = text(decision.id);
                let sql = "INSERT INTO decisions (streamer_id, ordinal, from_ms, until_ms, slot_start_ms, \
                           settings_version, basis, content, tally, broadcast) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) \
                           ON CONFLICT (streamer_id, ordinal) DO NOTHING";
                db.prepare_cached(sql)?.execute((
                    text(decision.id.streamer),
                    signed(decision.id.ordinal),
                    decision.from.as_millisecond(),
                    decision.until.as_millisecond(),
                    decision.slot_start.as_millisecond(),
                    signed(decision.settings_version),
                    basis_word(decision.basis),
                    json_text(Entity::Decision, &id, "content", &decision.content)?,
                    json_text(Entity::Decision, &id, "tally", &decision.tally)?,
                    json_text(Entity::Decision, &id, "broadcast", &decision.broadcast)?,
                ))?;
                Ok(find(db, decision.id)?.unwrap_or(decision))
            })
            .await
    }

    async fn list_made(
        &self,
        from: Timestamp,
        to: Timestamp,
        after: Option<MadeDecision>,
        limit: PageLimit,
    ) -> Result<Listing<Decision, MadeDecision>, StorageError> {
        let unreadable = self.unreadable.clone();
        self.database.read(move |db| made(db, from, to, after, limit, &unreadable)).await
    }

    async fn shorten(
        &self,
        ended_before: Timestamp,
        after: Option<EndedDecision>,
        limit: u32,
    ) -> Result<Shortening, StorageError> {
        let unreadable = self.unreadable.clone();
        self.database
            .write(move |db| {
                let (page, is_full) = with_tally(db, ended_before, after, limit, &unreadable)?;
                let mut shortened = 0;
                for decision in &page {
                    if is_there(db, decision.id.successor())? {
                        shortened += u64::from(shorten(db, &decision.clone().shortened())?);
                    }
                }
                let last = page.last().filter(|_| is_full);
                let last = last.map(|last| EndedDecision { until: last.until, id: last.id });
                Ok(Shortening { shortened, last })
            })
            .await
    }
}

/// A page of the decisions that were made in this time. Leaves out those that cannot be read.
fn made(
    db: &Connection,
    from: Timestamp,
    to: Timestamp,
    after: Option<MadeDecision>,
    limit: PageLimit,
    unreadable: &UnreadableDocuments,
) -> DbResult<Listing<Decision, MadeDecision>> {
    let sql = "SELECT * FROM decisions WHERE from_ms >= ? AND from_ms < ? \
               AND (from_ms, streamer_id, ordinal) > (?, ?, ?) \
               ORDER BY from_ms, streamer_id, ordinal LIMIT ?";
    let (made, streamer, ordinal) = after.map_or_else(
        || (i64::MIN, String::new(), 0),
        |after| (after.from.as_millisecond(), text(after.id.streamer), signed(after.id.ordinal)),
    );
    let least = from.as_millisecond().max(made);
    let mut list = db.prepare_cached(sql)?;
    // One row more than the page has shows whether the list goes on.
    let one_more = limit.get() + 1;
    let mut rows = list.query((least, to.as_millisecond(), made, streamer, ordinal, one_more))?;
    let mut listing = Listing { items: Vec::new(), next: None };
    let mut latest = None;
    for place in 0.. {
        let Some(row) = rows.next()? else { break };
        if place == limit.get() {
            listing.next = latest;
            break;
        }
        latest = Some(place_of(row)?);
        match from_row(row) {
            Ok(decision) => listing.items.push(decision),
            Err(DbError::Storage(error @ StorageError::Corrupt { .. })) => {
                unreadable.report("left out of the decisions of a time", &error);
            }
            Err(error) => return Err(error),
        }
    }
    Ok(listing)
}

fn place_of(row: &Row<'_>) -> DbResult<MadeDecision> {
    let row = EntityRow::new(row, Entity::Decision, "streamer_id")?;
    Ok(MadeDecision { from: row.time("from_ms")?, id: key(&row)? })
}

fn key(row: &EntityRow<'_, '_>) -> DbResult<DecisionId> {
    Ok(DecisionId { streamer: row.parse("streamer_id")?, ordinal: row.count("ordinal")? })
}

/// The next decisions that ended before this moment and carry a tally, and whether there may be more. Leaves out those
/// that cannot be read. An index holds just these decisions.
fn with_tally(
    db: &Connection,
    ended_before: Timestamp,
    after: Option<EndedDecision>,
    limit: u32,
    unreadable: &UnreadableDocuments,
) -> DbResult<(Vec<Decision>, bool)> {
    let sql = "SELECT * FROM decisions WHERE tally <> '{}' AND until_ms < ? \
               AND (until_ms, streamer_id, ordinal) > (?, ?, ?) \
               ORDER BY until_ms, streamer_id, ordinal LIMIT ?";
    let (until, streamer, ordinal) = after.map_or_else(
        || (i64::MIN, String::new(), 0),
        |after| (after.until.as_millisecond(), text(after.id.streamer), signed(after.id.ordinal)),
    );
    let mut list = db.prepare_cached(sql)?;
    let found =
        list.query_and_then((ended_before.as_millisecond(), until, streamer, ordinal, limit), from_row)?;
    let (mut looked_at, mut page) = (0, Vec::new());
    for decision in found {
        looked_at += 1;
        match decision {
            Ok(decision) => page.push(decision),
            Err(DbError::Storage(error @ StorageError::Corrupt { .. })) => {
                unreadable.report("not shortened", &error);
            }
            Err(error) => return Err(error),
        }
    }
    Ok((page, looked_at >= limit))
}

/// Stores the short form of a decision. Returns false if the decision was shortened before.
fn shorten(db: &Connection, short: &Decision) -> DbResult<bool> {
    let id = text(short.id);
    let sql = "UPDATE decisions SET content = ?, tally = ?, broadcast = ? \
               WHERE streamer_id = ? AND ordinal = ? AND tally <> '{}'";
    let changed = db.prepare_cached(sql)?.execute((
        json_text(Entity::Decision, &id, "content", &short.content)?,
        json_text(Entity::Decision, &id, "tally", &short.tally)?,
        json_text(Entity::Decision, &id, "broadcast", &short.broadcast)?,
        text(short.id.streamer),
        signed(short.id.ordinal),
    ))?;
    Ok(changed == 1)
}

fn find(db: &Connection, id: DecisionId) -> DbResult<Option<Decision>> {
    db.prepare_cached("SELECT * FROM decisions WHERE streamer_id = ? AND ordinal = ?")?
        .query_and_then((text(id.streamer), signed(id.ordinal)), from_row)?
        .next()
        .transpose()
}

fn is_there(db: &Connection, id: DecisionId) -> DbResult<bool> {
    let sql = "SELECT 1 FROM decisions WHERE streamer_id = ? AND ordinal = ?";
    Ok(db.prepare_cached(sql)?.exists((text(id.streamer), signed(id.ordinal)))?)
}

fn basis_word(basis: Basis) -> &'static str {
    match basis {
        Basis::Display => "display",
        Basis::Viewers => "viewers",
    }
}

fn from_row(row: &Row<'_>) -> DbResult<Decision> {
    let row = EntityRow::new(row, Entity::Decision, "streamer_id")?;
    let basis: String = row.get("basis")?;
    let basis = [Basis::Display, Basis::Viewers].into_iter().find(|known| basis_word(*known) == basis);
    let content: Content = row.json("content")?;
    let consistent = match &content {
        Content::Campaign(selection) => selection.is_consistent(),
        Content::Empty { .. } => true,
    };
    Ok(Decision {
        id: key(&row)?,
        from: row.time("from_ms")?,
        until: row.time("until_ms")?,
        slot_start: row.time("slot_start_ms")?,
        settings_version: row.count("settings_version")?,
        basis: row.require("basis", basis)?,
        content: row.require("content", consistent.then_some(content))?,
        tally: row.json("tally")?,
        broadcast: row.json("broadcast")?,
    })
}
