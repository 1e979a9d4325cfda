//! The real executable: what it prints, how it ends, and what outlives it.

mod configuration;
mod demo;
mod files;
mod import;
mod killed;
mod migrations;
mod process;
mod reconcile;
mod serving;
mod shortening;
mod two_servers;
mod waiting;
