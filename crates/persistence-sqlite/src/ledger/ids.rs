//! Where entries are, by their ids.
//!
//! Ids come in no order, so each one that is indexed changes a page of the index that no other id of its batch is on; those
//! pages would be most of what a batch writes. Therefore the newest ids are kept in memory, and indexed a few at a time in
//! the order of the index: the next few of some ten thousand lie on few pages. What is in memory alone can be read again
//! from the entries themselves, which say how far the index reaches (`ledger_ids_reach`).

use std::{
    collections::BTreeMap,
    ops::Bound::{Excluded, Unbounded},
};

use gametriggers_domain::ledger::EntryId;
use rusqlite::{Connection, OptionalExtension};
use sha2::{Digest as _, Sha256};

use crate::error::DbResult;

/// Ids that may wait to be indexed. As many entries again are read at the first batch of a process.
const LATE_MAX: usize = 32_768;

/// What stands for an id: short, and in no order that a caller could choose.
pub(crate) type Digest = [u8; 16];

/// The first 16 bytes of the id's SHA-256.
pub(crate) fn digest(id: &str) -> Digest {
    let sha256: [u8; 32] = Sha256::digest(id).into();
    let mut first = Digest::default();
    first.copy_from_slice(&sha256[..16]);
    first
}

/// All ids: some are in the index, the newest are here.
pub(crate) struct Ids {
    late: BTreeMap<Digest, i64>,
    late_max: usize,
    /// The number of the newest entry.
    newest: i64,
    /// Ids are indexed in rounds through their order; this is the last one that was, in this round.
    indexed_last: Option<Digest>,
    /// The newest entry when this round began: at its end, the index reaches as far.
    round_reaches: i64,
    /// Changes when another connection has changed the store.
    version: i64,
}

impl Ids {
    /// What is known, and what other connections have stored since. To be called within the transaction that goes on to use it.
    pub(super) fn up_to_date<'a>(known: &'a mut Option<Self>, db: &Connection) -> DbResult<&'a mut Self> {
        let ids = match known.take() {
            Some(ids) => ids.refreshed(db)?,
            None => Self::load(db)?,
        };
        Ok(known.insert(ids))
    }

    fn load(db: &Connection) -> DbResult<Self> {
        let reach =
            db.prepare_cached("SELECT number FROM ledger_ids_reach")?.query_row([], |row| row.get(0))?;
        let mut ids = Self {
            late: BTreeMap::new(),
            late_max: LATE_MAX,
            newest: reach,
            indexed_last: None,
            round_reaches: reach,
            version: version(db)?,
        };
        ids.read_on(db)?;
        ids.round_reaches = ids.newest;
        Ok(ids)
    }

    fn refreshed(mut self, db: &Connection) -> DbResult<Self> {
        let version = version(db)?;
        if version == self.version {
            return Ok(self);
        }
        let newest = "SELECT ifnull(max(number), 0) FROM ledger_entries";
        if db.prepare_cached(newest)?.query_row([], |row| row.get::<_, i64>(0))? < self.newest {
            // Put back to an earlier state.
            return Self::load(db);
        }
        self.read_on(db)?;
        self.version = version;
        Ok(self)
    }

    /// The number of the entry of this id.
    pub(super) fn find(&self, db: &Connection, id: &EntryId) -> DbResult<Option<i64>> {
        let digest = digest(id.as_str());
        if let Some(number) = self.late.get(&digest) {
            return Ok(Some(*number));
        }
        let mut find = db.prepare_cached("SELECT number FROM ledger_ids WHERE digest = ?")?;
        Ok(find.query_row([digest], |row| row.get(0)).optional()?)
    }

    /// The number under which a new entry of this id is to be stored.
    pub(super) fn add(&mut self, id: &EntryId) -> i64 {
        self.newest += 1;
        self.late.insert(digest(id.as_str()), self.newest);
        self.newest
    }

    /// Indexes as many ids as are too many to wait.
    pub(super) fn index(&mut self, db: &Connection) -> DbResult<()> {
        // Another process may have indexed the same one.
        let mut insert = db.prepare_cached("INSERT INTO ledger_ids VALUES (?, ?) ON CONFLICT DO NOTHING")?;
        while self.late.len() > self.late_max {
            let after = self.indexed_last.map_or(Unbounded, Excluded);
            if let Some((&digest, &number)) = self.late.range((after, Unbounded)).next() {
                insert.execute((digest, number))?;
                self.late.remove(&digest);
                self.indexed_last = Some(digest);
            } else {
                let reaches = "UPDATE ledger_ids_reach SET number = max(number, ?)";
                db.prepare_cached(reaches)?.execute([self.round_reaches])?;
                self.indexed_last = None;
                self.round_reaches = self.newest;
            }
        }
        Ok(())
    }

    /// Reads the entries that are newer than the newest one known.
    fn read_on(&mut self, db: &Connection) -> DbResult<()> {
        let mut entries =
            db.prepare_cached("SELECT number, id FROM ledger_entries WHERE number > ? ORDER BY number")?;
        let mut rows = entries.query([self.newest])?;
        while let Some(row) = rows.next()? {
            self.newest = row.get(0)?;
            let id: String = row.get(1)?;
            self.late.insert(digest(&id), self.newest);
        }
        Ok(())
    }
}

fn version(db: &Connection) -> DbResult<i64> {
    Ok(db.prepare_cached("PRAGMA data_version")?.query_row([], |row| row.get(0))?)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;
    use rusqlite::backup::Backup;
    use tempfile::TempDir;

    use super::*;
    use crate::{SqliteStore, database};

    /// One of two processes that share a store.
    struct Process {
        db: Connection,
        ids: Option<Ids>,
    }

    #[derive(Debug, Clone)]
    enum Step {
        /// A process stores so many entries.
        Store(usize, u8),
        /// It begins to, and fails.
        Fail(usize, u8),
        /// It is started anew.
        Restart(usize),
    }

    impl Process {
        fn start(folder: &TempDir) -> Self {
            Self { db: database::connect(&folder.path().join("test.db")).unwrap(), ids: None }
        }

        fn store(&mut self, new: &[EntryId], succeeds: bool) {
            let db = database::begin(&mut self.db).unwrap();
            Ids::up_to_date(&mut self.ids, &db).unwrap();
            let mut ids = self.ids.take().unwrap();
            ids.late_max = 4;
            for id in new {
                assert_eq!(ids.find(&db, id).unwrap(), None);
                let sql = "INSERT INTO ledger_entries VALUES (?, ?, '', '', '', 0, 0, 0, 0, 0, NULL)";
                db.execute(sql, (ids.add(id), id.as_str())).unwrap();
            }
            ids.index(&db).unwrap();
            assert!(ids.late.len() <= 4);
            if succeeds {
                database::commit(db).unwrap();
                self.ids = Some(ids);
            }
        }

        fn find(&mut self, id: &EntryId) -> Option<i64> {
            Ids::up_to_date(&mut self.ids, &self.db).unwrap().find(&self.db, id).unwrap()
        }
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            6 => (0..2_usize, 1..8_u8).prop_map(|(process, count)| Step::Store(process, count)),
            1 => (0..2_usize, 1..8_u8).prop_map(|(process, count)| Step::Fail(process, count)),
            1 => (0..2_usize).prop_map(Step::Restart),
        ];
        prop::collection::vec(step, 1..24)
    }

    fn one<T: rusqlite::types::FromSql>(db: &Connection, sql: &str) -> T {
        db.query_row(sql, [], |row| row.get(0)).unwrap()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// Whatever processes do in turn, each finds every entry that is stored, and none that is not; and the index has all
        /// entries as far as it says that it reaches.
        #[test]
        fn every_entry_is_found_by_every_process(steps in steps()) {
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            let folder = TempDir::new().unwrap();
            runtime.block_on(async {
                SqliteStore::open(&folder.path().join("test.db")).await.unwrap().migrate().await.unwrap();
            });
            let mut processes = [Process::start(&folder), Process::start(&folder)];
            let (mut stored, mut failed) = (Vec::new(), Vec::new());
            for (at, step) in steps.into_iter().enumerate() {
                let new = |count| (0..count).map(|number| EntryId::stored(format!("{at}:{number}"))).collect::<Vec<_>>();
                match step {
                    Step::Store(process, count) => {
                        processes[process].store(&new(count), true);
                        stored.extend(new(count));
                    }
                    Step::Fail(process, count) => {
                        processes[process].store(&new(count), false);
                        failed.extend(new(count));
                    }
                    Step::Restart(process) => processes[process] = Process::start(&folder),
                }
            }
            for process in &mut processes {
                for (number, id) in (1..).zip(&stored) {
                    prop_assert_eq!(process.find(id), Some(number));
                }
                for id in &failed {
                    prop_assert_eq!(process.find(id), None);
                }
                let unreached = "SELECT count(*) FROM ledger_entries, ledger_ids_reach AS reach \
                     WHERE ledger_entries.number <= reach.number \
                       AND ledger_entries.number NOT IN (SELECT number FROM ledger_ids)";
                prop_assert_eq!(one::<i64>(&process.db, unreached), 0);
            }
        }
    }

    #[tokio::test]
    async fn in_a_store_put_back_to_an_earlier_state_nothing_is_known_that_is_not_there() {
        let folder = TempDir::new().unwrap();
        SqliteStore::open(&folder.path().join("test.db")).await.unwrap().migrate().await.unwrap();
        let [mut process, other] = [Process::start(&folder), Process::start(&folder)];
        let ids: Vec<_> = (0..20).map(|number| EntryId::stored(number.to_string())).collect();
        process.store(&ids[..10], true);
        let mut earlier = Connection::open_in_memory().unwrap();
        Backup::new(&other.db, &mut earlier).unwrap().run_to_completion(100, Duration::ZERO, None).unwrap();
        process.store(&ids[10..], true);
        let mut file = other.db;
        Backup::new(&earlier, &mut file).unwrap().run_to_completion(100, Duration::ZERO, None).unwrap();
        for (number, id) in (1..).zip(&ids) {
            assert_eq!(process.find(id), (number <= 10).then_some(number), "{id}");
        }
    }

    /// Otherwise a process would read all entries when it starts.
    #[tokio::test]
    async fn the_index_reaches_on_as_entries_come() {
        let folder = TempDir::new().unwrap();
        SqliteStore::open(&folder.path().join("test.db")).await.unwrap().migrate().await.unwrap();
        let mut process = Process::start(&folder);
        for number in 0..200 {
            process.store(&[EntryId::stored(format!("{number}"))], true);
        }
        let reach: i64 = one(&process.db, "SELECT number FROM ledger_ids_reach");
        assert!((180..200).contains(&reach), "{reach}");
        assert_eq!(one::<i64>(&process.db, "SELECT count(*) FROM ledger_ids"), 196);
    }
}
