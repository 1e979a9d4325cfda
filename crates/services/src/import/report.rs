//! The report of an import.

use std::fmt;

use gametriggers_types::ObjectId;

/// The results of an import, by collection.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct ImportReport {
    pub users: CollectionReport,
    pub campaigns: CollectionReport,
    pub participations: CollectionReport,
    /// The number of inserted participations that keep their browser source token. Tokens made by the previous system
    /// can be guessed (defect O20).
    pub tokens_kept: u64,
    /// The number of inserted participations that got a new browser source token.
    pub tokens_renewed: u64,
}

/// The greatest number of remarks of each kind that a collection's report lists. Further ones are only counted.
const NAMED_MAX: usize = 10_000;

impl ImportReport {
    /// The listed refusals of all collections.
    pub fn refused(&self) -> impl Iterator<Item = &Remark> {
        self.collections().into_iter().flat_map(|collection| &collection.refused)
    }

    /// The listed notes of all collections: values that could not be used as they were.
    pub fn notes(&self) -> impl Iterator<Item = &Remark> {
        self.collections().into_iter().flat_map(|collection| &collection.notes)
    }

    /// The numbers of refusals and of notes that are not listed.
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

/// The result of one collection's file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CollectionReport {
    /// Whether the file exists.
    pub found: bool,
    /// The number of inserted documents.
    pub inserted: u64,
    /// The number of documents that were already stored. They were not changed.
    pub already_present: u64,
    /// The first lines that were refused.
    pub refused: Vec<Remark>,
    /// The number of refused lines.
    pub refused_count: u64,
    /// The first values of inserted documents that were replaced, left out, or kept without being understood.
    pub notes: Vec<Remark>,
    /// The number of such values.
    pub notes_count: u64,
}

impl CollectionReport {
    /// Whether the file exists and has only blank lines.
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

/// A remark on a line, for the person who imports. Never shows a token, an e-mail address or a password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remark {
    /// The file.
    pub file: &'static str,
    /// The line, from 1.
    pub line: u64,
    /// The document's id, if it could be read.
    pub id: Option<ObjectId>,
    /// The field, such as `campaignRotationSettings.blackoutPeriods[0].startTime`.
    pub field: Option<String>,
    /// What is wrong, and what is used instead.
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
