//! Tracking links: viewers are redirected from memory, and their visits are recorded afterwards.

use gametriggers_domain::model::Participation;
use gametriggers_fixtures::{SOON, eventually, noon, soon};
use gametriggers_services::{VISITS_MAX, VisitTarget, Visitor};
use gametriggers_types::{ParticipationStatus, VisitSource};

use super::{Duration, Instance, Stage, sleep};

impl Instance {
    /// A new viewer follows the link.
    async fn visit(&self, link: &Participation, agent: usize) -> VisitTarget {
        let visitor = Visitor { address: "203.0.113.7".parse().unwrap(), agent: agent.to_string() };
        let led = self.services.links.follow(link.id, VisitSource::Qr, Some(&visitor)).await.unwrap();
        (*led).clone()
    }

    /// Waits until the link is in memory.
    async fn knows(&self, link: &Participation) {
        eventually("the link is in memory", async || {
            let before = self.reads();
            self.services.links.follow(link.id, VisitSource::Qr, None).await.unwrap();
            (self.reads() == before).then_some(())
        })
        .await;
    }
}

/// Stores a streamer's participation in a campaign that has money for two visits.
async fn link(stage: &Stage) -> Participation {
    let (id, _) = stage.streamer().await;
    stage.store().await.participations.list_active(id).await.unwrap().remove(0).0
}

async fn visits(stage: &Stage, link: &Participation) -> u64 {
    stage.store().await.participations.find_by_id(link.id).await.unwrap().unwrap().counters.visits
}

#[tokio::test]
async fn a_viewer_is_led_on_while_the_ledger_is_away_and_counted_when_it_is_back() {
    let stage = Stage::set().await;
    let link = link(&stage).await;
    // The same holds for an instance that reads the store for each request.
    for (number, instance) in [(1, stage.plain_instance().await), (2, stage.instance().await)] {
        let pending = instance.services.pending_visits();
        instance.ledger.set_away(true);
        let led = instance.visit(&link, number).await;
        assert_eq!(led.title, "Campaign");
        sleep(Duration::from_millis(300)).await;
        assert_eq!(pending.count(), 1);
        instance.ledger.set_away(false);
        pending.settled().await;
        assert_eq!(pending.count(), 0);
        assert_eq!(visits(&stage, &link).await, u64::try_from(number).unwrap());
    }
}

#[tokio::test]
async fn a_link_that_is_known_costs_no_read_and_nor_do_visits() {
    let stage = Stage::set().await;
    let instance = stage.instance().await;
    let link = link(&stage).await;
    instance.knows(&link).await;
    let before = instance.reads();
    for visitor in 0..2 {
        instance.visit(&link, visitor).await;
        instance.services.pending_visits().settled().await;
    }
    assert_eq!(instance.reads(), before);
    assert_eq!(visits(&stage, &link).await, 2);
}

/// Another instance pauses the participation. The link still works, and its visits do not count any more.
#[tokio::test]
async fn whether_visits_count_is_known_within_a_second() {
    let stage = Stage::set().await;
    let instance = stage.instance().await;
    let link = link(&stage).await;
    instance.knows(&link).await;
    let (active, paused) = (ParticipationStatus::Active, ParticipationStatus::ParticipationPaused);
    let participations = stage.store().await.participations;
    for (from, to, counted) in [(active, paused, 0), (paused, active, 1)] {
        assert!(participations.transition(link.id, from, to, noon()).await.unwrap());
        sleep(SOON).await;
        instance.visit(&link, 1).await;
        instance.services.pending_visits().settled().await;
        assert_eq!(visits(&stage, &link).await, counted);
    }
}

/// However many visits come while the store does not answer, all viewers are redirected, and the number of waiting visits is
/// limited.
#[tokio::test]
async fn visits_that_wait_have_a_bound() {
    let stage = Stage::set().await;
    let instance = stage.instance().await;
    let link = link(&stage).await;
    instance.knows(&link).await;
    let pending = instance.services.pending_visits();
    instance.ledger.set_away(true);
    instance.visit(&link, 0).await;
    // After the first visit has been tried, it is known that the store does not answer.
    sleep(Duration::from_secs(1)).await;
    for visitor in 1..=VISITS_MAX + 100 {
        instance.visit(&link, visitor).await;
    }
    assert_eq!(pending.count(), VISITS_MAX + 1);
    instance.ledger.set_away(false);
    pending.settled().await;
    assert_eq!(visits(&stage, &link).await, 2, "as many as there is money for");
}

/// A link in memory works even if the store has not answered for a long time.
#[tokio::test]
async fn nobody_waits_for_a_store_that_says_nothing() {
    let stage = Stage::set().await;
    let instance = stage.instance().await;
    let link = link(&stage).await;
    instance.knows(&link).await;
    instance.feed.set(super::Line::Broken);
    soon("the loss is noticed", async || instance.feed.subscriptions() == 0).await;
    let before = instance.reads();
    let led = instance.services.links.follow(link.id, VisitSource::Qr, None).await.unwrap();
    assert_eq!((led.title.as_str(), instance.reads()), ("Campaign", before));
    // Only the store says whether a visit counts.
    instance.visit(&link, 1).await;
    instance.services.pending_visits().settled().await;
    assert!(instance.reads() > before);
    assert_eq!(visits(&stage, &link).await, 1);
}
