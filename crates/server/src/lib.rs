//! The GameTriggers server: reads the configuration, connects the other crates, and runs the server.
//!
//! Owns the commands, the configuration, logging, the system clock, and the choice of the store. Holds no business
//! rules.

mod application;
mod clock;
pub mod commands;
mod config;
mod connections;
mod secret;
mod stop;
mod storage;

pub use self::config::{
    ApplicationSettings, AuthSettings, ConnectionLimit, DecisionSettings, HttpSettings, LimitSettings,
    LogFormat, LogSettings, MediaSettings, Seconds, Settings, StorageSettings, StoreUrl, VisitSettings,
};
pub use application::{Application, ApplicationError};
pub use clock::SystemClock;
pub use connections::ConnectionCounts;
pub use storage::Store;
