//! Decisions: the number of reads that they cost, and the answer of an instance that decides second.

use gametriggers_domain::model::Participation;
use gametriggers_fixtures::{interval, minutes, noon};
use gametriggers_types::ParticipationStatus;

use super::{
    Instance, ScreenToken, SelectionPatch, Stage, UserId,
    clocks::{ahead, decided},
};

/// One read each for the streamer, for the latest decision and for the eligible campaigns.
const ONE_ROUND: usize = 3;

impl Instance {
    /// The number of reads that a decision on this screen costs.
    async fn reads_to_decide(&self, token: &ScreenToken) -> usize {
        let before = self.reads();
        self.services.overlay.decide(token.expose()).await.unwrap();
        self.reads() - before
    }
}

/// Returns the participation in the streamer's only eligible campaign.
async fn only_participation(stage: &Stage, streamer: UserId) -> Participation {
    let mut active = stage.store().await.participations.list_active(streamer).await.unwrap();
    assert_eq!(active.len(), 1);
    active.remove(0).0
}

async fn pause(stage: &Stage, participation: &Participation) {
    let (active, paused) = (ParticipationStatus::Active, ParticipationStatus::ParticipationPaused);
    let participations = stage.store().await.participations;
    assert!(participations.transition(participation.id, active, paused, noon()).await.unwrap());
}

/// One round of reads suffices to make a decision, to find one in force, and to end one without a successor.
#[tokio::test]
async fn to_decide_costs_one_round_of_reads() {
    let stage = Stage::set().await;
    let instance = stage.plain_instance().await;
    let (id, [token, _]) = stage.streamer().await;
    for (ordinal, length) in [(1, 3), (2, 5), (3, 7)] {
        let interval = Some(interval(length));
        let patch = SelectionPatch { interval, ..SelectionPatch::default() };
        instance.services.streamers.update_selection(&instance.actor(id).await, &patch).await.unwrap();
        assert_eq!(instance.reads_to_decide(&token).await, ONE_ROUND, "decision {ordinal} is made");
        assert_eq!(instance.reads_to_decide(&token).await, ONE_ROUND, "decision {ordinal} is in force");
        assert_eq!(decided(&instance, &token).await.id.ordinal, ordinal);
    }
    pause(&stage, &only_participation(&stage, id).await).await;
    assert_eq!(instance.reads_to_decide(&token).await, ONE_ROUND, "an empty decision is made");
    assert_eq!(instance.reads_to_decide(&token).await, ONE_ROUND, "nothing is decided");
    let latest = stage.store().await.decisions.find_latest(id).await.unwrap().unwrap();
    assert_eq!((latest.id.ordinal, latest.shown()), (4, None));
}

/// The first decision shows a campaign that was not eligible when the second instance read the store.
#[tokio::test]
async fn an_instance_that_decides_second_shows_the_first_decision() {
    let stage = Stage::set().await;
    let (first, second) = (stage.plain_instance().await, stage.plain_instance().await);
    let (id, [token, _]) = stage.streamer().await;
    let (has_decided, let_go) = second.decisions.hold_next_insertion();
    let overtake = async {
        has_decided.await.unwrap();
        pause(&stage, &only_participation(&stage, id).await).await;
        let joined = stage.join(id).await;
        let decision = decided(&first, &token).await;
        assert_eq!(decision.shown(), Some((joined.campaign_id, joined.id)));
        let_go.send(()).unwrap();
        decision
    };
    let before = second.reads();
    let (shown, decision) = tokio::join!(decided(&second, &token), overtake);
    assert_eq!(shown, decision);
    assert_eq!(second.reads() - before, ONE_ROUND + 1, "what is eligible is read once more");
    assert_eq!(decided(&first, &token).await, decision);
}

/// The campaign of the first decision is paused before the second instance can show it.
#[tokio::test]
async fn an_instance_that_decides_second_ends_a_first_decision_that_may_no_longer_be_shown() {
    let stage = Stage::set().await;
    let first = stage.instance_by(ahead(minutes(1))).await;
    let second = stage.plain_instance().await;
    let (id, [token, _]) = stage.streamer().await;
    let (has_decided, let_go) = second.decisions.hold_next_insertion();
    let overtake = async {
        has_decided.await.unwrap();
        let decision = decided(&first, &token).await;
        pause(&stage, &only_participation(&stage, id).await).await;
        let joined = stage.join(id).await;
        let_go.send(()).unwrap();
        (decision, joined)
    };
    let (shown, (decision, joined)) = tokio::join!(decided(&second, &token), overtake);
    assert_eq!(shown.id, decision.id.successor());
    assert_eq!(shown.shown(), Some((joined.campaign_id, joined.id)));
    assert_eq!(decided(&first, &token).await, shown);
}
