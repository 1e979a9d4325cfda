//! Screens in memory, by the tokens that address them, so that most requests need not ask the store whose screen it is and
//! what is on it.
//!
//! What was read is used while all of this holds; otherwise the store is read (`docs/adr/0009-live-reads.md`):
//! - the store has answered the question what has changed, and told all of it, within the last [`TRUSTED_FOR`];
//! - nothing of it was forgotten since before it was read: neither by a change that the store told of, nor by one that this
//!   process makes itself;
//! - it is younger than [`LIFETIME`].
//!
//! Unless a [`Follower`](crate::follower::Follower) runs, the store is never asked that question, and nothing is ever
//! used.

use std::{
    hash::{BuildHasher, RandomState},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use gametriggers_domain::model::User;
use gametriggers_persistence::{Change, Told};
use gametriggers_types::{CampaignId, DecisionId, ObjectId, ParticipationId, ScreenToken, Timestamp, UserId};
use moka::sync::Cache;
use tokio::time::Instant;

use crate::{
    content::{Content, Display, Joined, Shown},
    link::{Certainty, Link},
};

/// How long the store's word that nothing else has changed is good: the longest that a snapshot can lag behind.
const TRUSTED_FOR: Duration = Duration::from_secs(2);
/// When a screen is read again whatever the store says, so that nothing that is never told of lasts longer.
const LIFETIME: Duration = Duration::from_secs(30);
/// How long a token that was found is known to be good for more than nothing, whatever has changed since.
const FOUND_FOR: Duration = Duration::from_hours(1);
/// Snapshots at most; beyond that, those used least go.
const CAPACITY: u64 = 100_000;
/// Groups of documents that are forgotten together, because a number each would be a table as large as the snapshots. Half a
/// megabyte; and whoever changes a hundred documents a second makes another one read once more in eleven minutes.
const GROUPS: usize = 1 << 16;

/// What is known of screens.
pub(crate) struct Snapshots {
    by_token: Cache<ScreenToken, Arc<Snapshot>>,
    /// Hashes of tokens that were found to be somebody's.
    found: Cache<u64, ()>,
    hasher: RandomState,
    /// Of decisions to which events were credited, and since when this is known.
    displays: Cache<DecisionId, (Display, Reading)>,
    /// Kept beyond their lifetime: whoever follows a link is led on also while the store is away.
    links: Cache<ParticipationId, (Arc<Link>, Reading)>,
    /// How often anything was forgotten.
    forgettings: AtomicU64,
    /// For each group of documents, the number of the forgetting that last concerned it.
    forgotten: Box<[AtomicU64]>,
    /// The moment from which `trusted_until_ms` counts.
    epoch: Instant,
    trusted_until_ms: AtomicU64,
}

/// The screen that a token addresses. Small, because there are as many as there are screens.
pub(crate) struct Snapshot {
    pub(crate) streamer: Streamer,
    /// Whether the token is the streamer's own; otherwise it is one of their participations'.
    pub(crate) is_overlay_token: bool,
    content: Option<Content>,
    reading: Reading,
}

/// Whose screen a token addresses: as much of them as it takes to credit an event.
#[derive(Debug, Clone, Copy)]
pub struct Streamer {
    /// The streamer.
    pub id: UserId,
    /// When they last made their overlay token anew: what was signed before is void.
    pub tokens_revoked_at: Option<Timestamp>,
    /// When their overlay was last known to be there, as of the moment when they were read.
    pub overlay_last_seen: Option<Timestamp>,
}

impl From<&User> for Streamer {
    fn from(user: &User) -> Self {
        let User { id, tokens_revoked_at, overlay_last_seen, .. } = *user;
        Self { id, tokens_revoked_at, overlay_last_seen }
    }
}

/// That the store is being read; what it says is as old as the beginning of the reading.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reading {
    /// How often anything had been forgotten when it began.
    forgettings: u64,
    began: Instant,
}

impl Reading {
    fn is_young(&self, now: Instant) -> bool {
        now.duration_since(self.began) < LIFETIME
    }
}

/// That a user is being changed. When it is dropped, however the change went, they are forgotten.
#[must_use]
pub(crate) struct Changing<'a> {
    snapshots: &'a Snapshots,
    user: UserId,
}

impl Drop for Changing<'_> {
    fn drop(&mut self) {
        self.snapshots.forget(self.user.object_id());
    }
}

impl Snapshots {
    pub(crate) fn new() -> Self {
        Self {
            by_token: Cache::builder().max_capacity(CAPACITY).time_to_live(LIFETIME).build(),
            found: Cache::builder().max_capacity(CAPACITY).time_to_idle(FOUND_FOR).build(),
            hasher: RandomState::new(),
            displays: Cache::builder().max_capacity(CAPACITY).time_to_live(LIFETIME).build(),
            links: Cache::builder().max_capacity(CAPACITY).build(),
            forgettings: AtomicU64::new(0),
            forgotten: (0..GROUPS).map(|_| AtomicU64::new(0)).collect(),
            epoch: Instant::now(),
            trusted_until_ms: AtomicU64::new(0),
        }
    }

    /// Notes what the store said of a token: whether it is anybody's.
    pub(crate) fn note_found(&self, token: &ScreenToken, is_found: bool) {
        let hash = self.hasher.hash_one(token.expose());
        if is_found {
            self.found.insert(hash, ());
        } else {
            self.found.invalidate(&hash);
        }
    }

    /// Whether the token was somebody's when the store was last asked for it, and that, or this question, is not long ago.
    pub(crate) fn has_found(&self, token: &str) -> bool {
        self.found.get(&self.hasher.hash_one(token)).is_some()
    }

    /// What is known of the screen that the token addresses.
    pub(crate) fn find(&self, token: &str) -> Option<Arc<Snapshot>> {
        let now = Instant::now();
        if !self.is_trusted_at(now) {
            return None;
        }
        let snapshot = self.by_token.get(token)?;
        let is_good =
            snapshot.reading.is_young(now) && self.holds(snapshot.reading, snapshot.streamer.id.object_id());
        is_good.then_some(snapshot)
    }

    /// What is known to be on the screen of a snapshot that was just found.
    pub(crate) fn content<'a>(&self, snapshot: &'a Snapshot, now: Timestamp) -> Option<&'a Content> {
        let content = snapshot.content.as_ref().filter(|content| now < content.until)?;
        let holds = |campaign: CampaignId| self.holds(snapshot.reading, campaign.object_id());
        let is_good = match &content.what {
            Shown::Campaign(display) => holds(display.campaign),
            Shown::TestAd => true,
            Shown::Empty { joined: Joined::These(campaigns), .. } => campaigns.iter().copied().all(holds),
            Shown::Empty { joined: Joined::TooMany, .. } => {
                self.forgettings.load(Ordering::SeqCst) == snapshot.reading.forgettings
            }
        };
        is_good.then_some(content)
    }

    /// What is known of the display of a decision, which may be over.
    pub(crate) fn display(&self, decision: DecisionId) -> Option<Display> {
        let now = Instant::now();
        let (display, reading) = self.displays.get(&decision).filter(|_| self.is_trusted_at(now))?;
        let named = [decision.streamer.object_id(), display.campaign.object_id()];
        let is_good = reading.is_young(now) && named.into_iter().all(|id| self.holds(reading, id));
        is_good.then_some(display)
    }

    /// Keeps what was read of a decision. That a successor has ended it early since may be learnt only when this is too old.
    pub(crate) fn keep_display(&self, reading: Reading, display: Display) {
        if self.is_trusted() {
            self.displays.insert(display.decision, (display, reading));
        }
    }

    /// What is known of the display of a decision that has a successor now is not used any more.
    pub(crate) fn has_ended(&self, decision: DecisionId) {
        self.displays.invalidate(&decision);
    }

    /// What is known of a link.
    pub(crate) fn link(&self, participation: ParticipationId) -> Option<(Arc<Link>, Certainty)> {
        let now = Instant::now();
        let (link, reading) = self.links.get(&participation)?;
        let mut documents = [link.streamer.object_id(), link.campaign.object_id()].into_iter();
        let certainty = match self.is_trusted_at(now) {
            true if !documents.all(|id| self.holds(reading, id)) => Certainty::Changed,
            true if reading.is_young(now) => Certainty::Certain,
            _ => Certainty::NothingElseTold,
        };
        Some((link, certainty))
    }

    /// Keeps what was read of a link, unless this process keeps nothing.
    pub(crate) fn keep_link(&self, reading: Reading, link: &Arc<Link>) {
        if self.is_trusted() || self.links.contains_key(&link.participation) {
            self.links.insert(link.participation, (link.clone(), reading));
        }
    }

    /// The link leads nowhere.
    pub(crate) fn forget_link(&self, participation: ParticipationId) {
        self.links.invalidate(&participation);
    }

    /// Whether nothing of the document was forgotten since the reading began.
    fn holds(&self, reading: Reading, id: ObjectId) -> bool {
        self.forgotten[group(id)].load(Ordering::SeqCst) <= reading.forgettings
    }

    /// To be called before the store is read for [`keep`](Self::keep).
    pub(crate) fn begin_reading(&self) -> Reading {
        Reading { forgettings: self.forgettings.load(Ordering::SeqCst), began: Instant::now() }
    }

    /// Keeps what was read: that the token addresses the screen of this user, and what is on it. What was forgotten since the
    /// reading began stays forgotten.
    pub(crate) fn keep(&self, reading: Reading, token: &ScreenToken, user: &User, content: Option<Content>) {
        if self.is_trusted() {
            let is_overlay_token = user.overlay_token.as_ref() == Some(token);
            let snapshot = Snapshot { streamer: user.into(), is_overlay_token, content, reading };
            self.by_token.insert(token.clone(), Arc::new(snapshot));
        }
    }

    /// Announces a change of the user by this process, which sees it from the end of the change on.
    pub(crate) fn changing(&self, user: UserId) -> Changing<'_> {
        Changing { snapshots: self, user }
    }

    /// What was read of this document before now is not used any more.
    pub(crate) fn forget(&self, id: ObjectId) {
        let forgetting = self.next_forgetting();
        self.forgotten[group(id)].fetch_max(forgetting, Ordering::SeqCst);
    }

    fn forget_all(&self) {
        let forgetting = self.next_forgetting();
        for group in &self.forgotten {
            group.fetch_max(forgetting, Ordering::SeqCst);
        }
    }

    fn next_forgetting(&self) -> u64 {
        self.forgettings.fetch_add(1, Ordering::SeqCst) + 1
    }

    /// Notes what the store answered to a question that was asked at `asked`.
    pub(crate) fn heard(&self, asked: Instant, told: &Told) {
        if !self.is_trusted() {
            // What happened while the store was silent is told by and by; until then anything may be out of date.
            self.forget_all();
        }
        for change in &told.changes {
            match *change {
                Change::User(id) => self.forget(id.object_id()),
                Change::Campaign(id) => self.forget(id.object_id()),
                Change::Everything => self.forget_all(),
            }
        }
        // Now that it is forgotten. Of what waits behind an answer that is not all, nothing is known yet.
        if told.is_all {
            self.trusted_until_ms.store(self.since_epoch_ms(asked + TRUSTED_FOR), Ordering::SeqCst);
        }
    }

    pub(crate) fn distrust(&self) {
        self.trusted_until_ms.store(0, Ordering::SeqCst);
    }

    pub(crate) fn is_trusted(&self) -> bool {
        self.is_trusted_at(Instant::now())
    }

    fn is_trusted_at(&self, now: Instant) -> bool {
        let until = self.trusted_until_ms.load(Ordering::SeqCst);
        until > 0 && self.since_epoch_ms(now) < until
    }

    fn since_epoch_ms(&self, moment: Instant) -> u64 {
        u64::try_from(moment.duration_since(self.epoch).as_millis()).unwrap_or(u64::MAX)
    }
}

fn group(id: ObjectId) -> usize {
    let bytes = id.bytes();
    // They count up from one document to the next.
    usize::from(u16::from_be_bytes([bytes[10], bytes[11]]))
}

#[cfg(test)]
mod tests {
    use gametriggers_domain::decision::Basis;
    use gametriggers_fixtures::{campaign_id, decision_id, minute, participation_id, token, user, user_id};
    use tokio::time::advance;

    use super::*;

    fn nothing() -> Told {
        Told { changes: Vec::new(), is_all: true }
    }

    /// A change, with others behind it.
    fn waiting(change: Change) -> Told {
        Told { changes: vec![change], is_all: false }
    }

    /// A streamer's screen with a campaign on it until the tenth minute.
    fn known() -> (Snapshots, ScreenToken) {
        let snapshots = Snapshots::new();
        snapshots.heard(Instant::now(), &nothing());
        let (token, user) = (token("token"), user(1));
        let display = Display {
            decision: decision_id(1, 1),
            campaign: campaign_id(2),
            participation: participation_id(3),
            basis: Basis::Display,
            from: minute(0),
            until: minute(10),
        };
        let content = Content { what: Shown::Campaign(display), until: display.until, rendering: None };
        snapshots.keep(snapshots.begin_reading(), &token, &user, Some(content));
        (snapshots, token)
    }

    fn is_shown(snapshots: &Snapshots, token: &ScreenToken, now: Timestamp) -> bool {
        snapshots.find(token.expose()).is_some_and(|known| snapshots.content(&known, now).is_some())
    }

    #[tokio::test]
    async fn a_campaign_is_shown_until_its_decision_ends() {
        let (snapshots, token) = known();
        assert!(is_shown(&snapshots, &token, minute(9)));
        assert!(!is_shown(&snapshots, &token, minute(10)));
        assert!(snapshots.find(token.expose()).is_some(), "whose screen it is does not end");
    }

    #[tokio::test]
    async fn what_changes_is_forgotten_and_nothing_else() {
        for (changed, is_user_known) in [
            (Change::Campaign(campaign_id(2)), true),
            (Change::User(user_id(1)), false),
            (Change::Everything, false),
        ] {
            let (snapshots, token) = known();
            for other in [Change::Campaign(campaign_id(7)), Change::User(user_id(8))] {
                snapshots.heard(Instant::now(), &waiting(other));
                assert!(is_shown(&snapshots, &token, minute(1)), "{other:?} concerns somebody else");
            }
            snapshots.heard(Instant::now(), &waiting(changed));
            assert!(!is_shown(&snapshots, &token, minute(1)), "{changed:?}");
            assert_eq!(snapshots.find(token.expose()).is_some(), is_user_known, "{changed:?}");
        }
    }

    /// What the store never tells of is known after thirty seconds, however often it says that there is nothing else.
    #[tokio::test(start_paused = true)]
    async fn nothing_is_shown_for_longer_than_its_lifetime() {
        let (snapshots, token) = known();
        for _ in 0..29 {
            advance(Duration::from_secs(1)).await;
            snapshots.heard(Instant::now(), &nothing());
            assert!(is_shown(&snapshots, &token, minute(1)));
        }
        advance(Duration::from_secs(1)).await;
        snapshots.heard(Instant::now(), &nothing());
        assert!(snapshots.find(token.expose()).is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_store_is_believed_for_two_seconds() {
        let (snapshots, token) = known();
        advance(TRUSTED_FOR.saturating_sub(Duration::from_millis(1))).await;
        assert!(is_shown(&snapshots, &token, minute(1)));
        advance(Duration::from_millis(1)).await;
        assert!(!is_shown(&snapshots, &token, minute(1)));
        // And what was read before the silence is not believed after it.
        snapshots.heard(Instant::now(), &nothing());
        assert!(!is_shown(&snapshots, &token, minute(1)));
    }

    /// Somebody else's changes renew the trust where they are all that there was, and only there.
    #[tokio::test(start_paused = true)]
    async fn an_answer_that_is_all_is_believed_whatever_it_tells() {
        let (snapshots, token) = known();
        let others = Change::User(user_id(8));
        for _ in 0..9 {
            advance(Duration::from_secs(1)).await;
            snapshots.heard(Instant::now(), &Told { changes: vec![others], is_all: true });
            assert!(is_shown(&snapshots, &token, minute(1)));
        }
        for _ in 0..2 {
            advance(Duration::from_secs(1)).await;
            snapshots.heard(Instant::now(), &waiting(others));
        }
        assert!(!is_shown(&snapshots, &token, minute(1)));
    }
}
