//! Laws of the money journal: budgets, releases, settlements and payouts.

use std::collections::BTreeMap;

use gametriggers_domain::{
    journal::{Account, JournalEntry, JournalId, Movement, Refusal, Request},
    ledger::EntryKind,
    model::{Campaign, Participation},
};
use gametriggers_fixtures::{campaign, campaign_id, cpc, entry, minute, participation, units, user_id};
use gametriggers_persistence::{
    Discrepancy, Entity, Instruction, Outcome, Posting, Repositories, Settling, StorageError,
};
use gametriggers_types::{Money, PageLimit, RejectionReason, UserId, VisitSource};

use crate::{
    Fixture,
    support::{
        AWKWARD_TEXT, TASKS, at_once, count, store_campaign, store_participation, stored_campaign,
        stored_participation,
    },
};

crate::laws! { $ journal:
    a_budget_is_raised_and_lowered_and_what_remains_follows,
    a_budget_is_never_lowered_below_what_was_spent,
    one_request_changes_a_budget_once,
    budgets_change_amid_spending,
    an_overspent_budget_can_be_raised,
    a_release_takes_what_remains_and_nothing_is_paid_after_it,
    an_overspent_budget_releases_nothing,
    participations_are_settled_once_with_what_they_have_earned,
    a_settlement_goes_on_where_it_stopped,
    a_payout_never_exceeds_what_was_settled,
    every_field_of_an_entry_is_kept,
    a_campaign_that_is_not_there_is_missing,
    falsified_budgets_and_accounts_are_found_and_repaired,
}

fn request(name: impl std::fmt::Display) -> Request {
    Request::parse(&name.to_string()).expect("a name of a request")
}

fn limit(at_most: u32) -> PageLimit {
    PageLimit::try_from(at_most).expect("a limit of a page")
}

fn instruction() -> Instruction {
    Instruction { at: minute(7), by: None, note: None }
}

/// A campaign with a budget of 100 units that pays 1 unit for a visit.
fn per_visit(number: u32) -> Campaign {
    Campaign { payment: cpc(1.0), budget: units(100.0), remaining_budget: units(100.0), ..campaign(number) }
}

/// Stores campaign 1, which pays per visit, and its participations 1 to `participations`. Participation n belongs to streamer n.
async fn stage(fixture: &impl Fixture, participations: u32) -> Vec<Participation> {
    store_campaign(fixture, per_visit(1)).await;
    let parts: Vec<_> = (1..=participations).map(|number| participation(number, 1, number)).collect();
    for part in &parts {
        store_participation(fixture, part.clone()).await;
    }
    parts
}

/// Records a visit and returns whether it was paid.
async fn visit(client: &Repositories, part: &Participation, name: impl std::fmt::Display) -> bool {
    let visit = entry(&format!("visit {name}"), part, EntryKind::Visit(VisitSource::Link));
    let outcomes = client.ledger.record(vec![visit].into()).await.unwrap();
    matches!(outcomes[0], Outcome::Counted(accrual) if accrual.paid == 1)
}

/// Changes the budget of campaign 1 to `budget`.
async fn change_budget(
    client: &Repositories,
    budget: impl Into<f64>,
    name: impl std::fmt::Display,
) -> Posting {
    let (budget, request, instruction) = (units(budget.into()), request(name), instruction());
    client.journal.change_budget(campaign_id(1), budget, &request, &instruction).await.unwrap()
}

/// Releases the budget of campaign 1.
async fn release(client: &Repositories) -> Posting {
    client.journal.release_budget(campaign_id(1), &instruction()).await.unwrap()
}

async fn pay_out(
    client: &Repositories,
    streamer: UserId,
    amount: f64,
    name: impl std::fmt::Display,
) -> Posting {
    client.journal.pay_out(streamer, units(amount), &request(name), &instruction()).await.unwrap()
}

fn posted(posting: Posting) -> JournalEntry {
    let Posting::Posted(entry) = posting else { panic!("not posted: {posting:?}") };
    entry
}

async fn assert_money(fixture: &impl Fixture, budget: f64, remaining: f64) {
    let stored = stored_campaign(fixture, campaign_id(1)).await;
    assert_eq!((stored.budget, stored.remaining_budget), (units(budget), units(remaining)));
    assert_eq!(fixture.reopen().await.ledger.reconcile(false).await.unwrap(), []);
}

/// The remaining budget changes by the same amount as the budget, before and after spending.
async fn a_budget_is_raised_and_lowered_and_what_remains_follows(fixture: &impl Fixture) {
    let parts = stage(fixture, 1).await;
    let client = fixture.repositories();
    for (number, budget, remaining) in
        [(1_u32, 150.0, 150.0), (2, 20.5, 19.5), (3, 20.5, 18.5), (4, 1000.25, 997.25)]
    {
        posted(change_budget(&client, budget, number).await);
        assert_money(fixture, budget, remaining).await;
        assert!(visit(&client, &parts[0], number).await);
    }
    assert_eq!(stored_campaign(fixture, campaign_id(1)).await.updated_at, minute(7));
}

/// A budget can be lowered to the amount that was spent, and not by one micro-unit more.
async fn a_budget_is_never_lowered_below_what_was_spent(fixture: &impl Fixture) {
    let parts = stage(fixture, 1).await;
    let client = fixture.repositories();
    for number in 1..=3 {
        assert!(visit(&client, &parts[0], number).await);
    }
    let refused = change_budget(&client, 2.999_999, "a").await;
    assert_eq!(refused, Posting::Refused(Refusal::BelowSpent));
    assert_money(fixture, 100.0, 97.0).await;
    posted(change_budget(&client, 3.0, "a").await);
    assert_money(fixture, 3.0, 0.0).await;
    assert!(!visit(&client, &parts[0], 4).await, "nothing remains");
}

/// If many callers submit one request, one changes the budget, and the others and all later callers get the posting of that
/// change.
async fn one_request_changes_a_budget_once(fixture: &impl Fixture) {
    stage(fixture, 0).await;
    let answers =
        at_once(fixture, TASKS, |_, client| async move { change_budget(&client, 130.0, "raise").await })
            .await;
    assert_eq!(count(&answers, |answer| matches!(answer, Posting::Posted(_))), 1);
    let fresh = fixture.reopen().await;
    let id = JournalId::budget(campaign_id(1), &request("raise"));
    let entry = fresh.journal.find_posting(&id).await.unwrap().unwrap();
    for answer in answers {
        assert!(matches!(answer, Posting::Posted(told) | Posting::Duplicate(told) if told == entry));
    }
    assert_eq!(change_budget(&fresh, 999.0, "raise").await, Posting::Duplicate(entry));
    assert_money(fixture, 130.0, 130.0).await;
}

/// While some tasks record paid visits, other tasks change the budget: each change is atomic, and no money is lost.
async fn budgets_change_amid_spending(fixture: &impl Fixture) {
    let parts = stage(fixture, 4).await;
    let moves = at_once(fixture, 8, |task, client| {
        let part = parts[task % parts.len()].clone();
        async move {
            let mut moves = Vec::new();
            for step in 0..5 {
                let name = format!("{task}.{step}");
                if task % 2 == 0 {
                    visit(&client, &part, name).await;
                    continue;
                }
                // No two changes set the same budget.
                let budget = u32::try_from(10 * task + step).unwrap();
                if let Posting::Posted(entry) = change_budget(&client, budget, name).await {
                    moves.push(entry.movement);
                }
            }
            moves
        }
    })
    .await
    .concat();
    // Each change starts from the budget that another change set, so that the changes form one chain.
    let next: BTreeMap<_, _> = moves
        .iter()
        .map(|movement| match *movement {
            Movement::Budget { before, after, .. } => (before, after),
            other => panic!("{other:?} is no change of a budget"),
        })
        .collect();
    let chain = std::iter::successors(Some(units(100.0)), |budget| next.get(budget).copied());
    let chain: Vec<_> = chain.take(moves.len() + 2).collect();
    assert_eq!(chain.len(), moves.len() + 1, "{moves:?}");
    let stored = stored_campaign(fixture, campaign_id(1)).await;
    assert_eq!(chain.last(), Some(&stored.budget));
    assert!(stored.remaining_budget >= Money::ZERO);
    assert_eq!(fixture.reopen().await.ledger.reconcile(false).await.unwrap(), []);
}

/// A campaign that was imported overspent can get a larger budget, even if the new budget does not cover what was spent.
async fn an_overspent_budget_can_be_raised(fixture: &impl Fixture) {
    store_campaign(fixture, Campaign { remaining_budget: units(-3.5), ..per_visit(1) }).await;
    let client = fixture.repositories();
    posted(change_budget(&client, 102.0, 1).await);
    assert_money(fixture, 102.0, -1.5).await;
    assert_eq!(change_budget(&client, 101.0, 2).await, Posting::Refused(Refusal::BelowSpent));
}

/// After a release nothing remains, nothing is paid and the budget is final, and a second release returns the first.
async fn a_release_takes_what_remains_and_nothing_is_paid_after_it(fixture: &impl Fixture) {
    let parts = stage(fixture, 1).await;
    let client = fixture.repositories();
    assert!(visit(&client, &parts[0], 1).await);
    let answers = at_once(fixture, TASKS, |_, client| async move { release(&client).await }).await;
    assert_eq!(count(&answers, |answer| matches!(answer, Posting::Posted(_))), 1);
    let id = JournalId::release(campaign_id(1));
    let posted = fixture.reopen().await.journal.find_posting(&id).await.unwrap().unwrap();
    assert_eq!(posted.movement, Movement::Release { campaign: campaign_id(1), amount: units(99.0) });
    assert_money(fixture, 100.0, 0.0).await;

    let visit = entry("late", &parts[0], EntryKind::Visit(VisitSource::Link));
    let outcomes = client.ledger.record(vec![visit].into()).await.unwrap();
    assert_eq!(outcomes, [Outcome::Rejected(RejectionReason::BudgetExhausted)]);
    let raised =
        client.journal.change_budget(campaign_id(1), units(500.0), &request(1), &instruction()).await;
    assert_eq!(raised.unwrap(), Posting::Refused(Refusal::Released));
    assert_money(fixture, 100.0, 0.0).await;
}

/// A release of an overspent budget releases nothing and leaves the debt as it is.
async fn an_overspent_budget_releases_nothing(fixture: &impl Fixture) {
    store_campaign(fixture, Campaign { remaining_budget: units(-3.5), ..per_visit(1) }).await;
    let nothing = Movement::Release { campaign: campaign_id(1), amount: Money::ZERO };
    assert_eq!(posted(release(&fixture.repositories()).await).movement, nothing);
    assert_money(fixture, 100.0, -3.5).await;
}

/// Settles all participations of campaign 1 in steps of `at_most` and returns how many were settled.
async fn settle(client: &Repositories, at_most: u32) -> u32 {
    let (mut after, mut all) = (None, 0);
    loop {
        let step =
            client.journal.settle(campaign_id(1), after, limit(at_most), &instruction()).await.unwrap();
        let Settling::Settled { settled, next } = step else { panic!("{step:?}") };
        all += settled;
        after = next;
        if after.is_none() {
            return all;
        }
    }
}

/// If many processes settle a campaign at once after its release, each participation's earnings reach its streamer's account
/// once, and other campaigns' participations are left alone.
async fn participations_are_settled_once_with_what_they_have_earned(fixture: &impl Fixture) {
    let parts = stage(fixture, 7).await;
    store_campaign(fixture, per_visit(2)).await;
    let other = participation(8, 2, 1);
    store_participation(fixture, other.clone()).await;
    let client = fixture.repositories();
    for (number, part) in parts.iter().chain([&other]).enumerate() {
        for visits in 0..number {
            assert!(visit(&client, part, format!("{number}.{visits}")).await);
        }
    }
    let early =
        client.journal.settle(campaign_id(1), None, PageLimit::default(), &instruction()).await.unwrap();
    assert_eq!(early, Settling::Refused(Refusal::NotReleased));
    posted(release(&client).await);
    let settled = at_once(fixture, 8, |task, client| async move {
        settle(&client, 2 + u32::try_from(task % 3).unwrap()).await
    })
    .await;
    assert_eq!(settled.iter().sum::<u32>(), 7, "{settled:?}");
    let fresh = fixture.reopen().await;
    for part in &parts {
        let earned = stored_participation(fixture, part.id).await.counters.earnings;
        let entry = fresh.journal.find_posting(&JournalId::settlement(part.id)).await.unwrap().unwrap();
        let (campaign, streamer) = (part.campaign_id, part.streamer_id);
        let settlement = Movement::Settlement { participation: part.id, campaign, streamer, amount: earned };
        assert_eq!(entry.movement, settlement);
        let account = fresh.journal.account(streamer).await.unwrap();
        assert_eq!(account, Account { settled: earned, paid: Money::ZERO });
    }
    assert_eq!(fresh.journal.find_posting(&JournalId::settlement(other.id)).await.unwrap(), None);
    assert_eq!(fresh.ledger.reconcile(false).await.unwrap(), []);
}

/// A settlement that stopped halfway starts again from the beginning and settles only what is left.
async fn a_settlement_goes_on_where_it_stopped(fixture: &impl Fixture) {
    stage(fixture, 5).await;
    let client = fixture.repositories();
    posted(release(&client).await);
    let first = client.journal.settle(campaign_id(1), None, limit(2), &instruction()).await.unwrap();
    let Settling::Settled { settled: 2, next: Some(next) } = first else { panic!("{first:?}") };
    let second = client.journal.settle(campaign_id(1), Some(next), limit(2), &instruction()).await.unwrap();
    assert!(matches!(second, Settling::Settled { settled: 2, next: Some(_) }), "{second:?}");
    let other = fixture.reopen().await;
    assert_eq!(settle(&other, 2).await, 1);
    assert_eq!(settle(&other, 100).await, 0);
}

/// If many payouts are requested at once, as many are posted as the account covers, and each request is paid out once.
async fn a_payout_never_exceeds_what_was_settled(fixture: &impl Fixture) {
    let parts = stage(fixture, 1).await;
    let client = fixture.repositories();
    let streamer = parts[0].streamer_id;
    assert_eq!(pay_out(&client, streamer, 1.0, "early").await, Posting::Refused(Refusal::NotPayable));
    for number in 0..10 {
        assert!(visit(&client, &parts[0], number).await);
    }
    posted(release(&client).await);
    assert_eq!(settle(&client, 10).await, 1);
    assert_eq!(pay_out(&client, streamer, 0.0, "zero").await, Posting::Refused(Refusal::NoAmount));
    // There are 16 requests of 3 units, each submitted twice. The account covers three of them.
    let answers =
        at_once(
            fixture,
            TASKS,
            |task, client| async move { pay_out(&client, streamer, 3.0, task / 2).await },
        )
        .await;
    assert_eq!(count(&answers, |answer| matches!(answer, Posting::Posted(_))), 3);
    let fresh = fixture.reopen().await;
    let account = fresh.journal.account(streamer).await.unwrap();
    assert_eq!(account, Account { settled: units(10.0), paid: units(9.0) });
    assert_eq!(fresh.journal.account(user_id(77)).await.unwrap(), Account::default());
    assert_eq!(fresh.ledger.reconcile(false).await.unwrap(), []);
}

/// The time, the person and the note of an entry are read as given.
async fn every_field_of_an_entry_is_kept(fixture: &impl Fixture) {
    stage(fixture, 0).await;
    let journal = fixture.repositories().journal;
    for (number, note) in [(1_u32, Some(AWKWARD_TEXT.to_owned())), (2, None)] {
        let instruction =
            Instruction { at: minute(i64::from(number)), by: note.is_some().then(|| user_id(5)), note };
        let request = request(number);
        let change = journal.change_budget(campaign_id(1), units(number.into()), &request, &instruction);
        let told = posted(change.await.unwrap());
        let stored = fixture.reopen().await.journal.find_posting(&told.id).await.unwrap().unwrap();
        assert_eq!(stored, told);
        assert_eq!(told.id, JournalId::budget(campaign_id(1), &request));
        assert_eq!((stored.at, stored.by, stored.note), (instruction.at, instruction.by, instruction.note));
    }
}

/// A budget change or a release for a campaign that does not exist is an error that names the campaign.
async fn a_campaign_that_is_not_there_is_missing(fixture: &impl Fixture) {
    let journal = fixture.repositories().journal;
    let changed = journal.change_budget(campaign_id(1), units(1.0), &request(1), &instruction()).await;
    let released = journal.release_budget(campaign_id(1), &instruction()).await;
    for answer in [changed, released] {
        let Err(StorageError::Missing { entity, id }) = answer else { panic!("{answer:?}") };
        assert_eq!((entity, id), (Entity::Campaign, campaign_id(1).to_string()));
    }
}

/// `reconcile` finds a budget and an account that differ from the journal, and a repair corrects both.
async fn falsified_budgets_and_accounts_are_found_and_repaired(fixture: &impl Fixture) {
    let parts = stage(fixture, 1).await;
    let client = fixture.repositories();
    assert!(visit(&client, &parts[0], 1).await);
    for budget in [300.0, 200.0] {
        posted(change_budget(&client, budget, budget).await);
    }
    posted(release(&client).await);
    assert_eq!(settle(&client, 10).await, 1);
    let streamer = parts[0].streamer_id;
    let budget = (Entity::Campaign, campaign_id(1).to_string(), 1, units(200.0).micros());
    fixture.falsify_budget(campaign_id(1)).await;
    assert_repaired(fixture, &budget).await;
    fixture.falsify_account(streamer).await;
    assert_repaired(fixture, &(Entity::Account, streamer.to_string(), 1, units(1.0).micros())).await;
    fixture.delete_account(streamer).await;
    assert_repaired(fixture, &(Entity::Account, streamer.to_string(), 0, units(1.0).micros())).await;
    assert_money(fixture, 200.0, 0.0).await;
    let account = fixture.reopen().await.journal.account(streamer).await.unwrap();
    assert_eq!(account, Account { settled: units(1.0), paid: Money::ZERO });
}

/// Asserts that a repair finds exactly this difference (entity, id, stored value, expected value) and corrects it.
async fn assert_repaired(fixture: &impl Fixture, expected: &(Entity, String, i64, i64)) {
    let found = fixture.reopen().await.ledger.reconcile(true).await.unwrap();
    let [Discrepancy { entity, id, stored, expected: right, .. }] = &found[..] else { panic!("{found:?}") };
    assert_eq!(&(*entity, id.clone(), *stored, *right), expected);
    assert_eq!(fixture.reopen().await.ledger.reconcile(false).await.unwrap(), []);
}
