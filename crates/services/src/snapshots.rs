//! Streamers in memory, by the tokens of their screens, so that most requests need not ask the store whose screen it is.
//!
//! A snapshot is used while all of this holds; otherwise the store is read (`docs/adr/0009-live-reads.md`):
//! - the store has answered the question what has changed within the last [`TRUSTED_FOR`];
//! - nothing was forgotten about the streamer since before the snapshot was read: neither by a change that the store told
//!   of, nor by one that this process makes itself;
//! - it is younger than [`LIFETIME`].
//!
//! Unless a [`Follower`] runs, the store is never asked that question, and no snapshot is ever used.

use std::{
    sync::{
        Arc, Weak,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use gametriggers_domain::model::User;
use gametriggers_persistence::{Change, ChangeFeed, ChangeStream, StorageError};
use gametriggers_types::{ScreenToken, UserId};
use moka::sync::Cache;
use tokio::time::{Instant, sleep, timeout};

/// How long the store's word that nothing else has changed is good: the longest that a snapshot can lag behind.
const TRUSTED_FOR: Duration = Duration::from_secs(2);
/// When a snapshot is read again whatever the store says, so that nothing that is never told of lasts longer.
const LIFETIME: Duration = Duration::from_mins(1);
/// Snapshots at most; beyond that, those used least go.
const CAPACITY: u64 = 100_000;
/// Streamers who are forgotten together, because a number each would be a table as large as the snapshots.
const GROUPS: usize = 4_096;

/// A store that does not answer for so long is given up, and asked anew.
const GIVEN_UP_AFTER: Duration = Duration::from_secs(10);
/// The wait before a lost subscription is renewed; it doubles with each attempt up to the longest.
const FIRST_WAIT: Duration = Duration::from_millis(250);
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// What is known of streamers.
pub(crate) struct Snapshots {
    by_token: Cache<ScreenToken, Snapshot>,
    /// How often anything was forgotten.
    forgettings: AtomicU64,
    /// For each group of streamers, the number of the forgetting that last concerned it.
    forgotten: Box<[AtomicU64]>,
    /// The moment from which `trusted_until_ms` counts.
    epoch: Instant,
    trusted_until_ms: AtomicU64,
}

#[derive(Clone)]
struct Snapshot {
    streamer: Arc<User>,
    reading: Reading,
}

/// That the store is being read; what it says is as old as the beginning of the reading.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reading {
    /// How often anything had been forgotten when it began.
    forgettings: u64,
}

/// That a user is being changed. When it is dropped, however the change went, they are forgotten.
#[must_use]
pub(crate) struct Changing<'a> {
    snapshots: &'a Snapshots,
    user: UserId,
}

impl Drop for Changing<'_> {
    fn drop(&mut self) {
        self.snapshots.forget(self.user);
    }
}

impl Snapshots {
    pub(crate) fn new() -> Self {
        Self {
            by_token: Cache::builder().max_capacity(CAPACITY).time_to_live(LIFETIME).build(),
            forgettings: AtomicU64::new(0),
            forgotten: (0..GROUPS).map(|_| AtomicU64::new(0)).collect(),
            epoch: Instant::now(),
            trusted_until_ms: AtomicU64::new(0),
        }
    }

    /// The streamer whose screen the token addresses, if that is known; without their profile.
    pub(crate) fn find(&self, token: &ScreenToken) -> Option<Arc<User>> {
        if !self.is_trusted() {
            return None;
        }
        let Snapshot { streamer, reading } = self.by_token.get(token)?;
        let forgotten = self.forgotten[group(streamer.id)].load(Ordering::SeqCst);
        (forgotten <= reading.forgettings).then_some(streamer)
    }

    /// To be called before the store is read for [`keep`](Self::keep).
    pub(crate) fn begin_reading(&self) -> Reading {
        Reading { forgettings: self.forgettings.load(Ordering::SeqCst) }
    }

    /// Keeps what was read: that the token addresses the screen of this user. What was forgotten since the reading began
    /// stays forgotten.
    pub(crate) fn keep(&self, reading: Reading, token: ScreenToken, user: &User) {
        if self.is_trusted() {
            self.by_token.insert(token, Snapshot { streamer: Arc::new(without_profile(user)), reading });
        }
    }

    /// Announces a change of the user by this process, which sees it from the end of the change on.
    pub(crate) fn changing(&self, user: UserId) -> Changing<'_> {
        Changing { snapshots: self, user }
    }

    fn forget(&self, user: UserId) {
        let forgetting = self.next_forgetting();
        self.forgotten[group(user)].fetch_max(forgetting, Ordering::SeqCst);
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
    fn heard(&self, asked: Instant, answer: Option<Change>) {
        if !self.is_trusted() {
            // What happened while the store was silent is told by and by; until then anything may be out of date.
            self.forget_all();
        }
        match answer {
            Some(Change::User(user)) => self.forget(user),
            Some(Change::Everything) => self.forget_all(),
            // Only now is it certain that there is nothing else: a change that is told may have waited for long.
            None => self.trusted_until_ms.store(self.since_epoch_ms(asked + TRUSTED_FOR), Ordering::SeqCst),
        }
    }

    fn distrust(&self) {
        self.trusted_until_ms.store(0, Ordering::SeqCst);
    }

    fn is_trusted(&self) -> bool {
        let until = self.trusted_until_ms.load(Ordering::SeqCst);
        until > 0 && self.since_epoch_ms(Instant::now()) < until
    }

    fn since_epoch_ms(&self, moment: Instant) -> u64 {
        u64::try_from(moment.duration_since(self.epoch).as_millis()).unwrap_or(u64::MAX)
    }
}

fn group(user: UserId) -> usize {
    let bytes = user.object_id().bytes();
    usize::from(u16::from_be_bytes([bytes[10], bytes[11]])) % GROUPS
}

/// What screens need of a user. The rest may be long, is nobody's business, or changes without a word.
fn without_profile(user: &User) -> User {
    User {
        email: String::new(),
        name: String::new(),
        image: None,
        auth_provider_id: None,
        channel_url: None,
        categories: Vec::new(),
        languages: Vec::new(),
        description: None,
        overlay_last_seen: None,
        id: user.id,
        role: user.role,
        auth_provider: user.auth_provider,
        is_active: user.is_active,
        overlay: user.overlay.clone(),
        overlay_token: user.overlay_token.clone(),
        tokens_revoked_at: user.tokens_revoked_at,
        selection: user.selection.clone(),
        test_campaign: user.test_campaign.clone(),
        created_at: user.created_at,
        updated_at: user.updated_at,
    }
}

/// Asks the store what has changed, for as long as anybody has the snapshots.
pub(crate) struct Follower {
    snapshots: Weak<Snapshots>,
    feed: Arc<dyn ChangeFeed>,
    wait: Duration,
    /// Whether that it failed was said already.
    complained: bool,
}

impl Follower {
    pub(crate) fn new(snapshots: &Arc<Snapshots>, feed: Arc<dyn ChangeFeed>) -> Self {
        Self { snapshots: Arc::downgrade(snapshots), feed, wait: FIRST_WAIT, complained: false }
    }

    pub(crate) async fn run(mut self) {
        while let Err(error) = self.follow().await {
            let Some(snapshots) = self.snapshots.upgrade() else { return };
            snapshots.distrust();
            drop(snapshots);
            if !self.complained {
                let error: &dyn std::error::Error = &error;
                tracing::warn!(error, "cannot follow changes: every token is looked up in the store");
                self.complained = true;
            }
            sleep(self.wait).await;
            self.wait = LONGEST_WAIT.min(2 * self.wait);
        }
    }

    /// Ends well when nobody has the snapshots any more.
    async fn follow(&mut self) -> Result<(), StorageError> {
        let mut changes: Box<dyn ChangeStream> = answered(self.feed.subscribe()).await?;
        let mut asked = Instant::now();
        let mut answer = answered(changes.next()).await?;
        if self.complained {
            tracing::info!("changes are followed again");
        }
        (self.complained, self.wait) = (false, FIRST_WAIT);
        while let Some(snapshots) = self.snapshots.upgrade() {
            snapshots.heard(asked, answer);
            drop(snapshots);
            asked = Instant::now();
            answer = answered(changes.next()).await?;
        }
        Ok(())
    }
}

async fn answered<T>(answer: impl Future<Output = Result<T, StorageError>>) -> Result<T, StorageError> {
    timeout(GIVEN_UP_AFTER, answer).await.unwrap_or_else(|elapsed| {
        Err(StorageError::Unavailable { outcome_unknown: false, source: elapsed.into() })
    })
}
