//! Laws of campaigns: insertion, reading and transitions of the status.

use gametriggers_domain::{model::Campaign, price::Payment};
use gametriggers_fixtures::{campaign, campaign_id, minute, new_campaign, start, time, user_id};
use gametriggers_persistence::Insertion;
use gametriggers_types::{CampaignStatus, MediaType, Money, PaymentType};

use crate::{
    Fixture,
    support::{AWKWARD_COUNTS, AWKWARD_TEXT, TASKS, at_once, count, store_campaign, stored_campaign},
};

crate::laws! { $ campaigns:
    a_campaign_is_read_as_inserted_with_every_field_set,
    a_campaign_is_read_as_inserted_with_every_optional_field_absent,
    awkward_texts_are_read_as_inserted,
    m24_money_is_read_to_the_last_micro_unit,
    every_status_media_and_payment_is_read_as_inserted,
    a_campaign_that_is_not_there_is_not_found,
    inserting_a_campaign_again_changes_nothing,
    of_many_callers_inserting_one_campaign_one_inserts,
    a_transition_changes_the_status_and_when_and_nothing_else,
    p12_a_transition_from_another_status_changes_nothing,
    m7_of_many_callers_one_completes_a_campaign,
    of_many_different_transitions_one_succeeds,
    a_campaign_that_is_not_there_has_no_transitions,
}

/// A campaign in which no field is absent and no field has its default value.
fn full_campaign(number: u32) -> Campaign {
    Campaign {
        id: campaign_id(number),
        title: "Zoë's “Keyboard” & <Mouse>".to_owned(),
        description: Some("Line one\nLine two".to_owned()),
        brand_id: user_id(77),
        budget: Money::from_micros(40_000_000_001),
        remaining_budget: Money::from_micros(39_999_999_999),
        media_url: "https://media.example.com/a.mp4?x=1&y='2'".to_owned(),
        media_type: MediaType::Video,
        click_url: Some("https://brand.example.com/?utm=%F0%9F%8E%AE".to_owned()),
        status: CampaignStatus::Paused,
        categories: vec!["gaming".to_owned()],
        languages: vec!["hi".to_owned(), "en".to_owned()],
        start_date: Some(time("2026-01-31T18:30:00Z")),
        end_date: Some(time("2026-12-31T18:29:59.999Z")),
        payment: Payment::new(PaymentType::Fixed, Money::from_micros(1_660_000_001), 4_294_967_297).unwrap(),
        created_at: time("2025-06-28T07:01:07.003Z"),
        updated_at: time("2026-03-01T11:59:59.999Z"),
    }
}

async fn transition(fixture: &impl Fixture, number: u32, from: CampaignStatus, to: CampaignStatus) -> bool {
    fixture.repositories().campaigns.transition(campaign_id(number), from, to, minute(1)).await.unwrap()
}

/// A campaign with every field set is read as inserted.
async fn a_campaign_is_read_as_inserted_with_every_field_set(fixture: &impl Fixture) {
    let new = new_campaign(full_campaign(1));
    let answer = fixture.repositories().campaigns.insert_if_absent(&new).await.unwrap();
    assert_eq!(answer, Insertion::Inserted);
    assert_eq!(stored_campaign(fixture, campaign_id(1)).await, full_campaign(1));
}

/// A campaign without any optional field is read as inserted, and the absent fields stay absent.
async fn a_campaign_is_read_as_inserted_with_every_optional_field_absent(fixture: &impl Fixture) {
    store_campaign(fixture, campaign(1)).await;
    assert_eq!(stored_campaign(fixture, campaign_id(1)).await, campaign(1));
}

/// No text is trimmed, cut, normalised or read as absent.
async fn awkward_texts_are_read_as_inserted(fixture: &impl Fixture) {
    let odd = Campaign {
        title: AWKWARD_TEXT.to_owned(),
        description: Some(String::new()),
        media_url: "javascript:alert('old data')".to_owned(),
        click_url: Some(AWKWARD_TEXT.repeat(50)),
        categories: vec![AWKWARD_TEXT.to_owned(), String::new()],
        ..campaign(1)
    };
    store_campaign(fixture, odd.clone()).await;
    assert_eq!(stored_campaign(fixture, odd.id).await, odd);
}

/// Every amount is read to the last micro-unit, from an overspent budget to amounts near the greatest integer that a double
/// holds.
async fn m24_money_is_read_to_the_last_micro_unit(fixture: &impl Fixture) {
    let amounts = [0, 1, -1, -9_999, 1_660_000, 8_299_999, 9_000_000_000_000_000, -8_999_999_999_999_999];
    for (number, micros) in (1..).zip(amounts) {
        let amount = Money::from_micros(micros);
        let rate = Money::from_micros(micros.abs());
        let payment =
            Payment::new(PaymentType::Cpm, rate, AWKWARD_COUNTS[number as usize % 5].max(1)).unwrap();
        let expected = Campaign { budget: amount, remaining_budget: amount, payment, ..campaign(number) };
        store_campaign(fixture, expected.clone()).await;
        assert_eq!(stored_campaign(fixture, expected.id).await, expected);
    }
}

/// Every value of the enums is read as inserted.
async fn every_status_media_and_payment_is_read_as_inserted(fixture: &impl Fixture) {
    for (number, &status) in (1..).zip(CampaignStatus::ALL) {
        let kind = PaymentType::ALL[number as usize % PaymentType::ALL.len()];
        let media_type = MediaType::ALL[number as usize % MediaType::ALL.len()];
        let payment = Payment::new(kind, Money::from_micros(5), 7).unwrap();
        let expected = Campaign { status, media_type, payment, ..campaign(number) };
        store_campaign(fixture, expected.clone()).await;
        assert_eq!(stored_campaign(fixture, expected.id).await, expected);
    }
}

/// A look-up by an id that no campaign has finds nothing and is no error.
async fn a_campaign_that_is_not_there_is_not_found(fixture: &impl Fixture) {
    store_campaign(fixture, campaign(1)).await;
    assert_eq!(fixture.reopen().await.campaigns.find_by_id(campaign_id(2)).await.unwrap(), None);
}

/// An insertion never overwrites a campaign of the same id, neither its money nor another field.
async fn inserting_a_campaign_again_changes_nothing(fixture: &impl Fixture) {
    store_campaign(fixture, full_campaign(1)).await;
    for second in [full_campaign(1), Campaign { id: campaign_id(1), ..campaign(2) }] {
        let new = new_campaign(second);
        let answer = fixture.repositories().campaigns.insert_if_absent(&new).await.unwrap();
        assert_eq!(answer, Insertion::AlreadyPresent);
        assert_eq!(stored_campaign(fixture, campaign_id(1)).await, full_campaign(1));
    }
    assert_eq!(fixture.reopen().await.ledger.reconcile(false).await.unwrap(), []);
}

/// If many callers insert the same campaign at once, one inserts it, and the others learn that it is already present.
async fn of_many_callers_inserting_one_campaign_one_inserts(fixture: &impl Fixture) {
    let answers = at_once(fixture, TASKS, |_, client| async move {
        client.campaigns.insert_if_absent(&new_campaign(full_campaign(1))).await.unwrap()
    })
    .await;
    assert_eq!(count(&answers, |answer| *answer == Insertion::Inserted), 1);
    assert_eq!(stored_campaign(fixture, campaign_id(1)).await, full_campaign(1));
    assert_eq!(fixture.reopen().await.ledger.reconcile(false).await.unwrap(), []);
}

/// A transition changes only the status and the time of the last change, and only of this campaign.
async fn a_transition_changes_the_status_and_when_and_nothing_else(fixture: &impl Fixture) {
    store_campaign(fixture, full_campaign(1)).await;
    store_campaign(fixture, full_campaign(2)).await;
    assert!(transition(fixture, 1, CampaignStatus::Paused, CampaignStatus::Completed).await);
    let expected = Campaign { status: CampaignStatus::Completed, updated_at: minute(1), ..full_campaign(1) };
    assert_eq!(stored_campaign(fixture, campaign_id(1)).await, expected);
    assert_eq!(stored_campaign(fixture, campaign_id(2)).await, full_campaign(2));
}

/// A transition from a status that the campaign does not have is refused and changes nothing.
async fn p12_a_transition_from_another_status_changes_nothing(fixture: &impl Fixture) {
    store_campaign(fixture, full_campaign(1)).await;
    for &from in CampaignStatus::ALL.iter().filter(|status| **status != CampaignStatus::Paused) {
        assert!(!transition(fixture, 1, from, CampaignStatus::Completed).await, "from {from}");
        assert_eq!(stored_campaign(fixture, campaign_id(1)).await, full_campaign(1));
    }
}

/// If many callers complete a campaign at once, exactly one succeeds, so that the campaign is settled once.
async fn m7_of_many_callers_one_completes_a_campaign(fixture: &impl Fixture) {
    store_campaign(fixture, campaign(1)).await;
    let answers = at_once(fixture, TASKS, |_, client| async move {
        let (from, to) = (CampaignStatus::Active, CampaignStatus::Completed);
        client.campaigns.transition(campaign_id(1), from, to, minute(1)).await.unwrap()
    })
    .await;
    assert_eq!(count(&answers, |won| *won), 1);
    let expected = Campaign { status: CampaignStatus::Completed, updated_at: minute(1), ..campaign(1) };
    assert_eq!(stored_campaign(fixture, campaign_id(1)).await, expected);
}

/// If callers move a campaign to different states at once, exactly one succeeds, and its state is the stored one.
async fn of_many_different_transitions_one_succeeds(fixture: &impl Fixture) {
    store_campaign(fixture, campaign(1)).await;
    let goals = [CampaignStatus::Paused, CampaignStatus::Completed, CampaignStatus::Cancelled];
    let answers = at_once(fixture, TASKS, |task, client| async move {
        let to = goals[task % goals.len()];
        let now = minute(i64::try_from(task).unwrap());
        client.campaigns.transition(campaign_id(1), CampaignStatus::Active, to, now).await.unwrap()
    })
    .await;
    assert_eq!(count(&answers, |won| *won), 1);
    let winner = answers.iter().position(|won| *won).unwrap();
    let stored = stored_campaign(fixture, campaign_id(1)).await;
    assert_eq!(stored.status, goals[winner % goals.len()]);
    assert_eq!(stored.updated_at, minute(i64::try_from(winner).unwrap()));
}

/// A transition of a campaign that does not exist is refused and creates no campaign.
async fn a_campaign_that_is_not_there_has_no_transitions(fixture: &impl Fixture) {
    store_campaign(fixture, campaign(2)).await;
    assert!(!transition(fixture, 1, CampaignStatus::Active, CampaignStatus::Paused).await);
    assert_eq!(fixture.reopen().await.campaigns.find_by_id(campaign_id(1)).await.unwrap(), None);
    let untouched = stored_campaign(fixture, campaign_id(2)).await;
    assert_eq!((untouched.status, untouched.updated_at), (CampaignStatus::Active, start()));
}
