//! Compares the answers to events with the stored events.

use std::{fmt::Write, time::Duration};

use gametriggers::Store;
use gametriggers_domain::ledger::{EntryId, EntryKind};
use gametriggers_types::{ClickKind, DecisionId, Minute, PaymentType, VisitSource};
use tokio::{task::spawn_blocking, time::sleep};

use super::{Place, Stage, Tally, campaign_id, file_in, mongodb, sqlite, user_id};
use crate::results::grouped;

/// How long the store may take for the next of the answered events, and how often this is checked.
const GIVEN_UP_AFTER: Duration = Duration::from_secs(12);
const ASKED_EVERY: Duration = Duration::from_millis(10);

/// The kinds of events that are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Event {
    Click,
    Visit,
    Display,
    /// A streamer's audience in one minute.
    Viewers,
}

impl Event {
    pub(crate) const ALL: [Self; 4] = [Self::Click, Self::Visit, Self::Display, Self::Viewers];

    const fn kind(self) -> EntryKind {
        match self {
            Self::Click => EntryKind::Click(ClickKind::Overlay),
            Self::Visit => EntryKind::Visit(VisitSource::Link),
            Self::Display => EntryKind::Display,
            Self::Viewers => EntryKind::Viewers,
        }
    }

    /// Whether campaigns of this payment type pay for these events.
    pub(super) const fn is_paid_under(self, payment: PaymentType) -> bool {
        self.kind().is_paid_under(payment)
    }

    /// The prefix of the ids of its ledger entries.
    fn prefix(self) -> String {
        let (user, campaign) = (user_id(0), campaign_id(0));
        let example = match self {
            Self::Click => EntryId::click(user, ClickKind::Overlay, "0"),
            Self::Visit => EntryId::visit(campaign, VisitSource::Link, 0, "0"),
            Self::Display => EntryId::display(DecisionId { streamer: user, ordinal: 1 }),
            Self::Viewers => EntryId::viewers(user, Minute::from_epoch(0)),
        };
        example.as_str().split_inclusive(':').next().unwrap_or_default().to_owned()
    }

    const fn plural(self) -> &'static str {
        match self {
            Self::Click => "clicks",
            Self::Visit => "visits",
            Self::Display => "displays",
            Self::Viewers => "minutes of audiences",
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

    /// Adds events of one unit each that were answered as counted.
    pub(crate) fn note(&mut self, event: Event, count: u64) {
        self.note_units(event, count, count);
    }

    /// Adds events that were answered as counted, and the number of their units.
    pub(super) fn note_units(&mut self, event: Event, count: u64, units: u64) {
        *self.answered.entry(event).or_default() += count;
        if event.is_paid_under(self.shape.payment()) {
            self.payable += units;
        }
    }

    /// Takes back visits that were answered and are not stored: the server said that it does not count them. `settled` is
    /// the tally when nothing more was stored.
    pub(crate) fn note_uncounted_visits(&mut self, settled: &Tally) {
        let missing = self.answered.values().sum::<u64>().saturating_sub(settled.events);
        if let Some(visits) = self.answered.get_mut(&Event::Visit) {
            *visits -= missing;
            self.uncounted += missing;
        }
        if Event::Visit.is_paid_under(self.shape.payment()) {
            self.payable -= missing;
        }
    }

    /// Waits until all answered events are stored, because visits are answered before they are stored. Gives up when
    /// nothing has been stored for some time; [`check`](Self::check) then reports what is missing. Returns the last
    /// tally.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub(crate) async fn settled(&self) -> anyhow::Result<Tally> {
        let (answered, mut last) = (self.answered.values().sum(), self.tally().await?);
        let mut changed = last.at;
        while last.events < answered && changed.elapsed() < GIVEN_UP_AFTER {
            sleep(ASKED_EVERY).await;
            let now = self.tally().await?;
            if now.events > last.events {
                changed = now.at;
            }
            last = now;
        }
        Ok(last)
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

    /// Compares the stored events with the answers, and the paid units with those that had to be paid. With `reconcile`,
    /// also compares all counters with the ledger. Returns a description of what was found.
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
        if self.payable > 0 {
            write!(found, ", {} units are paid", grouped(self.payable))?;
        }
        if self.uncounted > 0 {
            write!(
                found,
                ", {} visits were led on without being counted, because too many waited for the store",
                grouped(self.uncounted)
            )?;
        }
        let Tally { paid_units, .. } = self.tally().await?;
        anyhow::ensure!(
            paid_units == self.payable,
            "{backend}, {size} participations: {paid_units} units were paid, and {} had to be",
            self.payable
        );
        if reconcile {
            let store = Store::open(&self.url()).await?;
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{results::Backend, stage::Shape};

    #[tokio::test]
    async fn visits_that_the_server_does_not_count_are_no_error_and_are_told() {
        let mut stage =
            Stage::set(Backend::Sqlite, Shape::spread(10, 3, PaymentType::Cpc), "").await.unwrap();
        stage.note(Event::Visit, 2);
        let missing = stage.check(false).await.unwrap_err().to_string();
        assert!(missing.contains("2 visits were answered as counted, and 0 are stored"), "{missing}");
        let settled = stage.tally().await.unwrap();
        stage.note_uncounted_visits(&settled);
        let found = stage.check(true).await.unwrap();
        assert!(found.contains("2 visits were led on without being counted"), "{found}");
    }
}
