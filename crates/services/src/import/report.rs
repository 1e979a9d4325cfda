//! What became of an import.

use std::fmt;

use gametriggers_types::ObjectId;

/// What became of an import, by collection.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct ImportReport {
    pub users: CollectionReport,
    pub campaigns: CollectionReport,
    pub participations: CollectionReport,
}

impl ImportReport {
    /// Every document that was refused.
    pub fn refused(&self) -> impl Iterator<Item = &Remark> {
        self.collections().into_iter().flat_map(|collection| &collection.refused)
    }

    /// Every value that could not be used as it was.
    pub fn notes(&self) -> impl Iterator<Item = &Remark> {
        self.collections().into_iter().flat_map(|collection| &collection.notes)
    }

    fn collections(&self) -> [&CollectionReport; 3] {
        [&self.users, &self.campaigns, &self.participations]
    }
}

/// What became of one collection's file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CollectionReport {
    /// Whether the file was there.
    pub found: bool,
    /// Documents stored now.
    pub inserted: u64,
    /// Documents whose id was stored before; the stored ones stay as they are.
    pub already_present: u64,
    /// Lines that hold no document that could be stored.
    pub refused: Vec<Remark>,
    /// Values of documents stored now that were replaced, left out, or kept without being understood.
    pub notes: Vec<Remark>,
}

/// Something that whoever imports should know about a line. Never shows a token, an e-mail address or a password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remark {
    /// The file.
    pub file: &'static str,
    /// The line, from 1.
    pub line: u64,
    /// The document's id, where it could be read.
    pub id: Option<ObjectId>,
    /// The field, such as `campaignRotationSettings.blackoutPeriods[0].startTime`.
    pub field: Option<String>,
    /// What is wrong with it, and what was done instead.
    pub reason: String,
}

impl fmt::Display for Remark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} line {}", self.file, self.line)?;
        if let Some(id) = self.id {
            write!(f, " ({id})")?;
        }
        if let Some(field) = &self.field {
            write!(f, ": {field}")?;
        }
        write!(f, ": {}", self.reason)
    }
}
