//! Participations.

use std::collections::BTreeSet;

use async_trait::async_trait;
use bson::{Document, RawDocumentBuf, doc};
use futures_util::TryStreamExt;
use gametriggers_documents::{
    Fields,
    participations::{self, Unpriced},
    values,
};
use gametriggers_domain::model::{Campaign, Participation, TrackingLinks};
use gametriggers_persistence::{
    CampaignRepository, Entity, Insertion, Insertions, NewParticipation, ParticipationRepository,
    StorageError,
};
use gametriggers_types::{
    CampaignId, CampaignStatus, Listing, Money, PageRequest, PageStart, ParticipationId, ParticipationStatus,
    ScreenToken, Timestamp, UserId,
};
use mongodb::Collection;

use crate::{
    MongoStore, call, campaigns, collection,
    document::{self, StoredId, by_id, stored_time},
    insertion,
};

#[async_trait]
impl ParticipationRepository for MongoStore {
    async fn find_by_id(&self, id: ParticipationId) -> Result<Option<Participation>, StorageError> {
        self.find_participation(by_id(id)).await
    }

    async fn find_by_token(&self, token: &ScreenToken) -> Result<Option<Participation>, StorageError> {
        self.find_participation(doc! {"browserSourceToken": token.expose()}).await
    }

    async fn list_active(&self, streamer: UserId) -> Result<Vec<(Participation, Campaign)>, StorageError> {
        let participations = matching(streamer, &[ParticipationStatus::Active]);
        let pipeline = joined(participations, &[CampaignStatus::Active]);
        Ok(self.list_pairs(pipeline, usize::MAX).await?.items)
    }

    async fn list_joined(&self, streamer: UserId, limit: u32) -> Result<Vec<CampaignId>, StorageError> {
        if limit == 0 {
            return Ok(Vec::new());
        }
        let active = status_is(&[ParticipationStatus::Active]);
        let filter = doc! {"streamerId": StoredId::from(streamer).0, "status": active};
        let participations = self.participations();
        let listing = async move {
            let found = participations.find(filter).projection(doc! {"campaignId": 1}).limit(limit.into());
            found.await?.try_collect::<Vec<_>>().await
        };
        let found = call::read(listing).await?;
        // An unreadable id leads to no campaign.
        let campaign = |part: &RawDocumentBuf| Fields::from(part).required("campaignId", values::id).ok();
        Ok(found.iter().filter_map(campaign).collect())
    }

    async fn list_current(
        &self,
        streamer: UserId,
        page: PageRequest<ParticipationId>,
    ) -> Result<Listing<(Participation, Campaign), ParticipationId>, StorageError> {
        let statuses = [
            ParticipationStatus::Active,
            ParticipationStatus::Paused,
            ParticipationStatus::ParticipationPaused,
        ];
        let mut participations = matching(streamer, &statuses);
        if let PageStart::After(id) = page.start {
            participations.insert("_id", doc! {"$gt": StoredId::from(id).0});
        }
        let mut pipeline = joined(participations, &[CampaignStatus::Active, CampaignStatus::Paused]);
        if let PageStart::Offset(offset) = page.start {
            pipeline.push(doc! {"$skip": i64::from(offset)});
        }
        // One more than fits on the page tells whether the list goes on.
        pipeline.push(doc! {"$limit": i64::from(page.limit.get()) + 1});
        self.list_pairs(pipeline, page.limit.get() as usize).await
    }

    async fn insert_if_absent(&self, participation: &NewParticipation) -> Result<Insertion, StorageError> {
        let document = participations::write(&participation.participation);
        let insertion =
            insertion::if_absent(self.participations(), document, &participation.other_fields).await?;
        if insertion == Insertion::Inserted {
            self.tell_of([participation.participation.streamer_id]).await;
        }
        Ok(insertion)
    }

    async fn insert_all_if_absent(
        &self,
        participations: Vec<NewParticipation>,
    ) -> Result<Insertions, StorageError> {
        let streamers: Vec<_> = participations.iter().map(|new| new.participation.streamer_id).collect();
        let documents = participations.into_iter().map(|participation| {
            (participations::write(&participation.participation), participation.other_fields)
        });
        let answers = insertion::all_if_absent(&self.participations(), documents).await;
        match &answers {
            Ok(answers) => {
                let inserted = streamers.into_iter().zip(answers);
                let inserted = inserted.filter(|(_, answer)| matches!(answer, Ok(Insertion::Inserted)));
                self.tell_of(inserted.map(|(streamer, _)| streamer)).await;
            }
            // Some of the participations may be stored.
            Err(_) => self.tell_of(streamers).await,
        }
        answers
    }

    async fn transition(
        &self,
        id: ParticipationId,
        from: ParticipationStatus,
        to: ParticipationStatus,
        now: Timestamp,
    ) -> Result<bool, StorageError> {
        let mut filter = by_id(id);
        filter.insert("status", status_is(&[from]));
        let change = doc! {"$set": {"status": to.as_str(), "updatedAt": stored_time(now)}};
        let participations = self.participations();
        let changing = async move {
            participations.find_one_and_update(filter, change).projection(doc! {"streamerId": 1}).await
        };
        let Some(changed) = call::write(changing).await? else { return Ok(false) };
        let streamer = Fields::from(&changed).required("streamerId", values::id::<UserId>);
        self.tell_of(streamer.ok()).await;
        Ok(true)
    }

    async fn set_tracking_links(
        &self,
        id: ParticipationId,
        links: &TrackingLinks,
    ) -> Result<bool, StorageError> {
        let change = doc! {"$set": participations::write_links(links)};
        document::update_one(self.participations(), by_id(id), change).await
    }
}

impl MongoStore {
    /// Marks the documents of these streamers, so that the [change stream](crate::changes) reports that a participation
    /// is new or has changed. If this fails, instances see the change when they next read the screen.
    async fn tell_of(&self, streamers: impl IntoIterator<Item = UserId>) {
        let streamers: BTreeSet<_> = streamers.into_iter().collect();
        if streamers.is_empty() {
            return;
        }
        let ids: Vec<_> = streamers.into_iter().map(|streamer| StoredId::from(streamer).0).collect();
        let users = self.collection(collection::USERS);
        let told = doc! {"$currentDate": {"participationsChangedAt": true}};
        let telling = async move { users.update_many(doc! {"_id": {"$in": ids}}, told).await };
        if let Err(error) = call::write(telling).await {
            let error: &dyn std::error::Error = &error;
            tracing::warn!(error, "a participation has changed, and those who show it cannot be told");
        }
    }

    fn participations(&self) -> Collection<RawDocumentBuf> {
        self.collection(collection::PARTICIPATIONS)
    }

    async fn find_participation(&self, filter: Document) -> Result<Option<Participation>, StorageError> {
        let found = document::find_one(self.participations(), filter, doc! {}).await?;
        let Some(unpriced) = found.as_ref().map(read).transpose()? else { return Ok(None) };
        let payment = match unpriced.price_needed() {
            Some(campaign) if unpriced.earnings() > Money::ZERO => {
                CampaignRepository::find_by_id(self, campaign).await?.map(|campaign| campaign.payment)
            }
            _ => None,
        };
        Ok(Some(unpriced.priced(payment.as_ref())))
    }

    /// The pairs that the pipeline gives, at most `limit` of them, and the id after which there are more.
    async fn list_pairs(
        &self,
        pipeline: Vec<Document>,
        limit: usize,
    ) -> Result<Listing<(Participation, Campaign), ParticipationId>, StorageError> {
        let participations = self.participations();
        let joining = async move {
            let found = participations.aggregate(pipeline).with_type::<RawDocumentBuf>().await?;
            found.try_collect::<Vec<_>>().await
        };
        let pairs = call::read(joining).await?;
        let id = |pair: &RawDocumentBuf| Fields::from(pair).required("_id", values::id).ok();
        let fitting = &pairs[..pairs.len().min(limit)];
        let next = if fitting.len() < pairs.len() { fitting.iter().rev().find_map(id) } else { None };
        let mut items = Vec::with_capacity(fitting.len());
        for pair in fitting {
            match read_joined(pair) {
                Ok(pair) => items.push(pair),
                // One document that was damaged long ago must not empty the screens of all streamers who share its
                // campaign.
                Err(error @ StorageError::Corrupt { .. }) => {
                    self.unreadable.report("left out of lists", &error);
                }
                Err(error) => return Err(error),
            }
        }
        Ok(Listing { items, next })
    }
}

/// The condition that participations are this streamer's and have one of these statuses.
fn matching(streamer: UserId, statuses: &[ParticipationStatus]) -> Document {
    doc! {"streamerId": StoredId::from(streamer).0, "status": status_is(statuses)}
}

/// The pipeline that reads both documents of each pair by one command. The campaign is inside its participation, in the
/// field `campaign`. The pairs are in order of participation id.
fn joined(participations: Document, campaigns: &[CampaignStatus]) -> Vec<Document> {
    vec![
        doc! {"$match": participations},
        doc! {"$sort": {"_id": 1}},
        doc! {"$lookup": {
            "from": collection::CAMPAIGNS, "localField": "campaignId", "foreignField": "_id", "as": "campaign",
        }},
        doc! {"$unwind": "$campaign"},
        doc! {"$match": {"campaign.status": campaigns::status_is(campaigns)}},
    ]
}

fn read_joined(pair: &RawDocumentBuf) -> Result<(Participation, Campaign), StorageError> {
    let mut pair = Fields::from(pair);
    let Some(campaign) = pair.joined("campaign") else {
        return Err(StorageError::Backend("a pair without its campaign".into()));
    };
    let campaign = campaigns::read(campaign)?;
    let participation = read(pair)?.priced(Some(&campaign.payment));
    Ok((participation, campaign))
}

pub(crate) fn read(document: impl Into<Fields>) -> Result<Unpriced, StorageError> {
    document::read(Entity::Participation, document, participations::read)
}

/// The condition that the status is one of these.
fn status_is(statuses: &[ParticipationStatus]) -> Document {
    let words: Vec<_> = statuses.iter().map(|status| status.as_str()).collect();
    document::one_of(&words, participations::DEFAULT_STATUS.as_str())
}
