//! Campaigns.

use async_trait::async_trait;
use bson::{Document, RawDocumentBuf, doc};
use gametriggers_documents::{Fields, campaigns};
use gametriggers_domain::model::Campaign;
use gametriggers_persistence::{
    CampaignRepository, Entity, Insertion, Insertions, NewCampaign, StorageError,
};
use gametriggers_types::{CampaignId, CampaignStatus, Timestamp};
use mongodb::Collection;

use crate::{
    MongoStore, collection,
    document::{self, by_id, stored_time},
    insertion,
};

#[async_trait]
impl CampaignRepository for MongoStore {
    async fn find_by_id(&self, id: CampaignId) -> Result<Option<Campaign>, StorageError> {
        document::find_one(self.campaigns(), by_id(id), doc! {}).await?.as_ref().map(read).transpose()
    }

    async fn insert_if_absent(&self, campaign: &NewCampaign) -> Result<Insertion, StorageError> {
        let document = campaigns::write(&campaign.campaign);
        insertion::if_absent(self.campaigns(), document, &campaign.other_fields).await
    }

    async fn insert_all_if_absent(&self, campaigns: Vec<NewCampaign>) -> Result<Insertions, StorageError> {
        let documents = campaigns
            .into_iter()
            .map(|campaign| (campaigns::write(&campaign.campaign), campaign.other_fields));
        insertion::all_if_absent(&self.campaigns(), documents).await
    }

    async fn transition(
        &self,
        id: CampaignId,
        from: CampaignStatus,
        to: CampaignStatus,
        now: Timestamp,
    ) -> Result<bool, StorageError> {
        let mut filter = by_id(id);
        filter.insert("status", status_is(&[from]));
        let change = doc! {"$set": {"status": to.as_str(), "updatedAt": stored_time(now)}};
        document::update_one(self.campaigns(), filter, change).await
    }
}

impl MongoStore {
    fn campaigns(&self) -> Collection<RawDocumentBuf> {
        self.collection(collection::CAMPAIGNS)
    }
}

pub(crate) fn read(document: impl Into<Fields>) -> Result<Campaign, StorageError> {
    document::read(Entity::Campaign, document, campaigns::read)
}

/// The condition that the status is one of these.
pub(crate) fn status_is(statuses: &[CampaignStatus]) -> Document {
    let words: Vec<_> = statuses.iter().map(|status| status.as_str()).collect();
    document::one_of(&words, campaigns::DEFAULT_STATUS.as_str())
}
