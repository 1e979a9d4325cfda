//! A cache of how campaigns pay, for one import.

use std::collections::HashMap;

use gametriggers_domain::price::Payment;
use gametriggers_persistence::{Repositories, StorageError};
use gametriggers_types::CampaignId;

/// The greatest number of cached campaigns. When it is reached, the cache is emptied.
const REMEMBERED_MAX: usize = 100_000;

/// How a campaign pays.
#[derive(Debug, Clone, Copy)]
pub(super) enum Pay {
    Known(Payment),
    /// The campaign is not in the store.
    Absent,
    /// The campaign is in the store but cannot be read.
    Unreadable,
}

/// The cached campaigns.
#[derive(Default)]
pub(super) struct Payments(HashMap<CampaignId, Pay>);

impl Payments {
    /// How the campaign pays, from the cache or the store.
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
