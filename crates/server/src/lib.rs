//! The GameTriggers server: reads the configuration, connects the other crates, and runs the server.
//!
//! Owns the commands, the configuration, logging, the system clock, and the choice of the store. Holds no business
//! rules.

mod application;
mod clock;
pub mod commands;
mod connections;
mod limits;
mod secret;
mod settings;
mod stop;
mod storage;

pub use application::{Application, ApplicationError};
pub use clock::SystemClock;
pub use connections::ConnectionCounts;
pub use limits::LimitSettings;
pub use settings::{
    ApplicationSettings, AuthSettings, DecisionSettings, Defaults, HttpSettings, LogFormat, LogSettings,
    MediaSettings, Settings, StorageSettings, VisitSettings,
};
pub use storage::Store;
