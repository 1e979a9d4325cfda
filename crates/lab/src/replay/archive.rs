//! Documents as they were at an earlier time, as far as the store can tell.
//!
//! Documents are read as they are today. Then the archive takes back what the ledger has recorded in the quarter-hour
//! of the earlier time and later: it subtracts these amounts from the counters of participations, and adds them to the
//! remaining budgets of campaigns. Everything else stays as it is today: rates, dates, categories, the budget itself
//! and the streamer's settings.

use std::collections::{BTreeMap, HashMap, hash_map::Entry as Place};

use gametriggers_domain::{
    ledger::{Counters, Verdict},
    model::{Campaign, Participation, User},
};
use gametriggers_persistence::{Repositories, StorageError, StoredEntry, UnreadableDocuments};
use gametriggers_types::{CampaignId, Money, ParticipationId, Quarter, Timestamp, UserId};

/// A streamer twice: with today's settings, and with the parameters of the replay.
pub(super) type Streamer = (User, User);

/// The documents of a store as they were at any time of a replay's period.
pub(super) struct Archive<'s> {
    store: &'s Repositories,
    from: Quarter,
    to: Quarter,
    spent: HashMap<CampaignId, Since<Money>>,
    streamers: HashMap<UserId, Option<Streamer>>,
    campaigns: HashMap<CampaignId, Option<Campaign>>,
    participations: HashMap<ParticipationId, Option<(Participation, Since<Counters>)>>,
    unreadable: UnreadableDocuments,
}

/// For each quarter-hour, the sum of what was added from then until today. The earliest quarter-hour comes first.
struct Since<T>(Vec<(Quarter, T)>);

impl<T: Copy + Default> Since<T> {
    /// Turns what was added in quarter-hours into sums. The quarter-hours may come in any order, and more than once.
    fn of(added: impl IntoIterator<Item = (Quarter, T)>, add: impl Fn(&mut T, &T)) -> Self {
        let mut quarters = BTreeMap::<_, T>::new();
        for (quarter, added) in added {
            add(quarters.entry(quarter).or_default(), &added);
        }
        let mut sums: Vec<_> = quarters.into_iter().collect();
        let mut sum = T::default();
        for (_, added) in sums.iter_mut().rev() {
            add(&mut sum, added);
            *added = sum;
        }
        Self(sums)
    }

    /// Drops the sums that [`from`](Self::from) does not need for quarter-hours up to `last`.
    fn until(mut self, last: Quarter) -> Self {
        let needed = self.0.partition_point(|(quarter, _)| *quarter <= last) + 1;
        self.0.truncate(needed);
        self.0.shrink_to_fit();
        self
    }

    /// What was added in this quarter-hour and later.
    fn from(&self, quarter: Quarter) -> T {
        let place = self.0.partition_point(|(other, _)| *other < quarter);
        self.0.get(place).map(|(_, sum)| *sum).unwrap_or_default()
    }
}

impl<'s> Archive<'s> {
    /// The documents as they were from `from` to `to`. Reads every entry that earned money from `from` until today.
    pub(super) async fn open(
        store: &'s Repositories,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Self, StorageError> {
        let (from, to) = (Quarter::containing(from), Quarter::containing(to));
        let mut spent = HashMap::<_, BTreeMap<Quarter, Money>>::new();
        for_each_paid(store, from.start(), Timestamp::MAX, |stored| {
            let quarters = spent.entry(stored.entry.campaign).or_default();
            *quarters.entry(Quarter::containing(stored.entry.at)).or_default() += amount(stored);
        })
        .await?;
        let sums = |quarters| Since::of(quarters, |sum: &mut Money, added| *sum += *added).until(to);
        Ok(Self {
            store,
            from,
            to,
            spent: spent.into_iter().map(|(campaign, quarters)| (campaign, sums(quarters))).collect(),
            streamers: HashMap::new(),
            campaigns: HashMap::new(),
            participations: HashMap::new(),
            unreadable: UnreadableDocuments::default(),
        })
    }

    /// The streamer; `None` if there is no such user any more, or if the document cannot be read. `change` turns a user
    /// with today's settings into one with the settings of the replay.
    pub(super) async fn streamer(
        &mut self,
        id: UserId,
        change: impl FnOnce(&User) -> User,
    ) -> Result<Option<&Streamer>, StorageError> {
        let known = match self.streamers.entry(id) {
            Place::Occupied(known) => known.into_mut(),
            Place::Vacant(unknown) => {
                let found = readable(&self.unreadable, self.store.users.find_by_id(id).await)?;
                unknown.insert(found.map(|user| {
                    let changed = change(&user);
                    (user, changed)
                }))
            }
        };
        Ok(known.as_ref())
    }

    /// A participation and its campaign as they were in the quarter-hour of `at`; `None` if one of them is gone or
    /// cannot be read.
    pub(super) async fn pair(
        &mut self,
        participation: ParticipationId,
        campaign: CampaignId,
        at: Timestamp,
    ) -> Result<Option<(Participation, Campaign)>, StorageError> {
        let quarter = Quarter::containing(at);
        let Some((mut part, since)) =
            self.participation(participation).await?.map(|(part, since)| (part.clone(), since.from(quarter)))
        else {
            return Ok(None);
        };
        let Some(mut campaign) = self.campaign(campaign).await?.cloned() else { return Ok(None) };
        part.counters = before(&part.counters, &since);
        let spent = self.spent.get(&campaign.id).map(|since| since.from(quarter)).unwrap_or_default();
        let remaining =
            (campaign.remaining_budget + spent).min(campaign.budget.max(campaign.remaining_budget));
        // The campaign was a candidate, so its money sufficed for one unit.
        campaign.remaining_budget = remaining.max(campaign.payment.cost(part.counters.paid_units, 1));
        Ok(Some((part, campaign)))
    }

    async fn campaign(&mut self, id: CampaignId) -> Result<Option<&Campaign>, StorageError> {
        let known = match self.campaigns.entry(id) {
            Place::Occupied(known) => known.into_mut(),
            Place::Vacant(unknown) => {
                unknown.insert(readable(&self.unreadable, self.store.campaigns.find_by_id(id).await)?)
            }
        };
        Ok(known.as_ref())
    }

    async fn participation(
        &mut self,
        id: ParticipationId,
    ) -> Result<Option<&(Participation, Since<Counters>)>, StorageError> {
        let known = match self.participations.entry(id) {
            Place::Occupied(known) => known.into_mut(),
            Place::Vacant(unknown) => {
                let found = readable(&self.unreadable, self.store.participations.find_by_id(id).await)?;
                let rollups = match found {
                    Some(_) => self.store.ledger.list_rollups(id).await?,
                    None => Vec::new(),
                };
                let later = rollups.iter().filter(|rollup| rollup.quarter >= self.from);
                let added = later.map(|rollup| (rollup.quarter, rollup.counters));
                let since = Since::of(added, Counters::add).until(self.to);
                unknown.insert(found.map(|part| (part, since)))
            }
        };
        Ok(known.as_ref())
    }
}

/// A document that cannot be read is logged, and is as good as none.
fn readable<T>(
    unreadable: &UnreadableDocuments,
    found: Result<Option<T>, StorageError>,
) -> Result<Option<T>, StorageError> {
    match found {
        Err(error @ StorageError::Corrupt { .. }) => {
            unreadable.report("its decisions are left out of the replay", &error);
            Ok(None)
        }
        other => other,
    }
}

/// The counters before `added` was added. The peak number of viewers stays, because no strategy knows it.
fn before(now: &Counters, added: &Counters) -> Counters {
    Counters {
        impressions: now.impressions.saturating_sub(added.impressions),
        clicks: now.clicks.saturating_sub(added.clicks),
        chat_clicks: now.chat_clicks.saturating_sub(added.chat_clicks),
        qr_scans: now.qr_scans.saturating_sub(added.qr_scans),
        link_clicks: now.link_clicks.saturating_sub(added.link_clicks),
        visits: now.visits.saturating_sub(added.visits),
        paid_units: now.paid_units.saturating_sub(added.paid_units),
        earnings: now.earnings - added.earnings,
        ..*now
    }
}

/// What an entry earned.
pub(super) fn amount(stored: &StoredEntry) -> Money {
    match &stored.verdict {
        Verdict::Counted(accrual) => accrual.amount,
        Verdict::Rejected(_) => Money::ZERO,
    }
}

/// Reads the entries that earned money from `from` to before `to`. The store goes through the whole ledger, step by
/// step. The entries come in the order in which the store keeps them, which need not be that of their times.
pub(super) async fn for_each_paid(
    store: &Repositories,
    from: Timestamp,
    to: Timestamp,
    mut see: impl FnMut(&StoredEntry),
) -> Result<(), StorageError> {
    let mut after = None;
    loop {
        let page = store.ledger.scan_paid(from, to, after).await?;
        page.items.iter().for_each(&mut see);
        after = page.next;
        if after.is_none() {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use gametriggers_fixtures::minute;

    use super::*;

    #[test]
    fn what_was_added_since_a_quarter_hour_includes_it_and_all_later_ones() {
        let quarter = |number: i64| Quarter::containing(minute(15 * number));
        // A store does not keep entries in the order of their times.
        let added = [4, 9, 1, 3].map(|number| (quarter(number), number));
        let add = |sum: &mut i64, added: &i64| *sum += added;
        for last in [4, 9] {
            let since = Since::of(added, add).until(quarter(last));
            let sums = [0, 1, 2, 3, 4].map(|number| since.from(quarter(number)));
            assert_eq!(sums, [17, 17, 16, 16, 13], "up to {last}");
        }
        let whole = Since::of(added, add);
        assert_eq!([5, 9, 10].map(|number| whole.from(quarter(number))), [9, 9, 0]);
    }
}
