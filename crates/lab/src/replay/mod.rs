//! What another strategy would have earned in place of the decisions that a server really made.
//!
//! A replay has these steps. It reads the decisions of a period (`reader`) and what they earned (`earned`). It makes
//! each decision again (`remake`) with the documents as they were (`archive`). From the recorded probabilities, it
//! estimates what the other strategy would have earned ([`estimators`]). It gives no estimate if the decisions say too
//! little about the other strategy ([`overlap`]).

mod archive;
pub mod bootstrap;
mod earned;
pub mod estimators;
pub mod judged;
mod log;
pub mod overlap;
mod question;
mod reader;
mod remake;
mod report;

pub use log::{Counts, DECISIONS_MAX, Logged, ReplayError};
pub use question::{InvalidTarget, Question, Target};
pub use report::{Estimates, Outcome, Replay, run};
