//! Laws of other fields: the store keeps the fields of imported documents that this version does not use. No repository returns
//! these fields, so the laws read them by [`Fixture::other_field`].

use gametriggers_domain::{
    journal::Request,
    ledger::EntryKind,
    model::{Campaign, TrackingLinks},
};
use gametriggers_fixtures::{
    campaign, campaign_id, entry, minute, new_campaign, new_participation, new_user, participation,
    participation_id, store_campaign, store_participation, store_user, units, user, user_id,
};
use gametriggers_persistence::{
    Entity, Instruction, NewCampaign, NewParticipation, NewUser, Posting, Repositories, Settling,
};
use gametriggers_types::{CampaignStatus, ClickKind, PageLimit, ParticipationStatus};
use serde_json::{Map, Value, json};

use crate::{
    Fixture,
    support::{AWKWARD_TEXT, change_user},
};

crate::laws! { $ other_fields:
    other_fields_are_kept,
    other_fields_of_every_type_are_kept_unchanged,
    inserting_again_changes_no_other_field,
    no_change_of_a_user_changes_other_fields,
    no_change_of_a_campaign_or_participation_changes_other_fields,
}

/// Asserts that the user, the campaign and the participation of this number have these other fields.
async fn assert_kept(fixture: &impl Fixture, number: u32, expected: &Map<String, Value>) {
    for (entity, id) in [
        (Entity::User, user_id(number).object_id()),
        (Entity::Campaign, campaign_id(number).object_id()),
        (Entity::Participation, participation_id(number).object_id()),
    ] {
        for (name, value) in expected {
            let kept = fixture.other_field(entity, id, name).await;
            assert_eq!(kept.as_ref(), Some(value), "{name} of {entity} {number}");
        }
        assert_eq!(fixture.other_field(entity, id, "absent").await, None);
    }
}

/// The fields of [`gametriggers_fixtures::OTHER_FIELDS`].
fn usual() -> Map<String, Value> {
    object(json!({"xp": 7, "streakHistory": [], "__v": 3}))
}

fn object(value: Value) -> Map<String, Value> {
    let Value::Object(fields) = value else { panic!("not an object: {value}") };
    fields
}

/// Stores the user, the campaign and the participation of this number, each alone.
async fn store_one_of_each(client: &Repositories, number: u32) {
    store_user(client, user(number)).await;
    store_campaign(client, campaign(number)).await;
    store_participation(client, participation(number, number, number)).await;
}

/// Stores the user, the campaign and the participation of this number with these other fields. Uses the methods that
/// insert many documents.
async fn store_with(client: &Repositories, number: u32, fields: &Map<String, Value>) {
    let other_fields = Value::Object(fields.clone()).to_string();
    let user = NewUser { other_fields: other_fields.clone(), ..new_user(user(number)) };
    client.users.insert_all_if_absent(vec![user]).await.unwrap();
    let campaign = NewCampaign { other_fields: other_fields.clone(), ..new_campaign(campaign(number)) };
    client.campaigns.insert_all_if_absent(vec![campaign]).await.unwrap();
    let part = NewParticipation { other_fields, ..new_participation(participation(number, number, number)) };
    client.participations.insert_all_if_absent(vec![part]).await.unwrap();
}

/// The store keeps the fields that this version does not use, whether a document was inserted alone or with others.
async fn other_fields_are_kept(fixture: &impl Fixture) {
    let client = fixture.repositories();
    store_one_of_each(&client, 1).await;
    store_with(&client, 2, &usual()).await;
    assert_kept(fixture, 1, &usual()).await;
    assert_kept(fixture, 2, &usual()).await;
}

/// The store keeps texts, numbers, dates, ids, decimals, lists and documents to the last bit.
async fn other_fields_of_every_type_are_kept_unchanged(fixture: &impl Fixture) {
    let fields = object(json!({
        "legacyText": AWKWARD_TEXT,
        "legacyEmpty": "",
        "legacyNull": null,
        "legacyFlag": true,
        "legacyCount": 9_007_199_254_740_993_i64,
        "legacyFraction": 0.1 + 0.2,
        "legacyDate": {"$date": "2025-07-01T06:12:24.017Z"},
        "legacyId": {"$oid": "64b7f0c2a1d3e4f5a6b7c8d9"},
        "legacyPrice": {"$numberDecimal": "1.10"},
        "legacyBadges": [{"name": AWKWARD_TEXT, "at": {"$date": "2025-07-01T00:00:00Z"}}, [], {}, null],
    }));
    store_with(&fixture.repositories(), 1, &fields).await;
    assert_kept(fixture, 1, &fields).await;
}

/// An insertion neither overwrites the other fields of a stored document nor adds to them.
async fn inserting_again_changes_no_other_field(fixture: &impl Fixture) {
    let client = fixture.repositories();
    store_one_of_each(&client, 1).await;
    store_with(&client, 1, &object(json!({"xp": 8, "absent": "added"}))).await;
    assert_kept(fixture, 1, &usual()).await;
}

/// Every other write of a user leaves the other fields as they are.
async fn no_change_of_a_user_changes_other_fields(fixture: &impl Fixture) {
    store_one_of_each(&fixture.repositories(), 1).await;
    change_user(fixture, user_id(1)).await;
    assert_kept(fixture, 1, &usual()).await;
}

/// Every other write of a campaign or a participation leaves the other fields as they are. This includes the writes of
/// the ledger and of the journal.
async fn no_change_of_a_campaign_or_participation_changes_other_fields(fixture: &impl Fixture) {
    let client = fixture.repositories();
    store_user(&client, user(1)).await;
    let rich = Campaign { budget: units(100.0), remaining_budget: units(100.0), ..campaign(1) };
    store_campaign(&client, rich).await;
    let part = participation(1, 1, 1);
    store_participation(&client, part.clone()).await;

    let (active, paused) = (CampaignStatus::Active, CampaignStatus::Paused);
    assert!(client.campaigns.transition(campaign_id(1), active, paused, minute(1)).await.unwrap());
    let (active, paused) = (ParticipationStatus::Active, ParticipationStatus::Paused);
    assert!(client.participations.transition(part.id, active, paused, minute(1)).await.unwrap());
    let links = TrackingLinks { chat_command: Some("!sponsor".to_owned()), ..TrackingLinks::default() };
    assert!(client.participations.set_tracking_links(part.id, &links).await.unwrap());
    assert_kept(fixture, 1, &usual()).await;

    let click = entry("click", &part, EntryKind::Click(ClickKind::Link));
    client.ledger.record(vec![click].into()).await.unwrap();
    assert_kept(fixture, 1, &usual()).await;

    let (request, limit) = (Request::parse("raise").unwrap(), PageLimit::try_from(10).unwrap());
    let instruction = Instruction { at: minute(2), by: None, note: None };
    let raised = client.journal.change_budget(campaign_id(1), units(200.0), &request, &instruction).await;
    assert!(matches!(raised, Ok(Posting::Posted(_))), "{raised:?}");
    let released = client.journal.release_budget(campaign_id(1), &instruction).await;
    assert!(matches!(released, Ok(Posting::Posted(_))), "{released:?}");
    let settled = client.journal.settle(campaign_id(1), None, limit, &instruction).await;
    assert!(matches!(settled, Ok(Settling::Settled { settled: 1, .. })), "{settled:?}");
    assert_kept(fixture, 1, &usual()).await;
}
