//! Reads columns as types of the domain. An error names the row and the field.

use std::{fmt::Display, str::FromStr};

use gametriggers_persistence::{Entity, Source};
use gametriggers_types::{Money, Timestamp};
use rusqlite::{
    Row,
    types::{FromSql, ValueRef},
};
use serde::de::DeserializeOwned;

use crate::error::{DbError, DbResult};

/// How many characters of an unreadable id an error shows.
const SHOWN_CHARS: usize = 64;

/// A row of one entity, with its id for error messages.
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

    /// Reads a column as a value of type `T`. A STRICT table guarantees that the value has the type of its column. It
    /// does not guarantee that a number is in the range of `T`, or that text is UTF-8.
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
        // Queries give the columns of a campaign the prefix `c_`, because some queries also return columns of a
        // participation. The field in the error has no prefix.
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

    /// Reads a count, which the schema holds as a signed number.
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

/// Returns the value of an unreadable id as text for an error message. Text is cut off after [`SHOWN_CHARS`]
/// characters.
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

/// Converts a count to the signed number that the schema holds. No counter reaches 2^63, so the conversion loses
/// nothing.
pub(crate) fn signed(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

pub(crate) fn text(value: impl Display) -> String {
    value.to_string()
}

/// Writes a value as JSON text. This does not fail for any type that the store holds.
pub(crate) fn json_text<T: serde::Serialize>(
    entity: Entity,
    id: &str,
    field: &'static str,
    value: &T,
) -> DbResult<String> {
    serde_json::to_string(value).map_err(|error| DbError::corrupt(entity, id, field, error))
}

#[cfg(test)]
mod tests {
    use gametriggers_persistence::StorageError;
    use gametriggers_types::CampaignStatus;
    use rusqlite::Connection;

    use super::*;

    /// The id and the field that the error names when `read` reads this row.
    fn named(columns: &str, read: impl Fn(&EntityRow<'_, '_>) -> DbResult<()>) -> (String, &'static str) {
        let db = Connection::open_in_memory().unwrap();
        let mut select = db.prepare(&format!("SELECT {columns}")).unwrap();
        let mut rows = select.query([]).unwrap();
        let row = rows.next().unwrap().unwrap();
        let error = EntityRow::new(row, Entity::Campaign, "c_id").and_then(|row| read(&row)).unwrap_err();
        let DbError::Storage(StorageError::Corrupt { entity: Entity::Campaign, id, field, .. }) = error
        else {
            panic!("{columns}: {error:?}")
        };
        (id, field)
    }

    /// The definition of a table refuses some of these values. The table can hold them if somebody has edited its
    /// definition in `sqlite_schema`.
    #[test]
    fn a_value_of_any_wrong_type_is_named_by_its_row_and_field() {
        for value in ["NULL", "x'00ff'", "CAST(x'ff' AS TEXT)", "'nothing known'", "1.5", "9e99"] {
            let columns = format!("'7' AS c_id, {value} AS c_status");
            assert_eq!(
                named(&columns, |row| row.parse::<CampaignStatus>("c_status").map(|_| ())),
                ("7".to_owned(), "status")
            );
            assert_eq!(
                named(&columns, |row| row.json::<u8>("c_status").map(|_| ())),
                ("7".to_owned(), "status")
            );
            assert_eq!(named(&columns, |row| row.count("c_status").map(|_| ())), ("7".to_owned(), "status"));
        }
        for value in ["-1", "x''", "''"] {
            let columns = format!("'7' AS c_id, {value} AS c_status");
            assert_eq!(named(&columns, |row| row.count("c_status").map(|_| ())), ("7".to_owned(), "status"));
        }
    }

    #[test]
    fn an_id_that_cannot_be_read_is_shown_as_far_as_it_tells() {
        for (value, shown) in [
            ("NULL", "(none)"),
            ("12", "12"),
            ("1.5", "1.5"),
            ("x'610a'", "a\\n"),
            ("CAST(x'62ff' AS TEXT)", "b\u{fffd}"),
            ("zeroblob(1000)", &"\\0".repeat(SHOWN_CHARS)),
        ] {
            assert_eq!(named(&format!("{value} AS c_id"), |_| Ok(())), (shown.to_owned(), "id"), "{value}");
        }
    }
}
