//! Participations whose campaign is not in the store.

use gametriggers_domain::ledger::{Entry, EntryId, EntryKind};
use gametriggers_fixtures::{time, units};
use gametriggers_types::ClickKind;
use serde_json::json;

use crate::support::{
    CAMPAIGNS, HINGE, KARMA, KARMA_IN_HINGE, PARTICIPATIONS, Store, assert_all_inserted, campaign, exported,
    participation, remarks,
};

/// Without the campaign, the number of paid units is unknown. If such a participation were stored, all its units would be paid
/// again.
#[tokio::test]
async fn earnings_wait_for_their_campaign_and_are_not_paid_twice() {
    let fixed =
        json!({"paymentType": "fixed", "paymentRate": 50, "expectedImpressions": 100, "status": "active"});
    let earned = participation(json!({"estimatedEarnings": 50, "impressions": 100}));
    let store = Store::empty().await;
    let report = store.import(&exported(&[(PARTICIPATIONS, &earned)])).await;
    assert_eq!(report.participations.inserted, 0);
    let expected = format!(
        "there is no campaign {HINGE}, and what was earned cannot be counted without it; import its campaign, then \
         import again"
    );
    assert_eq!(remarks(&report.participations.refused), [("campaignId", expected.as_str())]);

    let report = store.import(&exported(&[(CAMPAIGNS, &campaign(fixed)), (PARTICIPATIONS, &earned)])).await;
    assert_all_inserted(&report.participations, 1);
    let display = |number: u32| {
        let id = EntryId::click(KARMA.parse().unwrap(), ClickKind::Overlay, &number.to_string());
        let (participation, campaign) = (KARMA_IN_HINGE.parse().unwrap(), HINGE.parse().unwrap());
        let entry = Entry::new(id, EntryKind::Display, participation, campaign, time("2026-01-01T10:00:00Z"));
        Entry { units: 10, basis: EntryKind::Display.basis(), ..entry }
    };
    store.repositories.ledger.record((0..20).map(display).collect()).await.unwrap();
    let after = store.participation(KARMA_IN_HINGE).await;
    assert_eq!((after.counters.earnings, after.counters.impressions), (units(50.0), 300));
    assert_eq!(store.repositories.ledger.reconcile(false).await.unwrap(), []);
}

#[tokio::test]
async fn who_has_earned_nothing_or_was_counted_before_does_not_wait() {
    let expected = format!("there is no campaign {HINGE}; nothing of it is shown before it is imported");
    for (changes, notes) in [
        (json!({}), vec![("campaignId", expected.as_str())]),
        (json!({"estimatedEarnings": 0, "clicks": 3}), vec![("campaignId", expected.as_str())]),
        (json!({"estimatedEarnings": 50, "paidUnits": 100}), vec![]),
    ] {
        let (store, report) = Store::of(&[(PARTICIPATIONS, &participation(changes))]).await;
        assert_all_inserted(&report.participations, 1);
        assert_eq!(remarks(&report.participations.notes), notes);
        assert_eq!(store.repositories.ledger.reconcile(false).await.unwrap(), []);
    }
}
