//! The repository of campaigns.

use async_trait::async_trait;
use gametriggers_domain::model::Campaign;
use gametriggers_types::{CampaignId, CampaignStatus, Timestamp};

use crate::{Insertion, Insertions, StorageError};

/// A campaign that is not stored yet.
#[derive(Debug, Clone)]
pub struct NewCampaign {
    /// The campaign. Its remaining budget becomes its opening entry in the ledger.
    pub campaign: Campaign,
    /// The other fields of an imported document, as a JSON object in MongoDB Extended JSON. They are kept but not
    /// interpreted.
    pub other_fields: String,
}

/// The store's campaigns. Only the [`Ledger`](crate::Ledger) and the [`Journal`](crate::Journal) change
/// their money.
#[async_trait]
pub trait CampaignRepository: Send + Sync {
    /// The campaign with this id.
    async fn find_by_id(&self, id: CampaignId) -> Result<Option<Campaign>, StorageError>;

    /// Stores a campaign unless one with the same id is stored.
    async fn insert_if_absent(&self, campaign: &NewCampaign) -> Result<Insertion, StorageError>;

    /// Stores many campaigns with a few writes. The result is the same as calling
    /// [`insert_if_absent`](Self::insert_if_absent) for one after the other. Pass at most a few thousand at once.
    ///
    /// # Errors
    /// [`StorageError`] if the store fails. Some of the campaigns may be stored then. The same call can be repeated: it
    /// reports them as already present.
    async fn insert_all_if_absent(&self, campaigns: Vec<NewCampaign>) -> Result<Insertions, StorageError>;

    /// Compare-and-set: changes the status to `to` if it is `from`. If several callers do so at once, exactly one gets
    /// true.
    async fn transition(
        &self,
        id: CampaignId,
        from: CampaignStatus,
        to: CampaignStatus,
        now: Timestamp,
    ) -> Result<bool, StorageError>;
}
