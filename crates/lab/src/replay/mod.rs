//! What another strategy would have done with the decisions that a server really made.
//!
//! A replay reads the decisions of a time (`reader`) and what they earned (`earned`), makes each decision again (`remake`) with
//! the documents as they were (`archive`), and estimates from the recorded probabilities what the other strategy would have
//! earned ([`estimators`]). It refuses where the decisions say nothing about it ([`overlap`]).

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
