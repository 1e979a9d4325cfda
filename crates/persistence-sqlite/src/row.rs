//! Reading columns as the types of the domain, with an error that names the row and the field.

use std::{fmt::Display, str::FromStr};

use gametriggers_persistence::{Entity, Source};
use gametriggers_types::{Money, Timestamp};
use rusqlite::{Row, types::FromSql};
use serde::de::DeserializeOwned;

use crate::error::{DbError, DbResult};

/// A row of one entity, its id in hand for error messages. Columns are named as in the table.
pub(crate) struct EntityRow<'r, 's> {
    row: &'r Row<'s>,
    entity: Entity,
    id: String,
}

impl<'r, 's> EntityRow<'r, 's> {
    pub(crate) fn new(row: &'r Row<'s>, entity: Entity, id_column: &str) -> DbResult<Self> {
        let id = row.get(id_column)?;
        Ok(Self { row, entity, id })
    }

    /// A column that SQLite's own type checking (STRICT tables) already vouches for.
    pub(crate) fn get<T: FromSql>(&self, column: &str) -> DbResult<T> {
        Ok(self.row.get(column)?)
    }

    pub(crate) fn parse<T>(&self, column: &'static str) -> DbResult<T>
    where
        T: FromStr<Err: Into<Source>>,
    {
        self.check(column, self.get::<String>(column)?.parse())
    }

    pub(crate) fn optional<T>(&self, column: &'static str) -> DbResult<Option<T>>
    where
        T: FromStr<Err: Into<Source>>,
    {
        let text: Option<String> = self.get(column)?;
        text.map(|text| self.check(column, text.parse())).transpose()
    }

    pub(crate) fn json<T: DeserializeOwned>(&self, column: &'static str) -> DbResult<T> {
        self.check(column, serde_json::from_str(&self.get::<String>(column)?))
    }

    pub(crate) fn time(&self, column: &'static str) -> DbResult<Timestamp> {
        self.check(column, Timestamp::from_millisecond(self.get(column)?))
    }

    pub(crate) fn optional_time(&self, column: &'static str) -> DbResult<Option<Timestamp>> {
        let millis: Option<i64> = self.get(column)?;
        millis.map(|millis| self.check(column, Timestamp::from_millisecond(millis))).transpose()
    }

    pub(crate) fn money(&self, column: &str) -> DbResult<Money> {
        self.get(column).map(Money::from_micros)
    }

    /// A count; the schema holds it as a signed number.
    pub(crate) fn count(&self, column: &'static str) -> DbResult<u64> {
        self.check(column, u64::try_from(self.get::<i64>(column)?))
    }

    pub(crate) fn check<T, E: Into<Source>>(&self, column: &'static str, value: Result<T, E>) -> DbResult<T> {
        value.map_err(|source| DbError::corrupt(self.entity, &self.id, column, source))
    }

    pub(crate) fn require<T>(&self, column: &'static str, value: Option<T>) -> DbResult<T> {
        self.check(column, value.ok_or("not a value that this version knows"))
    }
}

/// A count as the schema holds it. No counter reaches 2^63.
pub(crate) fn signed(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

pub(crate) fn text(value: impl Display) -> String {
    value.to_string()
}

/// The JSON of a value that always has one.
pub(crate) fn json_text<T: serde::Serialize>(
    entity: Entity,
    id: &str,
    field: &'static str,
    value: &T,
) -> DbResult<String> {
    serde_json::to_string(value).map_err(|error| DbError::corrupt(entity, id, field, error))
}
