//! The overlay page in a real Chromium, served by the real server: what the stream shows, and what is credited for it.
#![allow(clippy::unwrap_used, clippy::expect_used)] // a test that cannot set its stage fails, and says where

mod appearance;
mod credit;
mod hostile;
mod obs;
mod outages;
mod previous_client;
mod support;
