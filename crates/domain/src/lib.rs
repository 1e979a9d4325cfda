//! The rules of GameTriggers, as pure functions.
//!
//! Owns what a campaign, a participation and a decision are, which campaigns may be shown ([`eligibility`]), which
//! one is ([`selection`]), what an event is worth ([`price`]), how many like it are paid ([`quota`]), what it does to
//! counters ([`ledger`]), alone or among others ([`batch`]), and which other movements of money are allowed ([`journal`]).
//! Knows no I/O, no async and no wall clock: the time, the seed and all that was stored come in as arguments, so that
//! every rule can be replayed from its record.
//!
//! Extended most often by a selection strategy: `docs/howto/add-a-strategy.md`.

pub mod batch;
pub mod decision;
pub mod eligibility;
pub mod journal;
pub mod ledger;
pub mod model;
pub mod price;
pub mod quota;
pub mod selection;

/// The how-to's example is compiled and run with the other documentation tests.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/howto/add-a-strategy.md")]
struct HowToAddAStrategy;
