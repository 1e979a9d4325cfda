//! The page: the state that it contains, and what its policy allows.

use serde_json::json;

use super::{assert_page, data_of, page_of, parts, state_of, with_test_ad};
use crate::support::TestServer;

/// A title that would end the data island, an attribute and a script if it were not escaped.
const HOSTILE: &str =
    "</script><script>alert(1)</script><!-- \"'`</title>\u{2028}\u{2029}&lt;img src=x onerror=alert(1)>";

/// Defects O7 and O23: an empty screen showed a picture from a foreign host.
#[tokio::test]
async fn o7_the_page_brings_its_state_and_no_foreign_host() {
    let server = TestServer::start().await;
    let (shown, _) = server.streamer_in(1).await;
    let tested = server.streamer_with(with_test_ad).await;
    for streamer in [shown, tested, server.streamer().await] {
        let page = server.get(&page_of(&streamer.token)).await;
        assert_page(&page, 200);
        let data = server.data(&streamer.token).await;
        assert_eq!(state_of(&page), data);
        if data["kind"] != "campaign" {
            assert!(!page.body.contains("://"), "{}", page.body);
        }
    }
}

/// Defect O1: the previous system put titles and media addresses into the page without escaping them.
#[tokio::test]
async fn o1_what_brands_and_streamers_write_stays_data() {
    let server = TestServer::start().await;
    let streamer = server.streamer().await;
    let campaign = server
        .campaign_with(|it| {
            it.title = HOSTILE.to_owned();
            it.media_url = "https://media.example.com/\"'></script><script>alert(1)</script>".to_owned();
        })
        .await;
    server.join(&streamer, &campaign).await;
    let tested = server
        .streamer_with(|user| {
            with_test_ad(user);
            user.test_campaign.as_mut().unwrap().title = HOSTILE.to_owned();
        })
        .await;
    for streamer in [streamer, tested] {
        let data = server.data(&streamer.token).await;
        assert_eq!(data["title"], HOSTILE);
        let page = server.get(&page_of(&streamer.token)).await;
        assert_page(&page, 200);
        assert_eq!(state_of(&page), data);
    }
}

/// Defect O4: after an unknown token, the overlay did not work until somebody refreshed OBS by hand.
#[tokio::test]
async fn o4_an_unknown_token_gets_the_page_that_tries_again() {
    let server = TestServer::start().await;
    let (streamer, joined) = server.streamer_in(1).await;
    let known = server.get(&page_of(&streamer.token)).await;
    let revoked = [streamer.token.clone(), joined[0].browser_source_token.expose().to_owned()];
    server.clock.advance_seconds(1);
    assert_eq!(server.post_as(&streamer, "/api/v1/users/me/overlay/regenerate", json!({})).await.status, 201);
    for token in ["0".repeat(64), "x".to_owned(), "%00".to_owned()].into_iter().chain(revoked) {
        let page = server.get(&page_of(&token)).await;
        assert_page(&page, 404);
        assert_eq!(parts(&page), (parts(&known).0, "null", parts(&known).2));
        server.get(&data_of(&token)).await.assert_error(404, "UNKNOWN_TOKEN");
    }
}
