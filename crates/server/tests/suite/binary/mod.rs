//! The real executable: its output, its exit, and what remains after it.

mod clients;
mod configuration;
mod demo;
mod files;
mod import;
mod killed;
mod migrations;
mod process;
mod reconcile;
mod replay;
mod secrets;
mod serving;
mod shortening;
mod simulation;
mod slow;
mod spent;
mod two_servers;
mod waiting;
