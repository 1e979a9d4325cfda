//! The money journal.

use async_trait::async_trait;
use bson::{Bson, Document, RawDocumentBuf, doc};
use futures_util::FutureExt;
use gametriggers_documents::{Fields, Problem, values};
use gametriggers_domain::journal::{self, Account, JournalEntry, JournalId, Movement, Refusal, Request};
use gametriggers_persistence::{Entity, Instruction, Journal, Posting, Settling, StorageError};
use gametriggers_types::{CampaignId, Money, PageLimit, ParticipationId, UserId};
use mongodb::ClientSession;

use crate::{
    MongoStore, collection,
    document::{self, by_id, stored_id, stored_money, stored_time},
    ledger::{
        batch,
        statements::{find_by_ids, update, update_any},
        transaction::{self, TxResult},
    },
};

/// The field that numbers the changes of a campaign's budget, from 1.
pub(crate) const ORDINAL: &str = "ordinal";

/// A movement that a caller asks for.
#[derive(Clone, Copy)]
enum Order {
    Budget { campaign: CampaignId, budget: Money },
    Release { campaign: CampaignId },
    PayOut { streamer: UserId, amount: Money },
}

/// A page of a campaign's participations: at most `limit`, after the one with the id `after`.
#[derive(Clone, Copy)]
struct Part {
    campaign: CampaignId,
    after: Option<ParticipationId>,
    limit: PageLimit,
}

#[async_trait]
impl Journal for MongoStore {
    async fn change_budget(
        &self,
        campaign: CampaignId,
        budget: Money,
        request: &Request,
        instruction: &Instruction,
    ) -> Result<Posting, StorageError> {
        let order = Order::Budget { campaign, budget };
        self.post(JournalId::budget(campaign, request), order, instruction).await
    }

    async fn release_budget(
        &self,
        campaign: CampaignId,
        instruction: &Instruction,
    ) -> Result<Posting, StorageError> {
        self.post(JournalId::release(campaign), Order::Release { campaign }, instruction).await
    }

    async fn settle(
        &self,
        campaign: CampaignId,
        after: Option<ParticipationId>,
        limit: PageLimit,
        instruction: &Instruction,
    ) -> Result<Settling, StorageError> {
        let (part, instruction) = (Part { campaign, after, limit }, instruction.clone());
        transaction::run(self, move |store, session| {
            let instruction = instruction.clone();
            async move { settle(&store, session, part, &instruction).await }.boxed()
        })
        .await
    }

    async fn pay_out(
        &self,
        streamer: UserId,
        amount: Money,
        request: &Request,
        instruction: &Instruction,
    ) -> Result<Posting, StorageError> {
        let order = Order::PayOut { streamer, amount };
        self.post(JournalId::payout(streamer, request), order, instruction).await
    }

    async fn find_posting(&self, id: &JournalId) -> Result<Option<JournalEntry>, StorageError> {
        let journal = self.collection(collection::JOURNAL);
        let found = document::find_one(journal, doc! {"_id": id.as_str()}, doc! {}).await?;
        found.as_ref().map(read_entry).transpose()
    }

    async fn account(&self, streamer: UserId) -> Result<Account, StorageError> {
        let accounts = self.collection(collection::ACCOUNTS);
        let found = document::find_one(accounts, by_id(streamer), doc! {}).await?;
        found.as_ref().map_or(Ok(Account::default()), read_account)
    }
}

impl MongoStore {
    /// Posts the movement that the rules allow, unless an entry with this id is stored.
    async fn post(
        &self,
        id: JournalId,
        order: Order,
        instruction: &Instruction,
    ) -> Result<Posting, StorageError> {
        let instruction = instruction.clone();
        transaction::run(self, move |store, session| {
            let (id, instruction) = (id.clone(), instruction.clone());
            async move { post(&store, session, id, order, &instruction).await }.boxed()
        })
        .await
    }
}

async fn post(
    store: &MongoStore,
    session: &mut ClientSession,
    id: JournalId,
    order: Order,
    instruction: &Instruction,
) -> TxResult<Posting> {
    if let Some(stored) = find(store, session, &id).await? {
        return Ok(Posting::Duplicate(stored));
    }
    let movement = match order {
        Order::Budget { campaign, budget } => {
            let (before, remaining) = batch::read_budget(store, session, campaign).await?;
            if find(store, session, &JournalId::release(campaign)).await?.is_some() {
                return Ok(Posting::Refused(Refusal::Released));
            }
            journal::change_budget(campaign, before, remaining, budget)
        }
        Order::Release { campaign } => {
            let (_, remaining) = batch::read_budget(store, session, campaign).await?;
            Ok(journal::release(campaign, remaining))
        }
        Order::PayOut { streamer, amount } => {
            let accounts = store.collection(collection::ACCOUNTS);
            let found = accounts.find_one(by_id(streamer)).session(&mut *session).await?;
            let account = found.as_ref().map_or(Ok(Account::default()), read_account)?;
            journal::pay_out(streamer, &account, amount)
        }
    };
    let movement = match movement {
        Ok(movement) => movement,
        Err(refusal) => return Ok(Posting::Refused(refusal)),
    };
    let entry = instruction.entry(id, movement);
    let mut document = write_entry(&entry);
    if let Movement::Budget { campaign, .. } = entry.movement {
        document.insert(ORDINAL, next_ordinal(store, session, campaign).await?);
    }
    insert(store, session, [document]).await?;
    change_accounts(store, session, [&entry]).await?;
    change_campaign(store, session, &entry).await?;
    Ok(Posting::Posted(entry))
}

async fn settle(
    store: &MongoStore,
    session: &mut ClientSession,
    part: Part,
    instruction: &Instruction,
) -> TxResult<Settling> {
    let Part { campaign, after, limit } = part;
    if find(store, session, &JournalId::release(campaign)).await?.is_none() {
        return Ok(Settling::Refused(Refusal::NotReleased));
    }
    let mut filter = doc! {"campaignId": stored_id(campaign.object_id())};
    if let Some(after) = after {
        filter.insert("_id", doc! {"$gt": stored_id(after.object_id())});
    }
    let participations = store.collection(collection::PARTICIPATIONS);
    let page = participations
        .find(filter)
        .sort(doc! {"_id": 1})
        .limit(limit.get().into())
        .projection(doc! {"streamerId": 1, "estimatedEarnings": 1});
    let mut page = page.session(&mut *session).await?;
    let (mut entries, mut last) = (Vec::new(), None);
    while let Some(found) = page.next(session).await.transpose()? {
        let (participation, movement) = document::read(Entity::Participation, &found, |fields| {
            let participation = fields.required("_id", values::id)?;
            let streamer = fields.required("streamerId", values::id)?;
            let earnings = fields.optional("estimatedEarnings", values::money)?.unwrap_or(Money::ZERO);
            Ok((participation, journal::settle(participation, campaign, streamer, earnings)))
        })?;
        entries.push(instruction.entry(JournalId::settlement(participation), movement));
        last = Some(participation);
    }
    let is_full = u32::try_from(entries.len()).is_ok_and(|length| length == limit.get());
    let ids: Vec<_> = entries.iter().map(|entry| Bson::from(entry.id.as_str())).collect();
    for settled in find_by_ids(&store.collection(collection::JOURNAL), session, &ids, doc! {}).await? {
        let settled = read_entry(&settled)?.id;
        entries.retain(|entry| entry.id != settled);
    }
    if !entries.is_empty() {
        insert(store, session, entries.iter().map(write_entry)).await?;
        change_accounts(store, session, &entries).await?;
    }
    let settled = u32::try_from(entries.len()).unwrap_or(u32::MAX);
    Ok(Settling::Settled { settled, next: last.filter(|_| is_full) })
}

/// The ordinal of the campaign's next change of budget. If two transactions give the same ordinal, the server aborts
/// one of them, because both change the campaign.
async fn next_ordinal(
    store: &MongoStore,
    session: &mut ClientSession,
    campaign: CampaignId,
) -> TxResult<i64> {
    let changes = doc! {"campaignId": stored_id(campaign.object_id()), "kind": "budget"};
    let count = store.collection(collection::JOURNAL).count_documents(changes).session(&mut *session).await?;
    Ok(i64::try_from(count).unwrap_or(i64::MAX).saturating_add(1))
}

async fn insert(
    store: &MongoStore,
    session: &mut ClientSession,
    documents: impl IntoIterator<Item = Document>,
) -> TxResult<()> {
    let journal = store.database.collection::<Document>(collection::JOURNAL);
    journal.insert_many(documents).session(&mut *session).await?;
    Ok(())
}

async fn change_accounts(
    store: &MongoStore,
    session: &mut ClientSession,
    entries: impl IntoIterator<Item = &JournalEntry>,
) -> TxResult<()> {
    let changes = entries.into_iter().filter_map(|entry| entry.movement.change_of_account());
    let statements: Vec<_> = changes
        .map(|(streamer, change)| {
            let sums = doc! {"settled": stored_money(change.settled), "paid": stored_money(change.paid)};
            doc! {"q": by_id(streamer), "u": {"$inc": sums}, "upsert": true}
        })
        .collect();
    update_any(&store.database, session, collection::ACCOUNTS, &statements).await?;
    Ok(())
}

/// Changes the budget of the campaign that the entry names.
async fn change_campaign(
    store: &MongoStore,
    session: &mut ClientSession,
    entry: &JournalEntry,
) -> TxResult<()> {
    let Some((campaign, change)) = entry.movement.change_of_remaining() else { return Ok(()) };
    // The change stream reports a change of `updatedAt`, but not a change of the remaining budget alone.
    let mut set = doc! {"updatedAt": stored_time(entry.at)};
    if let Movement::Budget { after, .. } = entry.movement {
        set.insert("budget", stored_money(after));
    }
    let increase = doc! {"remainingBudget": stored_money(change)};
    let statement = doc! {"q": by_id(campaign), "u": {"$set": set, "$inc": increase}};
    update(&store.database, session, collection::CAMPAIGNS, vec![statement], 1).await
}

async fn find(
    store: &MongoStore,
    session: &mut ClientSession,
    id: &JournalId,
) -> TxResult<Option<JournalEntry>> {
    let journal = store.collection(collection::JOURNAL);
    let found = journal.find_one(doc! {"_id": id.as_str()}).session(&mut *session).await?;
    Ok(found.as_ref().map(read_entry).transpose()?)
}

fn write_entry(entry: &JournalEntry) -> Document {
    let mut document = doc! {"_id": entry.id.as_str(), "kind": entry.movement.kind()};
    let id = |id: gametriggers_types::ObjectId| stored_id(id);
    let amount = match entry.movement {
        Movement::Budget { campaign, before, after } => {
            document.insert("campaignId", id(campaign.object_id()));
            document.insert("before", stored_money(before));
            after
        }
        Movement::Release { campaign, amount } => {
            document.insert("campaignId", id(campaign.object_id()));
            amount
        }
        Movement::Settlement { participation, campaign, streamer, amount } => {
            document.insert("campaignId", id(campaign.object_id()));
            document.insert("participationId", id(participation.object_id()));
            document.insert("streamerId", id(streamer.object_id()));
            amount
        }
        Movement::Payout { streamer, amount } => {
            document.insert("streamerId", id(streamer.object_id()));
            amount
        }
    };
    document.insert("amount", stored_money(amount));
    document.insert("at", stored_time(entry.at));
    if let Some(by) = entry.by {
        document.insert("by", id(by.object_id()));
    }
    if let Some(note) = &entry.note {
        document.insert("note", note);
    }
    document
}

pub(crate) fn read_entry(document: &RawDocumentBuf) -> Result<JournalEntry, StorageError> {
    document::read(Entity::JournalEntry, document, |fields| {
        let amount = fields.required("amount", values::money)?;
        let kind = fields.required("kind", values::text)?;
        let movement = match kind.as_str() {
            "budget" => Movement::Budget {
                campaign: fields.required("campaignId", values::id)?,
                before: fields.required("before", values::money)?,
                after: amount,
            },
            "release" => Movement::Release { campaign: fields.required("campaignId", values::id)?, amount },
            "settlement" => Movement::Settlement {
                participation: fields.required("participationId", values::id)?,
                campaign: fields.required("campaignId", values::id)?,
                streamer: fields.required("streamerId", values::id)?,
                amount,
            },
            "payout" => Movement::Payout { streamer: fields.required("streamerId", values::id)?, amount },
            _ => return Err(Problem { field: "kind".into(), reason: "no kind of movement".into() }),
        };
        Ok(JournalEntry {
            id: JournalId::stored(fields.required("_id", values::text)?),
            movement,
            at: fields.required("at", values::time)?,
            by: fields.optional("by", values::id)?,
            note: fields.optional("note", values::text)?,
        })
    })
}

pub(crate) fn read_account(document: &RawDocumentBuf) -> Result<Account, StorageError> {
    document::read(Entity::Account, document, |fields: &mut Fields| {
        // A repair writes only the sum that was wrong, so the other may be absent.
        let mut sum = |name| Ok::<_, Problem>(fields.optional(name, values::money)?.unwrap_or(Money::ZERO));
        Ok(Account { settled: sum("settled")?, paid: sum("paid")? })
    })
}
