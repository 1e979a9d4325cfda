//! Laws of lists: which participations of a streamer are listed, and in which order.

use std::ops::RangeInclusive;

use gametriggers_domain::model::{Campaign, Participation};
use gametriggers_fixtures::{campaign, campaign_id, participation, participation_id, time, user_id};
use gametriggers_persistence::{Entity, StorageError};
use gametriggers_types::{CampaignStatus, Listing, Money, PageLimit, PageRequest, ParticipationStatus};

use crate::{
    Fixture, Unreadable,
    participations::full_participation,
    support::{store_campaign, store_participation, stored_participation},
};

crate::laws! { $ lists:
    active_participations_in_active_campaigns_are_listed,
    p15_paused_participations_and_campaigns_are_listed_as_current,
    lists_hold_whole_documents_of_one_streamer_in_order_of_id,
    pages_cut_the_list_and_lose_nothing,
    pages_by_id_show_each_once_while_others_come_and_go,
    a_participation_whose_campaign_is_gone_is_not_listed,
    the_campaigns_of_active_participations_are_listed_whatever_became_of_them,
    what_cannot_be_read_is_left_out_of_lists_and_named_by_itself,
}

/// Stores participations of streamer 1 such that every participation status meets every campaign status. Returns each
/// participation with its campaign, in order of participation id.
async fn store_every_pair(fixture: &impl Fixture) -> Vec<(Participation, Campaign)> {
    let statuses = ParticipationStatus::ALL
        .iter()
        .flat_map(|&part| CampaignStatus::ALL.iter().map(move |&campaign| (part, campaign)));
    let pairs: Vec<_> = (1..)
        .zip(statuses)
        .map(|(number, (part_status, status))| {
            // The campaign ids fall as the participation ids rise, so that the order of the list shows by which of the two it is
            // sorted.
            let campaign_number = 100 - number;
            let part = Participation { status: part_status, ..participation(number, campaign_number, 1) };
            (part, Campaign { status, ..campaign(campaign_number) })
        })
        .collect();
    for (part, campaign) in &pairs {
        store_campaign(fixture, campaign.clone()).await;
        store_participation(fixture, part.clone()).await;
    }
    pairs
}

/// The active list holds the active participations in active campaigns and no others.
async fn active_participations_in_active_campaigns_are_listed(fixture: &impl Fixture) {
    let mut expected = store_every_pair(fixture).await;
    expected.retain(|(part, campaign)| {
        part.status == ParticipationStatus::Active && campaign.status == CampaignStatus::Active
    });
    assert_eq!(expected.len(), 1);
    assert_eq!(fixture.reopen().await.participations.list_active(user_id(1)).await.unwrap(), expected);
}

/// The current list holds the participations that are active or paused, by either party, in campaigns that are active or paused.
async fn p15_paused_participations_and_campaigns_are_listed_as_current(fixture: &impl Fixture) {
    let mut expected = store_every_pair(fixture).await;
    expected.retain(|(part, campaign)| {
        use ParticipationStatus::{Active, ParticipationPaused, Paused};
        matches!(part.status, Active | Paused | ParticipationPaused)
            && matches!(campaign.status, CampaignStatus::Active | CampaignStatus::Paused)
    });
    assert_eq!(expected.len(), 6);
    let page = PageRequest::first(PageLimit::default());
    let listed = fixture.reopen().await.participations.list_current(user_id(1), page).await.unwrap();
    assert_eq!(listed, Listing { items: expected, next: None });
}

/// A list holds every field of both documents, only of the one streamer, in order of participation id, and ignores dates and
/// money, because the domain judges those.
async fn lists_hold_whole_documents_of_one_streamer_in_order_of_id(fixture: &impl Fixture) {
    let mut expected = Vec::new();
    for number in [3, 1, 70_000, 2] {
        let ended = Campaign {
            start_date: Some(time("2027-01-01T00:00:00Z")),
            end_date: Some(time("2020-01-01T00:00:00Z")),
            remaining_budget: Money::from_micros(-1),
            media_url: String::new(),
            click_url: Some("https://brand.example.com".to_owned()),
            ..campaign(80_000 - number)
        };
        let part = Participation {
            status: ParticipationStatus::Active,
            streamer_id: user_id(1),
            campaign_id: ended.id,
            ..full_participation(number)
        };
        store_participation(fixture, part.clone()).await;
        store_participation(fixture, participation(100_000 + number, 80_000 - number, 2)).await;
        store_campaign(fixture, ended.clone()).await;
        expected.push((part, ended));
    }
    expected.sort_by_key(|(part, _)| part.id);
    let participations = fixture.reopen().await.participations;
    assert_eq!(participations.list_active(user_id(1)).await.unwrap(), expected);
    let page = PageRequest::first(PageLimit::default());
    assert_eq!(participations.list_current(user_id(1), page).await.unwrap().items, expected);
}

/// The pages together are the list, and a page beyond the end is empty.
async fn pages_cut_the_list_and_lose_nothing(fixture: &impl Fixture) {
    for number in 1..=7 {
        store_campaign(fixture, campaign(number)).await;
        store_participation(fixture, participation(number, number, 1)).await;
    }
    let participations = fixture.reopen().await.participations;
    let page = async |offset, limit| {
        let page = PageRequest::at(offset, PageLimit::try_from(limit).unwrap());
        let listed = participations.list_current(user_id(1), page).await.unwrap();
        (listed.items.into_iter().map(|(part, _)| part.id).collect::<Vec<_>>(), listed.next)
    };
    let ids = |numbers: RangeInclusive<u32>| numbers.map(participation_id).collect::<Vec<_>>();
    assert_eq!(page(0, 3).await, (ids(1..=3), Some(participation_id(3))));
    assert_eq!(page(3, 3).await, (ids(4..=6), Some(participation_id(6))));
    assert_eq!(page(6, 3).await, (ids(7..=7), None));
    assert_eq!(page(7, 3).await, (vec![], None));
    assert_eq!(page(u32::MAX, 100).await, (vec![], None));
    assert_eq!(page(0, 7).await, (ids(1..=7), None));
    assert_eq!(page(0, 6).await, (ids(1..=6), Some(participation_id(6))));
}

/// A reader who continues after the last id sees each participation that stays exactly once, even if others are added before and
/// after that id and some that were seen leave.
async fn pages_by_id_show_each_once_while_others_come_and_go(fixture: &impl Fixture) {
    let join = async |number: u32| {
        store_campaign(fixture, campaign(number)).await;
        store_participation(fixture, participation(number, number, 1)).await;
        store_participation(fixture, participation(1_000 + number, number, 2)).await;
    };
    for number in (10..=70).step_by(10) {
        join(number).await;
    }
    let limit = PageLimit::try_from(2).unwrap();
    let mut page = PageRequest::first(limit);
    let mut seen = Vec::new();
    for round in 1.. {
        let participations = fixture.reopen().await.participations;
        let listed = participations.list_current(user_id(1), page).await.unwrap();
        assert!(listed.items.len() <= 2);
        let last = listed.items.last().map(|(part, _)| part.id);
        seen.extend(listed.items.into_iter().map(|(part, _)| part.id));
        let Some(next) = listed.next else { break };
        assert_eq!(last, Some(next));
        page = PageRequest::after(next, limit);
        // One participation is added before the page, one after it, and one that was seen leaves.
        join(round).await;
        join(50 + round).await;
        let (from, to) = (ParticipationStatus::Active, ParticipationStatus::LeftEarly);
        assert!(participations.transition(next, from, to, time("2026-03-02T12:00:00Z")).await.unwrap());
    }
    let stayed = [10, 20, 30, 40, 50, 51, 52, 53, 54, 60, 70];
    assert_eq!(seen, stayed.map(participation_id));
}

/// A participation whose campaign is missing is found by its id and is in no list.
async fn a_participation_whose_campaign_is_gone_is_not_listed(fixture: &impl Fixture) {
    store_participation(fixture, participation(1, 1, 1)).await;
    assert_eq!(stored_participation(fixture, participation_id(1)).await, participation(1, 1, 1));
    let participations = fixture.reopen().await.participations;
    assert_eq!(participations.list_active(user_id(1)).await.unwrap(), []);
    let page = PageRequest::first(PageLimit::default());
    assert_eq!(participations.list_current(user_id(1), page).await.unwrap().items, []);
}

/// The list of joined campaigns holds those of one streamer's active participations only, whatever the campaigns' status, and no
/// more than requested.
async fn the_campaigns_of_active_participations_are_listed_whatever_became_of_them(fixture: &impl Fixture) {
    let mut expected: Vec<_> = store_every_pair(fixture)
        .await
        .into_iter()
        .filter(|(part, _)| part.status == ParticipationStatus::Active)
        .map(|(part, _)| part.campaign_id)
        .collect();
    store_participation(fixture, participation(90_001, 90_001, 1)).await;
    expected.push(campaign_id(90_001));
    store_participation(fixture, participation(90_002, 90_002, 2)).await;
    let participations = fixture.reopen().await.participations;
    let mut listed = participations.list_joined(user_id(1), 1_000).await.unwrap();
    listed.sort();
    expected.sort();
    assert_eq!(listed, expected);
    assert_eq!(participations.list_joined(user_id(1), 2).await.unwrap().len(), 2);
    assert_eq!(participations.list_joined(user_id(1), 0).await.unwrap(), []);
}

/// Whatever is wrong with one document of a list, the others are listed, and a look-up of that document fails with its id and the
/// unreadable field.
async fn what_cannot_be_read_is_left_out_of_lists_and_named_by_itself(fixture: &impl Fixture) {
    let mut number = 0;
    let readable = (participation(10_000, 10_000, 1), campaign(10_000));
    store_participation(fixture, readable.0.clone()).await;
    store_campaign(fixture, readable.1.clone()).await;
    for of_campaigns in [false, true] {
        for way in 0.. {
            number += 1;
            let (part, campaign) = (participation(number, number, 1), campaign(number));
            let what = if of_campaigns {
                Unreadable::Campaign(campaign.id)
            } else {
                Unreadable::Participation(part.id)
            };
            store_participation(fixture, part.clone()).await;
            store_campaign(fixture, campaign.clone()).await;
            if !fixture.make_unreadable(what, way).await {
                assert!(way > 0, "`Fixture::make_unreadable` has no way for {what:?}");
                // There is no further way to make a document unreadable. This document stays readable, so its streamer leaves.
                let participations = fixture.repositories().participations;
                let (from, to) = (ParticipationStatus::Active, ParticipationStatus::Completed);
                assert!(
                    participations.transition(part.id, from, to, time("2026-03-02T12:00:00Z")).await.unwrap()
                );
                break;
            }
            let fresh = fixture.reopen().await;
            let listed = fresh.participations.list_active(user_id(1)).await.unwrap();
            assert_eq!(listed, std::slice::from_ref(&readable), "{what:?}, {way}");
            let page = PageRequest::first(PageLimit::default());
            let listed = fresh.participations.list_current(user_id(1), page).await.unwrap();
            assert_eq!(listed.items, std::slice::from_ref(&readable), "{what:?}, {way}");

            let (entity, id, error) = match what {
                Unreadable::Participation(id) => (
                    Entity::Participation,
                    id.to_string(),
                    fresh.participations.find_by_id(id).await.unwrap_err(),
                ),
                Unreadable::Campaign(id) => {
                    (Entity::Campaign, id.to_string(), fresh.campaigns.find_by_id(id).await.unwrap_err())
                }
            };
            let StorageError::Corrupt { entity: found, id: named, field, .. } = &error else {
                panic!("{what:?}, {way}: {error:?}")
            };
            assert_eq!((*found, named, field.is_empty()), (entity, &id, false));
        }
    }
}
