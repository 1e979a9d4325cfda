//! What a selection strategy would do, before streamers see it.
//!
//! [`simulate`] runs whole broadcasts of invented worlds through the engine and the ledger's rules, with several
//! strategies, and compares what streamers and brands would get. [`replay`] estimates what another strategy would have
//! earned in place of the decisions that a server really made. Both give numbers with intervals, as text for the
//! terminal and as JSON. A simulation also gives an HTML page.
//!
//! The crate makes decisions with the same functions as the server ([`gametriggers_domain`]). It has two effects: a
//! replay reads a store through the traits of [`gametriggers_persistence`], and a simulation may measure how long
//! decisions take. The crate knows no driver and no HTTP.

pub mod estimate;
mod given;
pub mod replay;
pub mod report;
pub mod simulate;
