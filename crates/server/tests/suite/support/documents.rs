//! Documents to set a stage with.

use std::sync::atomic::{AtomicU32, Ordering};

use gametriggers_domain::{
    model::{Campaign, Participation, User},
    price::Payment,
};
use gametriggers_persistence::{NewCampaign, NewParticipation, NewUser};
use gametriggers_services::new_token;
use gametriggers_types::{
    AuthProvider, CampaignId, CampaignStatus, MediaType, Money, ObjectId, ParticipationId, PaymentType, Role,
    Timestamp, UserId,
};

use super::TestServer;

/// A streamer and their overlay token.
pub(crate) struct Streamer {
    pub(crate) user: User,
    pub(crate) token: String,
}

pub(crate) fn money(units: f64) -> Money {
    Money::from_units(units).unwrap()
}

fn next_id(now: Timestamp) -> ObjectId {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    let mut unique = [0; 8];
    unique[4..].copy_from_slice(&NEXT.fetch_add(1, Ordering::Relaxed).to_be_bytes());
    ObjectId::from_parts(u32::try_from(now.as_second()).unwrap(), unique)
}

impl TestServer {
    /// Stores an active streamer.
    pub(crate) async fn streamer(&self) -> Streamer {
        self.streamer_with(|_| {}).await
    }

    /// Stores a streamer whom `change` has had its way with.
    pub(crate) async fn streamer_with(&self, change: impl FnOnce(&mut User)) -> Streamer {
        self.imported_streamer(change, None, "{}").await
    }

    /// Stores a streamer as an import does, with what it brings along besides.
    pub(crate) async fn imported_streamer(
        &self,
        change: impl FnOnce(&mut User),
        password_hash: Option<&str>,
        other_fields: &str,
    ) -> Streamer {
        let now = self.now();
        let id = UserId::from(next_id(now));
        let token = new_token().unwrap();
        let email = format!("{id}@example.com");
        let mut user = User::new(id, email, "streamer".to_owned(), Role::Streamer, AuthProvider::Twitch, now);
        user.overlay_token = Some(token.clone());
        change(&mut user);
        let (password_hash, other_fields) = (password_hash.map(str::to_owned), other_fields.to_owned());
        let new = NewUser { user: user.clone(), password_hash, other_fields };
        self.storage.users.insert_if_absent(&new).await.unwrap();
        Streamer { user, token: token.expose().to_owned() }
    }

    /// Stores an active campaign: cpm 1000, that is one unit of money per impression, and a budget of 1,000.
    pub(crate) async fn campaign(&self) -> Campaign {
        self.campaign_with(|_| {}).await
    }

    /// Stores a campaign that pays so, out of a budget of which nothing is spent.
    pub(crate) async fn campaign_paying(&self, payment: Payment, budget: f64) -> Campaign {
        let change = |it: &mut Campaign| {
            (it.payment, it.budget, it.remaining_budget) = (payment, money(budget), money(budget));
        };
        self.campaign_with(change).await
    }

    /// Stores a campaign that `change` has had its way with.
    pub(crate) async fn campaign_with(&self, change: impl FnOnce(&mut Campaign)) -> Campaign {
        let mut campaign = self.new_campaign();
        change(&mut campaign);
        self.store_campaign(&campaign).await;
        campaign
    }

    /// Stores this campaign.
    pub(crate) async fn store_campaign(&self, campaign: &Campaign) {
        let new = NewCampaign { campaign: campaign.clone(), other_fields: "{}".to_owned() };
        self.storage.campaigns.insert_if_absent(&new).await.unwrap();
    }

    /// A campaign as [`campaign`](Self::campaign) stores it, not stored yet.
    pub(crate) fn new_campaign(&self) -> Campaign {
        let now = self.now();
        let id = CampaignId::from(next_id(now));
        Campaign {
            id,
            title: format!("Campaign {id}"),
            description: None,
            brand_id: UserId::from(next_id(now)),
            budget: money(1_000.0),
            remaining_budget: money(1_000.0),
            media_url: format!("https://media.example.com/{id}.png"),
            media_type: MediaType::Image,
            click_url: Some(format!("https://brand.example.com/{id}")),
            status: CampaignStatus::Active,
            categories: vec![],
            languages: vec![],
            start_date: None,
            end_date: None,
            payment: Payment::new(PaymentType::Cpm, money(1_000.0), 10_000).unwrap(),
            created_at: now,
            updated_at: now,
        }
    }

    /// Lets the streamer join the campaign.
    pub(crate) async fn join(&self, streamer: &Streamer, campaign: &Campaign) -> Participation {
        let now = self.now();
        let id = ParticipationId::from(next_id(now));
        let participation =
            Participation::joined(id, campaign.id, streamer.user.id, new_token().unwrap(), now);
        let new = NewParticipation { participation: participation.clone(), other_fields: "{}".to_owned() };
        self.storage.participations.insert_if_absent(&new).await.unwrap();
        participation
    }

    /// A streamer who has joined this many campaigns.
    pub(crate) async fn streamer_in(&self, campaigns: usize) -> (Streamer, Vec<Participation>) {
        let streamer = self.streamer().await;
        let mut joined = Vec::new();
        for _ in 0..campaigns {
            let campaign = self.campaign().await;
            joined.push(self.join(&streamer, &campaign).await);
        }
        (streamer, joined)
    }

    /// The participation as stored, with all visits that this server has led on.
    pub(crate) async fn stored_participation(&self, id: ParticipationId) -> Participation {
        self.visits.settled().await;
        self.storage.participations.find_by_id(id).await.unwrap().unwrap()
    }

    /// The campaign as stored, after all visits that this server has led on.
    pub(crate) async fn stored_campaign(&self, id: CampaignId) -> Campaign {
        self.visits.settled().await;
        self.storage.campaigns.find_by_id(id).await.unwrap().unwrap()
    }
}
