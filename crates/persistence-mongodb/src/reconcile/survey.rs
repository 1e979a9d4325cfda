//! Surveys one state of the store: what the ledger and the journal add up to, and which stored values differ from it.

use std::{collections::BTreeMap, fmt::Display, time::Duration};

use bson::{Document, RawDocumentBuf, doc};
use gametriggers_documents::{Fields, IN_LEDGER, OPEN_ROLLUP, Problem, values};
use gametriggers_domain::{
    journal::{Account, Movement},
    ledger::{Counters, Verdict},
};
use gametriggers_persistence::{Entity, Rollup, StorageError};
use gametriggers_types::{CampaignId, Money, ParticipationId, Quarter, UserId};
use mongodb::{
    ClientSession, SessionCursor,
    options::{CollectionOptions, ReadConcern},
};
use tokio::time::sleep;

use super::{BUDGET, Difference, Holder, PAID, REMAINING, SETTLED, Survey};
use crate::{
    MongoStore, collection,
    counters::{self, Values},
    document,
    error::code,
    journal,
    ledger::{
        entries::{OPENING, REPAIRS, kind_of, read_entry, repairs_counted},
        rollups::{self, RollupKey, rollup_key},
        transaction::{TxError, TxResult},
    },
};

/// How often a survey is tried, and the pause between two attempts.
const SURVEYS_MAX: u32 = 3;
const LOOK_AGAIN_AFTER: Duration = Duration::from_secs(2);
/// The error code if the snapshot is older than the server keeps.
const SNAPSHOT_TOO_OLD: i32 = 239;
const TAKES_TOO_LONG: &str = "reading the ledger takes longer than the server keeps one state of it: raise \
    minSnapshotHistoryWindowInSeconds (docs/operations.md) for as long as this runs";

/// Takes a survey, and tries again if the server cannot show one state of the store for now.
pub(super) async fn take(store: &MongoStore) -> Result<Survey, StorageError> {
    let mut attempt = 1;
    loop {
        let error = match try_take(store).await {
            Ok(survey) => return Ok(survey),
            Err(TxError::Driver(error)) if code(&error) == Some(SNAPSHOT_TOO_OLD) => {
                return Err(StorageError::Backend(TAKES_TOO_LONG.into()));
            }
            Err(error) => error.into_storage(),
        };
        if !error.is_retryable() || attempt == SURVEYS_MAX {
            return Err(error);
        }
        attempt += 1;
        sleep(LOOK_AGAIN_AFTER).await;
    }
}

async fn try_take(store: &MongoStore) -> TxResult<Survey> {
    let session = &mut store.client.start_session().snapshot(true).await?;
    let expected = Projection::recompute(store, session).await?;
    let mut survey = Survey { repairs: expected.repairs, ..Survey::default() };

    let mut fields = counters::projection();
    fields.extend(doc! {IN_LEDGER: 1, OPEN_ROLLUP: 1, "campaignId": 1});
    let mut open = BTreeMap::new();
    let mut found = all(store, session, collection::PARTICIPATIONS, fields).await?;
    while let Some(document) = found.next(session).await.transpose()? {
        if matches!(document.get(OPEN_ROLLUP), Ok(Some(_))) {
            let rollup = document::read(Entity::Participation, &document, rollups::read_any_open)?;
            open.extend(rollup.map(|(key, campaign, stored)| (key, (campaign, stored))));
        }
        if let Some((id, sums)) = sum_of(Entity::Participation, &document, &expected.participations)? {
            let stored = document::read(Entity::Participation, &document, counters::read_any)?;
            survey.note_counters(Holder::Participation(id), &stored, &sums);
        }
    }

    let mut unseen = expected.rollups;
    let mut found = all(store, session, collection::ROLLUPS, doc! {}).await?;
    while let Some(document) = found.next(session).await.transpose()? {
        let (key, campaign, stored) = document::read(Entity::Rollup, &document, |fields| {
            let key = fields.required("_id", rollup_key)?;
            Ok((key, fields.required("campaignId", values::id)?, counters::read_any(fields)?))
        })?;
        let stored = open.remove(&key).map_or(stored, |(_, open)| counters::sum(stored, open));
        let sums = unseen.remove(&key).map(|rollup| rollup.counters);
        let holder = Holder::Rollup(key.0, key.1, campaign);
        survey.note_counters(holder, &stored, &sums.unwrap_or_default());
    }
    for (key, (campaign, stored)) in open {
        let sums = unseen.remove(&key).map(|rollup| rollup.counters);
        survey.note_counters(Holder::Rollup(key.0, key.1, campaign), &stored, &sums.unwrap_or_default());
    }
    for ((participation, quarter), rollup) in unseen {
        let holder = Holder::Rollup(participation, quarter, rollup.campaign);
        survey.note_counters(holder, &Values::default(), &rollup.counters);
    }

    let fields = doc! {IN_LEDGER: 1, BUDGET: 1, REMAINING: 1};
    let mut found = all(store, session, collection::CAMPAIGNS, fields).await?;
    while let Some(document) = found.next(session).await.transpose()? {
        if let Some((id, remaining)) = sum_of(Entity::Campaign, &document, &expected.remaining)? {
            let stored = |name| {
                document::read(Entity::Campaign, &document, |fields| fields.required(name, values::money))
            };
            survey.note(Holder::Campaign(id), REMAINING, stored(REMAINING)?.micros(), remaining.micros());
            if let Some((_, budget)) = expected.budgets.get(&id) {
                survey.note(Holder::Campaign(id), BUDGET, stored(BUDGET)?.micros(), budget.micros());
            }
        }
    }

    let mut unseen = expected.accounts;
    let mut found = all(store, session, collection::ACCOUNTS, doc! {}).await?;
    while let Some(document) = found.next(session).await.transpose()? {
        let Some(id) = Fields::from(&document).id().map(UserId::from) else { continue };
        let sums = unseen.remove(&id).unwrap_or_default();
        survey.note_account(id, &journal::read_account(&document)?, &sums);
    }
    for (id, sums) in unseen {
        survey.note_account(id, &Account::default(), &sums);
    }
    Ok(survey)
}

impl Survey {
    fn note_counters(&mut self, holder: Holder, stored: &Values, expected: &Counters) {
        for ((field, expected), stored) in counters::named(expected).into_iter().zip(stored) {
            self.note(holder, field, *stored, expected);
        }
    }

    fn note_account(&mut self, streamer: UserId, stored: &Account, expected: &Account) {
        let holder = Holder::Account(streamer);
        self.note(holder, SETTLED, stored.settled.micros(), expected.settled.micros());
        self.note(holder, PAID, stored.paid.micros(), expected.paid.micros());
    }

    fn note(&mut self, holder: Holder, field: &'static str, stored: i64, expected: i64) {
        if stored != expected {
            self.differences.entry(holder).or_default().push(Difference { field, stored, expected });
        }
    }
}

/// What the openings, the entries and the journal add up to.
#[derive(Default)]
struct Projection {
    participations: BTreeMap<ParticipationId, Sum<Counters>>,
    remaining: BTreeMap<CampaignId, Sum<Money>>,
    rollups: BTreeMap<RollupKey, Rollup>,
    /// For each campaign whose budget was changed: the ordinal of the latest change, and the budget since then.
    budgets: BTreeMap<CampaignId, (i64, Money)>,
    accounts: BTreeMap<UserId, Account>,
    /// How many repairs the ledger has counted.
    repairs: i64,
}

/// What a participation or a campaign holds according to the ledger. Without an opening, the entries alone do not tell.
#[derive(Clone, Copy, Default)]
struct Sum<T> {
    is_opened: bool,
    value: T,
}

impl Projection {
    async fn recompute(store: &MongoStore, session: &mut ClientSession) -> TxResult<Self> {
        let mut projection = Self::default();
        let mut found = all(store, session, collection::LEDGER, doc! {}).await?;
        if session.snapshot_time().is_none() {
            return Err(StorageError::Backend("the server shows no snapshot".into()).into());
        }
        while let Some(document) = found.next(session).await.transpose()? {
            projection.add(&document)?;
        }
        let mut found = all(store, session, collection::JOURNAL, doc! {}).await?;
        while let Some(document) = found.next(session).await.transpose()? {
            projection.add_movement(&document)?;
        }
        Ok(projection)
    }

    fn add_movement(&mut self, document: &RawDocumentBuf) -> Result<(), StorageError> {
        let movement = journal::read_entry(document)?.movement;
        if let Movement::Budget { campaign, after, .. } = movement {
            let ordinal = document.get_i64(journal::ORDINAL).unwrap_or(0);
            let latest = self.budgets.entry(campaign).or_insert((ordinal, after));
            *latest = (*latest).max((ordinal, after));
        }
        if let Some((campaign, change)) = movement.change_of_remaining() {
            self.remaining.entry(campaign).or_default().value += change;
        }
        if let Some((streamer, change)) = movement.change_of_account() {
            self.accounts.entry(streamer).or_default().add(&change);
        }
        Ok(())
    }

    fn add(&mut self, document: &RawDocumentBuf) -> Result<(), StorageError> {
        match kind_of(document) {
            Some(OPENING) => document::read(Entity::LedgerEntry, document, |fields| self.open(fields)),
            Some(REPAIRS) => {
                self.repairs = repairs_counted(document);
                Ok(())
            }
            _ => {
                self.count(document)?;
                Ok(())
            }
        }
    }

    fn open(&mut self, fields: &mut Fields) -> Result<(), Problem> {
        if let Some(participation) = fields.optional("participationId", values::id)? {
            let sum = self.participations.entry(participation).or_default();
            sum.is_opened = true;
            sum.value.add(&counters::read(fields)?);
        } else {
            let sum = self.remaining.entry(fields.required("campaignId", values::id)?).or_default();
            sum.is_opened = true;
            sum.value += fields.required(REMAINING, values::money)?;
        }
        Ok(())
    }

    fn count(&mut self, document: &RawDocumentBuf) -> Result<(), StorageError> {
        let stored = read_entry(document)?;
        let (entry, Verdict::Counted(accrual)) = (stored.entry, stored.verdict) else { return Ok(()) };
        let added = Counters::of(entry.kind, &stored.verdict);
        self.participations.entry(entry.participation).or_default().value.add(&added);
        self.remaining.entry(entry.campaign).or_default().value -= accrual.amount;
        let quarter = Quarter::containing(entry.at);
        let none = || Rollup { quarter, campaign: entry.campaign, counters: Counters::default() };
        let rollup = self.rollups.entry((entry.participation, quarter)).or_insert_with(none);
        rollup.counters.add(&added);
        Ok(())
    }
}

/// All documents of a collection in the state that the session shows.
async fn all(
    store: &MongoStore,
    session: &mut ClientSession,
    collection: &str,
    fields: Document,
) -> TxResult<SessionCursor<RawDocumentBuf>> {
    // With the client's read concern, the driver would not ask for the session's snapshot.
    let options = CollectionOptions::builder().read_concern(ReadConcern::snapshot()).build();
    let collection = store.database.collection_with_options(collection, options);
    Ok(collection.find(doc! {}).projection(fields).session(session).await?)
}

/// The document's id and what it should hold according to the ledger. `None` for a document that the ledger does not
/// know: it has seen no entry, so nothing can differ.
///
/// # Errors
/// [`StorageError::Corrupt`] if the document has seen entries and its opening is not in the ledger. Then nothing can
/// tell what it should hold.
fn sum_of<I, T>(
    entity: Entity,
    document: &RawDocumentBuf,
    known: &BTreeMap<I, Sum<T>>,
) -> Result<Option<(I, T)>, StorageError>
where
    I: Ord + Display + From<gametriggers_types::ObjectId>,
    T: Copy,
{
    let id = Fields::from(document).id().map(I::from);
    let Some(id) = id else { return Ok(None) };
    match known.get(&id) {
        Some(sum) if sum.is_opened => Ok(Some((id, sum.value))),
        None if !document.get_bool(IN_LEDGER).unwrap_or(false) => Ok(None),
        _ => {
            let source = "its opening is not in the ledger; restore the ledger that belongs to it".into();
            Err(StorageError::Corrupt { entity, id: id.to_string(), field: IN_LEDGER, source })
        }
    }
}
