//! Reads the decisions of a time from a store, and what another strategy would have done in their place.

use std::collections::HashMap;

use gametriggers_domain::{
    decision::{Circumstances, Content, Decision},
    ledger::EntryKind,
    selection::{ExplorationShare, Selection, SelectionStrategy, find},
};
use gametriggers_persistence::{Repositories, StorageError, StoredDecision, StoredEntry};
use gametriggers_types::{
    CampaignId, DecisionId, PageLimit, ParticipationId, SignedDuration, Timestamp, UserId,
};
use serde::Serialize;

use super::{
    archive::{Archive, Streamer, amount, for_each_paid},
    bootstrap::real,
    judged::JudgedDecision,
    question::Question,
};

/// The greatest number of decisions that one replay holds in memory.
pub const DECISIONS_MAX: usize = 250_000;
/// How long after its end a decision's display may still be reported.
const DISPLAY_IS_LATE_BY: SignedDuration = SignedDuration::from_hours(1);
/// The least time from which a pace is worked out.
const PACE_FROM: SignedDuration = SignedDuration::from_hours(1);
/// How far a recomputed probability may be from the recorded one.
const SAME_PROBABILITY: f64 = 0.01;

/// Why decisions could not be replayed.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// The store failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// There are more decisions than fit in memory.
    #[error(
        "more than {DECISIONS_MAX} decisions were made in this time: choose a shorter time, or one streamer with --streamer"
    )]
    TooMany,
}

/// How many decisions of the time there were, and what became of them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Counts {
    /// Decisions that were replayed.
    pub replayed: usize,
    /// Of these, those whose recorded probabilities come out again, within 0.01, if the recorded strategy decides with what
    /// the store says today.
    pub reproduced: usize,
    /// Decisions that show nothing.
    pub empty: usize,
    /// Decisions that were shortened, so that the other candidates are gone, or whose predecessor was shortened or cannot be
    /// read, so that the tally is gone.
    pub shortened: usize,
    /// Decisions whose streamer, campaigns or participations are gone.
    pub gone: usize,
    /// Decisions that have not ended yet.
    pub unfinished: usize,
}

/// How many of the replayed decisions were made by one strategy with one exploration share.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Logged {
    /// The strategy's name.
    pub strategy: String,
    /// The share of decisions that was left to chance.
    pub exploration: f64,
    /// The number of decisions.
    pub decisions: usize,
}

/// The decisions of a time.
#[derive(Debug, Default)]
pub(super) struct Log {
    /// The decisions that were replayed, in order of time.
    pub(super) decisions: Vec<JudgedDecision>,
    pub(super) counts: Counts,
    /// By whom the replayed decisions were made, in the order in which they were met.
    pub(super) logged: Vec<Logged>,
    /// The mean number of candidates.
    pub(super) candidates_mean: f64,
    /// From the first to the last replayed decision.
    pub(super) span: SignedDuration,
}

impl Log {
    /// How many decisions a day there were from the first to the last. `None` if they are too near to each other to tell.
    pub(super) fn per_day(&self) -> Option<f64> {
        let days = self.span.as_secs_f64() / 86_400.0;
        (self.span >= PACE_FROM).then(|| real(self.decisions.len()) / days)
    }
}

/// What is needed to know of a replayed decision until its earnings are known.
struct Shown {
    judged: JudgedDecision,
    id: DecisionId,
    participation: ParticipationId,
    from: Timestamp,
    end: Timestamp,
    has_successor: bool,
    is_reproduced: bool,
    candidates: usize,
    /// The number of its strategy and exploration share.
    maker: usize,
}

/// A streamer's latest decision so far, and its place among those that were replayed.
struct Latest {
    decision: Decision,
    place: Option<usize>,
}

/// Gives the things that it meets numbers from 0.
struct Numbers<T>(HashMap<T, usize>);

impl<T: std::hash::Hash + Eq> Numbers<T> {
    fn of(&mut self, thing: T) -> usize {
        let next = self.0.len();
        *self.0.entry(thing).or_insert(next)
    }
}

struct Reader<'a> {
    store: &'a Repositories,
    question: &'a Question,
    archive: Archive<'a>,
    log: Log,
    shown: Vec<Shown>,
    latest: HashMap<UserId, Latest>,
    campaigns: Numbers<CampaignId>,
    broadcasts: Numbers<(UserId, Option<Timestamp>)>,
}

/// Reads the decisions of the question's time. Decisions that are on screen at `now` are left out.
pub(super) async fn read(
    store: &Repositories,
    question: &Question,
    now: Timestamp,
) -> Result<Log, ReplayError> {
    let archive = Archive::open(store, question.from, question.to).await?;
    let mut reader = Reader {
        store,
        question,
        archive,
        log: Log::default(),
        shown: Vec::new(),
        latest: HashMap::new(),
        campaigns: Numbers(HashMap::new()),
        broadcasts: Numbers(HashMap::new()),
    };
    let mut after = None;
    loop {
        let page = store.decisions.list_made(question.from, question.to, after, PageLimit::default()).await?;
        let wanted = |decision: &Decision| question.streamer.is_none_or(|one| decision.id.streamer == one);
        for decision in page.items.into_iter().filter(wanted) {
            reader.add(decision).await?;
        }
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    reader.finish(now).await
}

impl Reader<'_> {
    async fn add(&mut self, decision: Decision) -> Result<(), ReplayError> {
        let streamer = decision.id.streamer;
        let previous = match self.latest.remove(&streamer) {
            Some(latest) if latest.decision.id.successor() == decision.id => {
                self.end(latest.place, decision.from);
                Some(latest.decision)
            }
            other => {
                if let Some(latest) = other {
                    self.look_up_end(&latest).await?;
                }
                self.previous_of(decision.id).await?
            }
        };
        let place = self.judge(&decision, previous.as_ref()).await?;
        self.latest.insert(streamer, Latest { decision, place });
        Ok(())
    }

    /// Judges a decision and returns its place among those that were replayed.
    async fn judge(
        &mut self,
        decision: &Decision,
        previous: Option<&Decision>,
    ) -> Result<Option<usize>, ReplayError> {
        let Content::Campaign(selection) = &decision.content else {
            self.log.counts.empty += 1;
            return Ok(None);
        };
        let is_short = |one: &Decision| one.selection().is_some_and(Selection::is_shortened);
        // Without its predecessor, a later decision cannot be made again either.
        let is_cut_off = previous.is_none() && decision.id.ordinal > 1;
        if is_short(decision) || previous.is_some_and(is_short) || is_cut_off {
            self.log.counts.shortened += 1;
            return Ok(None);
        }
        let Some(replayed) = self.replay(decision, selection, previous).await? else {
            self.log.counts.gone += 1;
            return Ok(None);
        };
        if self.shown.len() == DECISIONS_MAX {
            return Err(ReplayError::TooMany);
        }
        let judged = self.judged(decision, selection, &replayed.target);
        let shown = Shown {
            judged,
            id: decision.id,
            participation: selection.picked().participation,
            from: decision.from,
            end: decision.until,
            has_successor: false,
            is_reproduced: replayed.is_reproduced,
            candidates: selection.candidate_count(),
            maker: self.maker(selection),
        };
        self.shown.push(shown);
        Ok(Some(self.shown.len() - 1))
    }

    /// Makes the decision again, by the strategy that made it and by the other one. `None` if a document is gone.
    async fn replay(
        &mut self,
        decision: &Decision,
        selection: &Selection,
        previous: Option<&Decision>,
    ) -> Result<Option<Replayed>, ReplayError> {
        let mut eligible = Vec::with_capacity(selection.shares.len());
        for share in selection.shares.iter() {
            let pair = self.archive.pair(share.participation, share.campaign, decision.from).await?;
            let Some(pair) = pair else { return Ok(None) };
            eligible.push(pair);
        }
        let target = &self.question.target;
        let streamer = self.archive.streamer(decision.id.streamer, |user| target.applied_to(user)).await?;
        let Some((today, changed)): Option<&Streamer> = streamer else { return Ok(None) };
        let again = |user, strategy: &dyn SelectionStrategy, exploration| {
            let circumstances = Circumstances {
                user,
                previous,
                eligible: &eligible,
                viewers: None,
                exploration,
                now: decision.from,
            };
            let decision = circumstances.decide_with(strategy, |_| selection.seed)?;
            decision.selection().cloned()
        };
        let Some(other) = again(changed, target.strategy(), ExplorationShare::default()) else {
            return Ok(None);
        };
        let recorded = find(&selection.strategy).ok();
        let same = recorded.and_then(|strategy| again(today, strategy, selection.exploration));
        let is_reproduced = same.is_some_and(|same| is_same_draw(&same, selection));
        Ok(Some(Replayed { target: other, is_reproduced }))
    }

    fn judged(&mut self, decision: &Decision, selection: &Selection, target: &Selection) -> JudgedDecision {
        let picked = selection.picked();
        let of = |campaign| probability(target, campaign);
        let unsupported = selection.shares.iter().filter(|share| share.probability <= 0.0);
        let unsupported = unsupported.map(|share| of(share.campaign)).sum();
        let possible = target.shares.iter().filter(|share| share.probability > 0.0);
        let broadcast = (decision.id.streamer, decision.broadcast.began());
        JudgedDecision {
            broadcast: self.broadcasts.of(broadcast),
            campaign: self.campaigns.of(picked.campaign),
            logged: picked.probability,
            target: of(picked.campaign),
            targets: possible.map(|share| (self.campaigns.of(share.campaign), share.probability)).collect(),
            unsupported,
            was_certain: selection.shares.len() > 1 && picked.probability >= 1.0,
            reward: 0.0,
            hours: 0.0,
        }
    }

    /// The number of the decision's strategy and exploration share.
    fn maker(&mut self, selection: &Selection) -> usize {
        let exploration = selection.exploration.value();
        let makers = &mut self.log.logged;
        let is_it = |one: &Logged| {
            one.strategy == selection.strategy && one.exploration.to_bits() == exploration.to_bits()
        };
        makers.iter().position(is_it).unwrap_or_else(|| {
            makers.push(Logged { strategy: selection.strategy.clone(), exploration, decisions: 0 });
            makers.len() - 1
        })
    }

    fn end(&mut self, place: Option<usize>, successor_from: Timestamp) {
        if let Some(shown) = place.and_then(|place| self.shown.get_mut(place)) {
            shown.end = shown.end.min(successor_from);
            shown.has_successor = true;
        }
    }

    /// Looks up where a decision ended whose successor was not met.
    async fn look_up_end(&mut self, latest: &Latest) -> Result<(), ReplayError> {
        if latest.place.is_some()
            && let Some(successor) = readable(self.store.decisions.find(latest.decision.id).await)?
            && let Some(from) = successor.successor_from
        {
            self.end(latest.place, from);
        }
        Ok(())
    }

    async fn previous_of(&self, id: DecisionId) -> Result<Option<Decision>, ReplayError> {
        let Some(ordinal) = id.ordinal.checked_sub(1).filter(|ordinal| *ordinal > 0) else { return Ok(None) };
        let found = self.store.decisions.find(DecisionId { ordinal, ..id }).await;
        Ok(readable(found)?.map(|stored| stored.decision))
    }

    async fn finish(mut self, now: Timestamp) -> Result<Log, ReplayError> {
        for latest in std::mem::take(&mut self.latest).into_values() {
            self.look_up_end(&latest).await?;
        }
        let all = self.shown.len();
        self.shown.retain(|shown| shown.has_successor || shown.end <= now);
        self.log.counts.unfinished = all - self.shown.len();
        self.log.counts.replayed = self.shown.len();
        self.add_earnings().await?;
        for shown in &self.shown {
            self.log.counts.reproduced += usize::from(shown.is_reproduced);
            self.log.candidates_mean += real(shown.candidates) / real(self.shown.len());
            self.log.logged[shown.maker].decisions += 1;
        }
        self.log.logged.retain(|logged| logged.decisions > 0);
        if let [first, .., last] = self.shown.as_slice() {
            self.log.span = last.from.duration_since(first.from);
        }
        self.log.decisions = self.shown.into_iter().map(|shown| shown.judged).collect();
        Ok(self.log)
    }

    async fn add_earnings(&mut self) -> Result<(), ReplayError> {
        let mut by_id = HashMap::with_capacity(self.shown.len());
        let mut by_participation = HashMap::<_, Vec<usize>>::new();
        for (place, shown) in self.shown.iter_mut().enumerate() {
            shown.judged.hours = (shown.end.duration_since(shown.from).as_secs_f64() / 3600.0).max(0.0);
            by_id.insert(shown.id, place);
            // In order of time, because they were read so.
            by_participation.entry(shown.participation).or_default().push(place);
        }
        let Some(last) = self.shown.iter().map(|shown| shown.end).max() else { return Ok(()) };
        let until = last.saturating_add(DISPLAY_IS_LATE_BY).unwrap_or(last);
        let shown = &mut self.shown;
        for_each_paid(self.store, self.question.from, until, |stored| {
            let entry = &stored.entry;
            let place = match decision_of(stored) {
                Some(id) => by_id.get(&id).copied(),
                None => by_participation.get(&entry.participation).and_then(|places| {
                    let next = places.partition_point(|place| shown[*place].from <= entry.at);
                    let place = places[next.checked_sub(1)?];
                    (entry.at < shown[place].end).then_some(place)
                }),
            };
            if let Some(place) = place {
                shown[place].judged.reward += amount(stored).as_units();
            }
        })
        .await?;
        Ok(())
    }
}

/// A decision that was made again.
struct Replayed {
    target: Selection,
    is_reproduced: bool,
}

fn probability(selection: &Selection, campaign: CampaignId) -> f64 {
    let share = selection.shares.iter().find(|share| share.campaign == campaign);
    share.map_or(0.0, |share| share.probability)
}

fn is_same_draw(one: &Selection, other: &Selection) -> bool {
    let is_same = |share: gametriggers_domain::selection::Share| {
        (probability(one, share.campaign) - share.probability).abs() <= SAME_PROBABILITY
    };
    other.shares.iter().all(is_same)
}

/// The decision whose display an entry is. Its id names it, also if the display was reported after the decision's end.
fn decision_of(stored: &StoredEntry) -> Option<DecisionId> {
    let is_display = stored.entry.kind == EntryKind::Display;
    stored.entry.id.as_str().strip_prefix("display:").filter(|_| is_display)?.parse().ok()
}

/// A decision that cannot be read is as good as none: the store has logged it.
fn readable(
    found: Result<Option<StoredDecision>, StorageError>,
) -> Result<Option<StoredDecision>, StorageError> {
    match found {
        Err(StorageError::Corrupt { .. }) => Ok(None),
        other => other,
    }
}
