//! Campaigns.

use async_trait::async_trait;
use gametriggers_domain::model::Campaign;
use gametriggers_types::{CampaignId, CampaignStatus, Timestamp};

use crate::{Insertion, Insertions, StorageError};

/// A campaign that is not stored yet.
#[derive(Debug, Clone)]
pub struct NewCampaign {
    /// The campaign. What remains of its budget becomes its opening entry in the ledger.
    pub campaign: Campaign,
    /// The other fields of an imported document, as a JSON object in MongoDB Extended JSON; kept, not interpreted.
    pub other_fields: String,
}

/// The store's campaigns. Their money is changed by the [`Ledger`](crate::Ledger) alone.
#[async_trait]
pub trait CampaignRepository: Send + Sync {
    /// The campaign of this id.
    async fn find_by_id(&self, id: CampaignId) -> Result<Option<Campaign>, StorageError>;

    /// Stores a campaign unless one of this id is there.
    async fn insert_if_absent(&self, campaign: &NewCampaign) -> Result<Insertion, StorageError>;

    /// Stores many campaigns as [`insert_if_absent`](Self::insert_if_absent) would one after the other, for the price of a few
    /// writes. At most a few thousand should be given at once.
    ///
    /// # Errors
    /// [`StorageError`] if the store fails. Then any of them may be stored; given again, they are found to be.
    async fn insert_all_if_absent(&self, campaigns: Vec<NewCampaign>) -> Result<Insertions, StorageError>;

    /// Compare-and-set: changes the status to `to` if it is `from`. Of several callers at once, one gets true.
    async fn transition(
        &self,
        id: CampaignId,
        from: CampaignStatus,
        to: CampaignStatus,
        now: Timestamp,
    ) -> Result<bool, StorageError>;
}
