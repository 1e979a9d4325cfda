//! The parts that the measurements share.

use std::time::Duration;

use bson::Decimal128;
use mongodb::{
    Client, ClientSession,
    error::Result,
    options::{Acknowledgment, ReadConcern, WriteConcern},
};

/// The connection string of the replica set to measure on. `None` if this is no measurement but a test run of all targets.
pub(crate) fn server_uri() -> Option<String> {
    if !std::env::args().any(|argument| argument == "--bench") {
        println!("a measurement: run it with `cargo bench`");
        return None;
    }
    let uri = std::env::var("GAMETRIGGERS_TEST_MONGODB_URI");
    Some(uri.expect("GAMETRIGGERS_TEST_MONGODB_URI names the replica set to measure on"))
}

/// Begins a transaction with the guarantees of the real ledger.
pub(crate) async fn begin(client: &Client) -> Result<ClientSession> {
    let mut session = client.start_session().await?;
    let concern = WriteConcern::builder().w(Acknowledgment::Majority).journal(true).build();
    session.start_transaction().read_concern(ReadConcern::snapshot()).write_concern(concern).await?;
    Ok(session)
}

/// The same sequence of random numbers for the same caller (a linear congruential generator; Knuth, The Art of Computer
/// Programming, volume 2, section 3.3.4).
pub(crate) struct Random(u64);

impl Random {
    pub(crate) const fn of(caller: usize) -> Self {
        Self(caller as u64)
    }

    /// A number below `end`.
    pub(crate) const fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % end
    }
}

/// The time within which so many of a hundred calls were answered.
pub(crate) fn percentile(times: &mut [Duration], of_hundred: usize) -> Duration {
    times.sort_unstable();
    times[times.len() * of_hundred / 100]
}

pub(crate) fn decimal(text: &str) -> Decimal128 {
    text.parse().unwrap()
}
