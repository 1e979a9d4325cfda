//! Whether the store is there.

use crate::Fixture;

crate::laws! { $ probe:
    a_store_that_is_there_answers,
}

/// A store that can be reached answers, empty as it is, to every client.
async fn a_store_that_is_there_answers(fixture: &impl Fixture) {
    fixture.repositories().probe.ping().await.unwrap();
    fixture.reopen().await.probe.ping().await.unwrap();
}
