//! Messages of OBS to the page, and changes that OBS makes to it.

use serde_json::{Value, json};

use crate::support::{Browser, TestServer, media::NIMBUS};

/// Sends the message of OBS as early as possible: when the page is loaded and its media are not.
const NOT_IN_THE_PROGRAM: &str = "
    document.addEventListener('DOMContentLoaded', () => {
        const detail = { active: false };
        window.dispatchEvent(new CustomEvent('obsSourceActiveChanged', { detail }));
    });
";

async fn tell(browser: &Browser, event: &str, detail: Value) {
    let script = "window.dispatchEvent(new CustomEvent(arguments[0], { detail: arguments[1] }));";
    browser.eval::<()>(script, &[event.into(), detail]).await;
}

/// A source that is in no scene on air has no viewers.
#[tokio::test]
async fn a_source_that_is_not_on_air_displays_nothing_and_counts_once_when_it_is() {
    let server = TestServer::start().await;
    let streamer = server.streamer().await;
    let joined = server.join_with(&streamer, NIMBUS).await;
    let browser = Browser::start().await;
    browser.devtools("Page.addScriptToEvaluateOnNewDocument", json!({"source": NOT_IN_THE_PROGRAM})).await;
    browser.client.goto(&server.overlay(&streamer.token)).await.unwrap();
    browser.shows(NIMBUS).await;
    browser.polls(1).await;
    assert_eq!(browser.reports().await, 0);

    tell(&browser, "obsSourceVisibleChanged", json!({"visible": false})).await;
    tell(&browser, "obsSourceActiveChanged", json!({"active": true})).await;
    browser.polls(1).await;
    assert_eq!(browser.reports().await, 0);
    assert_eq!(server.credited(&joined).await.impressions, 0);

    tell(&browser, "obsSourceVisibleChanged", json!({"visible": true})).await;
    server.until_displays(&joined, 1).await;
    for active in [false, true, false, true] {
        tell(&browser, "obsSourceActiveChanged", json!({"active": active})).await;
    }
    browser.polls(1).await;
    assert_eq!(browser.reports().await, 1);
    assert_eq!(server.credited(&joined).await.impressions, 1);
    server.assert_reconciled().await;
}

/// OBS inserts the streamer's custom CSS into the page, and the page's policy must allow that.
#[tokio::test]
async fn the_custom_css_of_obs_applies() {
    let server = TestServer::start().await;
    let streamer = server.streamer().await;
    server.join_with(&streamer, NIMBUS).await;
    let browser = Browser::open(&server.overlay(&streamer.token)).await;
    browser.shows(NIMBUS).await;
    browser
        .eval::<()>(
            "const css = document.createElement('style');
             css.append('#overlay { right: 100px; }');
             document.head.append(css);",
            &[],
        )
        .await;
    browser.sees(NIMBUS, |sight| (sight.right - 100.0).abs() < 0.5).await;
    assert_eq!(browser.console().await, Vec::<String>::new());
}
