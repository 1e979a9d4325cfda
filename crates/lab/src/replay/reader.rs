//! Reads the decisions of a period from a store, and makes each one again with another strategy.

use std::{collections::HashMap, ops};

use gametriggers_domain::{
    decision::{Content, Decision},
    selection::Selection,
};
use gametriggers_persistence::{Repositories, StorageError, StoredDecision};
use gametriggers_types::{CampaignId, DecisionId, PageLimit, Timestamp, UserId};

use super::{
    archive::Archive,
    bootstrap::real,
    earned::{OnScreen, earned},
    judged::JudgedDecision,
    log::{DECISIONS_MAX, Log, Logged, ReplayError},
    question::Question,
    remake::{probability, remake},
};

/// A replayed decision whose earnings are not known yet.
struct Shown {
    judged: JudgedDecision,
    on_screen: OnScreen,
    has_successor: bool,
    is_reproduced: bool,
    candidates: usize,
    /// The index in [`Log::logged`] of the decision's strategy and exploration share.
    maker: usize,
}

/// A streamer's latest decision so far, and its index in `Reader::shown` if it was replayed.
struct Latest {
    decision: Decision,
    place: Option<usize>,
}

/// Numbers things from 0, in the order in which they are first met.
struct Numbers<T>(HashMap<T, usize>);

impl<T: std::hash::Hash + Eq> Numbers<T> {
    fn of(&mut self, thing: T) -> usize {
        let next = self.0.len();
        *self.0.entry(thing).or_insert(next)
    }
}

/// Reads decisions in order of time. Keeps each streamer's latest decision, because the streamer's next decision
/// inherits from it and ends it.
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

/// Reads the decisions of the question's period. Decisions that are on screen at `now` are left out.
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

    /// Replays a decision and returns its index in `shown`. `None` if the decision is left out.
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
        let is_damaged = selection.picked().probability <= 0.0;
        if is_short(decision) || previous.is_some_and(is_short) || is_cut_off || is_damaged {
            self.log.counts.shortened += 1;
            return Ok(None);
        }
        let target = &self.question.target;
        let Some(remade) = remake(&mut self.archive, target, decision, selection, previous).await? else {
            self.log.counts.gone += 1;
            return Ok(None);
        };
        if self.shown.len() == DECISIONS_MAX {
            return Err(ReplayError::TooMany);
        }
        let judged = self.judged(decision, selection, &remade.target);
        let shown = Shown {
            judged,
            on_screen: OnScreen {
                participation: selection.picked().participation,
                from: decision.from,
                end: decision.until,
            },
            has_successor: false,
            is_reproduced: remade.is_reproduced,
            candidates: selection.candidate_count(),
            maker: self.maker(selection),
        };
        self.shown.push(shown);
        Ok(Some(self.shown.len() - 1))
    }

    /// The decision in the form in which estimators see it. Its earnings are not known yet.
    fn judged(&mut self, decision: &Decision, selection: &Selection, target: &Selection) -> JudgedDecision {
        let picked = selection.picked();
        let of = |campaign| probability(target, campaign);
        let unsupported = selection.shares.iter().filter(|share| share.probability <= 0.0);
        let unsupported = unsupported.map(|share| of(share.campaign)).fold(0.0, ops::Add::add);
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

    /// The index in [`Log::logged`] of the decision's strategy and exploration share.
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

    /// Ends a decision at the time at which its successor began.
    fn end(&mut self, place: Option<usize>, successor_from: Timestamp) {
        if let Some(shown) = place.and_then(|place| self.shown.get_mut(place)) {
            shown.on_screen.end = shown.on_screen.end.min(successor_from);
            shown.has_successor = true;
        }
    }

    /// Looks up the end of a decision whose successor was not among the decisions that were read.
    async fn look_up_end(&mut self, latest: &Latest) -> Result<(), ReplayError> {
        if latest.place.is_some()
            && let Some(successor) = readable(self.store.decisions.find(latest.decision.id).await)?
            && let Some(from) = successor.successor_from
        {
            self.end(latest.place, from);
        }
        Ok(())
    }

    /// The stored predecessor of a decision. `None` if there is no predecessor, or if it cannot be read.
    async fn previous_of(&self, id: DecisionId) -> Result<Option<Decision>, ReplayError> {
        let Some(ordinal) = id.ordinal.checked_sub(1).filter(|ordinal| *ordinal > 0) else { return Ok(None) };
        let found = self.store.decisions.find(DecisionId { ordinal, ..id }).await;
        Ok(readable(found)?.map(|stored| stored.decision))
    }

    /// Leaves out decisions that have not ended, and adds what the others earned.
    async fn finish(mut self, now: Timestamp) -> Result<Log, ReplayError> {
        for latest in std::mem::take(&mut self.latest).into_values() {
            self.look_up_end(&latest).await?;
        }
        let all = self.shown.len();
        self.shown.retain(|shown| shown.has_successor || shown.on_screen.end <= now);
        self.log.counts.unfinished = all - self.shown.len();
        self.log.counts.replayed = self.shown.len();
        for shown in &self.shown {
            self.log.counts.reproduced += usize::from(shown.is_reproduced);
            self.log.candidates_mean += real(shown.candidates) / real(self.shown.len());
            self.log.logged[shown.maker].decisions += 1;
        }
        self.log.logged.retain(|logged| logged.decisions > 0);
        if let [first, .., last] = self.shown.as_slice() {
            self.log.span = last.on_screen.from.duration_since(first.on_screen.from);
        }
        let (decisions, on_screen): (Vec<_>, Vec<_>) =
            self.shown.into_iter().map(|shown| (shown.judged, shown.on_screen)).unzip();
        let rewards = earned(self.store, &on_screen).await?;
        let judged = decisions.into_iter().zip(on_screen.iter().zip(rewards));
        let with_earnings = judged.map(|(judged, (on_screen, reward))| {
            let time = on_screen.end.duration_since(on_screen.from);
            JudgedDecision { reward, hours: (time.as_secs_f64() / 3600.0).max(0.0), ..judged }
        });
        self.log.decisions = with_earnings.collect();
        Ok(self.log)
    }
}

/// Treats a decision that cannot be read as absent. The store has named it in the log.
fn readable(
    found: Result<Option<StoredDecision>, StorageError>,
) -> Result<Option<StoredDecision>, StorageError> {
    match found {
        Err(StorageError::Corrupt { .. }) => Ok(None),
        other => other,
    }
}
