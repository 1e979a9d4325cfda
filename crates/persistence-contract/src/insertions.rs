//! Laws of `insert_all_if_absent`: many documents are inserted in one call.

use gametriggers_domain::model::{Participation, User};
use gametriggers_fixtures::{
    campaign, campaign_id, new_campaign, new_participation, new_user, participation, participation_id, token,
    user, user_id, user_with_token,
};
use gametriggers_persistence::{Entity, Insertion, Insertions, NewParticipation, NewUser};

use crate::{
    Fixture,
    participations::full_participation,
    support::{
        TASKS, assert_already_exists, at_once, store_participation, store_user, stored_campaign,
        stored_participation, stored_user,
    },
};

crate::laws! { $ insertions:
    many_documents_are_read_as_inserted,
    of_no_documents_none_is_inserted,
    more_documents_than_a_command_takes_are_all_inserted,
    a_user_that_cannot_be_stored_keeps_no_other_from_it,
    a_participation_that_cannot_be_stored_keeps_no_other_from_it,
    of_several_with_one_id_the_first_is_inserted,
    what_is_refused_leaves_its_id_to_the_next,
    documents_that_are_there_stay_as_they_are,
    documents_inserted_at_once_by_many_callers_are_inserted_once,
}

fn users(users: impl IntoIterator<Item = User>) -> Vec<NewUser> {
    users.into_iter().map(new_user).collect()
}

fn parts(parts: impl IntoIterator<Item = Participation>) -> Vec<NewParticipation> {
    parts.into_iter().map(new_participation).collect()
}

async fn insert_parts(fixture: &impl Fixture, new: Vec<NewParticipation>) -> Insertions {
    fixture.repositories().participations.insert_all_if_absent(new).await.unwrap()
}

/// One letter per answer: `i` if the document was inserted, `p` if its id was already present, `x` if it cannot be stored.
fn shown(answers: &Insertions) -> String {
    let shown = |answer: &Result<Insertion, _>| match answer {
        Ok(Insertion::Inserted) => 'i',
        Ok(Insertion::AlreadyPresent) => 'p',
        Err(_) => 'x',
    };
    answers.iter().map(shown).collect()
}

/// Every document is read with every field as inserted, and the ledger knows the counters and budgets with which it came.
async fn many_documents_are_read_as_inserted(fixture: &impl Fixture) {
    let client = fixture.repositories();
    let answers = client.users.insert_all_if_absent(users((1..=3).map(user_with_token))).await.unwrap();
    assert_eq!(shown(&answers), "iii");
    let campaigns = (1..=3).map(campaign).map(new_campaign).collect();
    assert_eq!(shown(&client.campaigns.insert_all_if_absent(campaigns).await.unwrap()), "iii");
    let answers = insert_parts(fixture, parts((1..=3).map(full_participation))).await;
    assert_eq!(shown(&answers), "iii");
    for number in 1..=3 {
        assert_eq!(stored_user(fixture, user_id(number)).await, user_with_token(number));
        assert_eq!(stored_campaign(fixture, campaign_id(number)).await, campaign(number));
        let part = stored_participation(fixture, participation_id(number)).await;
        assert_eq!(part, full_participation(number));
    }
    assert_eq!(fixture.reopen().await.ledger.reconcile(false).await.unwrap(), []);
}

/// An empty list is inserted without an error.
async fn of_no_documents_none_is_inserted(fixture: &impl Fixture) {
    let client = fixture.repositories();
    assert_eq!(client.users.insert_all_if_absent(Vec::new()).await.unwrap().len(), 0);
    assert_eq!(client.campaigns.insert_all_if_absent(Vec::new()).await.unwrap().len(), 0);
    assert_eq!(client.participations.insert_all_if_absent(Vec::new()).await.unwrap().len(), 0);
}

/// However many documents are given, each gets its answer at its own position.
async fn more_documents_than_a_command_takes_are_all_inserted(fixture: &impl Fixture) {
    const COUNT: u32 = 5_500;
    for number in [1, 2_500, 2_501, COUNT] {
        store_participation(fixture, participation(number, 1, number)).await;
    }
    let answers =
        insert_parts(fixture, parts((1..=COUNT).map(|number| participation(number, 1, number)))).await;
    for (number, answer) in (1..).zip(&answers) {
        let was_there = [1, 2_500, 2_501, COUNT].contains(&number);
        let expected = if was_there { Insertion::AlreadyPresent } else { Insertion::Inserted };
        assert_eq!(*answer.as_ref().unwrap(), expected, "{number}");
    }
    assert_eq!(answers.len(), 5_500);
    for number in [2, 2_499, 2_502, COUNT - 1] {
        let part = stored_participation(fixture, participation_id(number)).await;
        assert_eq!(part, participation(number, 1, number));
    }
}

/// A user with the e-mail address or the token of another user is refused by the field's name and leaves nothing behind, and all
/// others are stored.
async fn a_user_that_cannot_be_stored_keeps_no_other_from_it(fixture: &impl Fixture) {
    store_user(fixture, user_with_token(1)).await;
    let same_email = User { email: user(1).email, ..user(2) };
    let same_token = User { overlay_token: Some(token("overlay-1")), ..user(3) };
    let same_as_before = User { email: user(4).email, ..user(5) };
    let new = users([same_email, same_token, user(4), same_as_before, user_with_token(6)]);
    let answers = fixture.repositories().users.insert_all_if_absent(new).await.unwrap();
    assert_eq!(shown(&answers), "xxixi");
    for (place, field, secret) in [(0, "email", "@"), (1, "overlaytoken", "overlay-1"), (3, "email", "@")] {
        assert_already_exists(answers[place].as_ref().unwrap_err(), Entity::User, &[field], secret);
    }
    let stored = fixture.reopen().await.users;
    for number in [2, 3, 5] {
        assert_eq!(stored.find_by_id(user_id(number)).await.unwrap(), None);
    }
    for expected in [user_with_token(1), user(4), user_with_token(6)] {
        assert_eq!(stored.find_by_id(expected.id).await.unwrap(), Some(expected));
    }
}

/// A second participation of a streamer in a campaign and a second holder of a token are refused and leave nothing behind,
/// neither counters nor an opening balance.
async fn a_participation_that_cannot_be_stored_keeps_no_other_from_it(fixture: &impl Fixture) {
    store_participation(fixture, participation(1, 1, 1)).await;
    let second_part = Participation { counters: full_participation(1).counters, ..participation(2, 1, 1) };
    let second_holder =
        Participation { browser_source_token: token("browser-source-4"), ..full_participation(5) };
    let new =
        [participation(3, 2, 1), second_part, full_participation(4), second_holder, full_participation(6)];
    let answers = insert_parts(fixture, parts(new)).await;
    assert_eq!(shown(&answers), "ixixi");
    let error = answers[1].as_ref().unwrap_err();
    assert_already_exists(error, Entity::Participation, &["campaign", "streamer"], "browser-source");
    let error = answers[3].as_ref().unwrap_err();
    assert_already_exists(error, Entity::Participation, &["browsersourcetoken"], "browser-source-4");
    let fresh = fixture.reopen().await;
    for number in [2, 5] {
        assert_eq!(fresh.participations.find_by_id(participation_id(number)).await.unwrap(), None);
        // The refused participation left nothing behind that prevents a valid one with the same id.
        let streamer = 100 + number;
        let later =
            Participation { counters: full_participation(1).counters, ..participation(number, 1, streamer) };
        store_participation(fixture, later.clone()).await;
        assert_eq!(stored_participation(fixture, later.id).await, later);
    }
    assert_eq!(fresh.ledger.reconcile(false).await.unwrap(), []);
}

/// If several documents have one id, the first is inserted, and the others are reported as already present.
async fn of_several_with_one_id_the_first_is_inserted(fixture: &impl Fixture) {
    let other = Participation { id: participation_id(1), ..participation(2, 2, 2) };
    let answers = insert_parts(fixture, parts([participation(1, 1, 1), other, participation(1, 1, 1)])).await;
    assert_eq!(shown(&answers), "ipp");
    assert_eq!(stored_participation(fixture, participation_id(1)).await, participation(1, 1, 1));
    assert_eq!(fixture.reopen().await.ledger.reconcile(false).await.unwrap(), []);
}

/// A document that is refused for another field does not reserve its id, and the next document with this id is inserted.
async fn what_is_refused_leaves_its_id_to_the_next(fixture: &impl Fixture) {
    store_user(fixture, user(1)).await;
    let refused = User { email: user(1).email, ..user(2) };
    let answers =
        fixture.repositories().users.insert_all_if_absent(users([refused, user(2), user(2)])).await.unwrap();
    assert_eq!(shown(&answers), "xip");
    assert_eq!(stored_user(fixture, user_id(2)).await, user(2));
}

/// A stored document is not overwritten, whatever new documents are given, so that an import can be repeated.
async fn documents_that_are_there_stay_as_they_are(fixture: &impl Fixture) {
    let first: Vec<_> = (1..=5).map(full_participation).collect();
    insert_parts(fixture, parts(first.clone())).await;
    let changed = first.iter().map(|part| Participation { id: part.id, ..participation(20, 20, 20) });
    let new: Vec<_> =
        changed.take(2).chain(first[2..].iter().cloned()).chain([full_participation(6)]).collect();
    assert_eq!(shown(&insert_parts(fixture, parts(new)).await), "pppppi");
    for expected in first {
        assert_eq!(stored_participation(fixture, expected.id).await, expected);
    }
    assert_eq!(fixture.reopen().await.ledger.reconcile(false).await.unwrap(), []);
}

/// If many callers insert overlapping lists at once, one of them inserts each document, and the others find it present.
async fn documents_inserted_at_once_by_many_callers_are_inserted_once(fixture: &impl Fixture) {
    const EACH: usize = 40;
    let answers = at_once(fixture, TASKS, |task, client| async move {
        let first = u32::try_from(task).unwrap();
        let new = parts((first..).take(EACH).map(|number| participation(number, 1, number)));
        client.participations.insert_all_if_absent(new).await.unwrap()
    })
    .await;
    let inserted: usize = answers.iter().map(|answers| shown(answers).matches('i').count()).sum();
    assert_eq!(inserted, TASKS + EACH - 1);
    assert!(answers.iter().flatten().all(Result::is_ok));
    for number in 0..u32::try_from(inserted).unwrap() {
        let part = stored_participation(fixture, participation_id(number)).await;
        assert_eq!(part, participation(number, 1, number));
    }
    assert_eq!(fixture.reopen().await.ledger.reconcile(false).await.unwrap(), []);
}
