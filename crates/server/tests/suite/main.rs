//! The server over real HTTP, on a real store, with a clock that the test sets. Where the process itself matters, the tests run
//! the real binary.
#![allow(clippy::unwrap_used, clippy::expect_used)] // a test that cannot set its stage fails, and says where

mod attribution;
mod bad_input;
mod binary;
mod blackout;
mod campaigns;
mod counting;
mod decisions;
mod e11000;
mod links;
mod live_reads;
mod locked;
mod openapi;
mod overlay;
mod previous_client;
mod previous_database;
mod rate_limits;
mod replica_set;
mod request_id;
mod settings;
mod support;
mod unpaid;
