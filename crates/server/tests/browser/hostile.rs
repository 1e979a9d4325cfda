//! A script in any stored field does not run in the streamer's OBS (defect O1).

use rusqlite::Connection;

use crate::support::{
    Browser, TestServer,
    media::{MISSING, NIMBUS},
};
use gametriggers_fixtures::eventually;

const TITLES: &[&str] = &[
    r#"</script><script>window.__pwned = "title"</script>"#,
    r#""><img src=x onerror="window.__pwned = 'title'">"#,
    r#"<!--<script>window.__pwned = "title""#,
    "${window.__pwned = 'title'}",
];

const MEDIA: &[&str] = &[
    "javascript:window.__pwned = 'media'",
    "data:text/html,<script>parent.__pwned = 'media'</script>",
    r#""onerror="window.__pwned = 'media'"#,
    r#"</script><script>window.__pwned = "media"</script>"#,
    MISSING,
    "",
];

const BACKGROUNDS: &[&str] = &[
    "red;}</style><script>window.__pwned = 'colour'</script>",
    r#""><script>window.__pwned = "colour"</script>"#,
    "url(javascript:window.__pwned='colour')",
];

/// The page's own script elements: its data and its program.
const OWN_SCRIPTS: u32 = 2;

async fn assert_harmless(browser: &Browser, what: &str) {
    let ran = browser.eval::<bool>("return '__pwned' in window;", &[]).await;
    assert!(!ran, "script ran: {what}");
    assert_eq!(browser.eval::<u32>("return document.scripts.length;", &[]).await, OWN_SCRIPTS, "{what}");
    for line in browser.console().await {
        assert!(!line.contains("Content Security Policy"), "{what}: {line}");
    }
}

#[tokio::test]
async fn o1_script_in_a_title_is_a_title() {
    let server = TestServer::start().await;
    let browser = Browser::start().await;
    for title in TITLES {
        let streamer = server.streamer().await;
        let campaign = server.campaign_with(|campaign| {
            NIMBUS.clone_into(&mut campaign.media_url);
            (*title).clone_into(&mut campaign.title);
        });
        server.join(&streamer, &campaign.await).await;
        browser.client.goto(&server.overlay(&streamer.token)).await.unwrap();
        browser.shows(NIMBUS).await;
        let alt = browser.eval::<String>("return document.querySelector('img').alt;", &[]).await;
        assert_eq!(alt, *title);
        assert_harmless(&browser, title).await;
    }
}

#[tokio::test]
async fn o1_script_or_junk_in_a_media_address_shows_nothing_and_counts_nothing() {
    let server = TestServer::start().await;
    let browser = Browser::start().await;
    let mut joined = Vec::new();
    for media in MEDIA {
        let streamer = server.streamer().await;
        joined.push(server.join_with(&streamer, media).await);
        browser.client.goto(&server.overlay(&streamer.token)).await.unwrap();
        if media == MEDIA.last().unwrap() {
            browser.polls(1).await;
        }
        browser.assert_dark().await;
        assert_harmless(&browser, media).await;
    }
    for participation in joined {
        assert_eq!(server.credited(&participation).await.impressions, 0);
    }
}

/// The API refuses such a colour, but a store may hold one.
#[tokio::test]
async fn o1_script_in_a_stored_colour_shows_nothing() {
    let server = TestServer::start().await;
    let browser = Browser::start().await;
    for background in BACKGROUNDS {
        let streamer = server.streamer().await;
        server.join_with(&streamer, NIMBUS).await;
        let database = Connection::open(server.database()).unwrap();
        let change = "UPDATE users SET overlay_background = ?1 WHERE id = ?2";
        assert_eq!(database.execute(change, [*background, &streamer.user.id.to_string()]).unwrap(), 1);
        browser.client.goto(&server.overlay(&streamer.token)).await.unwrap();
        browser.assert_dark().await;
        assert_harmless(&browser, background).await;
    }
}

/// No text of an answer becomes markup or a style rule.
#[tokio::test]
async fn o1_script_in_an_answer_is_no_style() {
    let server = TestServer::start().await;
    let streamer = server.streamer().await;
    server.join_with(&streamer, NIMBUS).await;
    let browser = Browser::open(&server.overlay(&streamer.token)).await;
    browser.shows(NIMBUS).await;
    let forge = "
        const ask = window.fetch;
        window.fetch = async (url, options) => {
            if (!url.endsWith('/data')) return ask(url, options);
            const answer = await (await ask(url)).json();
            const hostile = arguments[0];
            answer.overlaySettings = { position: hostile, size: hostile, opacity: hostile, backgroundColor: hostile };
            return new Response(JSON.stringify(answer));
        };
    ";
    browser.eval::<()>(forge, &[BACKGROUNDS[0].into()]).await;
    let arrived = "return document.getElementById('overlay').dataset.size === arguments[0];";
    eventually("the answer has arrived", async || {
        browser.eval::<bool>(arrived, &[BACKGROUNDS[0].into()]).await.then_some(())
    })
    .await;
    let colour = "return getComputedStyle(document.getElementById('overlay')).backgroundColor;";
    assert_eq!(browser.eval::<String>(colour, &[]).await, "rgba(0, 0, 0, 0)");
    browser.shows(NIMBUS).await;
    assert_harmless(&browser, "in an answer").await;
}

/// The second line of defence: a script that reaches the page anyway does not run.
#[tokio::test]
async fn o1_a_script_that_is_not_the_pages_own_is_blocked() {
    let server = TestServer::start().await;
    let streamer = server.streamer().await;
    server.join_with(&streamer, NIMBUS).await;
    let browser = Browser::open(&server.overlay(&streamer.token)).await;
    browser.shows(NIMBUS).await;
    let insert = "
        const script = document.createElement('script');
        script.append(`window.__pwned = 'script'`);
        document.body.append(script);
        document.body.insertAdjacentHTML('beforeend', `<img src=x onerror='window.__pwned = 1'>`);
        const image = document.body.lastChild;
        return new Promise((done) => image.addEventListener('error', () => done('__pwned' in window)));
    ";
    assert!(!browser.eval::<bool>(insert, &[]).await, "the script ran");
    let blocked =
        browser.console().await.iter().filter(|line| line.contains("Content Security Policy")).count();
    assert_eq!(blocked, 2, "the script and the handler");
}
