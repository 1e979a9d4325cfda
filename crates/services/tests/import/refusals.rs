//! Lines whose document cannot be stored.

use serde_json::json;

use crate::support::{
    CAMPAIGNS, KARMA, PARTICIPATIONS, Store, USERS, WEIGHTY, campaign, fixture_file, participation, user,
};

#[tokio::test]
async fn one_bad_line_refuses_its_document_only() {
    let words = "streamer, brand, admin";
    let cases = [
        (USERS, "{\"_id\": ".to_owned(), "", "the document does not end on its line"),
        (USERS, format!("{},", user(json!({}))), "", "not valid JSON at column"),
        (USERS, "\"hunter2\"".to_owned(), "", "not a document"),
        (USERS, user(json!({"_id": null})), "_id", "missing"),
        (USERS, user(json!({"_id": "not-an-id"})), "_id", "not an id"),
        (USERS, user(json!({"email": 7})), "email", "not text"),
        (USERS, user(json!({"name": null})), "name", "missing"),
        (USERS, user(json!({"role": "emperor"})), "role", words),
        (USERS, user(json!({"authProvider": "myspace"})), "authProvider", "twitch, youtube, email"),
        (USERS, user(json!({"isActive": "no"})), "isActive", "neither true nor false"),
        (USERS, user(json!({"password": 7})), "password", "not text"),
        (USERS, user(json!({"tokensRevokedAt": "x"})), "tokensRevokedAt", "not a date"),
        (USERS, user(json!({"email": {"$oid": "hunter2"}})), "email", "not MongoDB Extended JSON"),
        (USERS, user(json!({"xp": {"at": {"$date": "hunter2"}}})), "xp", "not MongoDB Extended JSON"),
        (CAMPAIGNS, campaign(json!({"title": null})), "title", "missing"),
        (CAMPAIGNS, campaign(json!({"brandId": "x"})), "brandId", "not an id"),
        (CAMPAIGNS, campaign(json!({"budget": "100"})), "budget", "not a number"),
        (CAMPAIGNS, campaign(json!({"budget": -1})), "budget", "less than 0"),
        (CAMPAIGNS, campaign(json!({"budget": 1e18})), "budget", "an amount of money is"),
        (CAMPAIGNS, campaign(json!({"budget": {"$numberDouble": "NaN"}})), "budget", "not a finite number"),
        (CAMPAIGNS, campaign(json!({"remainingBudget": null})), "remainingBudget", "missing"),
        (CAMPAIGNS, campaign(json!({"mediaUrl": null})), "mediaUrl", "missing"),
        (CAMPAIGNS, campaign(json!({"mediaType": "gif"})), "mediaType", "image, video"),
        (CAMPAIGNS, campaign(json!({"status": "lost"})), "status", "draft, pending, active"),
        (CAMPAIGNS, campaign(json!({"paymentType": "barter"})), "paymentType", "cpm, fixed, cpc"),
        (CAMPAIGNS, campaign(json!({"paymentRate": null})), "paymentRate", "missing"),
        (CAMPAIGNS, campaign(json!({"paymentRate": -1})), "paymentRate", "paymentRate is 0 or more"),
        (CAMPAIGNS, campaign(json!({"expectedImpressions": 0})), "expectedImpressions", "1 or more"),
        (CAMPAIGNS, campaign(json!({"endDate": "tomorrow"})), "endDate", "not a date"),
        (PARTICIPATIONS, participation(json!({"campaignId": null})), "campaignId", "missing"),
        (PARTICIPATIONS, participation(json!({"streamerId": 1})), "streamerId", "not an id"),
        (PARTICIPATIONS, participation(json!({"status": "gone"})), "status", "left_early"),
        (PARTICIPATIONS, participation(json!({"browserSourceToken": null})), "browserSourceToken", "missing"),
        (
            PARTICIPATIONS,
            participation(json!({"browserSourceToken": "hunter2/../"})),
            "browserSourceToken",
            "token",
        ),
        (PARTICIPATIONS, participation(json!({"clicks": -1})), "clicks", "not a whole number of 0 or more"),
        (PARTICIPATIONS, participation(json!({"impressions": 1.5})), "impressions", "not a whole number"),
        (
            PARTICIPATIONS,
            participation(json!({"estimatedEarnings": -0.01})),
            "estimatedEarnings",
            "less than 0",
        ),
    ];
    for (file, bad, field, reason) in cases {
        let mut lines = fixture_file(file);
        lines.insert_str(0, &format!("{bad}\n"));
        let files = [(file, lines.as_str()), (CAMPAIGNS, &fixture_file(CAMPAIGNS))];
        let (_store, report) = Store::of(if file == CAMPAIGNS { &files[..1] } else { &files }).await;
        let collection = match file {
            USERS => &report.users,
            CAMPAIGNS => &report.campaigns,
            _ => &report.participations,
        };
        assert_eq!(collection.inserted, 6, "{bad}");
        let [refused] = collection.refused.as_slice() else { panic!("{bad}: {:?}", collection.refused) };
        assert_eq!((refused.file, refused.line), (file, 1), "{bad}");
        assert_eq!(refused.field.as_deref().unwrap_or(""), field, "{bad}");
        assert!(refused.reason.contains(reason), "{bad}: {}", refused.reason);
        assert!(!refused.to_string().contains("hunter2"), "{refused}");
        assert_eq!(refused.id.is_some(), !matches!(field, "" | "_id"), "{bad}");
    }
}

#[tokio::test]
async fn a_refusal_says_where_and_what() {
    let (_store, report) = Store::of(&[(USERS, &format!("\n{}", user(json!({"role": "emperor"}))))]).await;
    let refused: Vec<_> = report.refused().map(ToString::to_string).collect();
    let [refused] = refused.as_slice() else { panic!("{refused:?}") };
    assert!(
        refused
            .starts_with(&format!("users.json line 2 ({KARMA}): role: `emperor` is not one of streamer, ")),
        "{refused}"
    );
}

#[tokio::test]
async fn a_unique_value_that_another_document_has_refuses_the_second() {
    let second = user(json!({"_id": {"$oid": WEIGHTY}, "name": "second"}));
    let (store, report) = Store::of(&[(USERS, &format!("{}\n{second}", user(json!({}))))]).await;
    assert_eq!(report.users.inserted, 1);
    let [refused] = report.users.refused.as_slice() else { panic!("{report:?}") };
    assert_eq!((refused.line, refused.field.as_deref()), (2, Some("email")));
    assert_eq!(refused.reason, "another user is stored with the same value");
    assert_eq!(store.user(KARMA).await.name, "karma");
}
