//! The choices of one run. They are random, and the same for the same seed.

use std::time::Duration;

use gametriggers_domain::price::Payment;
use gametriggers_types::{Money, PaymentType};

use super::{super::clients::chance, servers::SERVERS};

/// Prices of a unit in micro-units.
const PRICES: [i64; 2] = [1_660_000, 333_333];
const KILLS: usize = 4;
/// A server is killed within this time of an acknowledgement.
const KILLED_WITHIN: Duration = Duration::from_millis(20);
/// The ids that a store may keep out of its index. The number is so small that the index is refilled again and again.
const FEW_LATE_IDS: u32 = 16;

pub(super) struct Plan {
    /// What the campaign pays for: visits (`cpc`) or displays (`cpm`).
    pub(super) kind: PaymentType,
    /// The price of a unit. The budget is no multiple of the price.
    pub(super) price: Money,
    pub(super) budget: Money,
    /// The number of events for which the campaign would pay if it had the money.
    pub(super) events: usize,
    pub(super) late_ids: Option<u32>,
    /// In the order in which they come.
    pub(super) kills: Vec<Kill>,
}

pub(super) struct Kill {
    pub(super) server: usize,
    /// The share of all events that are acknowledged before, from 0 to 1.
    pub(super) after: f64,
    /// The time since then.
    pub(super) delay: Duration,
}

impl Plan {
    /// The plan of the run with this number. The kind alternates, and every second run has kills.
    pub(super) fn of(seed: u64, run: usize) -> Self {
        let chance = |of: &str| chance(seed, run, of);
        let number = |below: usize, of: &str| share_of(below, chance(of)).min(below - 1);
        let price = PRICES[number(PRICES.len(), "price")];
        let (kind, affordable) = match run % 2 {
            0 => (PaymentType::Cpc, 300 + number(1_200, "affordable")),
            // Each display needs a streamer of its own, because a streamer is paid for one display in a minute.
            _ => (PaymentType::Cpm, 200 + number(200, "affordable")),
        };
        let rest = 1 + number(usize::try_from(price).unwrap() - 1, "rest");
        let micros = price * i64::try_from(affordable).unwrap() + i64::try_from(rest).unwrap();
        let kill = |kill: usize| Kill {
            server: number(SERVERS, &format!("server of kill {kill}")),
            after: chance(&format!("moment of kill {kill}")),
            delay: KILLED_WITHIN.mul_f64(chance(&format!("delay of kill {kill}"))),
        };
        let is_killed = [true, false, false, true][run % 4];
        let mut kills: Vec<_> = (0..KILLS).filter(|_| is_killed).map(kill).collect();
        kills.sort_by(|one, other| one.after.total_cmp(&other.after));
        Self {
            kind,
            price: Money::from_micros(price),
            budget: Money::from_micros(micros),
            events: affordable + affordable / 5 + 20,
            late_ids: (chance("late ids") < 0.5).then_some(FEW_LATE_IDS),
            kills,
        }
    }

    pub(super) fn payment(&self) -> Payment {
        let units = if self.kind == PaymentType::Cpm { 1_000 } else { 1 };
        Payment::new(self.kind, Money::from_micros(self.price.micros() * units), 1).unwrap()
    }
}

/// This share of a number, rounded down.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "small numbers"
)]
pub(super) fn share_of(number: usize, share: f64) -> usize {
    (number as f64 * share) as usize
}
