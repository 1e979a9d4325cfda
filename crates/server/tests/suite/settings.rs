//! A streamer's profile and settings: stored as they were set, returned in full, and applied to the screen.

mod overlay;
mod selection;
mod test_ad;

use std::collections::BTreeSet;

use futures_util::future::join_all;
use gametriggers_domain::model::User;
use gametriggers_fixtures::soon;
use gametriggers_types::{Role, StrategyName};
use serde_json::{Value, json};

use crate::support::{Field, Streamer, TestServer};

const ME: &str = "/api/v1/users/me";
const SELECTION: &str = "/api/v1/users/me/campaign-selection";
const OVERLAY: &str = "/api/v1/users/me/overlay";
const STATUS: &str = "/api/v1/users/me/overlay/status";
const TEST_AD: &str = "/api/v1/users/me/overlay/test";
const REGENERATE: &str = "/api/v1/users/me/overlay/regenerate";

/// Sends a GET request of the streamer. The answer must be 200.
async fn read(server: &TestServer, streamer: &Streamer, path: &str) -> Value {
    let reply = server.get_as(streamer, path).await;
    assert_eq!(reply.status, 200, "{path}: {}", reply.body);
    reply.json()
}

async fn ping(server: &TestServer, token: &str) {
    let reply = server.post(&format!("/api/v1/overlay/{token}/ping"), Value::Null).await;
    assert_eq!((reply.status, reply.json()), (201, json!({"success": true})));
}

/// Defect A8: the previous system returned whole documents. Here fields that do not belong to the profile stay in the store.
#[tokio::test]
async fn a8_the_profile_is_complete_and_tells_no_secret() {
    let server = TestServer::start().await;
    let profile = |user: &mut User| {
        user.email = "asha@example.com".to_owned();
        user.name = "Asha".to_owned();
        user.image = Some("https://cdn.example.com/asha.png".to_owned());
        user.auth_provider_id = Some("44322889".to_owned());
        user.channel_url = Some("https://twitch.tv/asha".to_owned());
        user.categories = vec!["gaming".to_owned()];
        user.languages = vec!["English".to_owned(), "हिन्दी".to_owned()];
        user.description = Some("Speed runs".to_owned());
    };
    let others = r#"{"__v": 7, "xp": 12}"#;
    let streamer = server.imported_streamer(profile, Some("$2b$10$hash"), others).await;
    let reply = server.get_as(&streamer, ME).await;
    let profile = reply.json();
    assert_eq!(
        (&profile["_id"], &profile["overlayToken"]),
        (&json!(streamer.user.id), &json!(streamer.token))
    );
    insta::assert_json_snapshot!(profile, {
        "._id" => "[24 hexadecimal digits]",
        ".overlayToken" => "[64 hexadecimal digits]",
        ".campaignRotationSettings.strategyParameters" => "[the parameters of each strategy]",
    });
    for secret in ["password", "$2b$", "__v", "xp"] {
        assert!(!reply.body.contains(secret), "{}", reply.body);
    }
    // A user without optional values gets the same fields.
    let bare = read(&server, &server.streamer().await, ME).await;
    let fields = |profile: &Value| profile.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(fields(&bare), fields(&profile));
    assert_eq!((&bare["image"], &bare["overlayLastSeen"]), (&Value::Null, &Value::Null));
}

/// Defect O28: two concurrent first requests made two tokens, and one of the answered tokens did not work.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn o28_the_first_request_makes_the_overlay_token_and_twenty_at_once_agree() {
    let server = TestServer::start().await;
    let second = server.beside().await;
    let streamer = server.streamer_with(|user| user.overlay_token = None).await;
    let requests = (0..20).map(|place| {
        let server = if place % 2 == 0 { &server } else { &second };
        read(server, &streamer, if place % 4 < 2 { ME } else { OVERLAY })
    });
    let answers = join_all(requests).await;
    let tokens: BTreeSet<&str> =
        answers.iter().map(|answer| answer["overlayToken"].as_str().unwrap()).collect();
    assert_eq!(tokens.len(), 1, "{tokens:?}");
    let token = tokens.into_iter().next().unwrap();
    assert!(token.len() == 64 && token.bytes().all(|byte| byte.is_ascii_hexdigit()), "{token}");
    assert_eq!(server.data(token).await["reason"], "no-campaign");
    server.clock.advance_seconds(86_000);
    for path in [ME, OVERLAY] {
        assert_eq!(read(&second, &streamer, path).await["overlayToken"], token);
    }
}

/// Defect O18: an unknown strategy in the store made the account and its overlay fail.
#[tokio::test]
async fn o18_an_unknown_stored_strategy_reads_as_fair_rotation() {
    let server = TestServer::start().await;
    let streamer =
        server.streamer_with(|user| user.selection.strategy = StrategyName::new("round-robin")).await;
    let campaign = server.campaign().await;
    server.join(&streamer, &campaign).await;
    for path in [ME, SELECTION] {
        let answer = read(&server, &streamer, path).await;
        assert_eq!(answer["campaignSelectionStrategy"], "fair-rotation", "{path}");
        assert_eq!(answer["campaignRotationSettings"]["preferredStrategy"], "fair-rotation", "{path}");
    }
    assert_eq!(server.data(&streamer.token).await["strategy"], "fair-rotation");
    let interval = json!({"campaignRotationSettings": {"rotationIntervalMinutes": 7}});
    let kept = server.choose(&streamer, interval).await;
    assert_eq!(kept["campaignSelectionStrategy"], "fair-rotation");
    let chosen = server.choose(&streamer, json!({"campaignSelectionStrategy": "weighted"})).await;
    assert_eq!(chosen["campaignRotationSettings"]["preferredStrategy"], "weighted");
    assert_eq!(server.data(&streamer.token).await["strategy"], "weighted");
}

/// Defect A14: guards knew the later roles of streamers, but services knew only the literal `streamer`.
#[tokio::test]
async fn a14_every_role_of_a_streamer_works_everywhere() {
    let server = TestServer::start().await;
    let campaign = server.campaign().await;
    for role in [Role::Streamer, Role::StreamerIndividual, Role::IndependentPublisher] {
        let streamer = server.streamer_with(|user| user.role = role).await;
        server.join(&streamer, &campaign).await;
        let shown = server.data(&streamer.token).await;
        assert_eq!(shown["campaignId"], campaign.id.to_string(), "{role}");
        server.display(&streamer.token, &shown).await.assert_event("counted", None);
        assert_eq!(read(&server, &streamer, ME).await["role"], role.as_str());
        for path in [SELECTION, OVERLAY, STATUS] {
            read(&server, &streamer, path).await;
        }
        let joined = read(&server, &streamer, "/api/v1/campaigns/streamer/active").await;
        assert_eq!(joined.as_array().unwrap().len(), 1, "{role}");
        server.choose(&streamer, json!({"timezone": "Asia/Kolkata"})).await;
        assert_eq!(server.put_as(&streamer, OVERLAY, json!({"size": "small"})).await.status, 200);
        ping(&server, &streamer.token).await;
        assert_eq!(server.post_as(&streamer, TEST_AD, json!({})).await.json()["success"], true, "{role}");
        assert_eq!(server.post_as(&streamer, REGENERATE, json!({})).await.status, 201);
    }
}

/// Defect O21: the overlays of deactivated accounts, and of accounts that are not streamers', went on working.
#[tokio::test]
async fn o21_the_screen_of_a_deactivated_account_is_empty_and_credits_nothing() {
    for (field, value) in [(Field::USER_IS_ACTIVE, json!(false)), (Field::USER_ROLE, json!("brand"))] {
        let server = TestServer::start().await;
        let (streamer, joined) = server.streamer_in(1).await;
        ping(&server, &streamer.token).await;
        assert_eq!(server.data(&streamer.token).await["kind"], "campaign");
        let sent = server.post_as(&streamer, TEST_AD, json!({})).await;
        assert_eq!(sent.json()["success"], true);
        server.store.set_all(field, value).await;
        for token in [streamer.token.as_str(), joined[0].browser_source_token.expose()] {
            let is_off = async || server.data(token).await["reason"] == "streamer-inactive";
            soon("nothing is on the screen", is_off).await;
            let page = server.get(&format!("/api/v1/overlay/{token}")).await;
            assert!(page.status == 200 && !page.body.contains("media.example.com"), "{}", page.body);
            for event in ["overlay/{}/click", "overlay/{}/click/chat", "campaigns/impression/{}"] {
                let path = format!("/api/v1/{}", event.replace("{}", token));
                server.post(&path, json!({})).await.assert_event("rejected", Some("nothing-on-screen"));
            }
        }
        let counters = server.stored_participation(joined[0].id).await.counters;
        assert_eq!((counters.impressions, counters.clicks), (0, 0));
    }
}
