//! Checks that every entry is stored once and is found by its id.

use std::collections::{BTreeMap, HashMap};

use gametriggers_persistence::{Discrepancy, Entity};
use rusqlite::{Connection, OptionalExtension, Row};

use super::Survey;
use crate::{
    error::DbResult,
    ledger::ids::{Digest, digest_of, reach},
};

/// An entry that is not found by its id. A repetition of it would count again.
pub(super) struct Unindexed {
    pub(super) digest: Digest,
    pub(super) number: i64,
    /// The number that the index holds instead; `None` if it holds none.
    pub(super) indexed: Option<i64>,
    id: String,
}

impl Unindexed {
    pub(super) fn discrepancy(&self) -> Discrepancy {
        Discrepancy {
            entity: Entity::LedgerEntry,
            id: self.id.clone(),
            field: "number by its id",
            stored: self.indexed.unwrap_or(0),
            expected: self.number,
        }
    }
}

/// The ids that are stored more than once, and how often each is stored.
#[derive(Default)]
pub(super) struct TwiceStored(BTreeMap<String, i64>);

impl TwiceStored {
    fn again(&mut self, id: String) {
        *self.0.entry(id).or_insert(1) += 1;
    }

    pub(super) fn discrepancies(&self) -> impl Iterator<Item = Discrepancy> {
        self.0.iter().map(|(id, &stored)| Discrepancy {
            entity: Entity::LedgerEntry,
            id: id.clone(),
            field: Discrepancy::TIMES_STORED,
            stored,
            expected: 1,
        })
    }
}

/// Checks one entry after the other. Holds the ids that are not in the index, of which there are few.
pub(super) struct IndexCheck<'db> {
    db: &'db Connection,
    reach: i64,
    late: HashMap<Digest, i64>,
}

impl<'db> IndexCheck<'db> {
    pub(super) fn begin(db: &'db Connection) -> DbResult<Self> {
        Ok(Self { db, reach: reach(db)?.number, late: HashMap::new() })
    }

    /// Checks one entry. Must be called for every entry. The number and the id must be the first two columns of the
    /// row.
    pub(super) fn look_at(&mut self, row: &Row<'_>, survey: &mut Survey) -> DbResult<()> {
        let (number, digest) = (row.get(0)?, digest_of(row, 1)?);
        let id =
            || Ok::<_, rusqlite::Error>(String::from_utf8_lossy(row.get_ref(1)?.as_bytes()?).into_owned());
        let mut find = self.db.prepare_cached("SELECT number FROM ledger_ids WHERE digest = ?")?;
        let indexed: Option<i64> = find.query_row([digest], |row| row.get(0)).optional()?;
        match indexed {
            Some(indexed) if indexed == number => {}
            Some(indexed) if self.is_stored(indexed, digest)? => survey.twice.again(id()?),
            None if self.late.insert(digest, number).is_some() => survey.twice.again(id()?),
            // The newest ids are indexed later.
            None if number > self.reach => {}
            _ => survey.unindexed.push(Unindexed { digest, number, indexed, id: id()? }),
        }
        Ok(())
    }

    fn is_stored(&self, number: i64, digest: Digest) -> DbResult<bool> {
        let mut find = self.db.prepare_cached("SELECT id FROM ledger_entries WHERE number = ?")?;
        let stored = find.query_row([number], |row| digest_of(row, 0)).optional()?;
        Ok(stored == Some(digest))
    }
}
