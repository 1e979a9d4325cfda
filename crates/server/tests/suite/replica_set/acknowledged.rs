//! Checks that the store agrees with what the clients were told.

use std::{collections::BTreeSet, mem};

use futures_util::{StreamExt, future::join_all, stream};
use gametriggers_domain::ledger::{Counters, EntryId, Verdict};
use gametriggers_fixtures::units;
use gametriggers_types::{Money, ParticipationId};
use serde::Deserialize;
use tokio::time::timeout;

use super::{
    clients::CLIENTS,
    documents,
    stage::{BACK_WITHIN, BUDGET, RATE, Stage},
};

#[derive(Deserialize)]
struct LedgerDocument {
    #[serde(rename = "_id")]
    id: String,
    kind: String,
}

impl Stage {
    /// Fails unless every acknowledged event is stored once, everything stored was sent, and counters and money are the sums of
    /// what is stored.
    pub(super) async fn assert_as_acknowledged(&self) {
        // Viewers are redirected before their visits are recorded.
        let settled = join_all(self.instances.iter().map(|instance| instance.visits.settled()));
        timeout(BACK_WITHIN, settled).await.expect("all visits are recorded");
        let (mut stored, mut visits) = (BTreeSet::new(), 0);
        for LedgerDocument { id, kind } in documents(&self.instances[0].store, "ledger").await {
            match kind.as_str() {
                "opening" => {}
                "visit.qr" => visits += 1,
                "click.overlay" | "display" => assert!(stored.insert(EntryId::stored(id))),
                _ => panic!("{id} is of kind {kind}"),
            }
        }
        let fresh = {
            let mut events = self.events();
            let lost: Vec<_> = events.acknowledged.difference(&stored).collect();
            assert!(lost.is_empty(), "acknowledged and not stored: {lost:?}");
            let unknown: Vec<_> = stored.iter().filter(|id| !events.sent.contains_key(id)).collect();
            assert!(unknown.is_empty(), "stored and never sent: {unknown:?}");
            assert_eq!(visits, events.visits, "visits stored, and visits acknowledged");
            mem::take(&mut events.fresh)
        };
        stream::iter(&fresh).for_each_concurrent(CLIENTS, async |id| self.assert_counted(id).await).await;
        self.assert_counters(&stored, visits).await;
        self.instances[0].assert_reconciled().await;
    }

    /// Fails unless the event is stored for the participation that was on screen, and is a duplicate for every instance.
    async fn assert_counted(&self, id: &EntryId) {
        let event = self.events().sent[id].clone();
        let found = self.instances[0].storage.ledger.find_entry(id).await.unwrap().unwrap();
        assert_eq!((&found.entry.id, found.entry.participation), (id, event.shown));
        assert!(matches!(found.verdict, Verdict::Counted(_)), "{found:?}");
        for instance in &self.instances {
            self.answer(event.request(instance)).await.assert_event("duplicate", None);
        }
    }

    /// Fails unless each of these clicks and displays and this number of visits count once, and each visit is paid.
    async fn assert_counters(&self, stored: &BTreeSet<EntryId>, visits: u64) {
        let mut paid = Money::ZERO;
        for (number, screen) in self.screens.iter().enumerate() {
            let id = screen.participation.id;
            let visits = if number == 0 { visits } else { 0 };
            let expected = self.expected(id, stored, visits);
            assert_eq!(self.instances[0].stored_participation(id).await.counters, expected);
            paid += expected.earnings;
        }
        let remaining = self.instances[0].stored_campaign(self.campaign.id).await.remaining_budget;
        assert_eq!(remaining, units(BUDGET) - paid);
    }

    fn expected(&self, id: ParticipationId, stored: &BTreeSet<EntryId>, visits: u64) -> Counters {
        let events = self.events();
        let own = stored.iter().filter(|event| events.sent[event].shown == id);
        let (displays, clicks): (Vec<_>, Vec<_>) = own.partition(|id| id.as_str().starts_with("display:"));
        let [impressions, clicks] = [displays.len(), clicks.len()].map(|count| u64::try_from(count).unwrap());
        Counters {
            impressions,
            visits,
            qr_scans: visits,
            clicks: clicks + visits,
            paid_units: visits,
            earnings: Money::from_micros(units(RATE).micros() * i64::try_from(visits).unwrap()),
            ..Counters::default()
        }
    }
}
