//! Reading columns as the types of the domain, with an error that names the row and the field.

use std::{fmt::Display, str::FromStr};

use gametriggers_persistence::{Entity, Source};
use gametriggers_types::{Money, Timestamp};
use rusqlite::{
    Row,
    types::{FromSql, ValueRef},
};
use serde::de::DeserializeOwned;

use crate::error::{DbError, DbResult};

/// Of an id that cannot be read, as much is shown.
const SHOWN_CHARS: usize = 64;

/// A row of one entity, its id in hand for error messages. Columns are named as in the table.
pub(crate) struct EntityRow<'r, 's> {
    row: &'r Row<'s>,
    entity: Entity,
    id: String,
}

impl<'r, 's> EntityRow<'r, 's> {
    pub(crate) fn new(row: &'r Row<'s>, entity: Entity, id_column: &'static str) -> DbResult<Self> {
        match row.get(id_column) {
            Ok(id) => Ok(Self { row, entity, id }),
            Err(error) => {
                Err(Self { row, entity, id: shown(row.get_ref(id_column)?) }.unread(id_column, error))
            }
        }
    }

    /// A column of this type. STRICT tables vouch for the kind of value, and not that it is in range, nor that text is UTF-8.
    pub(crate) fn get<T: FromSql>(&self, column: &'static str) -> DbResult<T> {
        self.row.get(column).map_err(|error| self.unread(column, error))
    }

    fn unread(&self, column: &'static str, error: rusqlite::Error) -> DbError {
        use rusqlite::Error::{
            FromSqlConversionFailure, IntegralValueOutOfRange, InvalidColumnType, Utf8Error,
        };
        match error {
            FromSqlConversionFailure(..)
            | IntegralValueOutOfRange(..)
            | InvalidColumnType(..)
            | Utf8Error(..) => self.corrupt(column, error.into()),
            _ => error.into(),
        }
    }

    fn corrupt(&self, column: &'static str, source: Source) -> DbError {
        // What stands beside another document is named with a prefix.
        let field = column.strip_prefix("c_").unwrap_or(column);
        DbError::corrupt(self.entity, &self.id, field, source)
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

    pub(crate) fn money(&self, column: &'static str) -> DbResult<Money> {
        self.get(column).map(Money::from_micros)
    }

    /// A count; the schema holds it as a signed number.
    pub(crate) fn count(&self, column: &'static str) -> DbResult<u64> {
        self.check(column, u64::try_from(self.get::<i64>(column)?))
    }

    pub(crate) fn check<T, E: Into<Source>>(&self, column: &'static str, value: Result<T, E>) -> DbResult<T> {
        value.map_err(|source| self.corrupt(column, source.into()))
    }

    pub(crate) fn require<T>(&self, column: &'static str, value: Option<T>) -> DbResult<T> {
        self.check(column, value.ok_or("not a value that this version knows"))
    }
}

/// As much of a value as tells which row it is.
fn shown(value: ValueRef<'_>) -> String {
    match value {
        ValueRef::Null => "(none)".to_owned(),
        ValueRef::Integer(number) => number.to_string(),
        ValueRef::Real(number) => number.to_string(),
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => {
            let text = String::from_utf8_lossy(bytes);
            text.chars().take(SHOWN_CHARS).flat_map(char::escape_debug).collect()
        }
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
