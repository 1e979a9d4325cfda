//! Reports of simulations: a table for the terminal, JSON, and one HTML page that needs nothing else. A replay prints itself; its
//! HTML page is here.
//!
//! The same outcomes give the same bytes.

mod bars;
mod numbers;
mod replay;
mod simulation;
mod table;

use serde::Serialize;

use crate::simulate::Outcome;

pub use replay::replay_page;
pub use simulation::page;
pub use table::table;

/// The JSON form of a report.
#[derive(Serialize)]
struct Document<'a> {
    simulations: &'a [Outcome],
}

/// The outcomes as JSON.
///
/// # Errors
/// If a number cannot be written.
pub fn json(outcomes: &[Outcome]) -> serde_json::Result<String> {
    Ok(serde_json::to_string_pretty(&Document { simulations: outcomes })? + "\n")
}
