//! The tokens of browser sources. The previous system made them from public data (defect O20).

use std::collections::BTreeSet;

use gametriggers_services::import::{self, Options};
use gametriggers_types::ScreenToken;

use crate::support::{KARMA_IN_HINGE, REPORTED_TOKEN, Store, fixture};

const RENEWED: Options = Options { renew_tokens: true };

#[tokio::test]
async fn tokens_are_kept_and_counted_unless_new_ones_are_asked_for() {
    let store = Store::empty().await;
    let report = import::run(&store.repositories, &fixture()).await.unwrap();
    assert_eq!((report.tokens_kept, report.tokens_renewed), (6, 0));
    let part = store.participation(KARMA_IN_HINGE).await;
    assert_eq!(part.browser_source_token.expose(), REPORTED_TOKEN);
}

#[tokio::test]
async fn o20_new_tokens_are_random_and_those_of_old_show_nothing() {
    let mut seen = BTreeSet::new();
    for _ in 0..2 {
        let store = Store::empty().await;
        let report = import::run_with(&store.repositories, &fixture(), RENEWED, &mut |_| {}).await.unwrap();
        assert_eq!((report.tokens_kept, report.tokens_renewed), (0, 6));
        let participations = &store.repositories.participations;
        let old = ScreenToken::parse(REPORTED_TOKEN).unwrap();
        assert_eq!(participations.find_by_token(&old).await.unwrap(), None);
        let part = store.participation(KARMA_IN_HINGE).await;
        let token = part.browser_source_token.clone();
        assert_eq!(token.expose().len(), 64, "256 bits");
        assert_eq!(part.browser_source_url, format!("/api/v1/overlay/{}", token.expose()));
        assert_eq!(participations.find_by_token(&token).await.unwrap(), Some(part.clone()));
        seen.insert(token.expose().to_owned());

        // Stored tokens are kept, because their streamers may use them in OBS by now.
        let again = import::run_with(&store.repositories, &fixture(), RENEWED, &mut |_| {}).await.unwrap();
        assert_eq!((again.participations.already_present, again.tokens_renewed), (6, 0));
        assert_eq!(store.participation(KARMA_IN_HINGE).await, part);
    }
    assert_eq!(seen.len(), 2);
}
