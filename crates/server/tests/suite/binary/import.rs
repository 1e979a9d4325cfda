//! `import`: the previous system's streamers can continue as before.

use serde_json::{Value, json};

use super::{
    process::{Finished, Folder},
    serving::Server,
};
use crate::support::PREVIOUS_DATABASE;

/// The streamer of the original bug report.
const KARMA: &str = "6864d4187d06a675f2abb714";
const KARMAS_OVERLAY: &str = "0f44b311d2a3777b161a8c9ab3efe78b3122b03a1ea7de83a7b0fe628d34cb1e";
/// The token in the bug report.
const REPORTED_TOKEN: &str = "29c9f80049037a0cc9edb2899b2478157d9dd25fd1de1958d01aee459f4219c2";
const HINGE: &str = "685f9273332f9dae98cbd254";
const KEYBOARD: &str = "68626579d05bf40ec8267ffd";

fn previous(file: &str) -> Vec<Value> {
    let text = std::fs::read_to_string(format!("{PREVIOUS_DATABASE}/{file}")).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn id(document: &Value) -> &str {
    document["_id"]["$oid"].as_str().unwrap()
}

/// A token of the previous database: 63 times `first`, and then `last`.
fn token(first: char, last: char) -> String {
    first.to_string().repeat(63) + &last.to_string()
}

#[track_caller]
fn assert_printed(ended: &Finished, code: i32, lines: &[&str]) {
    assert_eq!(ended.code, Some(code), "{}", ended.stderr);
    assert_eq!(ended.stdout.lines().collect::<Vec<_>>(), lines);
}

#[tokio::test]
async fn an_import_prints_what_it_did_and_a_second_one_does_nothing() {
    let folder = Folder::with_store().await;
    let first = folder.run(&["import", PREVIOUS_DATABASE]);
    let note = "note: users.json line 6 (6864d4187d06a675f2abb719): campaignSelectionStrategy: `bogus` is no \
                strategy; it is kept, and campaigns are chosen by fair-rotation";
    let [users, campaigns, participations] = ["users", "campaigns", "participations"]
        .map(|name| format!("{name}: 6 inserted, 0 already there, 0 refused"));
    let tokens = "tokens: 6 participations keep the browser-source tokens of the export; those that the previous system \
                  made can be guessed, and `--renew-tokens` would have replaced them (docs/import.md)";
    assert_printed(&first, 0, &[&users, &campaigns, &participations, note, tokens]);
    folder.assert_reconciled();
    let stored = folder.store().everything().await;
    let second = folder.run(&["import", PREVIOUS_DATABASE]);
    let [users, campaigns, participations] = ["users", "campaigns", "participations"]
        .map(|name| format!("{name}: 0 inserted, 6 already there, 0 refused"));
    assert_printed(&second, 0, &[&users, &campaigns, &participations]);
    assert_eq!(folder.store().everything().await, stored);
}

/// With `--renew-tokens`, all participations get new tokens, and the old ones show nothing.
#[tokio::test]
async fn o20_an_import_can_renew_the_tokens_that_can_be_guessed() {
    let folder = Folder::with_store().await;
    let ended = folder.run(&["import", "--renew-tokens", PREVIOUS_DATABASE]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let last = ended.stdout.lines().last().unwrap_or_default();
    assert!(
        last.starts_with("tokens: 6 participations have new browser-source tokens; "),
        "{}",
        ended.stdout
    );
    let server = Server::start(&folder);
    let of_old = server.get(&format!("/api/v1/overlay/{REPORTED_TOKEN}/data")).await;
    assert_eq!(of_old.status, 404, "{}", of_old.body);
    server.end_blackouts(KARMA).await;
    let data = server.data(KARMAS_OVERLAY).await;
    assert!([HINGE, KEYBOARD].contains(&data["campaignId"].as_str().unwrap()), "{data}");
    server.stop();
}

#[tokio::test]
async fn an_empty_file_is_said_to_be_empty() {
    let folder = Folder::with_store().await;
    folder.write("users.json", "");
    let ended = folder.run(&["import", "."]);
    let lines = ["users: the file is empty", "campaigns: no file", "participations: no file"];
    assert_printed(&ended, 0, &lines);
}

#[tokio::test]
async fn every_user_of_the_previous_system_finds_their_profile() {
    let folder = Folder::with_previous_database().await;
    let server = Server::start(&folder);
    for before in previous("users.json") {
        let reply = server.get_as(id(&before), "/api/v1/users/me").await;
        assert_eq!(reply.status, 200, "{}", reply.body);
        let user = reply.json();
        for key in ["email", "name", "role", "authProvider"] {
            assert_eq!(user[key], before[key], "{}", id(&before));
        }
        assert_eq!((&user["_id"], &user["isActive"]), (&json!(id(&before)), &json!(true)));
        for hidden in ["password", "__v"] {
            assert!(user.get(hidden).is_none(), "{user}");
        }
        let is_streamer = before["role"].as_str().unwrap().starts_with("streamer");
        match before["overlayToken"].as_str() {
            Some(token) => assert_eq!(user["overlayToken"], token),
            None => assert_eq!(user["overlayToken"].is_string(), is_streamer, "{user}"),
        }
        let again = server.get_as(id(&before), "/api/v1/users/me").await.json();
        assert_eq!(again["overlayToken"], user["overlayToken"], "made once");

        let settings = &user["campaignRotationSettings"];
        let stored = &before["campaignRotationSettings"];
        let minutes = stored["rotationIntervalMinutes"].as_f64().unwrap_or(3.0);
        assert_eq!(settings["rotationIntervalMinutes"].as_f64(), Some(minutes));
        let weights = stored.get("priorityWeights").cloned();
        let defaults = json!({"paymentRate": 0.4, "performance": 0.3, "fairness": 0.3});
        assert_eq!(settings["priorityWeights"], weights.unwrap_or(defaults));
        let strategy = match before["campaignSelectionStrategy"].as_str() {
            None | Some("bogus") => "fair-rotation",
            Some(known) => known,
        };
        assert_eq!(
            (&user["campaignSelectionStrategy"], &settings["preferredStrategy"]),
            (&json!(strategy), &json!(strategy))
        );
        let stored = stored["blackoutPeriods"].as_array().map_or(0, Vec::len);
        assert_eq!(settings["blackoutPeriods"].as_array().unwrap().len(), stored);
        let opacity = before["overlaySettings"]["opacity"].as_f64().unwrap_or(80.0);
        assert_eq!(user["overlaySettings"]["opacity"].as_f64(), Some(opacity));
    }
    server.stop();
}

#[tokio::test]
async fn every_token_of_the_previous_system_shows_and_credits_its_streamers_screen() {
    let folder = Folder::with_previous_database().await;
    let server = Server::start(&folder);
    let kinds = |data: &Value| (data["kind"].clone(), data["reason"].clone());
    // The answer depends on the hour, because weekday nights are blackout periods.
    let by_the_hour = [(json!("campaign"), json!(null)), (json!("empty"), json!("blackout"))];
    assert!(by_the_hour.contains(&kinds(&server.data(REPORTED_TOKEN).await)));
    server.end_blackouts(KARMA).await;
    for token in [REPORTED_TOKEN, KARMAS_OVERLAY, &token('c', '2'), &token('c', '3')] {
        let data = server.data(token).await;
        assert!([HINGE, KEYBOARD].contains(&data["campaignId"].as_str().unwrap()), "{data}");
        let click = server.click(token, json!({"receipt": data["receipt"]})).await;
        click.assert_event("counted", None);
        assert_eq!(click.json()["participationId"], data["participationId"]);
    }
    let early_bird = token('c', '6');
    let data = server.data(&early_bird).await;
    assert_eq!((&data["campaignId"], &data["title"]), (&json!(KEYBOARD), &json!("RGB Gaming Keyboard")));
    server.click(&early_bird, json!({"receipt": data["receipt"]})).await.assert_event("counted", None);
    // Tokens of streamers who have paused, left, or joined nothing.
    for token in [token('a', '1'), token('c', '4'), token('c', '5'), token('b', 'b')] {
        assert_eq!(kinds(&server.data(&token).await), (json!("empty"), json!("no-campaign")));
        server.click(&token, json!({})).await.assert_event("rejected", Some("nothing-on-screen"));
    }
    server.stop();
    folder.assert_reconciled();
}

/// Lists a streamer's participations by id.
async fn joined(server: &Server, streamer: &str) -> Vec<Value> {
    let reply = server.get_as(streamer, "/api/v1/campaigns/streamer/active").await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    reply.json().as_array().unwrap().iter().map(|pair| pair["participation"].clone()).collect()
}

#[tokio::test]
async fn an_import_after_traffic_overwrites_nothing() {
    let folder = Folder::with_previous_database().await;
    let server = Server::start(&folder);
    server.end_blackouts(KARMA).await;
    let request = server.client.put(server.url("/api/v1/users/me/overlay"));
    let changed = server.as_user(KARMA, request.json(&json!({"position": "top-left", "opacity": 30}))).await;
    assert_eq!(changed.status, 200);
    let shown = server.data(REPORTED_TOKEN).await;
    let receipt = json!({"receipt": shown["receipt"]});
    let displayed =
        server.post(&format!("/api/v1/campaigns/impression/{REPORTED_TOKEN}"), receipt.clone()).await;
    displayed.assert_event("counted", None);
    for _ in 0..3 {
        server.click(REPORTED_TOKEN, receipt.clone()).await.assert_event("counted", None);
    }
    let (before, after) = (previous("campaignparticipations.json"), joined(&server, KARMA).await);
    for participation in &after {
        let before = before.iter().find(|before| participation["_id"] == id(before)).unwrap();
        let added = if participation["_id"] == shown["participationId"] { (1, 3) } else { (0, 0) };
        let sum = |key: &str, added: u64| before[key].as_u64().unwrap() + added;
        let expected =
            json!([sum("impressions", added.0), sum("clicks", added.1), before["browserSourceToken"]]);
        let found =
            [&participation["impressions"], &participation["clicks"], &participation["browserSourceToken"]];
        assert_eq!(json!(found), expected, "{participation}");
    }
    server.stop();
    let stored = folder.store().everything().await;

    assert_eq!(folder.run(&["import", PREVIOUS_DATABASE]).code, Some(0));
    assert_eq!(folder.store().everything().await, stored);
    folder.assert_reconciled();
    let server = Server::start(&folder);
    assert_eq!(joined(&server, KARMA).await, after);
    let user = server.get_as(KARMA, "/api/v1/users/me").await.json();
    assert_eq!(user["overlaySettings"]["position"], "top-left");
    server.click(REPORTED_TOKEN, receipt).await.assert_event("counted", None);
    server.stop();
    folder.assert_reconciled();
}

#[tokio::test]
async fn a_document_that_is_refused_is_named_by_its_line_and_the_others_are_imported() {
    let folder = Folder::with_store().await;
    let users = std::fs::read_to_string(format!("{PREVIOUS_DATABASE}/users.json")).unwrap();
    let users: Vec<_> = users.lines().collect();
    let without_role = users[1].replace("\"role\"", "\"roll\"");
    let same_email = users[3].replace("brand@example.com", "karma@example.com");
    let (half, _) = users[2].split_at(users[2].len() / 2);
    folder.write("users.json", &[users[0], half, &without_role, "", &same_email, users[4]].join("\n"));
    let ended = folder.run(&["import", "."]);
    assert_printed(
        &ended,
        1,
        &[
            "users: 2 inserted, 0 already there, 3 refused",
            "campaigns: no file",
            "participations: no file",
            "refused: users.json line 2: the document does not end on its line",
            "refused: users.json line 3 (6864d4187d06a675f2abb715): role: missing",
            "refused: users.json line 5 (6864d4187d06a675f2abb717): email: another user is stored with the same value",
        ],
    );
    // Progress is shown only on a terminal.
    assert!(!ended.stderr.contains("lines, "), "{}", ended.stderr);
    // After the line is corrected, a second import adds what is missing.
    folder.write("users.json", &users.join("\n"));
    let ended = folder.run(&["import", "."]);
    assert_eq!(ended.code, Some(0));
    assert!(ended.stdout.starts_with("users: 4 inserted, 2 already there, 0 refused\n"), "{}", ended.stdout);
}

#[tokio::test]
async fn a_folder_without_an_export_and_a_file_of_another_form_are_refused_whole() {
    let folder = Folder::with_store().await;
    for (directory, text, message) in [
        ("nowhere", None, "there is no users.json, campaigns.json or campaignparticipations.json in nowhere"),
        (".", Some("[\n{}\n]"), "users.json was exported with --jsonArray; export it without"),
        (".", Some("{\n  \"_id\": 1\n}"), "users.json was exported with --pretty; export it without"),
        (".", Some("{\0}\0"), "users.json is not UTF-8 text but UTF-16"),
    ] {
        if let Some(text) = text {
            folder.write("users.json", text);
        }
        let ended = folder.run(&["import", directory]);
        assert_printed(&ended, 1, &[]);
        assert!(ended.stderr.contains(message), "{}", ended.stderr);
    }
}
