//! What campaigns pay, as far as an import asks for it.

use std::collections::HashMap;

use gametriggers_domain::price::Payment;
use gametriggers_persistence::{Repositories, StorageError};
use gametriggers_types::CampaignId;

/// Campaigns that are remembered at most; beyond that, all are forgotten and asked for anew.
const REMEMBERED_MAX: usize = 100_000;

/// What a campaign pays.
#[derive(Debug, Clone, Copy)]
pub(super) enum Pay {
    Known(Payment),
    /// The campaign is not in the store.
    Absent,
    /// The campaign is in the store and cannot be read.
    Unreadable,
}

/// The campaigns of the store.
#[derive(Default)]
pub(super) struct Payments(HashMap<CampaignId, Pay>);

impl Payments {
    /// What the campaign pays.
    pub(super) async fn of(
        &mut self,
        storage: &Repositories,
        campaign: CampaignId,
    ) -> Result<Pay, StorageError> {
        if let Some(pay) = self.0.get(&campaign) {
            return Ok(*pay);
        }
        let pay = match storage.campaigns.find_by_id(campaign).await {
            Ok(Some(campaign)) => Pay::Known(campaign.payment),
            Ok(None) => Pay::Absent,
            Err(StorageError::Corrupt { .. }) => Pay::Unreadable,
            Err(error) => return Err(error),
        };
        if self.0.len() >= REMEMBERED_MAX {
            self.0.clear();
        }
        self.0.insert(campaign, pay);
        Ok(pay)
    }
}
