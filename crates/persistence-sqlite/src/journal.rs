//! The money journal.

use async_trait::async_trait;
use gametriggers_domain::journal::{self, Account, JournalEntry, JournalId, Movement, Refusal, Request};
use gametriggers_persistence::{Entity, Instruction, Journal, Posting, Settling, StorageError};
use gametriggers_types::{CampaignId, Money, PageLimit, ParticipationId, UserId};
use rusqlite::{Connection, OptionalExtension, Row, named_params};

use crate::{
    SqliteStore,
    error::DbResult,
    row::{EntityRow, text},
};

#[async_trait]
impl Journal for SqliteStore {
    async fn change_budget(
        &self,
        campaign: CampaignId,
        budget: Money,
        request: &Request,
        instruction: &Instruction,
    ) -> Result<Posting, StorageError> {
        let id = JournalId::budget(campaign, request);
        let rule = move |db: &Connection| {
            let (before, remaining) = find_budget(db, campaign)?;
            if find(db, &JournalId::release(campaign))?.is_some() {
                return Ok(Err(Refusal::Released));
            }
            Ok(journal::change_budget(campaign, before, remaining, budget))
        };
        self.post(id, instruction.clone(), rule).await
    }

    async fn release_budget(
        &self,
        campaign: CampaignId,
        instruction: &Instruction,
    ) -> Result<Posting, StorageError> {
        let rule = move |db: &Connection| {
            let (_, remaining) = find_budget(db, campaign)?;
            Ok(Ok(journal::release(campaign, remaining)))
        };
        self.post(JournalId::release(campaign), instruction.clone(), rule).await
    }

    async fn settle(
        &self,
        campaign: CampaignId,
        after: Option<ParticipationId>,
        limit: PageLimit,
        instruction: &Instruction,
    ) -> Result<Settling, StorageError> {
        let instruction = instruction.clone();
        self.database.write(move |db| settle(db, campaign, after, limit, &instruction)).await
    }

    async fn pay_out(
        &self,
        streamer: UserId,
        amount: Money,
        request: &Request,
        instruction: &Instruction,
    ) -> Result<Posting, StorageError> {
        let id = JournalId::payout(streamer, request);
        let rule = move |db: &Connection| Ok(journal::pay_out(streamer, &account(db, streamer)?, amount));
        self.post(id, instruction.clone(), rule).await
    }

    async fn find_posting(&self, id: &JournalId) -> Result<Option<JournalEntry>, StorageError> {
        let id = id.clone();
        self.database.read(move |db| find(db, &id)).await
    }

    async fn account(&self, streamer: UserId) -> Result<Account, StorageError> {
        self.database.read(move |db| account(db, streamer)).await
    }
}

impl SqliteStore {
    /// Posts the movement that `rule` allows, unless an entry with this id is stored.
    async fn post(
        &self,
        id: JournalId,
        instruction: Instruction,
        rule: impl FnOnce(&Connection) -> DbResult<Result<Movement, Refusal>> + Send + 'static,
    ) -> Result<Posting, StorageError> {
        self.database
            .write(move |db| {
                if let Some(stored) = find(db, &id)? {
                    return Ok(Posting::Duplicate(stored));
                }
                let movement = match rule(db)? {
                    Ok(movement) => movement,
                    Err(refusal) => return Ok(Posting::Refused(refusal)),
                };
                let entry = instruction.entry(id, movement);
                store(db, &entry)?;
                Ok(Posting::Posted(entry))
            })
            .await
    }
}

fn settle(
    db: &Connection,
    campaign: CampaignId,
    after: Option<ParticipationId>,
    limit: PageLimit,
    instruction: &Instruction,
) -> DbResult<Settling> {
    if find(db, &JournalId::release(campaign))?.is_none() {
        return Ok(Settling::Refused(Refusal::NotReleased));
    }
    let sql = "SELECT id, streamer_id, earnings_micros FROM participations_with_counters \
               WHERE campaign_id = ? AND id > ? ORDER BY id LIMIT ?";
    let page: Vec<_> = db
        .prepare_cached(sql)?
        .query_and_then((text(campaign), after.map_or_else(String::new, text), limit.get()), |row| {
            let row = EntityRow::new(row, Entity::Participation, "id")?;
            let participation = row.parse("id")?;
            let streamer = row.parse("streamer_id")?;
            let earnings = row.money("earnings_micros")?;
            Ok((participation, journal::settle(participation, campaign, streamer, earnings)))
        })?
        .collect::<DbResult<_>>()?;
    let mut settled = 0;
    for &(participation, movement) in &page {
        let id = JournalId::settlement(participation);
        if find(db, &id)?.is_none() {
            store(db, &instruction.entry(id, movement))?;
            settled += 1;
        }
    }
    let is_full = u32::try_from(page.len()).is_ok_and(|length| length == limit.get());
    let next = page.last().filter(|_| is_full).map(|(participation, _)| *participation);
    Ok(Settling::Settled { settled, next })
}

/// Stores an entry and moves its money.
fn store(db: &Connection, entry: &JournalEntry) -> DbResult<()> {
    insert(db, entry)?;
    let at = entry.at.as_millisecond();
    if let Movement::Budget { campaign, after, .. } = entry.movement {
        let sql = "UPDATE campaigns SET budget_micros = ? WHERE id = ?";
        db.prepare_cached(sql)?.execute((after.micros(), text(campaign)))?;
    }
    if let Some((campaign, change)) = entry.movement.change_of_remaining() {
        let sql = "UPDATE campaigns SET remaining_micros = remaining_micros + ?, updated_at = ? WHERE id = ?";
        db.prepare_cached(sql)?.execute((change.micros(), at, text(campaign)))?;
    }
    if let Some((streamer, change)) = entry.movement.change_of_account() {
        let sql = "INSERT INTO accounts (streamer_id, settled_micros, paid_micros) VALUES (?, ?, ?) \
                   ON CONFLICT (streamer_id) DO UPDATE SET settled_micros = settled_micros + excluded.settled_micros, \
                   paid_micros = paid_micros + excluded.paid_micros";
        let row = (text(streamer), change.settled.micros(), change.paid.micros());
        db.prepare_cached(sql)?.execute(row)?;
    }
    Ok(())
}

fn insert(db: &Connection, entry: &JournalEntry) -> DbResult<()> {
    let (mut campaign_id, mut participation_id, mut streamer_id, mut before_micros) =
        (None, None, None, None);
    let amount_micros = match entry.movement {
        Movement::Budget { campaign, before, after } => {
            campaign_id = Some(text(campaign));
            before_micros = Some(before.micros());
            after
        }
        Movement::Release { campaign, amount } => {
            campaign_id = Some(text(campaign));
            amount
        }
        Movement::Settlement { participation, campaign, streamer, amount } => {
            campaign_id = Some(text(campaign));
            participation_id = Some(text(participation));
            streamer_id = Some(text(streamer));
            amount
        }
        Movement::Payout { streamer, amount } => {
            streamer_id = Some(text(streamer));
            amount
        }
    };
    let sql = "INSERT INTO journal (id, kind, campaign_id, participation_id, streamer_id, before_micros, amount_micros, \
               at_ms, by_user_id, note) VALUES (:id, :kind, :campaign_id, :participation_id, :streamer_id, \
               :before_micros, :amount_micros, :at_ms, :by_user_id, :note)";
    db.prepare_cached(sql)?.execute(named_params! {
        ":id": entry.id.as_str(),
        ":kind": entry.movement.kind(),
        ":campaign_id": campaign_id,
        ":participation_id": participation_id,
        ":streamer_id": streamer_id,
        ":before_micros": before_micros,
        ":amount_micros": amount_micros.micros(),
        ":at_ms": entry.at.as_millisecond(),
        ":by_user_id": entry.by.map(text),
        ":note": entry.note,
    })?;
    Ok(())
}

fn find(db: &Connection, id: &JournalId) -> DbResult<Option<JournalEntry>> {
    db.prepare_cached("SELECT * FROM journal WHERE id = ?")?
        .query_and_then([id.as_str()], from_row)?
        .next()
        .transpose()
}

/// Reads an entry from a row with all columns of the table.
pub(crate) fn from_row(row: &Row<'_>) -> DbResult<JournalEntry> {
    let row = EntityRow::new(row, Entity::JournalEntry, "id")?;
    let amount = row.money("amount_micros")?;
    let kind: String = row.get("kind")?;
    let movement = match kind.as_str() {
        "budget" => Some(Movement::Budget {
            campaign: row.parse("campaign_id")?,
            before: row.money("before_micros")?,
            after: amount,
        }),
        "release" => Some(Movement::Release { campaign: row.parse("campaign_id")?, amount }),
        "settlement" => Some(Movement::Settlement {
            participation: row.parse("participation_id")?,
            campaign: row.parse("campaign_id")?,
            streamer: row.parse("streamer_id")?,
            amount,
        }),
        "payout" => Some(Movement::Payout { streamer: row.parse("streamer_id")?, amount }),
        _ => None,
    };
    Ok(JournalEntry {
        id: JournalId::stored(row.get("id")?),
        movement: row.require("kind", movement)?,
        at: row.time("at_ms")?,
        by: row.optional("by_user_id")?,
        note: row.get("note")?,
    })
}

/// The campaign's budget and what remains of it.
fn find_budget(db: &Connection, campaign: CampaignId) -> DbResult<(Money, Money)> {
    let sql = "SELECT id, budget_micros, remaining_micros FROM campaigns WHERE id = ?";
    let found = db
        .prepare_cached(sql)?
        .query_and_then([text(campaign)], |row| -> DbResult<_> {
            let row = EntityRow::new(row, Entity::Campaign, "id")?;
            Ok((row.money("budget_micros")?, row.money("remaining_micros")?))
        })?
        .next()
        .transpose()?;
    Ok(found.ok_or_else(|| StorageError::Missing { entity: Entity::Campaign, id: text(campaign) })?)
}

fn account(db: &Connection, streamer: UserId) -> DbResult<Account> {
    let sql = "SELECT settled_micros, paid_micros FROM accounts WHERE streamer_id = ?";
    let found = db
        .prepare_cached(sql)?
        .query_row([text(streamer)], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let (settled, paid) = found.unwrap_or_default();
    Ok(Account { settled: Money::from_micros(settled), paid: Money::from_micros(paid) })
}
