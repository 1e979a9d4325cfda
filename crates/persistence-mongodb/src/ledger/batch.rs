//! Reads what a batch has to know and writes what it changes, within the batch's transaction. There is one command for
//! each collection.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use bson::{Bson, Document, doc};
use gametriggers_documents::{Fields, IN_LEDGER, OPEN_ROLLUP, Problem, campaigns, values};
use gametriggers_domain::{
    batch::{Batch, Charge, Credit, Judged, Unknown},
    ledger::Counters,
    price::Payment,
};
use gametriggers_persistence::Entity;
use gametriggers_types::{CampaignId, Money, ParticipationId, Quarter};
use mongodb::ClientSession;

use super::{
    entries::write_entry,
    known::Known,
    opening::{self, Unopened},
    quotas,
    rollups::{self, Kept, Open, OpenRollup, RollupKey},
    statements::{read_named, update},
    transaction::TxResult,
};
use crate::{
    MongoStore, collection,
    counters::{self, Update},
    document::{self, stored_id, stored_money},
    error::missing,
};

/// The open rollups of participations that were read.
pub(super) type OpenRollups = HashMap<ParticipationId, Option<OpenRollup>>;

/// Tells the batch what the participations and campaigns hold and pay on which the prices of its new entries depend,
/// and stores the openings of those that have none. Participations and campaigns on which no price depends are read,
/// too, unless [`Known`] says that this is not needed. Returns the open rollups of the participations that were read.
pub(super) async fn read(
    store: &MongoStore,
    session: &mut ClientSession,
    batch: &mut Batch<'_>,
    known: &Known,
) -> TxResult<OpenRollups> {
    let (mut participations, mut campaigns) = batch.priced();
    for entry in batch.unknown() {
        if !known.has_participation(entry.participation, Quarter::containing(entry.at)) {
            participations.insert(entry.participation);
        }
        if !known.has_campaign(entry.campaign) {
            campaigns.insert(entry.campaign);
        }
    }
    read_participations_and_campaigns(store, session, batch, &participations, &campaigns).await
}

async fn read_participations_and_campaigns(
    store: &MongoStore,
    session: &mut ClientSession,
    batch: &mut Batch<'_>,
    participations: &BTreeSet<ParticipationId>,
    named: &BTreeSet<CampaignId>,
) -> TxResult<OpenRollups> {
    let mut unread = participations.clone();
    let (mut unopened, mut rollups) = (Vec::new(), OpenRollups::new());
    let fields = doc! {
        IN_LEDGER: 1, "campaignId": 1, "paidUnits": 1, "viewerSum": 1, "viewerSamples": 1, OPEN_ROLLUP: 1,
    };
    let ids = participations.iter().map(|id| id.object_id());
    for found in read_named(store, session, collection::PARTICIPATIONS, ids, fields).await? {
        let found = document::read(Entity::Participation, &found, read_participation)?;
        unread.remove(&found.id);
        rollups.insert(found.id, found.open_rollup);
        match found.state {
            Ok(counters) => batch.holds(found.id, counters),
            Err(campaign) => unopened.push(Unopened { id: found.id, campaign }),
        }
    }
    if let Some(id) = unread.pop_first() {
        return Err(missing(Unknown::Participation(id)).into());
    }

    let needed: BTreeSet<_> = unopened.iter().map(|participation| participation.campaign).collect();
    let mut unread = named.clone();
    let mut unopened_campaigns = Vec::new();
    let fields = doc! {
        IN_LEDGER: 1, "remainingBudget": 1, "paymentType": 1, "paymentRate": 1, "expectedImpressions": 1,
    };
    let ids = named.union(&needed).map(|id| id.object_id());
    for found in read_named(store, session, collection::CAMPAIGNS, ids, fields).await? {
        let Purse { id, is_opened, payment, remaining } =
            document::read(Entity::Campaign, &found, read_purse)?;
        batch.pays(id, payment, remaining);
        if unread.remove(&id) && !is_opened {
            unopened_campaigns.push(id);
        }
    }
    if let Some(id) = unread.pop_first() {
        return Err(missing(Unknown::Campaign(id)).into());
    }

    for (id, remaining) in opening::of_campaigns(store, session, &unopened_campaigns).await? {
        if let Some(payment) = batch.payment_of(id) {
            batch.pays(id, payment, remaining);
        }
    }
    let payment_of = |campaign| batch.payment_of(campaign);
    for (id, counters) in opening::of_participations(store, session, &unopened, payment_of).await? {
        batch.holds(id, counters);
    }
    Ok(rollups)
}

/// The campaign's budget and what remains of it, as exact numbers. Stores the campaign's opening, if it has none.
///
/// # Errors
/// [`StorageError::Missing`] if there is no such campaign.
pub(crate) async fn read_budget(
    store: &MongoStore,
    session: &mut ClientSession,
    campaign: CampaignId,
) -> TxResult<(Money, Money)> {
    let fields = || doc! {IN_LEDGER: 1, "budget": 1, "remainingBudget": 1};
    let ids = || std::iter::once(campaign.object_id());
    let read = |fields: &mut Fields| {
        let budget = fields.required("budget", values::money)?;
        let remaining = fields.required("remainingBudget", values::money)?;
        Ok((is_in_ledger(fields), (budget, remaining)))
    };
    let found = read_named(store, session, collection::CAMPAIGNS, ids(), fields()).await?;
    let found = found.first().ok_or_else(|| missing(Unknown::Campaign(campaign)))?;
    let (is_opened, budget) = document::read(Entity::Campaign, found, read)?;
    if !is_opened {
        opening::of_campaigns(store, session, &[campaign]).await?;
    }
    Ok(budget)
}

/// Writes the result of the batch. `open_of` says what is known about the open rollup of a participation. Returns which
/// rollups are open afterwards.
pub(super) async fn write(
    store: &MongoStore,
    session: &mut ClientSession,
    judged: &Judged<'_>,
    open_of: impl Fn(ParticipationId) -> Open,
) -> TxResult<Vec<RollupKey>> {
    let Judged { entries, charges, credits, rollups, quotas, .. } = judged;
    if entries.is_empty() {
        return Ok(Vec::new());
    }
    let database = &store.database;
    let documents = entries.iter().map(|(entry, verdict)| write_entry(entry, verdict));
    database.collection(collection::LEDGER).insert_many(documents).session(&mut *session).await?;
    let statements = charges.iter().map(|(id, charge)| take(*id, charge)).collect();
    update(database, session, collection::CAMPAIGNS, statements, charges.len()).await?;
    quotas::count(database, session, quotas).await?;
    let rollups = rollups::Plan::new(rollups, open_of);
    let open = rollups.open().collect();
    let statements = add_credits(credits, &rollups.kept);
    update(database, session, collection::PARTICIPATIONS, statements, credits.len()).await?;
    let documents = rollups.statements.len();
    update(database, session, collection::ROLLUPS, rollups.statements, documents).await?;
    Ok(open)
}

/// The statements that add to participations and to the rollups that are kept with them. There is one statement for all
/// participations to which the same is added.
fn add_credits(
    credits: &BTreeMap<ParticipationId, Credit>,
    rollups: &BTreeMap<ParticipationId, Kept>,
) -> Vec<Document> {
    let mut alike: HashMap<(Counters, Kept), Vec<Bson>> = HashMap::new();
    let mut statements = Vec::new();
    for (participation, Credit { before, added }) in credits {
        let id = stored_id(participation.object_id());
        // Every credit is in a rollup, too.
        let Some(rollup) = rollups.get(participation) else { continue };
        if added.viewer_samples == 0 {
            alike.entry((*added, *rollup)).or_default().push(id.into());
            continue;
        }
        let sum = before.viewer_sum + added.viewer_sum;
        let samples = before.viewer_samples + added.viewer_samples;
        #[allow(clippy::cast_precision_loss)] // a mean to 15 digits
        let mean = doc! {"avgViewerCount": sum as f64 / samples as f64};
        statements.push(credit(id.into(), added, rollup, mean));
    }
    let of_many = |((added, rollup), ids)| {
        let mut statement = credit(doc! {"$in": Bson::Array(ids)}.into(), &added, &rollup, Document::new());
        statement.insert("multi", true);
        statement
    };
    statements.extend(alike.into_iter().map(of_many));
    statements
}

/// The statement that adds to the participations of these ids and to the rollups that are kept with them.
fn credit(ids: Bson, added: &Counters, rollup: &Kept, set: Document) -> Document {
    let mut filter = doc! {"_id": ids, IN_LEDGER: true};
    filter.extend(rollup.condition());
    let mut update = Update::default();
    update.set.extend(set);
    update.add("", counters::values_of(added));
    rollup.write(&mut update);
    doc! {"q": filter, "u": update.into_document()}
}

/// The statement that takes money from a campaign. Its condition fails only if the judgement was wrong. If the money
/// runs out, the statement sets `budgetExhaustedAt`, so that the [change stream](crate::changes) reports the campaign.
fn take(id: CampaignId, charge: &Charge) -> Document {
    let mut update = doc! {"$inc": {"remainingBudget": stored_money(Money::ZERO - charge.amount)}};
    if charge.is_last {
        update.insert("$currentDate", doc! {"budgetExhaustedAt": true});
    }
    doc! {
        "q": {
            "_id": stored_id(id.object_id()),
            "remainingBudget": {"$gte": stored_money(charge.amount)},
        },
        "u": update,
    }
}

/// The part of a participation that a batch has to know.
struct Found {
    id: ParticipationId,
    /// The counters on which prices and means depend, or the campaign if the participation has no opening.
    state: Result<Counters, CampaignId>,
    open_rollup: Option<OpenRollup>,
}

fn read_participation(fields: &mut Fields) -> Result<Found, Problem> {
    let id = fields.required("_id", values::id)?;
    // The values may be wrong: this is no reason to refuse an event.
    let open_rollup = rollups::read_open(fields, counters::read_any)?;
    if !is_in_ledger(fields) {
        let campaign = fields.required("campaignId", values::id)?;
        return Ok(Found { id, state: Err(campaign), open_rollup });
    }
    let mut count = |field| Ok(fields.optional(field, values::count)?.unwrap_or(0));
    let counters = Counters {
        paid_units: count("paidUnits")?,
        viewer_sum: count("viewerSum")?,
        viewer_samples: count("viewerSamples")?,
        ..Counters::default()
    };
    Ok(Found { id, state: Ok(counters), open_rollup })
}

/// What a campaign pays and has left, and whether it has an opening.
struct Purse {
    id: CampaignId,
    is_opened: bool,
    payment: Payment,
    remaining: Money,
}

fn read_purse(fields: &mut Fields) -> Result<Purse, Problem> {
    Ok(Purse {
        id: fields.required("_id", values::id)?,
        is_opened: is_in_ledger(fields),
        remaining: fields.required("remainingBudget", values::money)?,
        payment: campaigns::payment(fields)?,
    })
}

/// Whether the document has an opening.
fn is_in_ledger(fields: &mut Fields) -> bool {
    fields.optional(IN_LEDGER, |value| Ok(value.as_bool() == Some(true))).is_ok_and(|mark| mark == Some(true))
}
