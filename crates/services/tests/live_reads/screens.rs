//! The content of screens in memory: it costs no read, and a change is shown soon.

use std::cell::Cell;

use gametriggers_domain::model::Participation;
use gametriggers_fixtures::{SOON, eventually, interval, noon, soon};
use gametriggers_services::{
    Event, EventOutcome, EventReport, OnScreen, Rendering, Screen, ServiceError, TestAd, Visitor,
};
use gametriggers_types::{
    CampaignStatus, ClickKind, MediaType, ParticipationStatus, RejectionReason, VisitSource,
};

use super::{Instance, Repositories, ScreenToken, SelectionPatch, Stage, UserId, WebUrl, sleep};

impl Instance {
    /// The content of the screen in a few words, and whether it was rendered for this answer.
    pub(super) async fn shows(&self, token: &ScreenToken) -> (String, bool) {
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
            Ok::<_, ServiceError>(Rendering { version: word.clone().into(), body: word.into() })
        };
        let rendering = self.services.overlay.render(token.expose(), render).await.unwrap();
        (String::from_utf8(rendering.body.to_vec()).unwrap(), is_rendered.get())
    }

    /// Waits until the screen is in memory, and returns its content.
    pub(super) async fn keeps_in_memory(&self, token: &ScreenToken) -> String {
        let kept = async || Some(self.shows(token).await).filter(|(_, is_rendered)| !is_rendered);
        eventually("the screen is in memory", kept).await.0
    }

    /// Reports a click without a receipt.
    async fn click(&self, token: &ScreenToken) -> EventReport {
        let event = Event::default();
        self.services.tracking.record_click(token.expose(), ClickKind::Chat, &event).await.unwrap()
    }

    pub(super) fn reads(&self) -> usize {
        self.users.reads() + self.decisions.reads() + self.participations.reads()
    }
}

/// Stores a streamer with one campaign. Returns the streamer, their token and their participation.
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

/// The next answer of an instance shows the change that the instance made itself.
#[tokio::test]
async fn an_instance_shows_its_own_changes_at_once() {
    let stage = Stage::set().await;
    let instance = stage.instance().await;
    let (id, token, _) = one_campaign(&stage).await;
    let streamers = &instance.services.streamers;
    for minutes in [1, 5, 9] {
        let before = instance.keeps_in_memory(&token).await;
        let patch = SelectionPatch { interval: Some(interval(minutes)), ..SelectionPatch::default() };
        streamers.update_selection(&instance.actor(id).await, &patch).await.unwrap();
        assert_ne!(instance.shows(&token).await.0, before, "another decision");
    }
    instance.keeps_in_memory(&token).await;
    let media_url = WebUrl::parse("/test.png").unwrap();
    let ad = TestAd { title: "Test".to_owned(), media_url, media_type: MediaType::Image };
    assert!(streamers.show_test_ad(&instance.actor(id).await, None, ad).await.unwrap());
    assert_eq!(instance.shows(&token).await.0, "Test");
}

/// If another instance pauses a campaign or a participation, it leaves the screen within a second, and no more events are
/// credited to it.
#[tokio::test]
async fn what_is_paused_elsewhere_is_off_the_screen_within_a_second() {
    use {CampaignStatus as Campaign, ParticipationStatus as Part};
    let stage = Stage::set().await;
    let instance = stage.instance().await;
    let (_, token, participation) = one_campaign(&stage).await;
    let Repositories { campaigns, participations, .. } = stage.store().await;
    let is_empty = async || instance.shows(&token).await.0 == "NoCampaign";
    for number in 0..2 {
        instance.keeps_in_memory(&token).await;
        let (id, now) = (participation.campaign_id, noon());
        assert!(campaigns.transition(id, Campaign::Active, Campaign::Paused, now).await.unwrap());
        soon("nothing is on the screen", is_empty).await;
        assert_eq!(instance.click(&token).await.reason, Some(RejectionReason::NothingOnScreen));
        assert!(campaigns.transition(id, Campaign::Paused, Campaign::Active, now).await.unwrap());
        soon("something is on the screen", async || !is_empty().await).await;
        assert!(instance.keeps_in_memory(&token).await.starts_with("decision"), "round {number}");
        let (id, paused) = (participation.id, Part::ParticipationPaused);
        assert!(participations.transition(id, Part::Active, paused, now).await.unwrap());
        soon("nothing is on the screen", is_empty).await;
        assert_eq!(instance.click(&token).await.outcome, EventOutcome::Rejected);
        assert!(participations.transition(id, paused, Part::Active, now).await.unwrap());
        soon("something is on the screen", async || !is_empty().await).await;
    }
}

/// An empty screen is kept in memory like any other, and events on it are rejected without a read.
#[tokio::test]
async fn an_empty_screen_costs_no_read_and_nor_do_events_on_it() {
    let stage = Stage::set().await;
    let instance = stage.instance().await;
    let (_, token, participation) = one_campaign(&stage).await;
    let Repositories { participations, .. } = stage.store().await;
    let (active, paused) = (ParticipationStatus::Active, ParticipationStatus::ParticipationPaused);
    assert!(participations.transition(participation.id, active, paused, noon()).await.unwrap());
    assert_eq!(instance.keeps_in_memory(&token).await, "NoCampaign");
    let before = instance.reads();
    for _ in 0..5 {
        assert_eq!(instance.shows(&token).await, ("NoCampaign".to_owned(), false));
        let report = instance.click(&token).await;
        assert_eq!(report.reason, Some(RejectionReason::NothingOnScreen));
    }
    assert_eq!(instance.reads(), before);
}

/// This holds also if the streamer has joined more campaigns than the memory keeps.
#[tokio::test]
async fn an_empty_screen_with_many_campaigns_is_filled_by_each_of_them() {
    let stage = Stage::set().await;
    let instance = stage.instance().await;
    let (id, token, first) = one_campaign(&stage).await;
    let Repositories { campaigns, participations, .. } = stage.store().await;
    let (active, paused, now) = (CampaignStatus::Active, CampaignStatus::Paused, noon());
    let mut last = first.campaign_id;
    assert!(campaigns.transition(last, active, paused, now).await.unwrap());
    for joined in [1, 300] {
        while participations.list_joined(id, 1_000).await.unwrap().len() < joined {
            last = stage.join(id).await.campaign_id;
            assert!(campaigns.transition(last, active, paused, now).await.unwrap());
        }
        let is_empty = async || instance.keeps_in_memory(&token).await == "NoCampaign";
        soon("nothing is on the screen", is_empty).await;
        assert!(campaigns.transition(last, paused, active, now).await.unwrap());
        let is_filled = async || instance.shows(&token).await.0 != "NoCampaign";
        soon("something is on the screen", is_filled).await;
        assert!(campaigns.transition(last, active, paused, now).await.unwrap());
    }
}

/// After a change of the campaign, the first event without a receipt reads the store, and the next ones do not. No page needs to
/// ask in between.
#[tokio::test]
async fn an_event_without_a_receipt_refreshes_what_is_known() {
    let stage = Stage::set().await;
    let instance = stage.instance().await;
    let (_, token, participation) = one_campaign(&stage).await;
    let Repositories { campaigns, .. } = stage.store().await;
    let before = instance.keeps_in_memory(&token).await;
    for (from, to) in
        [(CampaignStatus::Active, CampaignStatus::Paused), (CampaignStatus::Paused, CampaignStatus::Active)]
    {
        assert!(campaigns.transition(participation.campaign_id, from, to, noon()).await.unwrap());
        sleep(SOON).await;
    }
    let read = instance.reads();
    assert_eq!(instance.click(&token).await.outcome, EventOutcome::Counted);
    let read_once = instance.reads();
    assert!(read_once > read, "the change was told");
    for _ in 0..5 {
        let report = instance.click(&token).await;
        assert_eq!((report.outcome, report.participation), (EventOutcome::Counted, Some(participation.id)));
    }
    assert_eq!(instance.reads(), read_once);
    // Events make no decision and keep no rendering.
    assert_eq!(instance.shows(&token).await, (before.clone(), true));
    assert_eq!(instance.shows(&token).await, (before, false));
}

/// Another instance spends the money. A budget of 1,000 suffices for two visits at 400.
#[tokio::test]
async fn a_campaign_whose_money_runs_out_elsewhere_is_off_the_screen_within_a_second() {
    let stage = Stage::set().await;
    let (one, other) = (stage.instance().await, stage.instance().await);
    let (_, token, participation) = one_campaign(&stage).await;
    let visit = async |number: u32| {
        let visitor = Visitor { address: "203.0.113.7".parse().unwrap(), agent: format!("agent {number}") };
        one.services.links.follow(participation.id, VisitSource::Qr, Some(&visitor)).await.unwrap();
    };
    visit(1).await;
    let before = other.keeps_in_memory(&token).await;
    assert!(before.starts_with("decision"), "there is money for one more: {before}");
    visit(2).await;
    soon("it is off", async || other.shows(&token).await.0 == "NoCampaign").await;
}
