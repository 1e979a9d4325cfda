//! The rules of GameTriggers, as pure functions.
//!
//! Owns campaigns, participations and decisions, and the rules about them: who may do what ([`access`]), which campaigns may
//! be shown ([`eligibility`]), which one is shown ([`selection`]), what an event is worth ([`price`]), how many similar events
//! are paid ([`quota`]), what events do to counters, one by one ([`ledger`]) and in a batch ([`batch`]), and which
//! other movements of money are allowed ([`journal`]). Knows no I/O, no async and no wall clock. The time, the seed and
//! all stored data are arguments, so that every rule can be replayed from its record.
//!
//! The most frequent extension is a new selection strategy: `docs/howto/add-a-strategy.md`.

pub mod access;
mod basis;
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
