//! `campaigns`.

use gametriggers_documents::{Fields, Problem, campaigns};
use gametriggers_persistence::NewCampaign;
use gametriggers_types::Money;

pub(super) fn read(fields: &mut Fields) -> Result<NewCampaign, Problem> {
    let campaign = campaigns::read(fields)?;
    // What remains of it may be, where the previous system has overspent (defect M6).
    if campaign.budget < Money::ZERO {
        return Err(fields.problem("budget", "less than 0"));
    }
    Ok(NewCampaign { campaign, other_fields: fields.rest()? })
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
