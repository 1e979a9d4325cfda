//! The real executable: what it prints, how it ends, and what outlives it.

mod configuration;
mod demo;
mod durability;
mod import;
mod migrations;
mod process;
mod reconcile;
mod serving;
mod waiting;
