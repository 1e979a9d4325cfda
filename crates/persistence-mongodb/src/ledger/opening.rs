//! Openings: what participations and campaigns held before their first entry. The transaction of the first entry stores
//! the opening.
//!
//! In documents of the previous system, money is a double, and counters may be absent or null. The transaction first
//! rewrites these values on the server, so that all later comparisons and additions are exact. Then it reads the values
//! for the opening.

use std::collections::HashMap;

use bson::{Bson, Document, RawBsonRef, doc};
use gametriggers_documents::{Fields, IN_LEDGER, values};
use gametriggers_domain::{batch::Unknown, ledger::Counters, price::Payment};
use gametriggers_persistence::{Entity, StorageError};
use gametriggers_types::{CampaignId, Money, ObjectId, ParticipationId};
use mongodb::ClientSession;

use super::{
    entries::OPENING,
    statements::{CHUNK, read_named, update, update_any},
    transaction::TxResult,
};
use crate::{
    MongoStore, collection, counters,
    document::{self, stored_count, stored_id, stored_money},
    error::missing,
};

/// A participation that has no opening yet, and its campaign.
pub(super) struct Unopened {
    pub(super) id: ParticipationId,
    pub(super) campaign: CampaignId,
}

/// The id of the opening of a document.
fn id(document: ObjectId) -> String {
    format!("{OPENING}:{document}")
}

/// Stores the openings of campaigns and returns what remains of each budget.
pub(super) async fn of_campaigns(
    store: &MongoStore,
    session: &mut ClientSession,
    campaigns: &[CampaignId],
) -> TxResult<Vec<(CampaignId, Money)>> {
    let ids: Vec<_> = campaigns.iter().map(|id| id.object_id()).collect();
    let money = ["budget", "remainingBudget", "paymentRate"];
    let money = money.into_iter().map(|field| (field.to_owned(), exact(field, None))).collect();
    rewrite(store, session, collection::CAMPAIGNS, &ids, money).await?;
    let fields = doc! {"remainingBudget": 1};
    let found = read_named(store, session, collection::CAMPAIGNS, ids.into_iter(), fields).await?;
    let read = |fields: &mut Fields| {
        Ok((fields.required("_id", values::id)?, fields.required("remainingBudget", values::money)?))
    };
    let opened: Vec<(CampaignId, Money)> = found
        .into_iter()
        .map(|found| document::read(Entity::Campaign, &found, read))
        .collect::<Result<_, StorageError>>()?;
    let openings = opened.iter().map(|(id, remaining)| {
        let id = id.object_id();
        (id, doc! {"campaignId": stored_id(id), "remainingBudget": stored_money(*remaining)})
    });
    store_openings(store, session, openings).await?;
    Ok(opened)
}

/// Stores the openings of participations and returns the counters of each.
pub(super) async fn of_participations(
    store: &MongoStore,
    session: &mut ClientSession,
    participations: &[Unopened],
    payment_of: impl Fn(CampaignId) -> Option<Payment>,
) -> TxResult<Vec<(ParticipationId, Counters)>> {
    let ids: Vec<_> = participations.iter().map(|participation| participation.id.object_id()).collect();
    rewrite(store, session, collection::PARTICIPATIONS, &ids, exact_counters()).await?;
    let fields = counters::projection();
    let found = read_named(store, session, collection::PARTICIPATIONS, ids.into_iter(), fields).await?;
    let campaign_of: HashMap<_, _> = participations.iter().map(|part| (part.id, part.campaign)).collect();
    let (mut opened, mut priced) = (Vec::new(), Vec::new());
    for document in found {
        let are_units_counted = !matches!(document.get("paidUnits"), Ok(None | Some(RawBsonRef::Null)));
        let (id, mut counters) = document::read(Entity::Participation, &document, |fields: &mut Fields| {
            Ok((fields.required::<ParticipationId>("_id", values::id)?, counters::read(fields)?))
        })?;
        if !are_units_counted {
            // The previous system did not count units. They are worked out from the earnings and the campaign's price.
            let campaign = campaign_of.get(&id).copied();
            counters.paid_units = match campaign.and_then(&payment_of) {
                Some(payment) => payment.units_for(counters.earnings),
                None if counters.earnings <= Money::ZERO => 0,
                // An opening is never changed, so it must not hold a guess. With 0 units, all of them would be paid
                // again.
                None => return Err(without_campaign(id, campaign).into()),
            };
            let set = doc! {"$set": {"paidUnits": stored_count(counters.paid_units)}};
            priced.push(doc! {"q": {"_id": stored_id(id.object_id())}, "u": set});
        }
        opened.push((id, counters));
    }
    let documents = priced.len();
    update(&store.database, session, collection::PARTICIPATIONS, priced, documents).await?;
    let openings = opened.iter().map(|(id, counters)| {
        let id = id.object_id();
        let mut opening = doc! {"participationId": stored_id(id)};
        opening.extend(counters::write(counters));
        (id, opening)
    });
    store_openings(store, session, openings).await?;
    Ok(opened)
}

fn without_campaign(id: ParticipationId, campaign: Option<CampaignId>) -> StorageError {
    match campaign {
        Some(campaign) => missing(Unknown::Campaign(campaign)),
        None => missing(Unknown::Participation(id)),
    }
}

/// Rewrites documents on the server and marks them as opened.
async fn rewrite(
    store: &MongoStore,
    session: &mut ClientSession,
    collection: &str,
    ids: &[ObjectId],
    mut fields: Document,
) -> TxResult<()> {
    fields.insert(IN_LEDGER, true);
    let statement = |ids: &[ObjectId]| {
        let ids: Vec<_> = ids.iter().copied().map(stored_id).collect();
        doc! {"q": {"_id": {"$in": ids}}, "u": [{"$set": fields.clone()}], "multi": true}
    };
    let statements: Vec<_> = ids.chunks(CHUNK).map(statement).collect();
    let rewritten = update_any(&store.database, session, collection, &statements).await?;
    if usize::try_from(rewritten) == Ok(ids.len()) {
        return Ok(());
    }
    let message = format!("{rewritten} of {} documents of {collection} were opened", ids.len());
    Err(StorageError::Backend(message.into()).into())
}

/// The fields of a participation as exact numbers. A value that is not a number stays, and is refused when it is read.
fn exact_counters() -> Document {
    let mut fields = Document::new();
    for (field, _) in counters::named(&Counters::default()) {
        let value = match field {
            counters::EARNINGS => exact(field, Some(Money::ZERO)),
            // The field was called `viewerImpressions` until June 2025.
            "impressions" => doc! {"$ifNull": ["$impressions", "$viewerImpressions", 0_i64]}.into(),
            // If this field is absent, it is worked out from the earnings.
            "paidUnits" => continue,
            _ => doc! {"$ifNull": [format!("${field}"), 0_i64]}.into(),
        };
        fields.insert(field, value);
    }
    fields.insert("avgViewerCountBefore", doc! {"$ifNull": ["$avgViewerCountBefore", "$avgViewerCount", 0]});
    fields
}

/// A field's amount of money, rounded to six decimals. Rounding is needed because the double 1.66 is less than the
/// decimal 1.66.
fn exact(field: &str, absent: Option<Money>) -> Bson {
    let value = Bson::from(format!("${field}"));
    let rounded = doc! {"$round": [{"$toDecimal": value.clone()}, 6]};
    let otherwise = match absent {
        Some(amount) => doc! {"$ifNull": [value.clone(), stored_money(amount)]}.into(),
        None => value.clone(),
    };
    doc! {"$cond": [{"$isNumber": value}, rounded, otherwise]}.into()
}

/// Stores openings. An opening that exists already stays as it is.
async fn store_openings(
    store: &MongoStore,
    session: &mut ClientSession,
    openings: impl Iterator<Item = (ObjectId, Document)>,
) -> TxResult<()> {
    let statements = openings.map(|(document, mut opening)| {
        opening.insert("kind", OPENING);
        doc! {"q": {"_id": id(document)}, "u": {"$setOnInsert": opening}, "upsert": true}
    });
    let statements: Vec<_> = statements.collect();
    let documents = statements.len();
    update(&store.database, session, collection::LEDGER, statements, documents).await
}
