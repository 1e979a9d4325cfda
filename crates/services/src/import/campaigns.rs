//! `campaigns`.

use gametriggers_domain::{
    model::Campaign,
    price::{InvalidPayment, Payment},
};
use gametriggers_persistence::NewCampaign;
use gametriggers_types::{CampaignId, CampaignStatus};

use super::{
    fields::{Fields, Problem},
    values::{self, amount, count, money, parsed, text, texts, time},
};

const LEFT_OUT: &str = "left out";

pub(super) fn read(fields: &mut Fields) -> Result<NewCampaign, Problem> {
    let id: CampaignId = fields.required("_id", values::id)?;
    let campaign = Campaign {
        id,
        title: fields.required("title", text)?,
        description: fields.usable("description", text, LEFT_OUT),
        brand_id: fields.required("brandId", values::id)?,
        budget: fields.required("budget", amount)?,
        // Below 0 where the previous system has overspent (defect M6).
        remaining_budget: fields.required("remainingBudget", money)?,
        media_url: fields.required("mediaUrl", text)?,
        media_type: fields.required("mediaType", parsed)?,
        click_url: fields.usable("clickUrl", text, LEFT_OUT),
        status: fields.optional("status", parsed)?.unwrap_or(CampaignStatus::Draft),
        categories: fields.usable("categories", texts, LEFT_OUT).unwrap_or_default(),
        languages: fields.usable("languages", texts, LEFT_OUT).unwrap_or_default(),
        start_date: fields.optional("startDate", time)?,
        end_date: fields.optional("endDate", time)?,
        payment: payment(fields)?,
        created_at: fields.time_or_of_id("createdAt", id.object_id()),
        updated_at: fields.time_or_of_id("updatedAt", id.object_id()),
    };
    Ok(NewCampaign { campaign, other_fields: fields.rest()? })
}

fn payment(fields: &mut Fields) -> Result<Payment, Problem> {
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

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn fields_that_this_version_does_not_use_are_kept() {
        let campaigns = include_str!("../../tests/previous-database/campaigns.json");
        let mut over = Fields::parse(campaigns.lines().last().unwrap().as_bytes()).unwrap();
        let other: Value = serde_json::from_str(&read(&mut over).unwrap().other_fields).unwrap();
        let expected = json!({
            "__v": 0, "gKeyCooloffHours": 720, "finalEarningsTransferred": 10.01,
            "completedAt": {"$date": "2025-07-02T05:00:00Z"}, "completionReason": "Budget exhausted",
        });
        assert_eq!(other, expected);
    }
}
