//! Rate limits for requests that are expensive: a read of the store, a signature, a picture.
//!
//! Answers from memory have no limit, because a refusal would cost as much. A limit is a number of requests per minute. A client
//! may use all of them at once, and the allowance refills evenly over the minute. Preflight requests are not counted, because the
//! CORS middleware answers them.

use std::{
    collections::HashMap,
    hash::{BuildHasher, Hash, RandomState},
    num::NonZeroU32,
    sync::{
        PoisonError, RwLock,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use gametriggers_types::{AddressKey, UserId};
use governor::{
    Quota, RateLimiter,
    clock::{Clock as _, DefaultClock},
    state::keyed::DashMapStateStore,
};

use crate::error::ApiError;

/// After this number of requests, a limit removes the keys whose allowance is full again. This bounds the number of keys in
/// memory.
const SWEEP_AFTER: usize = 16_384;
/// The longest time for which an address must wait.
const LONGEST_WAIT: Duration = Duration::from_mins(1);
/// The greatest number of waiting addresses. If one more has to wait, all others are removed.
const MAX_WAITING: usize = 16_384;

/// The limits in requests per minute. 0 means "no limit".
#[derive(Debug, Clone, Copy)]
pub struct RateSettings {
    /// Requests with unknown tokens, per address. The server looks each such token up in the store.
    pub unknown_tokens: u32,
    /// QR codes, per address.
    pub qr_codes: u32,
    /// Clicks and displays, per token.
    pub events: u32,
    /// Visits through tracking links, per address.
    pub visits: u32,
    /// Changes of settings, per account.
    pub settings_changes: u32,
}

/// Has no limits.
impl Default for RateSettings {
    fn default() -> Self {
        Self { unknown_tokens: 0, qr_codes: 0, events: 0, visits: 0, settings_changes: 0 }
    }
}

/// The used part of each allowance, for all threads of this process.
pub struct RateLimits {
    unknown_tokens: Limit,
    qr_codes: Limit,
    events: Limit,
    visits: Limit,
    settings_changes: Limit,
    /// The addresses whose unknown tokens are not looked up, each with the time until which they must wait.
    waiting: RwLock<HashMap<AddressKey, Instant>>,
}

impl RateLimits {
    /// Makes limits with full allowances.
    #[must_use]
    pub fn new(settings: RateSettings) -> Self {
        Self {
            unknown_tokens: Limit::new("tokens that no overlay has", settings.unknown_tokens),
            qr_codes: Limit::new("QR codes for one address", settings.qr_codes),
            events: Limit::new("events under one token", settings.events),
            visits: Limit::new("visits from one address", settings.visits),
            settings_changes: Limit::new("changes of settings by one account", settings.settings_changes),
            waiting: RwLock::default(),
        }
    }

    /// Takes one QR code from the allowance of the address.
    ///
    /// # Errors
    /// [`RateLimited`](crate::ErrorCode::RateLimited) if the allowance is used up. The same holds for the other limits.
    pub(crate) fn qr_code(&self, address: AddressKey) -> Result<(), ApiError> {
        self.qr_codes.take(address)
    }

    /// Takes one event from the allowance of the token.
    pub(crate) fn event(&self, token: &str) -> Result<(), ApiError> {
        self.events.take(token)
    }

    /// Takes one visit from the allowance of the address.
    pub(crate) fn visit(&self, address: AddressKey) -> Result<(), ApiError> {
        self.visits.take(address)
    }

    /// Takes one change of settings from the allowance of the account.
    pub(crate) fn settings_change(&self, account: UserId) -> Result<(), ApiError> {
        self.settings_changes.take(account)
    }

    /// Notes that the store was asked for an unknown token of this address. If the allowance is used up, the address must wait.
    pub(crate) fn note_unknown_token(&self, address: AddressKey) {
        let Err(wait) = self.unknown_tokens.wait(address) else { return };
        let now = Instant::now();
        let mut waiting = self.waiting.write().unwrap_or_else(PoisonError::into_inner);
        if waiting.len() >= MAX_WAITING {
            waiting.clear();
        }
        // Several tokens may be looked up at once before the first of them is noted. Their waiting times are added.
        let until = waiting.get(&address).map_or(now, |until| now.max(*until)) + wait;
        waiting.insert(address, until.min(now + LONGEST_WAIT));
    }

    /// Makes the error for an address that must wait this long.
    pub(crate) fn refusal_of_unknown_tokens(&self, wait: Duration) -> ApiError {
        self.unknown_tokens.refusal(wait)
    }

    /// Whether any address must wait.
    pub(crate) fn anybody_waits(&self) -> bool {
        !self.waiting.read().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    /// The time until unknown tokens of the address are looked up again; `None` if the address need not wait.
    pub(crate) fn waits(&self, address: AddressKey) -> Option<Duration> {
        let until = *self.waiting.read().unwrap_or_else(PoisonError::into_inner).get(&address)?;
        let wait = until.checked_duration_since(Instant::now());
        if wait.is_none() {
            self.waiting.write().unwrap_or_else(PoisonError::into_inner).remove(&address);
        }
        wait
    }
}

/// One limit, with the used part of each key's allowance.
struct Limit {
    /// The counted requests, for the message of a refusal.
    what: &'static str,
    used: Option<RateLimiter<u64, DashMapStateStore<u64>, DefaultClock>>,
    clock: DefaultClock,
    /// Hashes keys to a small size. The hash is random, so that nobody outside can choose keys that collide.
    hasher: RandomState,
    asked: AtomicUsize,
}

impl Limit {
    fn new(what: &'static str, a_minute: u32) -> Self {
        let used = NonZeroU32::new(a_minute).map(|count| RateLimiter::dashmap(Quota::per_minute(count)));
        Self {
            what,
            used,
            clock: DefaultClock::default(),
            hasher: RandomState::new(),
            asked: AtomicUsize::new(0),
        }
    }

    /// Takes one request from a key's allowance.
    fn take(&self, key: impl Hash) -> Result<(), ApiError> {
        self.wait(key).map_err(|wait| self.refusal(wait))
    }

    /// Takes one request from a key's allowance. Returns the time until the next one is allowed if the allowance is used up.
    fn wait(&self, key: impl Hash) -> Result<(), Duration> {
        let Some(used) = &self.used else { return Ok(()) };
        // The rate limiter keeps keys until it is told to remove them.
        if self.asked.fetch_add(1, Ordering::Relaxed) % SWEEP_AFTER == SWEEP_AFTER - 1 {
            used.retain_recent();
            used.shrink_to_fit();
        }
        used.check_key(&self.hasher.hash_one(key)).map_err(|until| until.wait_time_from(self.clock.now()))
    }

    fn refusal(&self, wait: Duration) -> ApiError {
        ApiError::rate_limited(self.what, wait.as_secs() + 1)
    }
}

#[cfg(test)]
mod tests {
    use actix_web::ResponseError;

    use super::*;
    use crate::error::ErrorCode;

    #[test]
    fn the_keys_of_those_who_have_all_their_allowance_again_are_not_kept() {
        // The allowance of a key refills by one every 2 ms.
        let limit = Limit::new("questions", 30_000);
        for key in 0..4 * SWEEP_AFTER {
            assert!(limit.wait(key).is_ok());
        }
        let kept = limit.used.as_ref().unwrap().len();
        assert!(kept < 2 * SWEEP_AFTER, "{kept}");
    }

    #[test]
    fn one_key_has_its_allowance_and_no_more_and_another_has_its_own() {
        let limit = Limit::new("questions", 3);
        assert!((0..3).all(|_| limit.take("a").is_ok()));
        let refused = limit.take("a").unwrap_err();
        assert_eq!(refused.code(), ErrorCode::RateLimited);
        let retry_after = refused.error_response().headers().get("retry-after").cloned();
        let seconds: u64 = retry_after.unwrap().to_str().unwrap().parse().unwrap();
        assert!((1..=20).contains(&seconds), "{seconds}");
        assert!(limit.take("b").is_ok());
        assert!((0..1_000).all(|_| Limit::new("questions", 0).take("a").is_ok()));
    }
}
