//! Taking a stored document apart, field by field.

use bson::Bson;
use gametriggers_types::{ObjectId, Timestamp};
use serde_json::{Map, Value};

use super::values::{self, Read};

const NOT_EXTENDED_JSON: &str = "not MongoDB Extended JSON";

/// What is wrong with a field, and what was done instead.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Problem {
    pub(super) field: String,
    pub(super) reason: String,
}

/// The fields of a document that have not been taken yet, and notes on those that could not be used.
///
/// A field that is null counts as absent, as it did in the previous system.
#[derive(Debug)]
pub(super) struct Fields {
    /// Where this document is inside the whole one: nothing, or such as `overlaySettings.`.
    path: String,
    untaken: Map<String, Value>,
    notes: Vec<Problem>,
}

impl Fields {
    /// The document that a line holds. The error says why it holds none, without showing any of it.
    pub(super) fn parse(line: &[u8]) -> Result<Self, String> {
        match serde_json::from_slice(line) {
            Ok(Value::Object(untaken)) => Ok(Self { path: String::new(), untaken, notes: Vec::new() }),
            Ok(_) => Err("not a document; each line holds one JSON object".to_owned()),
            Err(error) if error.is_eof() => Err("the document does not end on its line".to_owned()),
            Err(error) => Err(format!("not valid JSON at column {}", error.column())),
        }
    }

    /// The document's id, if it can be read. Leaves it in place.
    pub(super) fn id(&self) -> Option<ObjectId> {
        let id = Bson::try_from(self.untaken.get("_id")?.clone()).ok()?;
        values::id(&id).ok()
    }

    pub(super) fn into_notes(self) -> Vec<Problem> {
        self.notes
    }

    /// Takes a field without which there is no document.
    pub(super) fn required<T>(
        &mut self,
        key: &str,
        read: impl FnOnce(&Bson) -> Read<T>,
    ) -> Result<T, Problem> {
        self.optional(key, read)?.ok_or_else(|| self.problem(key, "missing"))
    }

    /// Takes a field that may be absent, but must not be wrong.
    pub(super) fn optional<T>(
        &mut self,
        key: &str,
        read: impl FnOnce(&Bson) -> Read<T>,
    ) -> Result<Option<T>, Problem> {
        self.take(key, read).map_err(|reason| self.problem(key, &reason))
    }

    /// Takes a field that is as good as absent if it is wrong; a note then says so and what happens `instead`.
    pub(super) fn usable<T>(
        &mut self,
        key: &str,
        read: impl FnOnce(&Bson) -> Read<T>,
        instead: &str,
    ) -> Option<T> {
        self.take(key, read).unwrap_or_else(|reason| {
            self.note(key, &format!("{reason}; {instead}"));
            None
        })
    }

    /// Takes the time of a document's making or change; without one, the time in its id.
    pub(super) fn time_or_of_id(&mut self, key: &str, id: ObjectId) -> Timestamp {
        self.usable(key, values::time, "the time in the id is used").unwrap_or_else(|| {
            let [a, b, c, d, ..] = id.bytes();
            Timestamp::from_second(u32::from_be_bytes([a, b, c, d]).into()).unwrap_or(Timestamp::UNIX_EPOCH)
        })
    }

    /// Takes the document inside this one, empty where there is none, and reads it.
    pub(super) fn inside<T>(&mut self, key: &str, read: impl FnOnce(&mut Self) -> T) -> T {
        let fields = match self.untaken.remove(key) {
            Some(Value::Object(fields)) => fields,
            None | Some(Value::Null) => Map::new(),
            Some(_) => {
                self.note(key, "not a document; the defaults are used");
                Map::new()
            }
        };
        self.descend(key, fields, read)
    }

    /// Takes the list of documents inside this one, empty where there is none, and keeps what `read` makes of each.
    pub(super) fn each<T>(&mut self, key: &str, mut read: impl FnMut(&mut Self) -> Option<T>) -> Vec<T> {
        let items = match self.untaken.remove(key) {
            Some(Value::Array(items)) => items,
            None | Some(Value::Null) => Vec::new(),
            Some(_) => {
                self.note(key, "not a list; left out");
                Vec::new()
            }
        };
        let mut kept = Vec::new();
        for (index, item) in items.into_iter().enumerate() {
            let key = format!("{key}[{index}]");
            match item {
                Value::Object(fields) => kept.extend(self.descend(&key, fields, &mut read)),
                _ => self.note(&key, "not a document; left out"),
            }
        }
        kept
    }

    /// The fields that nobody took, as a JSON object in relaxed Extended JSON.
    pub(super) fn rest(&mut self) -> Result<String, Problem> {
        let mut rest = Map::new();
        for (key, value) in std::mem::take(&mut self.untaken) {
            let value = Bson::try_from(value).map_err(|_| self.problem(&key, NOT_EXTENDED_JSON))?;
            rest.insert(key, value.into_relaxed_extjson());
        }
        Ok(Value::Object(rest).to_string())
    }

    pub(super) fn note(&mut self, key: &str, reason: &str) {
        let note = self.problem(key, reason);
        self.notes.push(note);
    }

    pub(super) fn problem(&self, key: &str, reason: &str) -> Problem {
        // Both may hold texts of users, and are read on a terminal.
        let plain = |text: String| text.replace(char::is_control, "\u{fffd}");
        Problem { field: plain(format!("{}{key}", self.path)), reason: plain(reason.to_owned()) }
    }

    fn take<T>(&mut self, key: &str, read: impl FnOnce(&Bson) -> Read<T>) -> Read<Option<T>> {
        let Some(value) = self.untaken.remove(key) else { return Ok(None) };
        // What the conversion says of a wrong value may show it.
        match Bson::try_from(value).map_err(|_| NOT_EXTENDED_JSON)? {
            Bson::Null | Bson::Undefined => Ok(None),
            value => read(&value).map(Some),
        }
    }

    fn descend<T>(&mut self, key: &str, untaken: Map<String, Value>, read: impl FnOnce(&mut Self) -> T) -> T {
        let notes = std::mem::take(&mut self.notes);
        let mut inner = Self { path: format!("{}{key}.", self.path), untaken, notes };
        let result = read(&mut inner);
        self.notes = inner.notes;
        result
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::import::values::{flag, number, text};

    fn fields(json: &str) -> Fields {
        Fields::parse(json.as_bytes()).unwrap()
    }

    #[test]
    fn null_and_undefined_count_as_absent() {
        let mut fields = fields(r#"{"a": null, "b": {"$undefined": true}}"#);
        assert_eq!(fields.optional("a", text), Ok(None));
        assert_eq!(fields.optional("b", text), Ok(None));
        assert_eq!(fields.optional("c", text), Ok(None));
        assert!(fields.into_notes().is_empty());
    }

    #[test]
    fn a_wrong_value_is_a_problem_or_a_note_that_names_its_place() {
        let mut fields = fields(r#"{"a": {"b": 1, "c": [{"d": "x"}, 7, {"d": true}]}}"#);
        let (b, d) =
            fields.inside("a", |a| (a.optional("b", text), a.each("c", |c| c.usable("d", flag, "left out"))));
        assert_eq!(b, Err(Problem { field: "a.b".to_owned(), reason: "not text".to_owned() }));
        assert_eq!(d, [true]);
        let notes: Vec<_> = fields.into_notes().into_iter().map(|note| (note.field, note.reason)).collect();
        assert_eq!(
            notes,
            [
                ("a.c[0].d".to_owned(), "neither true nor false; left out".to_owned()),
                ("a.c[1]".to_owned(), "not a document; left out".to_owned()),
            ]
        );
    }

    #[test]
    fn a_missing_field_that_is_required_is_named() {
        let problem = fields("{}").required("email", text).unwrap_err();
        assert_eq!((problem.field.as_str(), problem.reason.as_str()), ("email", "missing"));
    }

    #[test]
    fn what_is_not_taken_is_kept_in_relaxed_extended_json() {
        let mut fields = fields(
            r#"{"taken": 1, "xp": {"total": {"$numberLong": "7"}, "at": {"$date": {"$numberLong": "1751328000000"}}},
                "streakLastDate": null, "rate": {"$numberDecimal": "1.50"}, "by": {"$oid": "6864d4187d06a675f2abb714"},
                "far": {"$date": {"$numberLong": "-1"}}, "half": {"$numberDouble": "0.5"}}"#,
        );
        fields.optional("taken", number).unwrap();
        let rest: Value = serde_json::from_str(&fields.rest().unwrap()).unwrap();
        let expected = serde_json::json!({
            "xp": {"total": 7, "at": {"$date": "2025-07-01T00:00:00Z"}},
            "streakLastDate": null,
            "rate": {"$numberDecimal": "1.50"},
            "by": {"$oid": "6864d4187d06a675f2abb714"},
            "far": {"$date": {"$numberLong": "-1"}},
            "half": 0.5,
        });
        assert_eq!(rest, expected);
    }

    #[test]
    fn a_line_that_is_no_document_is_described_and_not_shown() {
        for (line, reason) in [
            ("\"secret\"", "not a document; each line holds one JSON object"),
            ("[1]", "not a document; each line holds one JSON object"),
            ("{\"password\": \"secret\"", "the document does not end on its line"),
            ("{\"a\": 1},", "not valid JSON at column 9"),
            ("{secret}", "not valid JSON at column 2"),
        ] {
            assert_eq!(Fields::parse(line.as_bytes()).unwrap_err(), reason, "{line}");
        }
        assert!(Fields::parse(b"{\"a\": \"\xff\"}").is_err());
    }

    #[test]
    fn control_characters_do_not_reach_the_terminal() {
        let fields = fields("{}");
        assert!(!fields.problem("a\u{1b}[2J", "b\u{7}\n").field.contains('\u{1b}'));
        assert_eq!(fields.problem("a", "b\u{7}\n").reason, "b\u{fffd}\u{fffd}");
    }

    #[test]
    fn the_time_in_the_id_stands_in_for_a_missing_one() {
        let id: ObjectId = "6864d4187d06a675f2abb714".parse().unwrap();
        let mut fields = fields(r#"{"createdAt": {"$date": "2025-07-02T06:30:00.123Z"}, "updatedAt": "x"}"#);
        assert_eq!(fields.time_or_of_id("createdAt", id).to_string(), "2025-07-02T06:30:00.123Z");
        assert_eq!(fields.time_or_of_id("updatedAt", id).to_string(), "2025-07-02T06:39:20Z");
        assert_eq!(fields.into_notes().len(), 1);
    }
}
