//! The counters of a store at one moment.

use std::time::Instant;

use tokio::task::spawn_blocking;

use super::{Place, Stage, Transactions, file_in, mongodb, sqlite};

/// What a store has recorded up to a moment. The difference of two tallies is what was recorded between their moments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tally {
    /// When the store was read.
    pub(crate) at: Instant,
    /// The number of recorded events of all kinds.
    pub(crate) events: u64,
    /// The number of units that campaigns have paid for.
    pub(crate) paid_units: u64,
}

impl Tally {
    /// The paid units per second since an earlier tally.
    pub(crate) fn paid_per_second_since(&self, earlier: &Self) -> f64 {
        let paid = self.paid_units.saturating_sub(earlier.paid_units);
        paid as f64 / self.at.duration_since(earlier.at).as_secs_f64()
    }
}

impl Stage {
    /// Reads the store's counters.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub(crate) async fn tally(&self) -> anyhow::Result<Tally> {
        let at = Instant::now();
        let (events, paid_units) = match &self.place {
            Place::Sqlite(folder) => {
                let file = file_in(folder);
                spawn_blocking(move || sqlite::sum_counters(&file)).await??
            }
            Place::MongoDb(database) => mongodb::sum_counters(database.raw()).await?,
        };
        Ok(Tally { at, events, paid_units })
    }

    /// The transactions of the whole MongoDB server. `None` on SQLite, whose writers wait for each other instead of
    /// aborting, and if the server does not tell.
    pub(crate) async fn transactions(&self) -> Option<Transactions> {
        match &self.place {
            Place::Sqlite(_) => None,
            Place::MongoDb(database) => mongodb::transactions(database.raw()).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn only_what_was_paid_between_two_moments_counts() {
        let then = Tally { at: Instant::now(), events: 500, paid_units: 100 };
        let now = Tally { at: then.at + Duration::from_secs(2), events: 900, paid_units: 400 };
        assert!((now.paid_per_second_since(&then) - 150.0).abs() < 1e-9);
    }
}
