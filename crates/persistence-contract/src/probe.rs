//! The law of the probe: a reachable store answers.

use crate::Fixture;

crate::laws! { $ probe:
    a_store_that_is_there_answers,
}

/// A reachable store answers a ping from every client, even if the store is empty.
async fn a_store_that_is_there_answers(fixture: &impl Fixture) {
    fixture.repositories().probe.ping().await.unwrap();
    fixture.reopen().await.probe.ping().await.unwrap();
}
