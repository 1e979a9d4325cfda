//! Compares the answers to events with the stored events.

use std::time::{Duration, Instant};

use gametriggers::Store;
use gametriggers_domain::ledger::EntryId;
use gametriggers_types::{ClickKind, DecisionId, VisitSource};
use tokio::{task::spawn_blocking, time::sleep};

use super::{Place, Stage, campaign_id, file_in, mongodb, sqlite, user_id};
use crate::results::grouped;

/// How long answered events may take to be stored, and how often this is checked.
const SETTLED_WITHIN: Duration = Duration::from_secs(30);
const ASKED_EVERY: Duration = Duration::from_millis(100);

/// The kinds of events that are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Event {
    Click,
    Visit,
    Display,
}

impl Event {
    pub(crate) const ALL: [Self; 3] = [Self::Click, Self::Visit, Self::Display];

    /// The prefix of the ids of its ledger entries.
    fn prefix(self) -> String {
        let (user, campaign) = (user_id(0), campaign_id(0));
        let example = match self {
            Self::Click => EntryId::click(user, ClickKind::Overlay, "0"),
            Self::Visit => EntryId::visit(campaign, VisitSource::Link, 0, "0"),
            Self::Display => EntryId::display(DecisionId { streamer: user, ordinal: 1 }),
        };
        example.as_str().split_inclusive(':').next().unwrap_or_default().to_owned()
    }

    const fn plural(self) -> &'static str {
        match self {
            Self::Click => "clicks",
            Self::Visit => "visits",
            Self::Display => "displays",
        }
    }
}

impl Stage {
    /// The number of events of a kind that were answered as counted.
    pub(crate) fn answered(&self, event: Event) -> u64 {
        self.answered.get(&event).copied().unwrap_or(0)
    }

    /// Whether no events have been answered yet.
    pub(crate) fn is_untouched(&self) -> bool {
        self.answered.is_empty()
    }

    /// Adds events that were answered as counted.
    pub(crate) fn note(&mut self, event: Event, count: u64) {
        *self.answered.entry(event).or_default() += count;
    }

    /// Waits until all answered events of a kind are stored, because visits are answered before they are stored. Gives
    /// up after some time; [`check`](Self::check) then reports what is missing.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub(crate) async fn settled(&self, event: Event) -> anyhow::Result<()> {
        let deadline = Instant::now() + SETTLED_WITHIN;
        while self.stored(event).await? < self.answered(event) && Instant::now() < deadline {
            sleep(ASKED_EVERY).await;
        }
        Ok(())
    }

    /// The number of stored events of a kind.
    async fn stored(&self, event: Event) -> anyhow::Result<u64> {
        let prefix = event.prefix();
        match &self.place {
            Place::Sqlite(folder) => {
                let file = file_in(folder);
                spawn_blocking(move || sqlite::count_entries(&file, &prefix)).await?
            }
            Place::MongoDb(database) => mongodb::count_entries(database.raw(), &prefix).await,
        }
    }

    /// Compares the stored events with the answers. With `reconcile`, also compares all counters with the ledger. If
    /// paid events were sent, something must have been paid. Returns a description of what was found.
    ///
    /// # Errors
    /// If there is a difference, or the store cannot be read.
    pub(crate) async fn check(&self, reconcile: bool) -> anyhow::Result<String> {
        let (backend, size) = (self.backend, grouped(self.shape.participations()));
        let mut counts = Vec::new();
        for event in Event::ALL {
            let (answered, what) = (self.answered(event), event.plural());
            let stored = self.stored(event).await?;
            anyhow::ensure!(
                stored == answered,
                "{backend}, {size} participations: {answered} {what} were answered as counted, and {stored} are stored"
            );
            if answered > 0 {
                counts.push(format!("all {} {what}", grouped(answered)));
            }
        }
        let mut found = format!("{backend}, {size} participations: {} are stored", counts.join(" and "));
        let store = Store::open(&self.url()).await?;
        let pays = self.answered(self.shape.paid_event()) > 0;
        if pays {
            let campaign = store.repositories().campaigns.find_by_id(campaign_id(0)).await?;
            let is_paid = campaign.is_some_and(|campaign| campaign.remaining_budget < campaign.budget);
            anyhow::ensure!(is_paid, "{backend}, {size} participations: nothing was paid");
        }
        if reconcile {
            let differences = store.repositories().ledger.reconcile(false).await?;
            anyhow::ensure!(
                differences.is_empty(),
                "{backend}, {size} participations: {} counters differ from the ledger, the first: {:?}",
                differences.len(),
                differences[0]
            );
            found.push_str(", and no counter differs from the ledger");
        }
        Ok(found)
    }
}
