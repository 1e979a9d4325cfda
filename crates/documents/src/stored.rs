//! A field's value in the form in which it was found.

use std::{borrow::Cow, collections::BTreeMap};

use bson::{Bson, Document, RawArrayBuf, RawBson, RawDocument, RawDocumentBuf, raw::RawElement};
use serde_json::{Map, Value};

use crate::{extended_json, values::Read};

const NOT_EXTENDED_JSON: &str = "not MongoDB Extended JSON";
const NOT_UTF8: &str = "not UTF-8";
const MALFORMED: &str = "not readable as BSON";

/// A field's value in the form in which it was found.
///
/// It is converted only when the field is read, so that a wrong value affects only its own field. Lines of an export
/// may hold JSON that is not Extended JSON, and texts in a database may hold any bytes.
#[derive(Debug, Clone)]
pub(crate) enum Stored {
    Bson(Bson),
    Json(Value),
    /// A document from a database, not parsed yet.
    Document(RawDocumentBuf),
    /// A list from a database, not parsed yet.
    Array(RawArrayBuf),
    /// A text that was not UTF-8, with U+FFFD for invalid bytes.
    Lossy(String),
    /// Bytes that are not valid BSON.
    Malformed,
}

impl Stored {
    pub(crate) fn into_bson(self) -> Read<Bson> {
        let not_utf8 = |_| NOT_UTF8.to_owned();
        match self {
            Self::Bson(value) => Ok(value),
            // The error of the conversion is not used, because it may show the value.
            Self::Json(value) => extended_json::read(value).ok_or_else(|| NOT_EXTENDED_JSON.to_owned()),
            Self::Document(document) => Document::try_from(&*document).map(Bson::from).map_err(not_utf8),
            Self::Array(items) => RawBson::Array(items).try_into().map_err(not_utf8),
            Self::Lossy(_) => Err(NOT_UTF8.to_owned()),
            Self::Malformed => Err(MALFORMED.to_owned()),
        }
    }

    pub(crate) fn into_fields(self) -> Option<BTreeMap<String, Self>> {
        match self {
            Self::Bson(Bson::Document(document)) => Some(of_document(document)),
            Self::Json(Value::Object(fields)) => Some(of_object(fields)),
            Self::Document(document) => Some(of_raw(&document)),
            _ => None,
        }
    }

    pub(crate) fn into_items(self) -> Option<Vec<Self>> {
        match self {
            Self::Bson(Bson::Array(items)) => Some(items.into_iter().map(Self::Bson).collect()),
            Self::Json(Value::Array(items)) => Some(items.into_iter().map(Self::Json).collect()),
            Self::Array(items) => Some(items_of(&items)),
            _ => None,
        }
    }

    /// Whether the value counts as absent.
    pub(crate) const fn is_nothing(&self) -> bool {
        matches!(self, Self::Bson(Bson::Null | Bson::Undefined) | Self::Json(Value::Null))
    }

    /// Replaces invalid UTF-8 by U+FFFD, in a text or a list of texts. Returns true if something was replaced.
    pub(crate) fn mend(&mut self) -> bool {
        match self {
            Self::Lossy(text) => {
                *self = Self::Bson(std::mem::take(text).into());
                true
            }
            Self::Array(items) => {
                let mut items = items_of(items);
                let mended = items.iter_mut().filter_map(|item| item.mend().then_some(())).count();
                if mended > 0 {
                    let items = items.into_iter().filter_map(|item| item.into_bson().ok());
                    *self = Self::Bson(Bson::Array(items.collect()));
                }
                mended > 0
            }
            _ => false,
        }
    }
}

impl From<RawElement<'_>> for Stored {
    fn from(element: RawElement<'_>) -> Self {
        match element.value().map(RawBson::from) {
            Ok(RawBson::Document(document)) => Self::Document(document),
            Ok(RawBson::Array(items)) => Self::Array(items),
            Ok(value) => Bson::try_from(value).map_or(Self::Malformed, Self::Bson),
            Err(_) => match element.value_utf8_lossy() {
                Ok(RawBson::String(text)) => Self::Lossy(text),
                _ => Self::Malformed,
            },
        }
    }
}

fn items_of(items: &RawArrayBuf) -> Vec<Stored> {
    items.iter_elements().map(|item| item.map_or(Stored::Malformed, Stored::from)).collect()
}

pub(crate) fn of_document(document: Document) -> BTreeMap<String, Stored> {
    document.into_iter().map(|(key, value)| (key, Stored::Bson(value))).collect()
}

pub(crate) fn of_object(object: Map<String, Value>) -> BTreeMap<String, Stored> {
    object.into_iter().map(|(key, value)| (key, Stored::Json(value))).collect()
}

/// The fields of a document, up to the first element that cannot be parsed.
pub(crate) fn of_raw(document: &RawDocument) -> BTreeMap<String, Stored> {
    let document = with_readable_keys(document);
    let elements = document.iter_elements().map_while(Result::ok);
    elements.map(|element| (element.key().as_str().to_owned(), element.into())).collect()
}

/// The document with a question mark for every byte above ASCII in the field names that are not UTF-8. The BSON reader
/// would stop at the first such name. No field that is read here has such a name.
fn with_readable_keys(document: &RawDocument) -> Cow<'_, RawDocument> {
    let mut readable = Cow::Borrowed(document);
    while let Some(name_at) = first_unreadable_key(&readable) {
        let mut bytes = readable.into_owned().into_bytes();
        let Some(name) = bytes.get_mut(name_at..) else { return Cow::Borrowed(document) };
        let end = name.iter().position(|byte| *byte == 0).unwrap_or(name.len());
        for byte in name[..end].iter_mut().filter(|byte| !byte.is_ascii()) {
            *byte = b'?';
        }
        readable = match RawDocumentBuf::from_bytes(bytes) {
            Ok(mended) => Cow::Owned(mended),
            Err(_) => return Cow::Borrowed(document),
        };
    }
    readable
}

/// The offset of the first field name that is not UTF-8.
fn first_unreadable_key(document: &RawDocument) -> Option<usize> {
    // BSON layout: the length of the document in 4 bytes; then each element as type (1 byte), name with a zero byte,
    // value.
    let mut at = 4;
    for element in document.iter_elements() {
        let Ok(element) = element else {
            let name = document.as_bytes().get(at + 1..)?;
            let end = name.iter().position(|byte| *byte == 0)?;
            return std::str::from_utf8(&name[..end]).is_err().then_some(at + 1);
        };
        at += 1 + element.key().len() + 1 + element.size();
    }
    None
}

/// Replaces control characters. Field names and reasons may contain texts of users and are shown on a terminal.
pub(crate) fn plain(text: &str) -> String {
    text.replace(char::is_control, "\u{fffd}")
}

#[cfg(test)]
mod tests {
    use bson::doc;

    use super::*;
    use crate::{Fields, values::text};

    /// The document, with a byte that is no UTF-8 in place of each `#`.
    fn broken(document: &Document) -> RawDocumentBuf {
        let mut bytes = RawDocumentBuf::try_from(document).unwrap().into_bytes();
        bytes.iter_mut().filter(|byte| **byte == b'#').for_each(|byte| *byte = 0xff);
        RawDocumentBuf::from_bytes(bytes).unwrap()
    }

    #[test]
    fn a_byte_that_is_not_utf8_harms_the_field_that_it_is_in() {
        let document = broken(&doc! {"a": "#", "b": {"c": ["x", "#"], "d": 1}, "e": "whole"});
        let mut fields = Fields::from(&document);
        assert_eq!(fields.optional("a", text).unwrap_err().reason, "not UTF-8");
        assert_eq!(fields.optional("b", |_| Ok(())).unwrap_err().reason, "not UTF-8");
        assert_eq!(fields.optional("e", text).unwrap().as_deref(), Some("whole"));
    }

    #[test]
    fn a_name_that_is_not_utf8_hides_no_other() {
        let document =
            broken(&doc! {"#": 1, "a": "x", "é#": {"#": 1}, "b": {"##": 1, "c": "y", "d": "#"}, "é": 2});
        let mut fields = Fields::from(&document);
        assert_eq!(fields.optional("a", text).unwrap().as_deref(), Some("x"));
        let inner = fields.within("b", |b| b.optional("c", text)).unwrap().unwrap();
        assert_eq!(inner.as_deref(), Some("y"));
        assert!(fields.has("é"));
    }

    #[test]
    fn what_is_only_shown_is_shown_as_far_as_it_can_be_read() {
        let document = broken(&doc! {"title": "a#b", "tags": ["x", "#", 7], "whole": "c"});
        let mut fields = Fields::from(&document);
        for field in ["title", "tags", "whole", "absent"] {
            fields.mend(field);
        }
        assert_eq!(fields.optional("title", text).unwrap().as_deref(), Some("a\u{fffd}b"));
        let tags = fields.optional("tags", |tags| Ok(tags.clone())).unwrap();
        assert_eq!(tags, Some(vec![Bson::from("x"), Bson::from("\u{fffd}"), Bson::from(7)].into()));
        let noted: Vec<_> = fields.into_notes().into_iter().map(|note| note.field.into_owned()).collect();
        assert_eq!(noted, ["title", "tags"]);
    }

    /// Whatever bytes a server sends, nothing panics, and what can be told apart is.
    #[test]
    fn any_byte_may_be_any_other() {
        let whole = doc! {"a": "text", "b": {"c": [1, "x"]}, "d": bson::Regex { pattern: cstr("p"), options: cstr("i") }};
        let bytes = RawDocumentBuf::try_from(&whole).unwrap().into_bytes();
        for at in 4..bytes.len() - 1 {
            for byte in [0, 1, 0x7f, 0x80, 0xc3, 0xff] {
                let mut bytes = bytes.clone();
                bytes[at] = byte;
                let document = RawDocumentBuf::from_bytes(bytes).unwrap();
                for (_, stored) in of_raw(&document) {
                    let _ = (
                        stored.clone().into_bson(),
                        stored.clone().into_items(),
                        stored.clone().into_fields(),
                    );
                    stored.clone().mend();
                }
            }
        }
    }

    fn cstr(text: &str) -> bson::raw::CString {
        text.to_owned().try_into().unwrap()
    }
}
