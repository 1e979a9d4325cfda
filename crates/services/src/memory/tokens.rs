//! Tokens that were found to be somebody's. The rate limit spares them.

use std::{
    hash::{BuildHasher, RandomState},
    time::Duration,
};

use gametriggers_types::ScreenToken;
use moka::sync::Cache;

use super::{CAPACITY, Memory};

/// How long a token is kept after it was last asked for, whatever has changed since it was found.
const FOUND_FOR: Duration = Duration::from_hours(1);

/// Hashes of tokens that were found to be somebody's.
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
    /// Notes whether the store has found anybody for the token.
    pub(crate) fn note_found(&self, token: &ScreenToken, is_found: bool) {
        let hash = self.tokens.hasher.hash_one(token.expose());
        if is_found {
            self.tokens.hashes.insert(hash, ());
        } else {
            self.tokens.hashes.invalidate(&hash);
        }
    }

    /// Whether the store found somebody when it was last asked for the token. Forgotten an hour after this question was
    /// last asked.
    pub(crate) fn has_found(&self, token: &str) -> bool {
        self.tokens.hashes.get(&self.tokens.hasher.hash_one(token)).is_some()
    }
}
