//! What is on a screen, from memory: that it costs no read, and how soon it is something else.

use std::cell::Cell;

use gametriggers_domain::model::Participation;
use gametriggers_services::{Event, EventOutcome, OnScreen, Rendering, Screen, ServiceError, Visitor};
use gametriggers_types::{ClickKind, ParticipationStatus, RejectionReason, VisitSource};

use super::{
    CampaignStatus, Clock, Instance, Noon, Repositories, RotationInterval, ScreenToken, SelectionPatch,
    Stage, TestAd, UserId, WebUrl, soon,
};

impl Instance {
    /// What is on the screen, in a word, and whether it was rendered for this answer.
    async fn shows(&self, token: &ScreenToken) -> (String, bool) {
        let is_rendered = Cell::new(false);
        let render = |screen: Screen| {
            is_rendered.set(true);
            let word = match screen.on_screen {
                OnScreen::Campaign(shown) => {
                    format!("decision {} {}", shown.decision.id.ordinal, shown.receipt)
                }
                OnScreen::Test { ad, .. } => ad.title,
                OnScreen::Empty(reason) => format!("{reason:?}"),
            };
            Ok::<_, ServiceError>(Rendering { entity_tag: word.clone().into(), body: word.into() })
        };
        let rendering = self.services.overlay.render(token.expose(), render).await.unwrap();
        (String::from_utf8(rendering.body.to_vec()).unwrap(), is_rendered.get())
    }

    /// Waits until the screen is in memory, and returns what is on it.
    async fn keeps_in_memory(&self, token: &ScreenToken) -> String {
        soon(async || !self.shows(token).await.1).await;
        self.shows(token).await.0
    }

    fn reads(&self) -> usize {
        self.users.reads() + self.decisions.reads()
    }
}

/// A streamer with one campaign, and their participation in it.
async fn one_campaign(stage: &Stage) -> (UserId, ScreenToken, Participation) {
    let (id, [token, _]) = stage.streamer().await;
    let (participation, _) = stage.store().await.participations.list_active(id).await.unwrap().remove(0);
    (id, token, participation)
}

#[tokio::test]
async fn a_screen_on_which_nothing_changes_costs_no_read_and_nor_do_events_on_it() {
    let stage = Stage::set().await;
    let instance = stage.instance().await;
    let (_, token, participation) = one_campaign(&stage).await;
    let shown = instance.keeps_in_memory(&token).await;
    let receipt = shown.split(' ').next_back().map(str::to_owned);
    let before = instance.reads();
    for number in 0..5 {
        assert_eq!(instance.shows(&token).await, (shown.clone(), false));
        for receipt in [None, receipt.clone()] {
            let is_given = receipt.is_some();
            let event = Event { receipt, event_id: Some(format!("{number} {is_given}")) };
            let tracking = &instance.services.tracking;
            let report = tracking.record_click(token.expose(), ClickKind::Chat, &event).await.unwrap();
            assert_eq!(
                (report.outcome, report.participation),
                (EventOutcome::Counted, Some(participation.id))
            );
        }
        instance.services.tracking.ping(token.expose(), &Event::default()).await.unwrap();
    }
    assert_eq!(instance.reads(), before);
    let stored = stage.store().await.participations.find_by_id(participation.id).await.unwrap().unwrap();
    assert_eq!(stored.counters.chat_clicks, 10);
}

/// What an instance changes itself is on the screen with its next answer.
#[tokio::test]
async fn an_instance_shows_its_own_changes_at_once() {
    let stage = Stage::set().await;
    let instance = stage.instance().await;
    let (id, token, _) = one_campaign(&stage).await;
    let streamers = &instance.services.streamers;
    for minutes in [1, 5, 9] {
        let before = instance.keeps_in_memory(&token).await;
        let interval = Some(RotationInterval::try_from(minutes).unwrap());
        let patch = SelectionPatch { interval, ..SelectionPatch::default() };
        streamers.update_selection(id, &patch).await.unwrap();
        assert_ne!(instance.shows(&token).await.0, before, "another decision");
    }
    instance.keeps_in_memory(&token).await;
    let media_url = WebUrl::parse("/test.png").unwrap();
    let ad = TestAd { title: "Test".to_owned(), media_url, media_type: super::MediaType::Image };
    assert!(streamers.show_test_ad(id, None, ad).await.unwrap());
    assert_eq!(instance.shows(&token).await.0, "Test");
}

/// A campaign or participation that somebody else pauses is off the screen within a second, and events are not credited to it
/// any more.
#[tokio::test]
async fn what_is_paused_elsewhere_is_off_the_screen_within_a_second() {
    use {CampaignStatus as Campaign, ParticipationStatus as Part};
    let stage = Stage::set().await;
    let instance = stage.instance().await;
    let (_, token, participation) = one_campaign(&stage).await;
    let Repositories { campaigns, participations, .. } = stage.store().await;
    let is_empty = async || instance.shows(&token).await.0 == "NoCampaign";
    let click = async || {
        let event = Event::default();
        instance.services.tracking.record_click(token.expose(), ClickKind::Chat, &event).await.unwrap()
    };
    for number in 0..2 {
        instance.keeps_in_memory(&token).await;
        let (id, now) = (participation.campaign_id, Noon.now());
        assert!(campaigns.transition(id, Campaign::Active, Campaign::Paused, now).await.unwrap());
        soon(is_empty).await;
        assert_eq!(click().await.reason, Some(RejectionReason::NothingOnScreen));
        assert!(campaigns.transition(id, Campaign::Paused, Campaign::Active, now).await.unwrap());
        assert!(!is_empty().await, "round {number}: that a screen is empty is not remembered");

        instance.keeps_in_memory(&token).await;
        let (id, paused) = (participation.id, Part::ParticipationPaused);
        assert!(participations.transition(id, Part::Active, paused, now).await.unwrap());
        soon(is_empty).await;
        assert_eq!(click().await.outcome, EventOutcome::Rejected);
        assert!(participations.transition(id, paused, Part::Active, now).await.unwrap());
    }
}

/// Money that somebody else has spent: 1,000 are enough for two visits at 400.
#[tokio::test]
async fn a_campaign_whose_money_runs_out_elsewhere_is_off_the_screen_within_a_second() {
    let stage = Stage::set().await;
    let (one, other) = (stage.instance().await, stage.instance().await);
    let (_, token, participation) = one_campaign(&stage).await;
    let visit = async |number: u32| {
        let visitor = Visitor { address: "203.0.113.7".to_owned(), agent: format!("agent {number}") };
        one.services.links.follow(participation.id, VisitSource::Qr, Some(&visitor)).await.unwrap();
    };
    visit(1).await;
    let before = other.keeps_in_memory(&token).await;
    assert!(before.starts_with("decision"), "there is money for one more: {before}");
    visit(2).await;
    soon(async || other.shows(&token).await.0 == "NoCampaign").await;
}
