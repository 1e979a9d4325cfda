//! Documents that cannot be read.

use std::{
    collections::HashSet,
    sync::{Mutex, PoisonError},
};

use crate::StorageError;

/// How many documents are remembered. One that is found after that is neither named nor counted.
const REMEMBERED_MAX: usize = 1_000;

/// The documents of a store that this process could not read. Each is named in the log when it is found for the first time, and
/// not again at each later look.
#[derive(Debug, Default)]
pub struct UnreadableDocuments(Mutex<HashSet<String>>);

impl UnreadableDocuments {
    /// Names a document in the log, together with the number of unreadable documents found so far. `consequence` says what the
    /// process did with the document, and `error` names the document and its field.
    pub fn report(&self, consequence: &str, error: &StorageError) {
        let error = error.to_string();
        if let Some(unreadable) = self.add(&error) {
            tracing::warn!(unreadable, "{consequence}: {error}");
        }
    }

    /// The number of documents with this one, unless it was there before.
    fn add(&self, error: &str) -> Option<usize> {
        let mut found = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_new = found.len() < REMEMBERED_MAX && !found.contains(error) && found.insert(error.to_owned());
        is_new.then_some(found.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_document_is_counted_once_and_no_more_than_a_thousand_are() {
        let documents = UnreadableDocuments::default();
        assert_eq!(documents.add("a"), Some(1));
        assert_eq!(documents.add("a"), None);
        assert_eq!(documents.add("b"), Some(2));
        let others = (0..2_000).filter_map(|number| documents.add(&number.to_string()));
        assert_eq!(others.last(), Some(1_000));
    }
}
