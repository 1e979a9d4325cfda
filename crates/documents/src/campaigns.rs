//! Reads and writes the documents of the collection `campaigns`.

use bson::{Document, doc};
use gametriggers_domain::{
    model::Campaign,
    price::{InvalidPayment, Payment},
};
use gametriggers_types::{CampaignId, CampaignStatus};

use crate::{
    IN_LEDGER,
    fields::{Fields, Problem},
    values::{
        self, count, money, parsed, stored_count, stored_id, stored_money, stored_time, text, texts, time,
    },
};

/// The status of a campaign whose document has no `status`.
pub const DEFAULT_STATUS: CampaignStatus = CampaignStatus::Draft;

const LEFT_OUT: &str = "left out";
const BEYOND: &str = "later than all dates that can be told";

/// Reads a campaign from the fields of its document and removes the fields that it reads.
///
/// # Errors
/// [`Problem`] if a required field is missing, or if a field has a wrong value that must not be replaced by a default.
pub fn read(fields: &mut Fields) -> Result<Campaign, Problem> {
    fields.forget(IN_LEDGER);
    let id: CampaignId = fields.required("_id", values::id)?;
    for shown in ["title", "description", "categories", "languages"] {
        fields.mend(shown);
    }
    let start_date = fields.optional("startDate", time)?;
    if start_date == Some(values::latest()) {
        fields.note("startDate", &format!("{BEYOND}; the campaign never begins"));
    }
    let mut end_date = fields.optional("endDate", time)?;
    if end_date == Some(values::latest()) {
        fields.note("endDate", &format!("{BEYOND}; the campaign has no end"));
        end_date = None;
    }
    Ok(Campaign {
        id,
        title: fields.required("title", text)?,
        description: fields.usable("description", text, LEFT_OUT),
        brand_id: fields.required("brandId", values::id)?,
        budget: fields.required("budget", money)?,
        // Less than 0 if the previous system overspent (defect M6).
        remaining_budget: fields.required("remainingBudget", money)?,
        media_url: fields.required("mediaUrl", text)?,
        media_type: fields.required("mediaType", parsed)?,
        click_url: fields.usable("clickUrl", text, LEFT_OUT),
        status: fields.optional("status", parsed)?.unwrap_or(DEFAULT_STATUS),
        categories: fields.usable("categories", texts, LEFT_OUT).unwrap_or_default(),
        languages: fields.usable("languages", texts, LEFT_OUT).unwrap_or_default(),
        start_date,
        end_date,
        payment: payment(fields)?,
        created_at: fields.time_or_of_id("createdAt", id.object_id()),
        updated_at: fields.time_or_of_id("updatedAt", id.object_id()),
    })
}

/// The document of a campaign. If the campaign has no value for a field, the document does not have the field.
#[must_use]
pub fn write(campaign: &Campaign) -> Document {
    let mut document = doc! {
        "_id": stored_id(campaign.id.object_id()),
        "title": &campaign.title,
        "brandId": stored_id(campaign.brand_id.object_id()),
        "budget": stored_money(campaign.budget),
        "remainingBudget": stored_money(campaign.remaining_budget),
        "mediaUrl": &campaign.media_url,
        "mediaType": campaign.media_type.as_str(),
        "status": campaign.status.as_str(),
        "categories": &campaign.categories,
        "languages": &campaign.languages,
        "paymentType": campaign.payment.kind().as_str(),
        "paymentRate": stored_money(campaign.payment.rate()),
        "expectedImpressions": stored_count(campaign.payment.expected_impressions()),
        "createdAt": stored_time(campaign.created_at),
        "updatedAt": stored_time(campaign.updated_at),
    };
    let texts = [("description", &campaign.description), ("clickUrl", &campaign.click_url)];
    document
        .extend(texts.into_iter().filter_map(|(key, text)| Some((key.to_owned(), text.as_deref()?.into()))));
    let times = [("startDate", campaign.start_date), ("endDate", campaign.end_date)];
    document.extend(
        times.into_iter().filter_map(|(key, time)| Some((key.to_owned(), stored_time(time?).into()))),
    );
    document
}

/// Reads how the campaign pays.
///
/// # Errors
/// [`Problem`] if a field is missing or invalid.
pub fn payment(fields: &mut Fields) -> Result<Payment, Problem> {
    let kind = fields.required("paymentType", parsed)?;
    let rate = fields.required("paymentRate", money)?;
    let expected = fields.optional("expectedImpressions", count)?;
    let expected = expected.unwrap_or(Payment::DEFAULT_EXPECTED_IMPRESSIONS);
    Payment::new(kind, rate, expected).map_err(|error| {
        let field = match error {
            InvalidPayment::NegativeRate => "paymentRate",
            InvalidPayment::NoImpressions => "expectedImpressions",
        };
        fields.problem(field, &error.to_string())
    })
}
