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
    /// Participations stored now whose browser source has the token of the export, which can be guessed where the previous
    /// system made it (defect O20).
    pub tokens_kept: u64,
    /// Participations stored now whose browser source got a new token.
    pub tokens_renewed: u64,
}

/// Remarks of each kind that a collection's report names at most; others are counted.
const NAMED_MAX: usize = 10_000;

impl ImportReport {
    /// Every document that was refused, as far as they are named.
    pub fn refused(&self) -> impl Iterator<Item = &Remark> {
        self.collections().into_iter().flat_map(|collection| &collection.refused)
    }

    /// Every value that could not be used as it was, as far as they are named.
    pub fn notes(&self) -> impl Iterator<Item = &Remark> {
        self.collections().into_iter().flat_map(|collection| &collection.notes)
    }

    /// How many refusals and notes are not named.
    #[must_use]
    pub fn unnamed(&self) -> (u64, u64) {
        let unnamed = |count: u64, named: &Vec<Remark>| count - u64::try_from(named.len()).unwrap_or(count);
        let of_one = |report: &CollectionReport| {
            (unnamed(report.refused_count, &report.refused), unnamed(report.notes_count, &report.notes))
        };
        self.collections().into_iter().map(of_one).fold((0, 0), |sum, more| (sum.0 + more.0, sum.1 + more.1))
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
    /// Lines that hold no document that could be stored: the first of them.
    pub refused: Vec<Remark>,
    /// How many such lines there are.
    pub refused_count: u64,
    /// Values of documents stored now that were replaced, left out, or kept without being understood: the first of them.
    pub notes: Vec<Remark>,
    /// How many such values there are.
    pub notes_count: u64,
}

impl CollectionReport {
    /// Whether the file is there and has no line that could hold a document.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.found && self.inserted + self.already_present + self.refused_count == 0
    }

    pub(super) fn refuse(&mut self, remark: Remark) {
        add(&mut self.refused, &mut self.refused_count, remark);
    }

    pub(super) fn note(&mut self, remark: Remark) {
        add(&mut self.notes, &mut self.notes_count, remark);
    }
}

fn add(named: &mut Vec<Remark>, count: &mut u64, remark: Remark) {
    *count += 1;
    if named.len() < NAMED_MAX {
        named.push(remark);
    }
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
