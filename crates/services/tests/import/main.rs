//! Import of a previous database into a real store.
//!
//! `previous-database` holds documents as the previous system stored them: doubles with rounding errors, missing fields, names
//! from before June 2025, an unknown strategy, and an overspent budget.

// Helpers of tests panic if they fail, like the tests themselves.
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
