//! Invalid settings.

use gametriggers_domain::selection;
use serde_json::{Value, json};

use super::{Refusal, Stage};

const SELECTION: &str = "/api/v1/users/me/campaign-selection";
const OVERLAY: &str = "/api/v1/users/me/overlay";
const TEST_AD: &str = "/api/v1/users/me/overlay/test";

/// A table row: the request, and a part of the message in the answer.
type Case<'a> = (&'a str, &'a str);

async fn assert_all_refused(stage: &Stage, method: &str, path: &str, code: &str, cases: &[Case<'_>]) {
    for (body, hint) in cases {
        let refusal: Refusal<'_> = (400, code, hint);
        stage.assert_refused(body, &stage.send_as(method, path, (*body).to_owned()).await, refusal);
    }
    stage.assert_untouched().await;
}

async fn assert_selection_refused(cases: &[Case<'_>]) {
    assert_all_refused(&Stage::new().await, "PUT", SELECTION, "VALIDATION_FAILED", cases).await;
}

/// Defect O18: the previous system stored an unknown strategy, and then the account was unusable.
#[tokio::test]
async fn o18_an_unknown_strategy_is_refused_with_the_list_of_those_there_are() {
    let names: Vec<_> = selection::all().iter().map(|strategy| strategy.name()).collect();
    let all = format!("is not one of {}", names.join(", "));
    let long = json!({"campaignSelectionStrategy": "x".repeat(10_000)}).to_string();
    assert_selection_refused(&[
        (r#"{"campaignSelectionStrategy": "random"}"#, &all),
        (r#"{"campaignSelectionStrategy": "Weighted"}"#, &all),
        (r#"{"campaignSelectionStrategy": " weighted"}"#, &all),
        (r#"{"campaignSelectionStrategy": ""}"#, &all),
        (r#"{"campaignRotationSettings": {"preferredStrategy": "random"}}"#, &all),
        (&long, &all),
        (
            r#"{"campaignSelectionStrategy": 3}"#,
            "campaignSelectionStrategy: expected a string, not integer `3`",
        ),
        (r#"{"campaignSelectionStrategy": ["weighted"]}"#, "expected a string, not an array"),
    ])
    .await;
}

/// A wrong parameter is refused with its place and with what is allowed.
#[tokio::test]
async fn a_parameter_is_one_that_its_strategy_has_and_in_its_range() {
    const FIELD: &str = "campaignRotationSettings.strategyParameters.";
    let stage = Stage::new().await;
    let part = |change: &str| {
        let mut part = json!({"startTime": "18:00", "endTime": "24:00", "days": ["friday"], "category": "gaming", "weight": 1});
        part.as_object_mut().unwrap().extend(serde_json::from_str::<serde_json::Map<_, _>>(change).unwrap());
        part
    };
    let dayparts = |parts: Value| json!({"daypart": {"dayparts": parts}});
    for (parameters, hint) in [
        (json!({"random": {"x": 1}}), "random: `random` is not one of capped-fair"),
        (json!({"random": {}}), "random: `random` is not one of capped-fair"),
        (json!({"random": null}), "random: `random` is not one of capped-fair"),
        (json!({"capped-fair": {"part": null}}), "capped-fair.part: capped-fair has no such parameter"),
        (json!({"fair-rotation": {"share": 1}}), "fair-rotation.share: fair-rotation has no parameters"),
        (
            json!({"capped-fair": {"part": 1}}),
            "capped-fair.part: capped-fair has no such parameter, only share",
        ),
        (json!({"capped-fair": {"share": 1.5}}), "capped-fair.share: a number from 0.05 to 1"),
        (json!({"capped-fair": {"share": "half"}}), "capped-fair.share: a number from 0.05 to 1"),
        (
            json!({"weighted": {"fairness": 1}}),
            "weighted.fairness: a number from 0 to 1, set as one of campaignRotationSettings.priorityWeights",
        ),
        (dayparts(json!(3)), "daypart.dayparts: a list of at most 50 dayparts"),
        (dayparts(json!([3])), "daypart.dayparts[0]: "),
        (
            dayparts(json!([part("{}"), part(r#"{"weight": 101}"#)])),
            "daypart.dayparts[1].weight: the weight of a daypart is a number from 0 to 100",
        ),
        (
            dayparts(json!([part(r#"{"days": []}"#)])),
            "daypart.dayparts[0].days: a period names at least one day",
        ),
        (dayparts(json!([part(r#"{"category": ""}"#)])), "daypart.dayparts: a list of at most 50 dayparts"),
        (dayparts(json!(vec![part("{}"); 51])), "daypart.dayparts: a list of at most 50 dayparts"),
    ] {
        let body = json!({"campaignRotationSettings": {"strategyParameters": parameters}}).to_string();
        let refusal: Refusal<'_> = (400, "VALIDATION_FAILED", &format!("{FIELD}{hint}"));
        stage.assert_refused(&body, &stage.send_as("PUT", SELECTION, body.clone()).await, refusal);
    }
    for (field, hint) in [
        (r#""maxSlotsInARow": 21"#, "maxSlotsInARow is a whole number from 0 (no limit) to 20"),
        (r#""maxSlotsInARow": 1.5"#, "maxSlotsInARow is a whole number"),
        (r#""minSlotsBetweenCategory": -1"#, "minSlotsBetweenCategory is a whole number from 0 (none) to 10"),
    ] {
        let body = format!(r#"{{"campaignRotationSettings": {{{field}}}}}"#);
        let refusal: Refusal<'_> = (400, "VALIDATION_FAILED", hint);
        stage.assert_refused(&body, &stage.send_as("PUT", SELECTION, body.clone()).await, refusal);
    }
    stage.assert_untouched().await;
}

#[tokio::test]
async fn an_interval_is_a_whole_number_of_minutes_from_1_to_60() {
    const RANGE: &str = "rotationIntervalMinutes is a whole number from 1 to 60";
    const NUMBER: &str = "campaignRotationSettings.rotationIntervalMinutes: expected a number";
    let stage = Stage::new().await;
    for (interval, hint) in [
        ("0", RANGE),
        ("61", RANGE),
        ("1.5", RANGE),
        ("-3", RANGE),
        ("1e300", RANGE),
        ("99999999999999999999", RANGE),
        ("\"3\"", NUMBER),
        ("true", NUMBER),
        ("[3]", NUMBER),
        ("{\"$numberInt\": \"3\"}", NUMBER),
    ] {
        let body = format!(r#"{{"campaignRotationSettings": {{"rotationIntervalMinutes": {interval}}}}}"#);
        let reply = stage.send_as("PUT", SELECTION, body).await;
        stage.assert_refused(interval, &reply, (400, "VALIDATION_FAILED", hint));
    }
    stage.assert_untouched().await;
    // Null is no value, so the interval stays as it is.
    let null = json!({"campaignRotationSettings": {"rotationIntervalMinutes": null}});
    let kept = stage.server.choose(&stage.streamer, null).await;
    assert_eq!(kept["campaignRotationSettings"]["rotationIntervalMinutes"], 3);
    assert_eq!(stage.server.store.everything().await["users"], stage.before["users"]);
}

#[tokio::test]
async fn weights_are_numbers_from_0_to_1() {
    const RANGE: &str = "each of priorityWeights is a number from 0 to 1";
    let stage = Stage::new().await;
    for field in ["paymentRate", "performance", "fairness"] {
        for (weight, code, hint) in [
            ("-0.1", "VALIDATION_FAILED", RANGE),
            ("-1e-300", "VALIDATION_FAILED", RANGE),
            ("1.0000001", "VALIDATION_FAILED", RANGE),
            ("1e300", "VALIDATION_FAILED", RANGE),
            ("\"0.4\"", "VALIDATION_FAILED", "expected a number, not string \"0.4\""),
            ("{}", "VALIDATION_FAILED", "expected a number, not an object"),
            ("NaN", "MALFORMED_BODY", "the body is not valid JSON"),
            ("Infinity", "MALFORMED_BODY", "the body is not valid JSON"),
            ("1e400", "MALFORMED_BODY", "number out of range"),
        ] {
            let weights = format!(r#"{{"priorityWeights": {{"{field}": {weight}}}}}"#);
            let body = format!(r#"{{"campaignRotationSettings": {weights}}}"#);
            let reply = stage.send_as("PUT", SELECTION, body).await;
            stage.assert_refused(&format!("{field}: {weight}"), &reply, (400, code, hint));
            if hint == RANGE {
                assert!(reply.body.contains(&format!("priorityWeights.{field}: ")), "{}", reply.body);
            }
        }
    }
    stage.assert_untouched().await;
}

/// A request may not set all weights to 0, neither at once nor one after another.
#[tokio::test]
async fn weights_are_never_all_zero() {
    let mut stage = Stage::new().await;
    let hint = "campaignRotationSettings.priorityWeights: at least one of priorityWeights must be greater than 0; enter";
    let refusal = (400, "VALIDATION_FAILED", hint);
    let put = |weights: &Value| json!({"campaignRotationSettings": {"priorityWeights": weights}});
    let zero = json!({"paymentRate": 0, "performance": 0.0, "fairness": -0.0});
    let reply = stage.server.put_as(&stage.streamer, SELECTION, put(&zero)).await;
    stage.assert_refused("all at once", &reply, refusal);
    stage.assert_untouched().await;
    stage.server.choose(&stage.streamer, put(&json!({"paymentRate": 0, "performance": 0}))).await;
    stage.shown = stage.server.data(&stage.streamer.token).await;
    stage.before = stage.server.store.everything().await;
    let reply = stage.server.put_as(&stage.streamer, SELECTION, put(&json!({"fairness": 0}))).await;
    stage.assert_refused("the last", &reply, refusal);
    stage.assert_untouched().await;
}

fn periods(list: &str) -> String {
    format!(r#"{{"campaignRotationSettings": {{"blackoutPeriods": {list}}}}}"#)
}

/// Defects S11 and S13: malformed times never matched, misspelt days matched by their beginning, and there was no error.
#[tokio::test]
async fn s11_blackout_periods_are_times_of_day_on_days_of_the_week() {
    const TIME: &str = "is not a time of day: write HH:MM";
    const FIELD: &str = "campaignRotationSettings.blackoutPeriods";
    let stage = Stage::new().await;
    let period = |start: &str, end: &str, days: &str| {
        format!(r#"[{{"startTime": "{start}", "endTime": "{end}", "days": {days}}}]"#)
    };
    let monday = r#"["monday"]"#;
    let good = period("10:00", "11:00", monday);
    let mut cases: Vec<(String, &str)> =
        ["99:99", "24:01", "25:00", "12:60", "9:00", "12", "", "12:00:00", "ab:cd", "-1:00"]
            .iter()
            .flat_map(|time| [(period(time, "11:00", monday), TIME), (period("10:00", time, monday), TIME)])
            .collect();
    cases.extend([
        (period("10:00", "10:00", monday), "a whole day is 00:00 to 24:00"),
        (period("24:00", "01:00", monday), "starts at 23:59 at the latest"),
        (period("10:00", "11:00", "[]"), "[0].days: a period names at least one day: choose from monday"),
        (period("", "11:00", monday), "[0].startTime: an empty text is not a time of day: write HH:MM"),
        (period("10:00", "", monday), "[0].endTime: an empty text is not a time of day: write HH:MM"),
        (period("10:00", "11:00", r#"["moonday"]"#), "[0].days[0]: `moonday` is not a day of the week"),
        (
            period("10:00", "11:00", r#"["monday", ""]"#),
            "[0].days[1]: an empty text is not a day of the week",
        ),
        (period("10:00", "11:00", r#""monday""#), "days: expected an array, not string \"monday\""),
        (period("10:00", "11:00", "[1]"), "days[0]: expected a string, not integer `1`"),
        (
            r#"[{"startTime": 600, "endTime": "11:00", "days": ["monday"]}]"#.to_owned(),
            "startTime: expected a string",
        ),
        (r#"[{"endTime": "11:00", "days": ["monday"]}]"#.to_owned(), "missing field `startTime`"),
        (good.replace("}]", r#", "zone": "UTC"}]"#), "unknown field `zone`"),
        ("{}".to_owned(), "expected an array, not an object"),
        (r#""none""#.to_owned(), "expected an array, not string \"none\""),
        ("[null]".to_owned(), "blackoutPeriods[0]: expected an object, not null"),
        (r#"[["id", "10:00", "11:00", ["monday"]]]"#.to_owned(), "expected an object, not an array"),
        (
            format!("{}, {}", good.trim_end_matches(']'), &period("99:99", "11:00", monday)[1..]),
            "blackoutPeriods[1]",
        ),
        (format!("[{}]", vec![good.trim_matches(['[', ']']); 101].join(",")), "at most 100 periods"),
    ]);
    for (list, hint) in &cases {
        let reply = stage.send_as("PUT", SELECTION, periods(list)).await;
        stage.assert_refused(list, &reply, (400, "VALIDATION_FAILED", hint));
        assert!(reply.body.contains(FIELD), "{list}: which field? {}", reply.body);
    }
    stage.assert_untouched().await;
    let hundred = format!("[{}]", vec![good.trim_matches(['[', ']']); 100].join(","));
    let reply = stage.send_as("PUT", SELECTION, periods(&hundred)).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
}

#[tokio::test]
async fn a_time_zone_is_one_of_the_iana_database() {
    const ZONE: &str = "is not a time zone of the IANA database, such as Asia/Kolkata";
    assert_selection_refused(&[
        (r#"{"timezone": "Mars/Olympus"}"#, ZONE),
        (r#"{"timezone": "+05:30"}"#, ZONE),
        (r#"{"timezone": "../../etc/passwd"}"#, ZONE),
        (r#"{"timezone": ""}"#, ZONE),
        (r#"{"timezone": "Asia/Kolkata\u0000"}"#, ZONE),
        (r#"{"campaignRotationSettings": {"timezone": "Mars/Olympus"}}"#, ZONE),
        (r#"{"timezone": 5.5}"#, "timezone: expected a string, not floating point `5.5`"),
    ])
    .await;
}

/// A request may not give two values under the two names of a setting, and may not name unknown fields.
#[tokio::test]
async fn contradictory_and_unknown_fields_are_refused() {
    const CONTRADICT: &str = "are one setting and contradict each other; send one of them";
    assert_selection_refused(&[
        (
            r#"{"campaignSelectionStrategy": "weighted",
                "campaignRotationSettings": {"preferredStrategy": "performance"}}"#,
            CONTRADICT,
        ),
        (r#"{"timezone": "UTC", "campaignRotationSettings": {"timezone": "Asia/Kolkata"}}"#, CONTRADICT),
        (
            r#"{"strategy": "weighted"}"#,
            "unknown field `strategy`, expected one of `campaignSelectionStrategy`",
        ),
        (r#"{"rotationIntervalMinutes": 5}"#, "unknown field `rotationIntervalMinutes`"),
        (
            r#"{"campaignRotationSettings": {"interval": 5}}"#,
            "campaignRotationSettings.interval: unknown field",
        ),
        (
            r#"{"campaignRotationSettings": {"priorityWeights": {"ctr": 1}}}"#,
            "priorityWeights.ctr: unknown field",
        ),
        (
            r#"{"campaignRotationSettings": 5}"#,
            "campaignRotationSettings: expected an object, not integer `5`",
        ),
        (r#"{"campaignRotationSettings": []}"#, "campaignRotationSettings: expected an object, not an array"),
        (
            r#"{"campaignRotationSettings": {"priorityWeights": [1, 1, 1]}}"#,
            "expected an object, not an array",
        ),
    ])
    .await;
}

/// If one field is invalid, the valid ones are not stored either.
#[tokio::test]
async fn a_request_is_taken_whole_or_not_at_all() {
    assert_selection_refused(&[
        (r#"{"timezone": "Asia/Kolkata", "campaignSelectionStrategy": "random"}"#, "is not one of"),
        (
            r#"{"campaignSelectionStrategy": "weighted", "campaignRotationSettings": {"rotationIntervalMinutes": 5,
                "priorityWeights": {"paymentRate": 0, "performance": 0, "fairness": 0}}}"#,
            "at least one of priorityWeights",
        ),
    ])
    .await;
}

/// Defect O1: text reached the style sheet of the overlay without a check.
#[tokio::test]
async fn o1_overlay_settings_are_of_a_kind_that_cannot_run_script() {
    const COLOUR: &str = "`transparent` or a hexadecimal colour such as #102030";
    let cases: &[Case<'_>] = &[
        (r#"{"backgroundColor": "red;}</style><script>alert(1)</script>"}"#, COLOUR),
        (r#"{"backgroundColor": "url(https://evil.example/x)"}"#, COLOUR),
        (r#"{"backgroundColor": "expression(alert(1))"}"#, COLOUR),
        (r##"{"backgroundColor": "#12345g"}"##, COLOUR),
        (r#"{"backgroundColor": ""}"#, COLOUR),
        (r#"{"backgroundColor": 16777215}"#, "backgroundColor: expected a string"),
        (
            r#"{"position": "middle"}"#,
            "`middle` is not one of top-left, top-right, bottom-left, bottom-right",
        ),
        (r#"{"position": "<script>alert(1)</script>"}"#, "is not one of top-left"),
        (r#"{"size": "huge"}"#, "`huge` is not one of small, medium, large"),
        (r#"{"size": 30}"#, "size: expected a string, not integer `30`"),
        (r#"{"opacity": 19.9}"#, "opacity is a number from 20 to 100"),
        (r#"{"opacity": 101}"#, "opacity is a number from 20 to 100"),
        (r#"{"opacity": "80"}"#, "opacity: expected a number, not string \"80\""),
        (r#"{"opacity": 50, "size": "huge"}"#, "`huge` is not one of small, medium, large"),
        (r#"{"overlayToken": "0123456789abcdef"}"#, "unknown field `overlayToken`"),
    ];
    assert_all_refused(&Stage::new().await, "PUT", OVERLAY, "VALIDATION_FAILED", cases).await;
}

/// Defects O1 and O26: the values of a test ad reached the page without a check, and an empty request caused a 500.
#[tokio::test]
async fn o26_a_test_ad_is_a_title_and_an_address_of_media() {
    const ADDRESS: &str = "testCampaign.mediaUrl: an address begins with https://, http:// or a single /";
    let ad = |field: &str, value: &str| json!({"testCampaign": {field: value}}).to_string();
    let long_address = ad("mediaUrl", &format!("https://media.example.com/{}", "a".repeat(2_048)));
    let (script, data) = (ad("mediaUrl", "JavaScript:alert(1)"), ad("mediaUrl", "data:text/html,<script>"));
    let (host, relative) = (ad("mediaUrl", "//evil.example/a.png"), ad("mediaUrl", "media/a.png"));
    let cases: &[Case<'_>] = &[
        (&script, ADDRESS),
        (&data, ADDRESS),
        (&host, ADDRESS),
        (&relative, ADDRESS),
        (&long_address, "at most 2,048 characters"),
        (&ad("mediaUrl", ""), ADDRESS),
        (&ad("mediaType", "text/html"), "testCampaign.mediaType: `text/html` is not one of image, video"),
        (&ad("mediaType", "video"), "testCampaign.mediaUrl is missing: a video has no default"),
        (&ad("title", &"t".repeat(201)), "testCampaign.title has at most 200 characters"),
        (r#"{"testCampaign": {"title": 5}}"#, "testCampaign.title: expected a string, not integer `5`"),
        (r#"{"testCampaign": 5}"#, "testCampaign: expected an object, not integer `5`"),
        (
            r#"{"testCampaign": ["Title", "/a.png", "image"]}"#,
            "testCampaign: expected an object, not an array",
        ),
        (r#"{"overlayToken": 5, "testCampaign": {}}"#, "overlayToken: expected a string"),
    ];
    assert_all_refused(&Stage::new().await, "POST", TEST_AD, "VALIDATION_FAILED", cases).await;
}

#[tokio::test]
async fn queries_are_checked_and_say_which_part_is_wrong() {
    const PAGES: &str = "/api/v1/campaigns/streamer/active";
    let stage = Stage::new().await;
    for (query, hint) in [
        ("page=0", "page, in the query of the address, is a whole number from 1"),
        ("page=x", "page, in the query"),
        ("page=-1", "page, in the query"),
        ("page=", "page, in the query"),
        ("page=99999999999999999999", "page, in the query"),
        ("limit=0", "limit, in the query of the address, is a whole number from 1 to 100"),
        ("limit=101", "limit, in the query"),
        ("limit=1.5", "limit, in the query"),
        ("limit=%00", "limit, in the query"),
        ("offset=5", "unknown field `offset`, expected `page` or `limit`"),
        ("page=1&page=2", "duplicate field `page`"),
    ] {
        let reply = stage.send_as("GET", &format!("{PAGES}?{query}"), "").await;
        stage.assert_refused(query, &reply, (400, "VALIDATION_FAILED", hint));
    }
    stage.assert_untouched().await;
}
