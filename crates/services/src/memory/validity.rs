//! Decides whether data that was read from the store may still be used.
//!
//! An entry in memory is used while all of this holds (`docs/adr/0009-live-reads.md`):
//! - the store has told all its changes within the last [`TRUSTED_FOR`];
//! - none of the documents that the entry depends on was invalidated since the read of the entry began. A document is
//!   invalidated when the store tells that it has changed, and when this process changes it;
//! - the entry is younger than [`LIFETIME`].
//!
//! Invalidations are numbered, and no entry is deleted. A read remembers the number of the latest invalidation at its
//! beginning. If a document was invalidated under a greater number, everything that was read of it before is invalid: also
//! a read that began before the change and ended after it.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use gametriggers_persistence::{Change, Told};
use gametriggers_types::ObjectId;
use tokio::time::Instant;

/// How long an answer of the store that told all changes is trusted. No entry is further behind the store than this.
pub(super) const TRUSTED_FOR: Duration = Duration::from_secs(2);
/// How long an entry is used at most. A change that the store never tells goes unnoticed no longer than this.
pub(super) const LIFETIME: Duration = Duration::from_secs(30);
/// Documents are invalidated in groups, because a number for each document would make a table as large as the memory
/// itself. This many groups take half a megabyte. If others change a hundred documents a second, an unchanged screen is
/// read once more in eleven minutes because it shares a group with one of them.
const GROUPS: usize = 1 << 16;

/// Decides whether what was read from the store may still be used.
pub(super) struct Validity {
    /// The number of the latest invalidation.
    latest_invalidation: AtomicU64,
    /// For each group of documents: the number of the latest invalidation of one of them.
    invalidations: Box<[AtomicU64]>,
    /// The moment from which `trusted_until_ms` counts.
    epoch: Instant,
    /// The time until which the memory is trusted, in milliseconds since `epoch`; 0 if it is not trusted.
    trusted_until_ms: AtomicU64,
}

/// The time at which a read of the store began. The data counts as that old.
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

    /// Applies the store's answer to a question that was asked at `asked`.
    pub(super) fn take_over(&self, asked: Instant, told: &Told) {
        if !self.is_trusted() {
            // The store was silent, and tells the changes of that time one after another. Until it has told all of them,
            // any entry may be out of date.
            self.invalidate_all();
        }
        for change in &told.changes {
            match *change {
                Change::User(id) => self.invalidate(id.object_id()),
                Change::Campaign(id) => self.invalidate(id.object_id()),
                Change::Everything => self.invalidate_all(),
            }
        }
        // The trust is renewed only after the invalidations, and only if no change is left untold.
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
