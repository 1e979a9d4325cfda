//! Finds entries by their ids.
//!
//! Ids come in no order. Each id that is added to the index therefore changes a page on which no other id of its batch
//! is, and these pages would be most of what a batch writes. To avoid this, the newest ids are kept in memory and
//! indexed a few at a time, in the order of the index: of some ten thousand ids, the next few lie on few pages. Ids
//! that are only in memory can be read again from the entries. The table `ledger_ids_reach` says how far the index
//! reaches.

use std::{
    collections::BTreeMap,
    ops::Bound::{Excluded, Unbounded},
};

use gametriggers_domain::ledger::EntryId;
use rusqlite::{Connection, OptionalExtension, Row};
use sha2::{Digest as _, Sha256};

use crate::error::DbResult;

/// How many ids are indexed at most for each new id. The limit keeps a batch from waiting for all ids that another
/// process has left.
const AT_ONCE: usize = 8;

/// A short hash of an id. Callers cannot choose the order of these hashes.
pub(crate) type Digest = [u8; 16];

/// The first 16 bytes of the id's SHA-256.
pub(crate) fn digest(id: &[u8]) -> Digest {
    let sha256: [u8; 32] = Sha256::digest(id).into();
    let mut first = Digest::default();
    first.copy_from_slice(&sha256[..16]);
    first
}

/// The digest of the id in a column.
pub(crate) fn digest_of(row: &Row<'_>, column: usize) -> rusqlite::Result<Digest> {
    Ok(digest(row.get_ref(column)?.as_bytes()?))
}

/// All ids. Some are in the index, the others are in `late`.
pub(crate) struct Ids {
    late: BTreeMap<Digest, i64>,
    /// How many ids `late` may hold. The store holds this number for all processes.
    late_max: usize,
    /// The newest entry. In an empty ledger it has no id.
    newest: Newest,
    round: Round,
    /// SQLite's `data_version`. It changes when another connection has changed the store.
    version: i64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
struct Newest {
    number: i64,
    id: Option<Digest>,
}

/// A round through the ids, in the order of the index.
#[derive(Clone, Copy)]
struct Round {
    /// The number of the newest entry at the beginning of the round. At the end of the round the index reaches this
    /// number.
    number: i64,
    /// The last digest that was indexed in this round.
    digest: Option<Digest>,
}

impl Ids {
    /// The ids that are known, and those that other connections have stored since. Must be called within the
    /// transaction that uses them.
    pub(super) fn up_to_date<'a>(known: &'a mut Option<Self>, db: &Connection) -> DbResult<&'a mut Self> {
        let ids = match known.take() {
            Some(ids) => ids.refreshed(db)?,
            None => Self::load(db)?,
        };
        Ok(known.insert(ids))
    }

    fn load(db: &Connection) -> DbResult<Self> {
        let Reach { number, round, late_max } = reach(db)?;
        let mut ids = Self {
            late: BTreeMap::new(),
            late_max,
            newest: newest(db, number)?,
            round,
            version: version(db)?,
        };
        ids.read_on(db)?;
        ids.late.retain(|digest, number| *number > round.number || Some(*digest) > round.digest);
        Ok(ids)
    }

    fn refreshed(mut self, db: &Connection) -> DbResult<Self> {
        let version = version(db)?;
        if version == self.version {
            return Ok(self);
        }
        let Reach { number: reach, late_max, .. } = reach(db)?;
        // An earlier state of the store was restored, or the index reaches beyond all known ids. In the second case the
        // ids in the index need not be read.
        if newest(db, self.newest.number)? != self.newest || reach > self.newest.number {
            return Self::load(db);
        }
        self.read_on(db)?;
        (self.version, self.late_max) = (version, late_max);
        Ok(self)
    }

    /// The number of the entry with this id.
    pub(super) fn find(&self, db: &Connection, id: &EntryId) -> DbResult<Option<i64>> {
        let digest = digest(id.as_str().as_bytes());
        if let Some(number) = self.late.get(&digest) {
            return Ok(Some(*number));
        }
        let mut find = db.prepare_cached("SELECT number FROM ledger_ids WHERE digest = ?")?;
        Ok(find.query_row([digest], |row| row.get(0)).optional()?)
    }

    /// Gives a new entry with this id the number under which it has to be stored.
    pub(super) fn add(&mut self, id: &EntryId) -> i64 {
        self.learn(self.newest.number + 1, digest(id.as_str().as_bytes()));
        self.newest.number
    }

    fn learn(&mut self, number: i64, id: Digest) {
        self.newest = Newest { number, id: Some(id) };
        self.late.insert(id, number);
    }

    /// Indexes ids if more of them wait than may, after `added` ids were added.
    pub(super) fn index(&mut self, db: &Connection, added: usize) -> DbResult<()> {
        let mut excess = self.late.len().saturating_sub(self.late_max).min(added * AT_ONCE);
        if excess == 0 {
            return Ok(());
        }
        // Another process may have indexed the same id.
        let mut insert = db
            .prepare_cached("INSERT INTO ledger_ids (digest, number) VALUES (?, ?) ON CONFLICT DO NOTHING")?;
        while excess > 0 {
            let after = self.round.digest.map_or(Unbounded, Excluded);
            if let Some((&digest, &number)) = self.late.range((after, Unbounded)).next() {
                insert.execute((digest, number))?;
                self.late.remove(&digest);
                self.round.digest = Some(digest);
                excess -= 1;
            } else {
                let reaches = "UPDATE ledger_ids_reach SET number = max(number, ?)";
                db.prepare_cached(reaches)?.execute([self.round.number])?;
                self.round = Round { number: self.newest.number, digest: None };
            }
        }
        let goes_on = "UPDATE ledger_ids_reach SET round_number = ?, round_digest = ?";
        db.prepare_cached(goes_on)?.execute((self.round.number, self.round.digest))?;
        Ok(())
    }

    /// Reads the entries that are newer than the newest one known.
    fn read_on(&mut self, db: &Connection) -> DbResult<()> {
        let sql = "SELECT number, id FROM ledger_entries WHERE number > ? ORDER BY number";
        let mut entries = db.prepare_cached(sql)?;
        let mut rows = entries.query([self.newest.number])?;
        while let Some(row) = rows.next()? {
            // Takes the bytes of the id, even if they are not UTF-8. An id that cannot be read must not stop the
            // recording of later entries.
            self.learn(row.get(0)?, digest_of(row, 1)?);
        }
        Ok(())
    }
}

/// What the store says about the index.
pub(crate) struct Reach {
    /// Up to this number all entries are indexed.
    pub(crate) number: i64,
    /// The current round.
    round: Round,
    late_max: usize,
}

pub(crate) fn reach(db: &Connection) -> DbResult<Reach> {
    let sql = "SELECT number, round_number, round_digest, late_max FROM ledger_ids_reach";
    let reach = |row: &Row<'_>| {
        let round = Round { number: row.get(1)?, digest: row.get(2)? };
        let late_max: i64 = row.get(3)?;
        Ok(Reach { number: row.get(0)?, round, late_max: usize::try_from(late_max).unwrap_or(0) })
    };
    Ok(db.prepare_cached(sql)?.query_row([], reach)?)
}

/// The entry with this number, as [`Newest`].
fn newest(db: &Connection, number: i64) -> DbResult<Newest> {
    let sql = "SELECT id FROM ledger_entries WHERE number = ?";
    let id = db.prepare_cached(sql)?.query_row([number], |row| digest_of(row, 0)).optional()?;
    Ok(Newest { number, id })
}

fn version(db: &Connection) -> DbResult<i64> {
    Ok(db.prepare_cached("PRAGMA data_version")?.query_row([], |row| row.get(0))?)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use gametriggers_domain::ledger::{Entry, EntryKind, Outcome};
    use gametriggers_types::{ClickKind, Timestamp};
    use proptest::prelude::*;
    use rusqlite::backup::Backup;
    use tempfile::TempDir;

    use super::{super::record, *};
    use crate::{SqliteStore, database::connect};

    const CAMPAIGN: &str = "68626579d05bf40ec8267ffd";
    const PARTICIPATION: &str = "686511bdf5a1848d4e973390";

    /// A ledger that several processes share. Few of its ids may stay out of the index.
    struct Shared(TempDir);

    /// One of the processes.
    struct Process {
        db: Connection,
        ids: Option<Ids>,
    }

    impl Shared {
        fn set() -> Self {
            let shared = Self(TempDir::new().unwrap());
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            runtime.block_on(async {
                SqliteStore::open(&shared.0.path().join("test.db")).await.unwrap().migrate().await.unwrap();
            });
            let stage = format!(
                "INSERT INTO campaigns (id, title, brand_id, budget_micros, remaining_micros, media_url, media_type, status,
                     categories, languages, payment_type, payment_rate_micros, expected_impressions, created_at, updated_at,
                     other_fields)
                 VALUES ('{CAMPAIGN}', '', '', 9, 9, '', 'image', 'active', '[]', '[]', 'cpm', 3, 10000, 0, 0, '{{}}');
                 INSERT INTO participations (id, campaign_id, streamer_id, status, average_viewers_before,
                     browser_source_token, browser_source_url, joined_at, created_at, updated_at, other_fields)
                 VALUES ('{PARTICIPATION}', '{CAMPAIGN}', '', 'active', 0.0, '', '', 0, 0, 0, '{{}}');"
            );
            let db = shared.start().db;
            db.execute_batch(&stage).unwrap();
            db.execute("UPDATE ledger_ids_reach SET late_max = 4", []).unwrap();
            shared
        }

        fn start(&self) -> Process {
            Process { db: connect(&self.0.path().join("test.db")).unwrap(), ids: None }
        }
    }

    impl Process {
        /// Records clicks of these numbers.
        fn record(&mut self, clicks: impl IntoIterator<Item = u32>) -> Result<Vec<Outcome>, ()> {
            let (part, campaign) = (PARTICIPATION.parse().unwrap(), CAMPAIGN.parse().unwrap());
            let entry = |number: u32| {
                let (id, click) = (EntryId::stored(number.to_string()), EntryKind::Click(ClickKind::Overlay));
                Entry::new(id, click, part, campaign, Timestamp::UNIX_EPOCH)
            };
            let entries: Vec<_> = clicks.into_iter().map(entry).collect();
            record(&mut self.db, &mut self.ids, &entries).map_err(|_| ())
        }

        fn one<T: rusqlite::types::FromSql>(&self, sql: &str) -> T {
            self.db.query_row(sql, [], |row| row.get(0)).unwrap()
        }

        fn put_back(&mut self, earlier: &Connection) {
            Backup::new(earlier, &mut self.db).unwrap().run_to_completion(100, Duration::ZERO, None).unwrap();
        }

        fn copy(&self) -> Connection {
            let mut copy = Connection::open_in_memory().unwrap();
            Backup::new(&self.db, &mut copy).unwrap().run_to_completion(100, Duration::ZERO, None).unwrap();
            copy
        }
    }

    #[derive(Debug, Clone)]
    enum Step {
        /// A process records some new clicks, and some that were recorded before.
        Record(usize, u32, Vec<prop::sample::Index>),
        /// A statement of a process that would change this table fails.
        Fail(usize, u32, &'static str),
        /// A process is started again.
        Restart(usize),
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let repeated = || prop::collection::vec(any::<prop::sample::Index>(), 0..4);
        let table = prop::sample::select(vec![
            "INSERT ON ledger_entries",
            "INSERT ON ledger_ids",
            "UPDATE ON ledger_ids_reach",
            "INSERT ON rollups",
        ]);
        let step = prop_oneof![
            6 => (0..2_usize, 1..8_u32, repeated()).prop_map(|(who, count, again)| Step::Record(who, count, again)),
            1 => (0..2_usize, 1..8_u32, table).prop_map(|(who, count, table)| Step::Fail(who, count, table)),
            1 => (0..2_usize).prop_map(Step::Restart),
        ];
        prop::collection::vec(step, 1..32)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// Whatever processes do in turn, at every step new entries count and known entries are duplicates, and the
        /// index holds all entries up to the number that it reaches.
        #[test]
        fn every_entry_is_found_by_every_process(steps in steps()) {
            let shared = Shared::set();
            let mut processes = [shared.start(), shared.start()];
            let mut recorded = 0;
            for step in steps {
                match step {
                    Step::Record(who, count, again) => {
                        let again: Vec<_> = again.iter().filter(|_| recorded > 0).map(|of| of.index(recorded as usize)).collect();
                        let clicks = (recorded..recorded + count).chain(again.iter().map(|&click| u32::try_from(click).unwrap()));
                        let outcomes = processes[who].record(clicks).unwrap();
                        let (new, repeated) = outcomes.split_at(count as usize);
                        prop_assert!(new.iter().all(|outcome| matches!(outcome, Outcome::Counted(_))), "{:?}", new);
                        prop_assert!(repeated.iter().all(|outcome| matches!(outcome, Outcome::Duplicate { .. })), "{:?}", repeated);
                        recorded += count;
                    }
                    Step::Fail(who, count, table) => {
                        let process = &mut processes[who];
                        let fail = format!("CREATE TEMP TRIGGER fault BEFORE {table} BEGIN SELECT raise(ABORT, 'fault'); END");
                        process.db.execute_batch(&fail).unwrap();
                        let succeeded = process.record(recorded..recorded + count).is_ok();
                        process.db.execute_batch("DROP TRIGGER fault").unwrap();
                        // The batch succeeds if it does not change the table, for example if it indexes nothing.
                        recorded += if succeeded { count } else { 0 };
                    }
                    Step::Restart(who) => processes[who] = shared.start(),
                }
            }
            let [process, _] = processes;
            prop_assert_eq!(process.one::<u32>("SELECT count(*) FROM ledger_entries"), recorded);
            prop_assert_eq!(process.one::<u32>("SELECT count(DISTINCT id) FROM ledger_entries"), recorded);
            let unreached = "SELECT count(*) FROM ledger_entries, ledger_ids_reach AS reach \
                 WHERE ledger_entries.number <= reach.number \
                   AND ledger_entries.number NOT IN (SELECT number FROM ledger_ids)";
            prop_assert_eq!(process.one::<u32>(unreached), 0);
        }
    }

    /// This also holds if another process has stored more entries since than there were before.
    #[test]
    fn in_a_store_put_back_to_an_earlier_state_nothing_is_known_that_is_not_there() {
        for stored_since in [0, 30] {
            let shared = Shared::set();
            let [mut process, mut other] = [shared.start(), shared.start()];
            process.record(0..10).unwrap();
            let earlier = process.copy();
            process.record(10..20).unwrap();
            other.put_back(&earlier);
            other.record(100..100 + stored_since).unwrap();
            let outcomes = process.record((0..20).chain(100..100 + stored_since)).unwrap();
            for (number, outcome) in outcomes.iter().enumerate() {
                let is_stored = !(10..20).contains(&number);
                assert_eq!(
                    matches!(outcome, Outcome::Duplicate { .. }),
                    is_stored,
                    "{number} of {stored_since}"
                );
            }
        }
    }

    /// Otherwise a process would read more and more entries when it starts.
    #[test]
    fn the_index_reaches_on_however_often_a_process_starts() {
        let shared = Shared::set();
        let mut process = shared.start();
        for number in 0..200 {
            process.record([number]).unwrap();
            if number % 3 == 0 {
                process = shared.start();
            }
        }
        assert!(process.ids.is_some_and(|ids| ids.late.len() < 16));
        let process = shared.start();
        let reach: u32 = process.one("SELECT number FROM ledger_ids_reach");
        assert!((180..200).contains(&reach), "{reach}");
    }
}
