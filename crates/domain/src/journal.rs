//! The money journal: movements of money that are no events.
//!
//! Events reach the [ledger](crate::ledger), which prices them. Budget changes, releases, settlements and payouts name an amount
//! and need no price. They are the entries of this journal. A [`JournalId`] makes each of them idempotent, and the rules of this
//! module say which are allowed.
//!
//! The order of a campaign's end: after its last event, its budget is [released](Movement::Release). From then on the campaign has
//! no money, so nobody can earn anything from it. Then each of its participations is [settled](Movement::Settlement) with what it
//! has earned. A settled amount is the streamer's, until it is [paid out](Movement::Payout).

use std::fmt;

use gametriggers_types::{CampaignId, Money, ParticipationId, Timestamp, UserId};

/// The longest [`Request`] in bytes.
pub const REQUEST_MAX_BYTES: usize = 64;

/// The caller's name for a request. The caller chooses a new name for each new request and gives the same name when it repeats one.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Request(String);

impl Request {
    /// A name of 1 to [`REQUEST_MAX_BYTES`] of `A-Z`, `a-z`, `0-9`, `.`, `_` and `-`; `None` for any other text.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        let fits = (1..=REQUEST_MAX_BYTES).contains(&text.len());
        (fits && text.bytes().all(is_allowed)).then(|| Self(text.to_owned()))
    }
}

/// The id of a journal entry. The same movement has the same id, whoever submits it and however often.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct JournalId(String);

impl JournalId {
    /// A change of the campaign's budget.
    #[must_use]
    pub fn budget(campaign: CampaignId, Request(request): &Request) -> Self {
        Self(format!("budget:{campaign}:{request}"))
    }

    /// The release of the campaign's budget. A campaign has one.
    #[must_use]
    pub fn release(campaign: CampaignId) -> Self {
        Self(format!("release:{campaign}"))
    }

    /// The settlement of the participation. A participation has one.
    #[must_use]
    pub fn settlement(participation: ParticipationId) -> Self {
        Self(format!("settlement:{participation}"))
    }

    /// A payout to the streamer.
    #[must_use]
    pub fn payout(streamer: UserId, Request(request): &Request) -> Self {
        Self(format!("payout:{streamer}:{request}"))
    }

    /// An id as it was stored.
    #[must_use]
    pub fn stored(id: String) -> Self {
        Self(id)
    }

    /// The id's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for JournalId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What an entry of the journal moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Movement {
    /// A campaign's budget becomes another one. What remains of the budget changes by the difference.
    Budget {
        /// Whose budget.
        campaign: CampaignId,
        /// The budget until then.
        before: Money,
        /// The budget from then on.
        after: Money,
    },
    /// What remains of a campaign's budget goes back to the brand. The campaign has nothing left.
    Release {
        /// Whose budget.
        campaign: CampaignId,
        /// How much remained, at least 0.
        amount: Money,
    },
    /// A participation's earnings become the streamer's.
    Settlement {
        /// Whose earnings.
        participation: ParticipationId,
        /// Who has paid them.
        campaign: CampaignId,
        /// Whose they become.
        streamer: UserId,
        /// How much the participation has earned, at least 0.
        amount: Money,
    },
    /// A streamer was paid by a transfer outside of this system.
    Payout {
        /// Who was paid.
        streamer: UserId,
        /// How much, more than 0.
        amount: Money,
    },
}

impl Movement {
    /// The name under which a store keeps this kind of movement.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Budget { .. } => "budget",
            Self::Release { .. } => "release",
            Self::Settlement { .. } => "settlement",
            Self::Payout { .. } => "payout",
        }
    }

    /// The campaign whose remaining budget changes, and by how much. `None` for a movement that changes no budget.
    #[must_use]
    pub fn change_of_remaining(&self) -> Option<(CampaignId, Money)> {
        match *self {
            Self::Budget { campaign, before, after } => Some((campaign, after - before)),
            Self::Release { campaign, amount } => Some((campaign, Money::ZERO - amount)),
            Self::Settlement { .. } | Self::Payout { .. } => None,
        }
    }

    /// The streamer whose account changes, and the change. `None` for a movement that changes no account.
    #[must_use]
    pub fn change_of_account(&self) -> Option<(UserId, Account)> {
        match *self {
            Self::Settlement { streamer, amount, .. } => {
                Some((streamer, Account { settled: amount, ..Account::default() }))
            }
            Self::Payout { streamer, amount } => {
                Some((streamer, Account { paid: amount, ..Account::default() }))
            }
            Self::Budget { .. } | Self::Release { .. } => None,
        }
    }
}

/// An entry of the journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JournalEntry {
    /// What makes it idempotent.
    pub id: JournalId,
    /// What it moves.
    pub movement: Movement,
    /// When it was posted.
    pub at: Timestamp,
    /// Who asked for it; `None` for what the system does by itself.
    pub by: Option<UserId>,
    /// A reference or a reason, for people.
    pub note: Option<String>,
}

/// A streamer's account: sums over the journal.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Account {
    /// The sum of the settlements.
    pub settled: Money,
    /// The sum of the payouts, at most [`settled`](Self::settled).
    pub paid: Money,
}

impl Account {
    /// Adds a change.
    pub fn add(&mut self, change: &Self) {
        self.settled += change.settled;
        self.paid += change.paid;
    }

    /// What can still be paid out.
    #[must_use]
    pub fn payable(&self) -> Money {
        self.settled - self.paid
    }
}

/// Why a movement is not allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// A budget cannot be less than what was spent of it.
    #[error("less than was already spent")]
    BelowSpent,
    /// The campaign's budget was released: it is final.
    #[error("the campaign's budget was released")]
    Released,
    /// The campaign's budget was not released yet, so its participations may still earn.
    #[error("the campaign's budget was not released yet")]
    NotReleased,
    /// A payout needs an amount of more than 0.
    #[error("the amount is not greater than 0")]
    NoAmount,
    /// More than the streamer's account holds.
    #[error("more than can be paid out")]
    NotPayable,
}

/// The movement that makes `after` the budget of a campaign which has the budget `before` and `remaining` left of it.
///
/// # Errors
/// [`Refusal::BelowSpent`] if `after` does not cover what was spent.
pub fn change_budget(
    campaign: CampaignId,
    before: Money,
    remaining: Money,
    after: Money,
) -> Result<Movement, Refusal> {
    // What was spent is `before - remaining`. A budget that an import found overspent can be raised by any amount.
    let stays_covered = after >= before || remaining + (after - before) >= Money::ZERO;
    let change = Movement::Budget { campaign, before, after };
    if stays_covered { Ok(change) } else { Err(Refusal::BelowSpent) }
}

/// The movement that releases the budget of a campaign which has `remaining` left. An imported campaign may have spent more
/// than its budget; then nothing is released.
#[must_use]
pub fn release(campaign: CampaignId, remaining: Money) -> Movement {
    Movement::Release { campaign, amount: remaining.max(Money::ZERO) }
}

/// The movement that settles a participation which has earned `earnings`. An imported participation may have earned less than
/// nothing; then nothing becomes the streamer's.
#[must_use]
pub fn settle(
    participation: ParticipationId,
    campaign: CampaignId,
    streamer: UserId,
    earnings: Money,
) -> Movement {
    Movement::Settlement { participation, campaign, streamer, amount: earnings.max(Money::ZERO) }
}

/// The movement that pays `amount` out to a streamer with this account.
///
/// # Errors
/// [`Refusal::NoAmount`], [`Refusal::NotPayable`].
pub fn pay_out(streamer: UserId, account: &Account, amount: Money) -> Result<Movement, Refusal> {
    if amount <= Money::ZERO {
        Err(Refusal::NoAmount)
    } else if amount > account.payable() {
        Err(Refusal::NotPayable)
    } else {
        Ok(Movement::Payout { streamer, amount })
    }
}

#[cfg(test)]
mod tests {
    use gametriggers_types::ObjectId;
    use proptest::prelude::*;

    use super::*;

    fn campaign() -> CampaignId {
        ObjectId::from_bytes([1; 12]).into()
    }

    fn streamer() -> UserId {
        ObjectId::from_bytes([2; 12]).into()
    }

    fn money(micros: i64) -> Money {
        Money::from_micros(micros)
    }

    #[test]
    fn a_request_is_a_short_word() {
        assert!(Request::parse("2026-11_raise.1").is_some());
        assert!(Request::parse(&"a".repeat(REQUEST_MAX_BYTES)).is_some());
        for refused in ["", "a:b", "a b", "ä", &"a".repeat(REQUEST_MAX_BYTES + 1)] {
            assert_eq!(Request::parse(refused), None, "{refused}");
        }
    }

    #[test]
    fn a_budget_goes_down_to_what_was_spent_and_no_further() {
        let change = |after| change_budget(campaign(), money(100), money(40), money(after));
        assert_eq!(change(60).unwrap().change_of_remaining(), Some((campaign(), money(-40))));
        assert_eq!(change(59), Err(Refusal::BelowSpent));
        assert_eq!(change(130).unwrap().change_of_remaining(), Some((campaign(), money(30))));
    }

    /// The previous system overspent budgets.
    #[test]
    fn an_overspent_budget_can_be_raised_and_releases_nothing() {
        assert!(change_budget(campaign(), money(100), money(-40), money(110)).is_ok());
        assert_eq!(change_budget(campaign(), money(100), money(-40), money(99)), Err(Refusal::BelowSpent));
        assert_eq!(
            release(campaign(), money(-40)),
            Movement::Release { campaign: campaign(), amount: money(0) }
        );
    }

    #[test]
    fn a_settlement_is_what_was_earned_and_never_less_than_nothing() {
        for (earned, settled) in [(7, 7), (0, 0), (-7, 0)] {
            let participation = ObjectId::from_bytes([3; 12]).into();
            let settlement = settle(participation, campaign(), streamer(), money(earned));
            let account = Account { settled: money(settled), ..Account::default() };
            assert_eq!(settlement.change_of_account(), Some((streamer(), account)));
        }
    }

    proptest! {
        /// However often it is asked for how much, no more is paid out than was settled.
        #[test]
        fn payouts_never_exceed_settlements(
            settled in 0_i64..1_000,
            amounts in proptest::collection::vec(-10_i64..500, 0..20),
        ) {
            let mut account = Account { settled: money(settled), ..Account::default() };
            for amount in amounts {
                let payable = account.payable();
                match pay_out(streamer(), &account, money(amount)) {
                    Ok(payout) => account.add(&payout.change_of_account().unwrap().1),
                    Err(Refusal::NoAmount) => prop_assert!(amount <= 0),
                    Err(refusal) => {
                        prop_assert_eq!(refusal, Refusal::NotPayable);
                        prop_assert!(money(amount) > payable);
                    }
                }
                prop_assert!(account.payable() >= Money::ZERO);
            }
        }
    }
}
