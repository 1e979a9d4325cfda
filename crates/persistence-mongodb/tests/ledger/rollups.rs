//! Rollups: one of each participation is kept with it, the others in their collection.

use gametriggers_types::{Quarter, Timestamp};

use super::*;

/// A click at this minute after twelve.
fn click_at(minute: i64) -> Entry {
    let at = Timestamp::from_second(twelve().as_second() + 60 * minute).unwrap();
    Entry { at, ..entry(&format!("click at {minute}"), EntryKind::Click(ClickKind::Chat), 1) }
}

fn twelve() -> Timestamp {
    entry("", EntryKind::Display, 1).at
}

impl Stage {
    async fn click(&self, minutes: impl IntoIterator<Item = i64>) {
        let clicks: Vec<_> = minutes.into_iter().map(click_at).collect();
        self.record(&clicks).await.unwrap();
    }

    /// The minute after twelve at which each rollup begins, and its clicks; and the minute of the one that is kept with the
    /// participation.
    async fn rollups(&self) -> (Vec<(i64, u64)>, Option<i64>) {
        let minute = |at: Timestamp| (at.as_second() - twelve().as_second()) / 60;
        let listed = self.instance().await.ledger.list_rollups(participation()).await.unwrap();
        let of = |quarter: Quarter| minute(quarter.start());
        let clicks = listed.iter().map(|rollup| (of(rollup.quarter), rollup.counters.clicks)).collect();
        let stored = self.stored("campaignparticipations", oid(PARTICIPATION)).await;
        let open = stored.get_document("openRollup").ok();
        let open = open.map(|open| open.get_datetime("quarter").unwrap().timestamp_millis() / 1_000);
        (clicks, open.map(|second| (second - twelve().as_second()) / 60))
    }

    /// How many documents the collection holds.
    async fn closed(&self) -> u64 {
        self.database.raw().collection::<Document>("rollups").count_documents(doc! {}).await.unwrap()
    }
}

#[tokio::test]
async fn the_first_event_of_a_quarter_hour_moves_the_rollup_before_it_and_a_late_one_follows() {
    let stage = Stage::with_old_documents().await;
    stage.click([1, 2]).await;
    assert_eq!((stage.rollups().await, stage.closed().await), ((vec![(0, 2)], Some(0)), 0));
    stage.click([16]).await;
    assert_eq!((stage.rollups().await, stage.closed().await), ((vec![(0, 2), (15, 1)], Some(15)), 1));
    // Late, within a batch that also begins a quarter-hour, and where none was before.
    stage.click([3]).await;
    stage.click([4, 17, 31]).await;
    stage.click([-10, 32]).await;
    let all = vec![(-15, 1), (0, 4), (15, 2), (30, 2)];
    assert_eq!((stage.rollups().await, stage.closed().await), ((all, Some(30)), 3));
    assert_eq!(stage.counters().await.chat_clicks, 2 + 9);
    stage.assert_reconciled().await;
}

/// Of one batch, one participation stays in its quarter-hour and another begins one; money, peaks and samples move as well.
#[tokio::test]
async fn participations_of_one_batch_have_rollups_of_their_own() {
    let other = ObjectId::new();
    let stage = Stage::with_old_documents().await;
    let mut joined = old_participation();
    joined.extend(doc! {"_id": other, "streamerId": other, "browserSourceToken": "another-token"});
    stage.put("campaignparticipations", joined).await;
    let at = |minute: i64, kind, units| {
        let Entry { at, .. } = click_at(minute);
        Entry { at, ..entry(&format!("{kind} at {minute}"), kind, units) }
    };
    let of_other = |entry: Entry| Entry {
        id: EntryId::stored(format!("{} of another", entry.id)),
        participation: other.to_hex().parse().unwrap(),
        ..entry
    };
    stage.record(&[at(1, EntryKind::Display, 1), at(2, EntryKind::Viewers, 2)]).await.unwrap();
    stage.record(&[of_other(click_at(16))]).await.unwrap();
    let batch = [click_at(17), of_other(click_at(17)), at(18, EntryKind::Viewers, 1), of_other(click_at(3))];
    stage.record(&batch).await.unwrap();
    assert_eq!(stage.rollups().await, (vec![(0, 0), (15, 1)], Some(15)));
    let ledger = stage.instance().await.ledger;
    let listed = ledger.list_rollups(participation()).await.unwrap();
    let earned = listed.iter().map(|rollup| (rollup.counters.earnings, rollup.counters.peak_viewers));
    assert_eq!(earned.collect::<Vec<_>>(), [(units(4.98), 2), (units(1.66), 1)]);
    let of_other = ledger.list_rollups(other.to_hex().parse().unwrap()).await.unwrap();
    assert_eq!(of_other.iter().map(|rollup| rollup.counters.clicks).collect::<Vec<_>>(), [1, 2]);
    stage.assert_reconciled().await;
}

#[tokio::test]
async fn an_instance_learns_that_another_one_has_begun_a_quarter_hour() {
    let stage = Stage::with_old_documents().await;
    stage.click([1]).await;
    let other = stage.instance().await.ledger;
    other.record([click_at(16)].into()).await.unwrap();
    stage.click([2]).await;
    stage.click([17]).await;
    other.record([click_at(3), click_at(18)].into()).await.unwrap();
    assert_eq!(stage.rollups().await, (vec![(0, 3), (15, 3)], Some(15)));
    stage.assert_reconciled().await;
}

/// Where an earlier version has left it, or an update of its participation was undone.
#[tokio::test]
async fn what_the_collection_holds_of_the_open_quarter_hour_is_added_to_it() {
    let stage = Stage::with_old_documents().await;
    stage.click([1]).await;
    let raw = stage.database.raw();
    let quarter = doc! {"participationId": oid(PARTICIPATION), "quarter": bson::DateTime::from_millis(twelve().as_millisecond())};
    let left = doc! {"_id": &quarter, "campaignId": oid(CAMPAIGN), "clicks": 1_i64, "chatClicks": 1_i64};
    stage.put("rollups", left).await;
    let participations = raw.collection::<Document>("campaignparticipations");
    participations.update_one(doc! {}, doc! {"$unset": {"openRollup": ""}}).await.unwrap();
    stage.assert_reconciled().await;
    stage.click([2]).await;
    assert_eq!(stage.rollups().await, (vec![(0, 2)], Some(0)));
    stage.assert_reconciled().await;

    // A repair leaves one of the two.
    participations.update_one(doc! {}, doc! {"$set": {"openRollup.clicks": 9_i64}}).await.unwrap();
    assert_eq!(stage.instance().await.ledger.reconcile(true).await.unwrap().len(), 1);
    assert_eq!((stage.rollups().await, stage.closed().await), ((vec![(0, 2)], Some(0)), 0));
    stage.assert_reconciled().await;
}
