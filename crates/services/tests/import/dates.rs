//! Dates: values that mean "never", and every form in which tools write dates.

use gametriggers_domain::eligibility::{Hindrance, hindrance};
use gametriggers_fixtures::time;
use serde_json::json;

use crate::support::{
    CAMPAIGNS, HINGE, KARMA, KARMA_IN_HINGE, PARTICIPATIONS, Store, USERS, assert_all_inserted, campaign,
    participation, remarks, user,
};

#[tokio::test]
async fn a_far_end_is_no_end_and_a_far_beginning_never_comes() {
    for far in [
        json!({"$date": "9999-12-31T23:59:59.999Z"}),
        json!({"$date": "10000-01-01T00:00:00Z"}),
        json!({"$date": "+010000-01-01T00:00:00.000+0000"}),
        json!({"$date": {"$numberLong": "253402300800000"}}),
        json!({"$date": {"$numberLong": "9223372036854775807"}}),
    ] {
        for (field, expected) in [("endDate", None), ("startDate", Some(Hindrance::CampaignNotActive))] {
            let running = campaign(json!({"status": "active", field: far}));
            let (store, report) = Store::of(&[
                (CAMPAIGNS, &running),
                (PARTICIPATIONS, &participation(json!({"joinedAt": far, "note": far}))),
            ])
            .await;
            assert_all_inserted(&report.campaigns, 1);
            assert_all_inserted(&report.participations, 1);
            let [(noted, reason)] = remarks(&report.campaigns.notes)[..] else {
                panic!("{:?}", report.campaigns.notes)
            };
            assert_eq!(noted, field);
            assert!(reason.starts_with("later than all dates that can be told; "), "{reason}");
            let (campaign, part) = (store.campaign(HINGE).await, store.participation(KARMA_IN_HINGE).await);
            assert_eq!(campaign.end_date, None);
            assert_eq!(hindrance(&campaign, &part, time("2026-01-01T00:00:00Z")), expected, "{field} {far}");
        }
    }
}

#[tokio::test]
async fn an_offset_may_be_written_without_a_colon() {
    for text in
        ["2025-07-02T06:30:00.000+0000", "2025-07-02T12:00:00.000+0530", "2025-07-02T06:30:00.000+00:00"]
    {
        let date = json!({"$date": text});
        let (store, report) = Store::of(&[(
            USERS,
            &user(json!({"createdAt": date, "xp": {"lastEarned": date}, "tokensRevokedAt": date})),
        )])
        .await;
        assert_all_inserted(&report.users, 1);
        assert_eq!(report.users.notes, []);
        let user = store.user(KARMA).await;
        let expected = time("2025-07-02T06:30:00Z");
        assert_eq!((user.created_at, user.tokens_revoked_at), (expected, Some(expected)), "{text}");
    }
}
