//! Imports `campaigns`.

use async_trait::async_trait;
use gametriggers_documents::{Fields, Problem, campaigns};
use gametriggers_persistence::{Insertions, NewCampaign, Repositories, StorageError};
use gametriggers_types::{Money, WebUrl};

use super::collection::{Collection, Obstacle};

/// The [`Collection`] of campaigns.
pub(super) struct Campaigns;

#[async_trait]
impl Collection for Campaigns {
    const FILE: &'static str = "campaigns.json";
    type Read = NewCampaign;
    type New = NewCampaign;

    fn read(fields: &mut Fields) -> Result<NewCampaign, Problem> {
        let campaign = campaigns::read(fields)?;
        // Only the budget must not be negative. The remaining budget may be, if the previous system overspent (defect
        // M6).
        if campaign.budget < Money::ZERO {
            return Err(fields.problem("budget", "less than 0"));
        }
        if WebUrl::parse(&campaign.media_url).is_err() {
            fields
                .note("mediaUrl", "not an address that a page may load; kept as it is, and nothing is shown");
        }
        if campaign.click_url.as_deref().is_some_and(|address| WebUrl::parse_click_address(address).is_err())
        {
            fields.note("clickUrl", "not an address on the web; kept as it is, and nobody is led there");
        }
        Ok(NewCampaign { campaign, other_fields: fields.rest()? })
    }

    async fn settle(
        &mut self,
        _: &Repositories,
        read: NewCampaign,
        _: &mut Vec<Problem>,
    ) -> Result<NewCampaign, Obstacle> {
        Ok(read)
    }

    async fn insert_all(storage: &Repositories, new: Vec<NewCampaign>) -> Result<Insertions, StorageError> {
        storage.campaigns.insert_all_if_absent(new).await
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn fields_that_this_version_does_not_use_are_kept() {
        let campaigns = include_str!("../../tests/previous-database/campaigns.json");
        let mut over = Fields::parse(campaigns.lines().last().unwrap().as_bytes()).unwrap();
        let other: Value = serde_json::from_str(&Campaigns::read(&mut over).unwrap().other_fields).unwrap();
        let expected = json!({
            "__v": 0, "gKeyCooloffHours": 720, "finalEarningsTransferred": 10.01,
            "completedAt": {"$date": "2025-07-02T05:00:00Z"}, "completionReason": "Budget exhausted",
        });
        assert_eq!(other, expected);
    }
}
