//! What a selection strategy would do, before streamers see it.
//!
//! [`simulate`] runs whole broadcasts of invented worlds through the engine and the ledger's rules, with several strategies, and
//! compares what streamers and brands would get. [`replay`] asks what another strategy would have done with the decisions that a
//! server really made. Both give numbers with intervals, as a table, as JSON and as a page.
//!
//! The crate makes decisions with the same functions as the server ([`gametriggers_domain`]). It is pure, except that a replay
//! reads a store through the traits of [`gametriggers_persistence`]. It knows no driver and no HTTP.

pub mod estimate;
pub mod replay;
pub mod report;
pub mod simulate;
