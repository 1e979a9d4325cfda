//! The documents of the ledger: entries, openings, and one that counts repairs.

use bson::{DateTime, Decimal128, Document, RawBsonRef, RawDocumentBuf, doc, oid::ObjectId};
use futures_util::TryStreamExt;
use gametriggers_documents::values;
use gametriggers_domain::{
    ledger::{Entry, EntryId, Verdict},
    price::Accrual,
};
use gametriggers_persistence::{Entity, EntryPlace, StorageError, StoredEntry};
use gametriggers_types::{Listing, Timestamp, UnpaidReason};
use serde::Serialize;

use crate::{
    MongoStore, call, collection,
    document::{self, stored_count, stored_id, stored_money, stored_time},
};

/// The kind of an opening: the document that says what a participation or a campaign held before its first entry.
pub(crate) const OPENING: &str = "opening";
/// The kind of the one document that counts repairs. The word is also the document's id.
pub(crate) const REPAIRS: &str = "repairs";

/// The document of an entry.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct EntryDocument<'a> {
    #[serde(rename = "_id")]
    id: &'a str,
    participation_id: ObjectId,
    campaign_id: ObjectId,
    kind: String,
    units: i64,
    at: DateTime,
    #[serde(flatten)]
    verdict: VerdictFields,
}

#[derive(Serialize)]
#[serde(untagged, rename_all_fields = "camelCase")]
enum VerdictFields {
    Counted {
        paid_units: i64,
        unpaid_units: i64,
        amount: Decimal128,
        #[serde(skip_serializing_if = "Option::is_none")]
        unpaid_reason: Option<&'static str>,
    },
    Rejected {
        rejection: &'static str,
    },
}

/// The document of an entry with its verdict.
pub(super) fn write_entry<'a>(entry: &'a Entry, verdict: &Verdict) -> EntryDocument<'a> {
    EntryDocument {
        id: entry.id.as_str(),
        participation_id: stored_id(entry.participation.object_id()),
        campaign_id: stored_id(entry.campaign.object_id()),
        kind: entry.kind.to_string(),
        units: stored_count(entry.units),
        at: stored_time(entry.at),
        verdict: match *verdict {
            Verdict::Counted(Accrual { paid, unpaid, amount, reason }) => VerdictFields::Counted {
                paid_units: stored_count(paid),
                unpaid_units: stored_count(unpaid),
                amount: stored_money(amount),
                unpaid_reason: reason.map(UnpaidReason::as_str),
            },
            Verdict::Rejected(reason) => VerdictFields::Rejected { rejection: reason.as_str() },
        },
    }
}

/// The kind of a document of the ledger.
pub(crate) fn kind_of(document: &RawDocumentBuf) -> Option<&str> {
    document.get("kind").ok()?.and_then(RawBsonRef::as_str)
}

/// The number of repairs that the document of kind [`REPAIRS`] has counted.
pub(crate) fn repairs_counted(document: &RawDocumentBuf) -> i64 {
    document.get_i64("count").unwrap_or(0)
}

/// How many entries one step of a scan looks at.
const SCAN_STEP: i64 = 10_000;

/// One step of a scan of the entries that earned money in this time. The place is the id of the last document that was looked
/// at.
pub(super) async fn scan_paid(
    store: &MongoStore,
    from: Timestamp,
    to: Timestamp,
    after: Option<EntryPlace>,
) -> Result<Listing<StoredEntry, EntryPlace>, StorageError> {
    let filter = after.map_or_else(Document::new, |EntryPlace(id)| doc! {"_id": {"$gt": id}});
    let is_asked_for = doc! {"$and": [
        {"$gt": ["$amount", 0]},
        {"$gte": ["$at", stored_time(from)]},
        {"$lt": ["$at", stored_time(to)]},
    ]};
    // All documents come back, because the last one is the place. Of those that are not asked for, only the id comes.
    let stages = [
        doc! {"$match": filter},
        doc! {"$sort": {"_id": 1}},
        doc! {"$limit": SCAN_STEP},
        doc! {"$replaceWith": {"$cond": [is_asked_for, "$$ROOT", {"_id": "$_id"}]}},
    ];
    let ledger = store.collection(collection::LEDGER);
    let finding = async move {
        let found = ledger.aggregate(stages).with_type::<RawDocumentBuf>().await?;
        found.try_collect::<Vec<_>>().await
    };
    let found = call::read(finding).await?;
    let asked_for = found.iter().filter(|document| matches!(document.get("amount"), Ok(Some(_))));
    let items = asked_for.map(read_entry).collect::<Result<Vec<_>, _>>()?;
    let is_full = i64::try_from(found.len()) == Ok(SCAN_STEP);
    let last = found.last().filter(|_| is_full).map(|last| last.get_str("_id"));
    let next = last.transpose().map_err(|error| StorageError::Backend(error.into()))?;
    Ok(Listing { items, next: next.map(|id| EntryPlace(id.to_owned())) })
}

/// Reads the entry of a document whose kind is neither [`OPENING`] nor [`REPAIRS`].
///
/// # Errors
/// [`StorageError::Corrupt`] if a field is missing or cannot be read.
pub(crate) fn read_entry(document: &RawDocumentBuf) -> Result<StoredEntry, StorageError> {
    document::read(Entity::LedgerEntry, document, |fields| {
        let verdict = match fields.optional("rejection", values::parsed)? {
            Some(reason) => Verdict::Rejected(reason),
            None => Verdict::Counted(Accrual {
                paid: fields.required("paidUnits", values::count)?,
                unpaid: fields.required("unpaidUnits", values::count)?,
                amount: fields.required("amount", values::money)?,
                reason: fields.optional("unpaidReason", values::parsed)?,
            }),
        };
        let entry = Entry::new(
            EntryId::stored(fields.required("_id", values::text)?),
            fields.required("kind", values::parsed)?,
            fields.required("participationId", values::id)?,
            fields.required("campaignId", values::id)?,
            fields.required("at", values::time)?,
        );
        let entry = Entry { units: fields.required("units", values::count)?, ..entry };
        Ok(StoredEntry { entry: entry.submitted(&verdict), verdict })
    })
}
