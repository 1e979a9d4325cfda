//! The streamers and the campaigns of these tests. Some campaigns can pay for a few units only.

use gametriggers_domain::model::{Campaign, Participation};
use gametriggers_fixtures::payment;
use gametriggers_types::{PaymentType, UserId};

use crate::support::TestServer;

/// The payment type, the rate and the budget of each campaign. Two campaigns never run out of money, so that something is always
/// on screen. The others do in turn: the best-paying one after three displays, the last one after 600 visits.
const CAMPAIGNS: [(PaymentType, f64, f64); 9] = [
    (PaymentType::Cpm, 1_000.0, 100_000.0),
    (PaymentType::Cpm, 1_660.0, 6.0),
    (PaymentType::Cpm, 1_660.0, 60.0),
    (PaymentType::Cpc, 1.66, 100_000.0),
    (PaymentType::Cpc, 0.333_333, 2.0),
    (PaymentType::Cpc, 0.333_333, 20.0),
    (PaymentType::Cpc, 0.333_333, 200.0),
    (PaymentType::Fixed, 2.0, 1.3),
    (PaymentType::Fixed, 2.0, 6.1),
];
const EXPECTED_IMPRESSIONS: u64 = 8;
const STREAMERS: usize = 4;

pub(super) struct Stage {
    pub(super) campaigns: Vec<Campaign>,
    pub(super) streamers: Vec<OnAir>,
}

/// A streamer who has joined all campaigns.
pub(super) struct OnAir {
    pub(super) id: UserId,
    pub(super) token: String,
    pub(super) bearer: String,
    pub(super) joined: Vec<Participation>,
}

impl Stage {
    /// Stores the streamers and campaigns through the server, at its time.
    pub(super) async fn set_by(server: &TestServer) -> Self {
        let mut campaigns = Vec::new();
        for (kind, rate, budget) in CAMPAIGNS {
            let payment = payment(kind, rate, EXPECTED_IMPRESSIONS);
            campaigns.push(server.campaign_paying(payment, budget).await);
        }
        let mut streamers = Vec::new();
        for _ in 0..STREAMERS {
            let streamer = server.streamer().await;
            let mut joined = Vec::new();
            for campaign in &campaigns {
                joined.push(server.join(&streamer, campaign).await);
            }
            let bearer = server.bearer(&streamer.user);
            streamers.push(OnAir { id: streamer.user.id, token: streamer.token, bearer, joined });
        }
        Self { campaigns, streamers }
    }

    pub(super) fn participations(&self) -> impl Iterator<Item = &Participation> {
        self.streamers.iter().flat_map(|streamer| &streamer.joined)
    }
}
