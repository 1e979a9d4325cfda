//! Minutes of audiences, submitted to the ledger in this process, as a sampler of audiences would submit them.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use gametriggers::Store;
use gametriggers_domain::{
    decision::Basis,
    ledger::{Entry, EntryId, EntryKind, Outcome},
};
use gametriggers_services::BATCH_MAX;
use gametriggers_types::{Minute, SignedDuration, Timestamp};
use hdrhistogram::Histogram;

use super::{Event, MADE_AT, Stage, campaign_id, participation_id, user_id};
use crate::{load, results::Run};

impl Stage {
    /// Submits one entry per streamer for each of `minutes` minutes, in batches of the recorder's greatest size, one
    /// batch after the other. One more minute before that is not measured. The run's rate is that of entries; its
    /// latencies are those of batches.
    ///
    /// # Errors
    /// If the ledger refuses a batch.
    pub(crate) async fn record_audiences(&mut self, minutes: u32) -> anyhow::Result<load::Outcome> {
        let ledger = Store::open(&self.url()).await?.repositories().ledger;
        let mut micros = Histogram::<u64>::new(3)?;
        let mut outcome = load::Outcome::default();
        let mut lasted = Duration::ZERO;
        for number in 0..=minutes {
            let entries = self.audiences()?;
            for batch in entries.chunks(BATCH_MAX) {
                let batch: Arc<[Entry]> = batch.into();
                let submitted = Instant::now();
                let told = ledger.record(batch.clone()).await?;
                let took = submitted.elapsed();
                if number > 0 {
                    micros.record(u64::try_from(took.as_micros())?)?;
                    lasted += took;
                }
                self.note_told(&batch, &told, &mut outcome);
            }
        }
        let entries = f64::from(minutes) * f64::from(self.shape.participations());
        outcome.run = Run { per_second: entries / lasted.as_secs_f64(), ..Run::of(&micros, lasted) };
        Ok(outcome)
    }

    /// The entries of the next minute: each participation is on screen, with an audience of its own size.
    fn audiences(&self) -> anyhow::Result<Vec<Entry>> {
        let participations = self.shape.participations();
        let earlier = self.answered(Event::Viewers) / u64::from(participations);
        let began = Timestamp::from_second(MADE_AT.into())?;
        let at = began + SignedDuration::from_mins(i64::try_from(earlier)?);
        let minute = Minute::containing(at);
        let entry = |number| {
            let (streamer, campaign) = self.shape.parties(number);
            let id = EntryId::viewers(user_id(streamer), minute);
            let new = Entry::new(id, EntryKind::Viewers, participation_id(number), campaign_id(campaign), at);
            Entry { units: 1 + u64::from(number % 97), basis: Some(Basis::Viewers), ..new }
        };
        Ok((0..participations).map(entry).collect())
    }

    /// Notes the entries that count. Adds the others to the wrong answers.
    fn note_told(&mut self, batch: &[Entry], told: &[Outcome], outcome: &mut load::Outcome) {
        for (entry, told) in batch.iter().zip(told) {
            if matches!(told, Outcome::Counted(_)) {
                self.note_units(Event::Viewers, 1, entry.units);
                outcome.right += 1;
            } else {
                *outcome.wrong.entry(format!("{told:?}")).or_default() += 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use gametriggers_types::PaymentType;

    use super::*;
    use crate::{results::Backend, stage::Shape};

    async fn stage() -> Stage {
        Stage::set(Backend::Sqlite, Shape::spread(10, 3, PaymentType::Cpm), "").await.unwrap()
    }

    #[tokio::test]
    async fn every_audience_is_recorded_and_paid_once_in_each_minute() {
        let mut stage = stage().await;
        let outcome = stage.record_audiences(2).await.unwrap();
        assert!(outcome.wrong.is_empty(), "{:?}", outcome.wrong);
        assert_eq!(
            outcome.right, 30,
            "ten audiences in three minutes, the first of them before the measurement"
        );
        let tally = stage.tally().await.unwrap();
        assert_eq!((tally.events, tally.paid_units), (30, 3 * (1..=10).sum::<u64>()));
        assert!(stage.check(true).await.unwrap().contains("165 units are paid"));
    }

    #[tokio::test]
    async fn what_was_answered_and_is_not_stored_or_not_paid_is_found() {
        let mut stage = stage().await;
        stage.record_audiences(1).await.unwrap();
        stage.payable += 1;
        let unpaid = stage.check(false).await.unwrap_err().to_string();
        assert!(unpaid.contains("110 units were paid, and 111 had to be"), "{unpaid}");
        stage.payable -= 1;
        stage.note(Event::Display, 1);
        let missing = stage.check(false).await.unwrap_err().to_string();
        assert!(missing.contains("1 displays were answered as counted, and 0 are stored"), "{missing}");
    }

    #[tokio::test]
    async fn no_screen_is_given_out_twice() {
        let mut stage = stage().await;
        assert_eq!(stage.fresh_screens(4).unwrap(), 0..4);
        assert_eq!(stage.fresh_screens(6).unwrap(), 4..10);
        assert!(stage.fresh_screens(1).is_err());
    }
}
