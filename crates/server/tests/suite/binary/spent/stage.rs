//! The campaign of one run, and the streamers who have joined it.

use futures_util::{StreamExt, stream};
use gametriggers_domain::model::Campaign;
use gametriggers_types::{ParticipationId, PaymentType, UserId};

use super::plan::Plan;
use crate::support::TestServer;

/// The streamers whose links are followed.
const LINKED: usize = 20;
const STORED_AT_ONCE: usize = 16;

pub(super) struct Stage {
    pub(super) campaign: Campaign,
    pub(super) streamers: Vec<OnAir>,
}

/// A streamer with one participation.
pub(super) struct OnAir {
    pub(super) id: UserId,
    pub(super) token: String,
    pub(super) joined: ParticipationId,
}

impl Stage {
    /// Stores the campaign and its streamers through the server, at its time.
    pub(super) async fn set_by(server: &TestServer, plan: &Plan) -> Self {
        let change = |it: &mut Campaign| {
            (it.payment, it.budget, it.remaining_budget) = (plan.payment(), plan.budget, plan.budget);
        };
        let campaign = server.campaign_with(change).await;
        let joining = async |_| {
            let streamer = server.streamer().await;
            let joined = server.join(&streamer, &campaign).await.id;
            OnAir { id: streamer.user.id, token: streamer.token, joined }
        };
        let count = if plan.kind == PaymentType::Cpm { plan.events } else { LINKED };
        let streamers = stream::iter(0..count).map(joining).buffer_unordered(STORED_AT_ONCE).collect().await;
        Self { campaign, streamers }
    }
}
