//! What each client does during a round.

use futures_util::future::join_all;
use gametriggers_domain::ledger::EntryId;
use gametriggers_types::ClickKind;
use reqwest::RequestBuilder;
use serde_json::json;

use super::{
    events::Event,
    stage::{Screen, Stage, assert_away},
};
use crate::support::{Reply, TestServer, address_of};

pub(super) const CLIENTS: usize = 32;
/// The first screen is that of all viewers. Each of the others belongs to a page.
pub(super) const SCREENS: usize = 1 + CLIENTS / ROLES.len();
/// The roles of the clients, in turn.
const ROLES: [Role; 8] = [
    Role::Viewer,
    Role::Viewer,
    Role::Viewer,
    Role::Viewer,
    Role::HastyViewer,
    Role::FickleViewer,
    Role::FickleViewer,
    Role::Page,
];
/// The strategies between which streamers change.
const STRATEGIES: [&str; 2] = ["weighted", "fair-rotation"];

#[derive(Clone, Copy, PartialEq)]
enum Role {
    /// Follows the tracking link, each time as a new visitor, and sends a click until it is acknowledged.
    Viewer,
    /// As a viewer, but sends each click to all instances at once.
    HastyViewer,
    /// As a viewer, but sends no click again.
    FickleViewer,
    /// Reports displays until they are acknowledged. Before each display, the streamer changes the settings, which ends the
    /// decision that is on screen.
    Page,
}

struct Client<'a> {
    number: usize,
    screen: &'a Screen,
    /// The instance that gets the next request. When it refuses one, the next instance is used, as by a load balancer.
    instance: usize,
}

impl Stage {
    /// Sends the events of a client until the round is over.
    pub(super) async fn send_events(&self, round: &str, number: usize) {
        let (group, role) = (number / ROLES.len(), ROLES[number % ROLES.len()]);
        let screen = &self.screens[if role == Role::Page { 1 + group } else { 0 }];
        let mut client = Client { number, screen, instance: group % self.instances.len() };
        for event in 0.. {
            if self.is_round_over() {
                break;
            }
            let id = format!("{round}, client {number}, event {event}");
            if role != Role::Page {
                self.visit(&mut client, &id).await;
            }
            match role {
                Role::Viewer => while !self.click(&mut client, &id).await {},
                Role::HastyViewer => while !self.click_everywhere(&client, &id).await {},
                Role::FickleViewer => drop(self.click(&mut client, &id).await),
                Role::Page => self.display(&mut client, event).await,
            }
        }
    }

    /// Sends a click that nobody sends again. The store must be away.
    pub(super) async fn click_in_vain(&self, id: &str) {
        let mut client = Client { number: CLIENTS, screen: &self.screens[0], instance: 0 };
        assert!(!self.click(&mut client, id).await);
    }

    /// Sends a click and returns whether it is acknowledged.
    async fn click(&self, client: &mut Client<'_>, id: &str) -> bool {
        let (id, event) = client.screen.click(id);
        self.send(client, &id, &event).await
    }

    /// Sends a click to all instances at once and returns whether one of them acknowledges it.
    async fn click_everywhere(&self, client: &Client<'_>, id: &str) -> bool {
        let (id, event) = client.screen.click(id);
        // No sending is the first one for certain.
        self.events().send(&id, &event);
        let sending = (0..self.instances.len()).map(|instance| {
            let (id, event) = (&id, &event);
            async move { self.send(&mut Client { instance, ..*client }, id, event).await }
        });
        join_all(sending).await.contains(&true)
    }

    /// Lets a new visitor follow the link until they are led to the sponsor. The redirect is the only acknowledgement.
    async fn visit(&self, client: &mut Client<'_>, visitor: &str) {
        let path = format!("/c/{}?src=qr", client.screen.participation.id);
        let visit = |instance: &TestServer| {
            let request = instance.client.get(instance.url(&path)).header("User-Agent", visitor);
            request.header("X-Forwarded-For", address_of(visitor))
        };
        self.insist(client, 302, visit).await;
        self.events().visits += 1;
    }

    /// Ends what is on screen, and reports the display of what follows until it is acknowledged.
    async fn display(&self, client: &mut Client<'_>, number: usize) {
        let Screen { streamer, participation, .. } = client.screen;
        let settings = json!({"campaignSelectionStrategy": STRATEGIES[number % STRATEGIES.len()]});
        let change = |instance: &TestServer| {
            let request = instance.client.put(instance.url("/api/v1/users/me/campaign-selection"));
            request.bearer_auth(instance.bearer(&streamer.user)).json(&settings)
        };
        self.insist(client, 200, change).await;
        let path = format!("/api/v1/overlay/{}/data", streamer.token);
        let look = |instance: &TestServer| instance.client.get(instance.url(&path));
        let data = self.insist(client, 200, look).await.json();
        assert_eq!(data["participationId"], participation.id.to_string(), "{data}");
        let event = Event {
            path: format!("/api/v1/campaigns/impression/{}", streamer.token),
            body: json!({"receipt": data["receipt"]}),
            shown: participation.id,
        };
        let id = EntryId::display(data["decisionId"].as_str().unwrap().parse().unwrap());
        while !self.send(client, &id, &event).await {}
    }

    /// Sends a click or a display and returns whether it is acknowledged.
    async fn send(&self, client: &mut Client<'_>, id: &EntryId, event: &Event) -> bool {
        let (is_first, instance) = (self.events().send(id, event), client.instance);
        let Some(reply) = self.ask(client, 201, |instance| event.request(instance)).await else {
            return false;
        };
        // An event that was refused may have been stored, so it may be a duplicate. An event that is sent the first time cannot
        // be.
        let is_duplicate = !is_first && reply.json()["outcome"] == "duplicate";
        reply.assert_event(if is_duplicate { "duplicate" } else { "counted" }, None);
        assert_eq!(reply.json()["participationId"], event.shown.to_string());
        if self.events().acknowledge(id) {
            self.note_acknowledgement(instance);
        }
        true
    }

    /// Sends a request again and again until its answer has this status.
    async fn insist(
        &self,
        client: &mut Client<'_>,
        status: u16,
        request: impl Fn(&TestServer) -> RequestBuilder,
    ) -> Reply {
        loop {
            if let Some(reply) = self.ask(client, status, &request).await {
                return reply;
            }
        }
    }

    /// Sends a request and returns the answer with this status; `None` if the answer is that the store is away. No other answer is
    /// allowed.
    async fn ask(
        &self,
        client: &mut Client<'_>,
        status: u16,
        request: impl FnOnce(&TestServer) -> RequestBuilder,
    ) -> Option<Reply> {
        let reply = self.answer(request(&self.instances[client.instance])).await;
        if reply.status == status {
            return Some(reply);
        }
        assert_away(&reply);
        self.note_refusal(client.number);
        client.instance = (client.instance + 1) % self.instances.len();
        None
    }
}

impl Screen {
    /// A click on what was on the screen when the test began.
    fn click(&self, id: &str) -> (EntryId, Event) {
        let event = Event {
            path: format!("/api/v1/overlay/{}/click", self.streamer.token),
            body: json!({"receipt": self.shown["receipt"], "eventId": id}),
            shown: self.participation.id,
        };
        (EntryId::click(self.streamer.user.id, ClickKind::Overlay, id), event)
    }
}

impl Event {
    /// The request that sends the event to this instance.
    pub(super) fn request(&self, instance: &TestServer) -> RequestBuilder {
        instance.client.post(instance.url(&self.path)).json(&self.body)
    }
}
