//! The stores, and which of them each run needs.

use gametriggers_types::PaymentType;

use crate::{
    results::{
        Backend, Measured, grouped,
        paying::{Cache, FIFTY, HOT, Paying, Sent, on},
    },
    scope::{SMALLEST, Scope},
    stage::Shape,
};

/// The stores of a backend.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Store {
    OfSize(u32),
    Apart,
    /// No streamer has joined a campaign.
    Empty,
    /// So many campaigns pay for visits.
    Visits {
        campaigns: u32,
    },
    /// So many campaigns pay for displays. The store has a new screen for each event that needs one.
    Displays {
        campaigns: u32,
    },
    /// Campaigns pay for audiences.
    Audiences,
}

impl Store {
    /// Whether its counters are compared with its ledger after the runs; only where that does not take long.
    pub(super) const fn is_reconciled(self) -> bool {
        matches!(
            self,
            Self::OfSize(SMALLEST)
                | Self::Visits { campaigns: HOT }
                | Self::Displays { campaigns: HOT }
                | Self::Audiences
        )
    }

    /// Its shape, and what it is filled with as a text.
    pub(super) fn shape(self, scope: &Scope, backend: Backend) -> (Shape, String) {
        match self {
            Self::OfSize(size) => (Shape::of_size(size), format!("{} participations", grouped(size))),
            Self::Apart => {
                let campaigns = scope.effort.campaigns;
                (Shape::apart(campaigns), format!("{} campaigns", grouped(campaigns)))
            }
            Self::Empty => {
                let what = format!("{} streamers and nothing on screen", grouped(SMALLEST));
                (Shape::without_participations(SMALLEST), what)
            }
            Self::Visits { campaigns } => {
                paying(campaigns.max(SMALLEST), campaigns, PaymentType::Cpc, "visits")
            }
            Self::Displays { campaigns } => {
                let screens = scope.screens_needed(backend, campaigns).max(SMALLEST);
                paying(screens, campaigns, PaymentType::Cpm, "displays")
            }
            Self::Audiences => paying(scope.effort.audiences, FIFTY, PaymentType::Cpm, "audiences"),
        }
    }
}

fn paying(participations: u32, campaigns: u32, payment: PaymentType, events: &str) -> (Shape, String) {
    let what = format!("{} participations, {} for {events}", grouped(participations), on(campaigns));
    (Shape::spread(participations, campaigns, payment), what)
}

impl Paying {
    /// Whether each event is the only one on its screen: displays count once, and a screen that had an event is in
    /// memory.
    pub(super) const fn needs_fresh_screens(&self) -> bool {
        match self.sent {
            Sent::Displays(_) => true,
            Sent::Clicks(_) => matches!(self.cache, Cache::Cold),
            Sent::Visits => false,
        }
    }
}

impl Scope {
    /// How many screens all repetitions of the runs with displays on so many campaigns use up.
    fn screens_needed(&self, backend: Backend, campaigns: u32) -> u32 {
        let uses = |measured: &Measured| match measured {
            Measured::Paying(paying) if (paying.backend, paying.campaigns) == (backend, campaigns) => {
                paying.needs_fresh_screens()
            }
            _ => false,
        };
        let runs = self.measured().iter().filter(|measured| uses(measured)).count();
        self.effort.displays * self.effort.repetitions * u32::try_from(runs).unwrap_or(u32::MAX)
    }
}

impl Measured {
    /// The store that the run needs.
    pub(super) const fn store(self) -> Option<(Backend, Store)> {
        match self {
            Self::Bare | Self::Driver(_) | Self::BarePayments { .. } => None,
            Self::Data { size, backend } | Self::Clicks { size, backend, .. } => {
                Some((backend, Store::OfSize(size)))
            }
            Self::Busy { backend } | Self::Stale { backend } | Self::Visits { backend } => {
                Some((backend, Store::OfSize(SMALLEST)))
            }
            Self::Apart { backend, .. } => Some((backend, Store::Apart)),
            Self::Empty { backend } => Some((backend, Store::Empty)),
            Self::Paying(Paying { backend, campaigns, sent, .. }) => {
                let store = match sent {
                    Sent::Visits => Store::Visits { campaigns },
                    Sent::Clicks(_) | Sent::Displays(_) => Store::Displays { campaigns },
                };
                Some((backend, store))
            }
            Self::Audiences { backend, .. } => Some((backend, Store::Audiences)),
        }
    }
}
