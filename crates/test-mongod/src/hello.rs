//! What a MongoDB server says of itself.

use bson::Document;
use bson::oid::ObjectId;

/// The message of a member that does not belong to a set yet.
const UNINITIATED: &str = "Does not have a valid replica set config";

/// The answer to the command `hello`.
#[derive(Debug)]
pub(crate) struct Hello(pub(crate) Document);

impl Hello {
    /// Whether the server is started for a replica set and does not belong to one yet.
    pub(crate) fn is_new(&self) -> bool {
        self.0.get_str("info").is_ok_and(|info| info == UNINITIATED)
    }

    /// Whether the server accepts writes.
    pub(crate) fn is_primary(&self) -> bool {
        self.0.get_bool("isWritablePrimary").unwrap_or(false)
    }

    /// Whether the server belongs to a replica set, as the primary or as a member that follows the primary.
    pub(crate) fn is_primary_or_secondary(&self) -> bool {
        self.is_primary() || self.0.get_bool("secondary").unwrap_or(false)
    }

    /// If the server is the primary: the election that made it the primary. Later elections have greater ids.
    pub(crate) fn election(&self) -> Option<ObjectId> {
        self.0.get_object_id("electionId").ok().filter(|_| self.is_primary())
    }
}
