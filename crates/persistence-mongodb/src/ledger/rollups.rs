//! Rollups: the sums of entries by participation and quarter-hour.
//!
//! The rollup of the quarter-hour in which a participation was credited last is open. It is kept in the participation's
//! own document, so that an event changes one document instead of two. The first event of a later quarter-hour moves
//! the rollup to the collection. Events that come late are added there (`docs/adr/0011-open-rollups.md`).

use std::collections::BTreeMap;

use bson::{Bson, DateTime, Document, RawDocumentBuf, doc};
use futures_util::TryStreamExt;
use gametriggers_documents::{Fields, OPEN_ROLLUP, Problem, values};
use gametriggers_domain::ledger::Counters;
use gametriggers_persistence::{Entity, Rollup, StorageError};
use gametriggers_types::{CampaignId, ParticipationId, Quarter};

use crate::{
    MongoStore, call, collection,
    counters::{self, Update, Values},
    document::{self, by_id, stored_id, stored_time},
};

/// The participation and the quarter-hour of a rollup.
pub(crate) type RollupKey = (ParticipationId, Quarter);

/// How often a list is tried while the open rollup moves. It moves once in a quarter of an hour.
const ATTEMPTS: u32 = 3;
/// The field of an open rollup for the beginning of its quarter-hour.
const QUARTER: &str = "quarter";
/// The path of the same field in the participation's document.
const OPEN_QUARTER: &str = "openRollup.quarter";
/// The beginning of the paths of an open rollup's fields in the participation's document.
const OPEN_FIELDS: &str = "openRollup.";

/// A rollup that is kept in its participation's document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct OpenRollup<C = Values> {
    pub(super) quarter: Quarter,
    pub(super) counters: C,
}

/// What is known about the open rollup of a participation.
#[derive(Debug, Clone, Copy)]
pub(super) enum Open {
    /// The open rollup was that of this quarter-hour when this process saw it last.
    Remembered(Quarter),
    /// The open rollup, if any, as this transaction read it.
    Read(Option<OpenRollup>),
}

/// What an update of a participation does to the rollup that is kept with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Kept {
    /// Nothing. The open rollup is of this quarter-hour, and all that is added is older.
    Stays(Quarter),
    /// Adds these counters. The open rollup is of this quarter-hour.
    Grows(Quarter, Counters),
    /// Replaces the open rollup, if any, by a new one.
    Gives { before: Option<Quarter>, to: Quarter, counters: Counters },
}

/// What a batch does to rollups.
pub(super) struct Plan {
    /// What the batch does to the rollups that are kept with participations.
    pub(super) kept: BTreeMap<ParticipationId, Kept>,
    /// The statements for the rollups in the collection.
    pub(super) statements: Vec<Document>,
}

impl Plan {
    /// Plans how to add these sums. `open_of` says what is known about the open rollup of a participation. An open
    /// rollup that is older than the sums has to be read before.
    pub(super) fn new(
        sums: &BTreeMap<RollupKey, (CampaignId, Counters)>,
        open_of: impl Fn(ParticipationId) -> Open,
    ) -> Self {
        let mut plan = Self { kept: BTreeMap::new(), statements: Vec::new() };
        let sums: Vec<_> = sums.iter().collect();
        for of_one in sums.chunk_by(|(one, _), (other, _)| one.0 == other.0) {
            let Some((&(&(participation, newest), &(campaign, added)), older)) = of_one.split_last() else {
                continue;
            };
            let mut add = |quarter, values| {
                plan.statements.push(add_to_rollup((participation, quarter), campaign, values));
            };
            for ((_, quarter), (_, added)) in older {
                add(*quarter, counters::values_of(added));
            }
            let kept = match open_of(participation) {
                Open::Remembered(open) | Open::Read(Some(OpenRollup { quarter: open, .. }))
                    if open > newest =>
                {
                    add(newest, counters::values_of(&added));
                    Kept::Stays(open)
                }
                // If the open rollup is another one after all, the update does not match it.
                Open::Remembered(_) => Kept::Grows(newest, added),
                Open::Read(Some(open)) if open.quarter == newest => Kept::Grows(newest, added),
                Open::Read(before) => {
                    if let Some(OpenRollup { quarter, counters }) = before {
                        add(quarter, counters);
                    }
                    let before = before.map(|open| open.quarter);
                    Kept::Gives { before, to: newest, counters: added }
                }
            };
            plan.kept.insert(participation, kept);
        }
        plan
    }

    /// The rollups that are open afterwards.
    pub(super) fn open(&self) -> impl Iterator<Item = RollupKey> {
        self.kept.iter().map(|(participation, kept)| match *kept {
            Kept::Stays(quarter) | Kept::Grows(quarter, _) | Kept::Gives { to: quarter, .. } => {
                (*participation, quarter)
            }
        })
    }
}

impl Kept {
    /// The condition on the participation for this, beside its id.
    pub(super) fn condition(&self) -> Document {
        let quarter = match *self {
            Self::Stays(_) => return Document::new(),
            Self::Grows(quarter, _) => Some(quarter),
            Self::Gives { before, .. } => before,
        };
        doc! {OPEN_QUARTER: quarter.map(|quarter| stored_time(quarter.start()))}
    }

    /// Adds this to the update of a participation.
    pub(super) fn write(&self, update: &mut Update) {
        match self {
            Self::Stays(_) => {}
            Self::Grows(_, added) => update.add(OPEN_FIELDS, counters::values_of(added)),
            Self::Gives { to, counters, .. } => {
                let open = write_open(*to, counters::values_of(counters));
                update.set.insert(OPEN_ROLLUP, open);
            }
        }
    }
}

/// The statement that adds to a rollup of the collection, and makes the rollup if there is none.
fn add_to_rollup((participation, quarter): RollupKey, campaign: CampaignId, added: Values) -> Document {
    let mut update = Update::default();
    update.add("", added);
    let mut update = update.into_document();
    update.insert("$setOnInsert", doc! {"campaignId": stored_id(campaign.object_id())});
    doc! {"q": {"_id": rollup_id(participation, stored_time(quarter.start()))}, "u": update, "upsert": true}
}

/// The rollups of a participation, the earliest first.
pub(super) async fn list(
    store: &MongoStore,
    participation: ParticipationId,
) -> Result<Vec<Rollup>, StorageError> {
    let mut before = find_open(store, participation).await?;
    for _ in 0..ATTEMPTS {
        let mut rollups = find_closed(store, participation).await?;
        let open = find_open(store, participation).await?;
        // A rollup that was moved meanwhile would be missing or appear twice.
        if open.map(|rollup| rollup.quarter) == before.map(|rollup| rollup.quarter) {
            add_open(&mut rollups, open);
            return Ok(rollups);
        }
        before = open;
    }
    Err(StorageError::Conflict("the participation's rollups go on being moved".into()))
}

async fn find_open(
    store: &MongoStore,
    participation: ParticipationId,
) -> Result<Option<Rollup>, StorageError> {
    let participations = store.collection(collection::PARTICIPATIONS);
    let fields = doc! {OPEN_ROLLUP: 1, "campaignId": 1};
    let Some(found) = document::find_one(participations, by_id(participation), fields).await? else {
        return Ok(None);
    };
    document::read(Entity::Participation, &found, |fields| {
        let Some(OpenRollup { quarter, counters }) = read_open(fields, counters::read)? else {
            return Ok(None);
        };
        Ok(Some(Rollup { quarter, campaign: fields.required("campaignId", values::id)?, counters }))
    })
}

async fn find_closed(
    store: &MongoStore,
    participation: ParticipationId,
) -> Result<Vec<Rollup>, StorageError> {
    let id = |quarter: DateTime| rollup_id(participation, quarter);
    // All quarter-hours are between the two.
    let ids = doc! {"$gte": id(DateTime::MIN), "$lte": id(DateTime::MAX)};
    let rollups = store.collection(collection::ROLLUPS);
    let reading = async move {
        rollups.find(doc! {"_id": ids}).sort(doc! {"_id": 1}).await?.try_collect::<Vec<_>>().await
    };
    call::read(reading).await?.iter().map(read_rollup).collect()
}

/// Adds the open rollup to the list. A part of the same rollup may be in the collection, from a time when another one
/// was open.
fn add_open(rollups: &mut Vec<Rollup>, open: Option<Rollup>) {
    let Some(open) = open else { return };
    match rollups.binary_search_by_key(&open.quarter, |rollup| rollup.quarter) {
        Ok(at) => rollups[at].counters.add(&open.counters),
        Err(at) => rollups.insert(at, open),
    }
}

/// The id of the rollup of a participation and the quarter-hour that begins at this time.
pub(crate) fn rollup_id(participation: ParticipationId, quarter: DateTime) -> Document {
    doc! {"participationId": stored_id(participation.object_id()), QUARTER: quarter}
}

fn read_rollup(document: &RawDocumentBuf) -> Result<Rollup, StorageError> {
    document::read(Entity::Rollup, document, |fields| {
        let (_, quarter) = fields.required("_id", rollup_key)?;
        let campaign = fields.required("campaignId", values::id)?;
        Ok(Rollup { quarter, campaign, counters: counters::read(fields)? })
    })
}

/// Reads the participation and the quarter-hour from the id of a rollup.
pub(crate) fn rollup_key(id: &Bson) -> Result<RollupKey, String> {
    let part = |key| id.as_document().and_then(|id| id.get(key)).ok_or("not the id of a rollup");
    Ok((values::id(part("participationId")?)?, Quarter::containing(values::time(part(QUARTER)?)?)))
}

/// The document of an open rollup.
fn write_open(quarter: Quarter, values: Values) -> Document {
    let mut open = doc! {QUARTER: stored_time(quarter.start())};
    open.extend(counters::write_some(values));
    open
}

/// The fields of a participation that correct its open rollup from the values `is` to the values `should_be`.
pub(crate) fn change_open(is: Values, should_be: Values) -> Document {
    let fields = counters::name(is).into_iter().zip(counters::name(should_be));
    let different = fields.filter(|(is, should_be)| is != should_be);
    different
        .map(|(_, (field, value))| (format!("{OPEN_FIELDS}{field}"), counters::stored(field, value)))
        .collect()
}

/// Takes the open rollup from the fields of a participation. `read` takes the counters.
pub(super) fn read_open<C>(
    fields: &mut Fields,
    read: impl FnOnce(&mut Fields) -> Result<C, Problem>,
) -> Result<Option<OpenRollup<C>>, Problem> {
    fields.within(OPEN_ROLLUP, |fields| {
        let quarter = Quarter::containing(fields.required(QUARTER, values::time)?);
        Ok(OpenRollup { quarter, counters: read(fields)? })
    })
}

/// The open rollup of a participation, if it has one, and the campaign that pays. The values may be wrong.
pub(crate) fn read_any_open(fields: &mut Fields) -> Result<Option<(RollupKey, CampaignId, Values)>, Problem> {
    let participation = fields.required("_id", values::id)?;
    let Some(OpenRollup { quarter, counters }) = read_open(fields, counters::read_any)? else {
        return Ok(None);
    };
    Ok(Some(((participation, quarter), fields.required("campaignId", values::id)?, counters)))
}
