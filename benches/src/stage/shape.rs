//! The shapes of stores: how many documents they have, and which streamer joins which campaign.

use gametriggers_types::PaymentType;

/// The number of live streamers, whatever the size of the store.
pub(crate) const LIVE: u32 = 1_000;
const CAMPAIGNS_PER_STREAMER: u32 = 1;
/// The number of campaigns for each group of up to [`LIVE`] streamers. Groups share no campaigns. So live streamers
/// have the same number of campaigns in a larger store, and only its size differs.
const CAMPAIGNS: u32 = 10;

/// The numbers of documents in a store, and which streamer joins which campaign.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shape {
    streamers: u32,
    per_streamer: u32,
    /// The number of groups of streamers. Each group has its own campaigns.
    groups: u32,
    campaigns_per_group: u32,
    payment: PaymentType,
}

impl Shape {
    /// A store with this many participations: one for each streamer, and about a hundred for each campaign.
    pub(crate) const fn of_size(participations: u32) -> Self {
        let streamers = participations / CAMPAIGNS_PER_STREAMER;
        Self {
            streamers,
            per_streamer: CAMPAIGNS_PER_STREAMER,
            groups: streamers.div_ceil(LIVE),
            campaigns_per_group: CAMPAIGNS,
            payment: PaymentType::Cpm,
        }
    }

    /// A store with this many participations, one for each streamer, spread evenly over these campaigns. The campaigns
    /// pay by `payment`.
    pub(crate) const fn spread(participations: u32, campaigns: u32, payment: PaymentType) -> Self {
        Self {
            streamers: participations,
            per_streamer: 1,
            groups: 1,
            campaigns_per_group: campaigns,
            payment,
        }
    }

    /// A store with this many streamers, who have joined no campaigns.
    pub(crate) const fn without_participations(streamers: u32) -> Self {
        Self { per_streamer: 0, ..Self::of_size(streamers) }
    }

    /// A store with this many campaigns. Each has one participation, and each streamer has one.
    pub(crate) const fn apart(campaigns: u32) -> Self {
        Self {
            streamers: campaigns,
            per_streamer: 1,
            groups: campaigns,
            campaigns_per_group: 1,
            payment: PaymentType::Cpm,
        }
    }

    pub(crate) const fn streamers(&self) -> u32 {
        self.streamers
    }

    pub(super) const fn payment(&self) -> PaymentType {
        self.payment
    }

    pub(crate) const fn campaigns(&self) -> u32 {
        self.groups * self.campaigns_per_group
    }

    pub(crate) const fn participations(&self) -> u32 {
        self.streamers * self.per_streamer
    }

    /// The live streamers, evenly spaced over all numbers. They are all in the first group.
    pub(crate) fn live(&self) -> Vec<u32> {
        (0..self.streamers).step_by(self.groups as usize).collect()
    }

    /// The numbers of a participation's streamer and campaign.
    pub(super) const fn parties(&self, participation: u32) -> (u32, u32) {
        let (streamer, place) = (participation / self.per_streamer, participation % self.per_streamer);
        let (in_group, group) = (streamer / self.groups, streamer % self.groups);
        let campaign = (in_group * self.per_streamer + place) % self.campaigns_per_group;
        (streamer, campaign * self.groups + group)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn nobody_joins_a_campaign_twice_and_all_campaigns_are_joined() {
        let spread = |campaigns| Shape::spread(1_000, campaigns, PaymentType::Cpc);
        let paying = [1, 50, 1_000].map(spread);
        for shape in
            [Shape::of_size(1_000), Shape::of_size(100_000), Shape::apart(500)].into_iter().chain(paying)
        {
            let pairs: BTreeSet<_> =
                (0..shape.participations()).map(|number| shape.parties(number)).collect();
            assert_eq!(pairs.len(), shape.participations() as usize, "{shape:?}");
            let campaigns: BTreeSet<_> = pairs.iter().map(|(_, campaign)| *campaign).collect();
            assert_eq!(campaigns, (0..shape.campaigns()).collect(), "{shape:?}");
            assert_eq!(shape.parties(0), (0, 0), "{shape:?}");
        }
    }

    #[test]
    fn the_live_streamers_have_as_many_campaigns_in_a_store_of_any_size() {
        for size in [1_000, 100_000, 1_000_000] {
            let shape = Shape::of_size(size);
            let live: BTreeSet<_> = shape.live().into_iter().collect();
            assert_eq!(live.len(), LIVE as usize, "{size}");
            let of_live = (0..shape.participations()).map(|number| shape.parties(number));
            let campaigns: BTreeSet<_> = of_live
                .filter(|(streamer, _)| live.contains(streamer))
                .map(|(_, campaign)| campaign)
                .collect();
            assert_eq!(campaigns.len(), CAMPAIGNS as usize, "{size}");
        }
    }
}
