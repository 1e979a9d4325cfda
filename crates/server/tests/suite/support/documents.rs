//! Documents that tests store.

use gametriggers_domain::{
    model::{Campaign, Participation, User},
    price::Payment,
};
use gametriggers_fixtures::{
    campaign, cpm, next_number, participation_id, store_campaign, store_participation, units, user,
};
use gametriggers_persistence::NewUser;
use gametriggers_services::new_token;
use gametriggers_types::{CampaignId, ParticipationId};

use super::TestServer;

/// A streamer and their overlay token.
pub(crate) struct Streamer {
    pub(crate) user: User,
    pub(crate) token: String,
}

impl TestServer {
    /// Stores an active streamer.
    pub(crate) async fn streamer(&self) -> Streamer {
        self.streamer_with(|_| {}).await
    }

    /// Stores a streamer that `change` has changed.
    pub(crate) async fn streamer_with(&self, change: impl FnOnce(&mut User)) -> Streamer {
        self.imported_streamer(change, None, "{}").await
    }

    /// Stores a streamer as an import does, with the other fields that the import brings.
    pub(crate) async fn imported_streamer(
        &self,
        change: impl FnOnce(&mut User),
        password_hash: Option<&str>,
        other_fields: &str,
    ) -> Streamer {
        let now = self.now();
        let token = new_token().unwrap();
        let overlay_token = Some(token.clone());
        let mut user = User { overlay_token, created_at: now, updated_at: now, ..user(next_number()) };
        change(&mut user);
        let (password_hash, other_fields) = (password_hash.map(str::to_owned), other_fields.to_owned());
        let new = NewUser { user: user.clone(), password_hash, other_fields };
        self.storage.users.insert_if_absent(&new).await.unwrap();
        Streamer { user, token: token.expose().to_owned() }
    }

    /// Stores an active campaign that pays by cpm 1000, which is one unit of money per impression, from a budget of 1,000.
    pub(crate) async fn campaign(&self) -> Campaign {
        self.campaign_with(|_| {}).await
    }

    /// Stores a campaign with this payment and this unspent budget.
    pub(crate) async fn campaign_paying(&self, payment: Payment, budget: f64) -> Campaign {
        let change = |it: &mut Campaign| {
            (it.payment, it.budget, it.remaining_budget) = (payment, units(budget), units(budget));
        };
        self.campaign_with(change).await
    }

    /// Stores a campaign that `change` has changed.
    pub(crate) async fn campaign_with(&self, change: impl FnOnce(&mut Campaign)) -> Campaign {
        let mut campaign = self.new_campaign();
        change(&mut campaign);
        self.store_campaign(&campaign).await;
        campaign
    }

    /// Stores this campaign.
    pub(crate) async fn store_campaign(&self, campaign: &Campaign) {
        store_campaign(&self.storage, campaign.clone()).await;
    }

    /// Makes the campaign that [`campaign`](Self::campaign) would store, without storing it.
    pub(crate) fn new_campaign(&self) -> Campaign {
        let (number, now) = (next_number(), self.now());
        Campaign {
            click_url: Some(format!("https://brand.example.com/{number}")),
            payment: cpm(1_000.0),
            created_at: now,
            updated_at: now,
            ..campaign(number)
        }
    }

    /// Lets the streamer join the campaign.
    pub(crate) async fn join(&self, streamer: &Streamer, campaign: &Campaign) -> Participation {
        let (id, token) = (participation_id(next_number()), new_token().unwrap());
        let participation = Participation::joined(id, campaign.id, streamer.user.id, token, self.now());
        store_participation(&self.storage, participation.clone()).await;
        participation
    }

    /// Stores a streamer who has joined this many new campaigns.
    pub(crate) async fn streamer_in(&self, campaigns: usize) -> (Streamer, Vec<Participation>) {
        self.streamer_in_with(campaigns, |_, _| {}).await
    }

    /// As [`streamer_in`](Self::streamer_in), with campaigns that `change` has changed. `change` gets each campaign and its number,
    /// which counts from 0.
    pub(crate) async fn streamer_in_with(
        &self,
        campaigns: usize,
        change: impl Fn(&mut Campaign, usize),
    ) -> (Streamer, Vec<Participation>) {
        let streamer = self.streamer().await;
        let mut joined = Vec::new();
        for number in 0..campaigns {
            let campaign = self.campaign_with(|campaign| change(campaign, number)).await;
            joined.push(self.join(&streamer, &campaign).await);
        }
        (streamer, joined)
    }

    /// Reads the participation after all visits that this server redirected are recorded.
    pub(crate) async fn stored_participation(&self, id: ParticipationId) -> Participation {
        self.visits.settled().await;
        self.storage.participations.find_by_id(id).await.unwrap().unwrap()
    }

    /// Reads the campaign after all visits that this server redirected are recorded.
    pub(crate) async fn stored_campaign(&self, id: CampaignId) -> Campaign {
        self.visits.settled().await;
        self.storage.campaigns.find_by_id(id).await.unwrap().unwrap()
    }
}
