//! The GameTriggers server: parses, wires, runs.
//!
//! Owns commands, configuration, logging, the system clock, and the choice of the store. Holds no business rule.

mod application;
mod clock;
pub mod commands;
mod settings;
mod stop;
mod storage;

pub use application::{Application, ApplicationError};
pub use clock::SystemClock;
pub use settings::{
    AuthSettings, DecisionSettings, Defaults, HttpSettings, LogFormat, LogSettings, MediaSettings, Settings,
    StorageSettings,
};
pub use storage::Store;
