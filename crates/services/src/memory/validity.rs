//! Decides whether an entry in memory may still be used instead of reading the store.
//!
//! An entry in memory is used while all of this holds (`docs/adr/0009-live-reads.md`):
//! - the store was asked for changes within the last [`TRUSTED_FOR`], and its answer was complete;
//! - none of the documents that the entry depends on was invalidated since the read of the entry began. A document is
//!   invalidated when the store tells that it has changed, and when this process changes it;
//! - the entry is younger than [`LIFETIME`].
//!
//! Invalidations are numbered, and they delete no entry. A read remembers the number of the latest invalidation at its
//! beginning. If one of the entry's documents was later invalidated, that invalidation has a greater number, and the
//! entry is invalid. So a read that began before a change and ended after it gives an invalid entry, too.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use gametriggers_persistence::{Change, Told};
use gametriggers_types::ObjectId;
use tokio::time::Instant;

/// How long entries may be used after the store was asked for changes and gave a complete answer. No entry lags behind
/// the store for longer, except for changes that the store does not report.
pub(super) const TRUSTED_FOR: Duration = Duration::from_secs(2);
/// The maximum age of an entry. The store does not report some changes. Such a change goes unnoticed for at most this
/// time.
pub(super) const LIFETIME: Duration = Duration::from_secs(30);
/// Documents are invalidated in groups, because a number for each document would make a table as large as the memory
/// itself. This many groups take half a megabyte. A screen is sometimes read although it has not changed, because a
/// changed document is in the same group. If others change a hundred documents a second, this happens once in eleven
/// minutes.
const GROUPS: usize = 1 << 16;

/// Decides whether an entry in memory may still be used.
pub(super) struct Validity {
    /// The number of the latest invalidation.
    latest_invalidation: AtomicU64,
    /// For each group of documents: the number of the latest invalidation of one of them.
    invalidations: Box<[AtomicU64]>,
    /// The moment from which `trusted_until_ms` counts.
    epoch: Instant,
    /// The moment until which the store's last complete answer allows the use of entries, in milliseconds since
    /// `epoch`. 0 if no entry may be used.
    trusted_until_ms: AtomicU64,
}

/// When a read of the store began. The age of an entry counts from this moment.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ReadStamp {
    /// The number of the latest invalidation when the read began.
    latest_invalidation: u64,
    began: Instant,
}

impl ReadStamp {
    /// Whether the read began less than [`LIFETIME`] ago.
    pub(super) fn is_young(self, now: Instant) -> bool {
        now.duration_since(self.began) < LIFETIME
    }
}

impl Validity {
    pub(super) fn new() -> Self {
        Self {
            latest_invalidation: AtomicU64::new(0),
            invalidations: (0..GROUPS).map(|_| AtomicU64::new(0)).collect(),
            epoch: Instant::now(),
            trusted_until_ms: AtomicU64::new(0),
        }
    }

    pub(super) fn begin_read(&self) -> ReadStamp {
        ReadStamp {
            latest_invalidation: self.latest_invalidation.load(Ordering::SeqCst),
            began: Instant::now(),
        }
    }

    /// Whether the document was not invalidated since the read began.
    pub(super) fn is_unchanged(&self, read: ReadStamp, document: ObjectId) -> bool {
        self.invalidations[group(document)].load(Ordering::SeqCst) <= read.latest_invalidation
    }

    /// Whether no document at all was invalidated since the read began.
    pub(super) fn is_everything_unchanged(&self, read: ReadStamp) -> bool {
        self.latest_invalidation.load(Ordering::SeqCst) == read.latest_invalidation
    }

    /// Invalidates everything that was read of the document before now.
    pub(super) fn invalidate(&self, document: ObjectId) {
        let number = self.next_invalidation();
        self.invalidations[group(document)].fetch_max(number, Ordering::SeqCst);
    }

    fn invalidate_all(&self) {
        let number = self.next_invalidation();
        for group in &self.invalidations {
            group.fetch_max(number, Ordering::SeqCst);
        }
    }

    fn next_invalidation(&self) -> u64 {
        self.latest_invalidation.fetch_add(1, Ordering::SeqCst) + 1
    }

    /// Applies an answer of the store's change feed: invalidates the changed documents. `asked` is the moment at which
    /// the store was asked.
    pub(super) fn take_over(&self, asked: Instant, told: &Told) {
        if !self.is_trusted() {
            // No complete answer has come for a while, so changes may have been missed. The store reports them in one
            // answer or several. Until all are here, any entry may be out of date.
            self.invalidate_all();
        }
        for change in &told.changes {
            match *change {
                Change::User(id) => self.invalidate(id.object_id()),
                Change::Campaign(id) => self.invalidate(id.object_id()),
                Change::Everything => self.invalidate_all(),
            }
        }
        // The invalidations must come first. An answer that leaves out changes allows no use of entries.
        if told.is_all {
            self.trusted_until_ms.store(self.since_epoch_ms(asked + TRUSTED_FOR), Ordering::SeqCst);
        }
    }

    pub(super) fn distrust(&self) {
        self.trusted_until_ms.store(0, Ordering::SeqCst);
    }

    pub(super) fn is_trusted(&self) -> bool {
        self.is_trusted_at(Instant::now())
    }

    pub(super) fn is_trusted_at(&self, now: Instant) -> bool {
        let until = self.trusted_until_ms.load(Ordering::SeqCst);
        until > 0 && self.since_epoch_ms(now) < until
    }

    fn since_epoch_ms(&self, moment: Instant) -> u64 {
        u64::try_from(moment.duration_since(self.epoch).as_millis()).unwrap_or(u64::MAX)
    }
}

fn group(document: ObjectId) -> usize {
    let bytes = document.bytes();
    // The last two bytes of an object id count up from one document to the next.
    usize::from(u16::from_be_bytes([bytes[10], bytes[11]]))
}
