//! Takes a stored document apart, field by field.

use std::{borrow::Cow, collections::BTreeMap};

use bson::{Bson, Document, RawDocument, RawDocumentBuf};
use gametriggers_types::{ObjectId, Timestamp};
use serde_json::{Map, Value};

use crate::{
    stored::{self, Stored, of_document, of_object, of_raw},
    values::{self, Read},
};

/// A problem with a field, and what is used instead, if anything.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct Problem {
    /// The field, such as `campaignRotationSettings.blackoutPeriods[0].startTime`.
    pub field: Cow<'static, str>,
    /// The problem, and what is used instead.
    pub reason: String,
}

/// The fields of a document that have not been read yet, and notes on fields that could not be used.
///
/// A field that is null counts as absent, as in the previous system.
#[derive(Debug)]
pub struct Fields {
    /// The path of this document in the outer one: empty, or for example `overlaySettings.`.
    path: String,
    untaken: BTreeMap<String, Stored>,
    notes: Vec<Problem>,
}

impl From<Document> for Fields {
    fn from(document: Document) -> Self {
        Self::new(String::new(), of_document(document), Vec::new())
    }
}

/// Reads a document as a database sends it. Bytes that are not UTF-8 affect only the field that contains them.
impl From<&RawDocument> for Fields {
    fn from(document: &RawDocument) -> Self {
        Self::new(String::new(), of_raw(document), Vec::new())
    }
}

impl From<RawDocumentBuf> for Fields {
    fn from(document: RawDocumentBuf) -> Self {
        Self::from(&*document)
    }
}

impl From<&RawDocumentBuf> for Fields {
    fn from(document: &RawDocumentBuf) -> Self {
        Self::from(&**document)
    }
}

impl Fields {
    /// Reads one line of an export: a document in MongoDB Extended JSON.
    ///
    /// # Errors
    /// Says why the line is not a document, without showing any of its content.
    pub fn parse(line: &[u8]) -> Result<Self, String> {
        let text = std::str::from_utf8(line)
            .map_err(|error| format!("not UTF-8 text at byte {}", error.valid_up_to() + 1))?;
        match serde_json::from_str(text) {
            Ok(Value::Object(fields)) => Ok(Self::new(String::new(), of_object(fields), Vec::new())),
            Ok(_) => Err("not a document; each line holds one JSON object".to_owned()),
            Err(error) if error.is_eof() => Err("the document does not end on its line".to_owned()),
            Err(error) => Err(format!("not valid JSON at column {}", error.column())),
        }
    }

    fn new(path: String, untaken: BTreeMap<String, Stored>, notes: Vec<Problem>) -> Self {
        Self { path, untaken, notes }
    }

    /// The document's id; `None` if it is missing or cannot be read. Does not remove the field.
    #[must_use]
    pub fn id(&self) -> Option<ObjectId> {
        values::id(&self.untaken.get("_id")?.clone().into_bson().ok()?).ok()
    }

    /// The document's id as text, for messages. Works for every document and does not remove the field.
    #[must_use]
    pub fn shown_id(&self) -> String {
        match self.untaken.get("_id").cloned().map(Stored::into_bson) {
            None => "without an id".to_owned(),
            Some(Ok(Bson::ObjectId(id))) => id.to_hex(),
            Some(Ok(Bson::String(id))) => stored::plain(&id),
            Some(Ok(id)) => id.to_string(),
            Some(Err(_)) => "with an unreadable id".to_owned(),
        }
    }

    /// Takes the document in field `key`, which a join put there and which is a document of its own.
    #[must_use]
    pub fn joined(&mut self, key: &str) -> Option<Self> {
        let fields = self.untaken.remove(key)?.into_fields()?;
        Some(Self::new(String::new(), fields, Vec::new()))
    }

    /// The notes on fields that could not be used as they were.
    #[must_use]
    pub fn into_notes(self) -> Vec<Problem> {
        self.notes
    }

    /// Takes a required field.
    ///
    /// # Errors
    /// If the field is missing, or `read` refuses it.
    pub fn required<T>(
        &mut self,
        key: &'static str,
        read: impl FnOnce(&Bson) -> Read<T>,
    ) -> Result<T, Problem> {
        self.optional(key, read)?.ok_or_else(|| self.problem_of(key, "missing"))
    }

    /// Takes a field that may be missing but must not be wrong.
    ///
    /// # Errors
    /// If `read` refuses the field.
    pub fn optional<T>(
        &mut self,
        key: &'static str,
        read: impl FnOnce(&Bson) -> Read<T>,
    ) -> Result<Option<T>, Problem> {
        self.take(key, read).map_err(|reason| self.problem_of(key, &reason))
    }

    /// Drops a field that has no meaning here. Returns whether it was there.
    pub(crate) fn forget(&mut self, key: &str) -> bool {
        self.untaken.remove(key).is_some()
    }

    /// Whether the field is there and has not been read yet.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.untaken.contains_key(key)
    }

    /// Repairs a text, or a list of texts, that is only displayed: characters that are not UTF-8 become U+FFFD, and a
    /// note is made.
    pub(crate) fn mend(&mut self, key: &str) {
        let Some(stored) = self.untaken.get_mut(key) else { return };
        if stored.mend() {
            self.note(key, "not UTF-8; the characters that cannot be read are replaced");
        }
    }

    /// Takes a field that counts as absent if it is wrong. A note then gives the reason and what is used `instead`.
    pub(crate) fn usable<T>(
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

    /// Takes a document's time of creation or change. If the field is missing or wrong, returns the time in the id.
    pub(crate) fn time_or_of_id(&mut self, key: &str, id: ObjectId) -> Timestamp {
        self.usable(key, values::time, "the time in the id is used").unwrap_or_else(|| {
            let [a, b, c, d, ..] = id.bytes();
            Timestamp::from_second(u32::from_be_bytes([a, b, c, d]).into()).unwrap_or(Timestamp::UNIX_EPOCH)
        })
    }

    /// Takes an inner document and reads it with `read`. If it is missing or not a document, `read` gets no fields.
    pub(crate) fn inside<T>(&mut self, key: &str, read: impl FnOnce(&mut Self) -> T) -> T {
        let fields = match self.untaken.remove(key).filter(|stored| !stored.is_nothing()) {
            None => BTreeMap::new(),
            Some(stored) => stored.into_fields().unwrap_or_else(|| {
                self.note(key, "not a document; the defaults are used");
                BTreeMap::new()
            }),
        };
        self.descend(key, fields, read)
    }

    /// Takes an inner document and reads it with `read`; `None` if it is missing.
    ///
    /// # Errors
    /// [`Problem`] if the field is not a document; the errors of `read`.
    pub fn within<T>(
        &mut self,
        key: &'static str,
        read: impl FnOnce(&mut Self) -> Result<T, Problem>,
    ) -> Result<Option<T>, Problem> {
        let Some(document) = self.untaken.remove(key).filter(|stored| !stored.is_nothing()) else {
            return Ok(None);
        };
        let fields = document.into_fields();
        let fields = fields.ok_or_else(|| self.problem_of(key, "not a document"))?;
        self.descend(key, fields, read).map(Some)
    }

    /// Takes a list of inner documents and reads each with `read`. Returns the results that are not `None`; none if the
    /// list is missing.
    pub(crate) fn each<T>(&mut self, key: &str, mut read: impl FnMut(&mut Self) -> Option<T>) -> Vec<T> {
        let items = match self.untaken.remove(key).filter(|stored| !stored.is_nothing()) {
            None => Vec::new(),
            Some(stored) => stored.into_items().unwrap_or_else(|| {
                self.note(key, "not a list; left out");
                Vec::new()
            }),
        };
        let mut kept = Vec::new();
        for (index, item) in items.into_iter().enumerate() {
            let key = format!("{key}[{index}]");
            match item.into_fields() {
                Some(fields) => kept.extend(self.descend(&key, fields, &mut read)),
                None => self.note(&key, "not a document; left out"),
            }
        }
        kept
    }

    /// The fields that have not been read, as a JSON object in relaxed Extended JSON.
    ///
    /// # Errors
    /// If a field is not valid Extended JSON.
    pub fn rest(&mut self) -> Result<String, Problem> {
        let mut rest = Map::new();
        for (key, value) in std::mem::take(&mut self.untaken) {
            let value = value.into_bson().map_err(|reason| self.problem(&key, &reason))?;
            rest.insert(key, value.into_relaxed_extjson());
        }
        Ok(Value::Object(rest).to_string())
    }

    /// Adds a note on what is wrong with a field and what is used instead.
    pub fn note(&mut self, key: &str, reason: &str) {
        let note = self.problem(key, reason);
        self.notes.push(note);
    }

    /// A problem with a field of this document.
    #[must_use]
    pub fn problem(&self, key: &str, reason: &str) -> Problem {
        Problem { field: stored::plain(&format!("{}{key}", self.path)).into(), reason: stored::plain(reason) }
    }

    /// As [`problem`](Self::problem), for a field name that is a constant, which is not copied.
    fn problem_of(&self, key: &'static str, reason: &str) -> Problem {
        let problem = self.problem(key, reason);
        if self.path.is_empty() { Problem { field: key.into(), ..problem } } else { problem }
    }

    fn take<T>(&mut self, key: &str, read: impl FnOnce(&Bson) -> Read<T>) -> Read<Option<T>> {
        let Some(value) = self.untaken.remove(key) else { return Ok(None) };
        match value.into_bson()? {
            Bson::Null | Bson::Undefined => Ok(None),
            value => read(&value).map(Some),
        }
    }

    fn descend<T>(
        &mut self,
        key: &str,
        untaken: BTreeMap<String, Stored>,
        read: impl FnOnce(&mut Self) -> T,
    ) -> T {
        let notes = std::mem::take(&mut self.notes);
        let mut inner = Self::new(format!("{}{key}.", self.path), untaken, notes);
        let result = read(&mut inner);
        self.notes = inner.notes;
        result
    }
}

#[cfg(test)]
mod tests {
    use bson::doc;

    use super::*;
    use crate::values::{flag, number, text};

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
    fn a_document_of_a_database_is_taken_apart_like_a_line() {
        let null = Bson::Null;
        let mut fields =
            Fields::from(doc! {"a": {"b": 1, "c": [{"d": true}, 7]}, "n": &null, "u": Bson::Undefined});
        let (b, d) =
            fields.inside("a", |a| (a.optional("b", text), a.each("c", |c| c.usable("d", flag, "left out"))));
        assert_eq!(b, Err(Problem { field: "a.b".into(), reason: "not text".to_owned() }));
        assert_eq!(d, [true]);
        assert_eq!(fields.inside("n", |n| n.optional("x", text)), Ok(None));
        assert_eq!(fields.each("u", |_| Some(())), []);
        let notes: Vec<_> = fields.into_notes().into_iter().map(|note| note.field.into_owned()).collect();
        assert_eq!(notes, ["a.c[1]"]);
    }

    #[test]
    fn a_wrong_value_is_a_problem_or_a_note_that_names_its_place() {
        let mut fields = fields(r#"{"a": {"b": 1, "c": [{"d": "x"}, 7, {"d": true}]}}"#);
        let (b, d) =
            fields.inside("a", |a| (a.optional("b", text), a.each("c", |c| c.usable("d", flag, "left out"))));
        assert_eq!(b, Err(Problem { field: "a.b".into(), reason: "not text".to_owned() }));
        assert_eq!(d, [true]);
        let notes: Vec<_> =
            fields.into_notes().into_iter().map(|note| (note.field.into_owned(), note.reason)).collect();
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
        assert_eq!((&*problem.field, problem.reason.as_str()), ("email", "missing"));
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
