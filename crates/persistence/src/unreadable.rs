//! Logs documents that cannot be read, each once.

use std::{
    collections::HashSet,
    sync::{Mutex, PoisonError},
};

use crate::StorageError;

/// The greatest number of documents to remember. Further documents are neither logged nor counted.
const REMEMBERED_MAX: usize = 1_000;

/// The documents of a store that this process could not read. Each document is logged when it is first found, but not
/// again.
#[derive(Debug, Default)]
pub struct UnreadableDocuments(Mutex<HashSet<String>>);

impl UnreadableDocuments {
    /// Logs a document together with the number of unreadable documents found so far. `consequence` says what the
    /// process did with the document. `error` names the document and its field.
    pub fn report(&self, consequence: &str, error: &StorageError) {
        let error = error.to_string();
        if let Some(unreadable) = self.add(&error) {
            tracing::warn!(unreadable, "{consequence}: {error}");
        }
    }

    /// Adds a document. Returns the number of documents; `None` if the document is known or there are too many.
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
