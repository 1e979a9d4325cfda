//! Import of a previous database into a real store.
//!
//! `previous-database` holds documents as the previous system stored them: doubles with rounding noise, missing fields,
//! names of before June 2025, an unknown strategy, a budget already overspent.

// Helpers of tests fail by panicking, as the tests themselves do.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod anything;
mod dates;
mod files;
mod parents;
mod previous_database;
mod refusals;
mod support;
mod tokens;
mod values;
