//! Tokens that were found to be valid. The rate limit on unknown tokens lets them pass.

use std::{
    hash::{BuildHasher, RandomState},
    time::Duration,
};

use gametriggers_types::ScreenToken;
use moka::sync::Cache;

use super::{CAPACITY, Memory};

/// How long a token is kept after it was last looked up in memory, whatever has changed in the store since.
const FOUND_FOR: Duration = Duration::from_hours(1);

/// The hashes of tokens that were found to be valid.
pub(super) struct FoundTokens {
    hashes: Cache<u64, ()>,
    hasher: RandomState,
}

impl FoundTokens {
    pub(super) fn new() -> Self {
        let hashes = Cache::builder().max_capacity(CAPACITY).time_to_idle(FOUND_FOR).build();
        Self { hashes, hasher: RandomState::new() }
    }
}

impl Memory {
    /// Notes whether the store knows the token.
    pub(crate) fn note_found(&self, token: &ScreenToken, is_found: bool) {
        let hash = self.tokens.hasher.hash_one(token.expose());
        if is_found {
            self.tokens.hashes.insert(hash, ());
        } else {
            self.tokens.hashes.invalidate(&hash);
        }
    }

    /// Whether the store knew the token when it was last asked. This is forgotten an hour after the last call with this token.
    pub(crate) fn has_found(&self, token: &str) -> bool {
        self.tokens.hashes.get(&self.tokens.hasher.hash_one(token)).is_some()
    }
}
