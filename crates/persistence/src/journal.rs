//! The money journal: commands that move money without an event.

use async_trait::async_trait;
use gametriggers_domain::journal::{Account, JournalEntry, JournalId, Movement, Refusal, Request};
use gametriggers_types::{CampaignId, Money, PageLimit, ParticipationId, Timestamp, UserId};

use crate::StorageError;

/// Who asks for a movement of money, when and why. It is stored with the movement's entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instruction {
    /// The time of the entry.
    pub at: Timestamp,
    /// Who asks; `None` for what the system does by itself.
    pub by: Option<UserId>,
    /// A reference or a reason, for people.
    pub note: Option<String>,
}

impl Instruction {
    /// The entry of a movement that this instruction asks for.
    #[must_use]
    pub fn entry(&self, id: JournalId, movement: Movement) -> JournalEntry {
        let Self { at, by, note } = self.clone();
        JournalEntry { id, movement, at, by, note }
    }
}

/// What became of a command of the journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Posting {
    /// The entry is stored, and the money is moved.
    Posted(JournalEntry),
    /// An entry with this id was stored before; it is returned, and nothing is changed. The caller compares it with the new
    /// request: another amount under the id of an earlier request is the caller's mistake.
    Duplicate(JournalEntry),
    /// A rule does not allow the movement; nothing is changed.
    Refused(Refusal),
}

/// What became of one step of a settlement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settling {
    /// The step is stored.
    Settled {
        /// How many participations this step has settled. Those that were settled before are not among them.
        settled: u32,
        /// The participation after which the next step goes on; `None` if this was the last step.
        next: Option<ParticipationId>,
    },
    /// A rule does not allow the settlement; nothing is changed.
    Refused(Refusal),
}

/// The journal. Each command is one transaction of the store, stores its entries with what they change, and is durable when it
/// answers. A command whose outcome is [unknown](StorageError::outcome_unknown) can be given again: the entry's id tells what
/// became of the first.
#[async_trait]
pub trait Journal: Send + Sync {
    /// Makes `budget` the campaign's budget and changes what remains of it by the difference. `request` names this change among
    /// the changes of the campaign's budget. Refused with [`Refusal::BelowSpent`] or [`Refusal::Released`].
    ///
    /// # Errors
    /// [`StorageError::Missing`] if there is no such campaign.
    async fn change_budget(
        &self,
        campaign: CampaignId,
        budget: Money,
        request: &Request,
        instruction: &Instruction,
    ) -> Result<Posting, StorageError>;

    /// Releases what remains of the campaign's budget. From then on no event of the campaign is paid. To be called when no
    /// event of the campaign can arrive any more, because the money for such events is gone.
    ///
    /// # Errors
    /// [`StorageError::Missing`] if there is no such campaign.
    async fn release_budget(
        &self,
        campaign: CampaignId,
        instruction: &Instruction,
    ) -> Result<Posting, StorageError>;

    /// Settles the next `limit` participations of the campaign after the participation `after`, in order of their ids: moves what
    /// each has earned to its streamer's account. Participations that are settled already stay as they are. Many processes may
    /// settle one campaign at the same time. Refused with [`Refusal::NotReleased`].
    async fn settle(
        &self,
        campaign: CampaignId,
        after: Option<ParticipationId>,
        limit: PageLimit,
        instruction: &Instruction,
    ) -> Result<Settling, StorageError>;

    /// Records that the streamer was paid. `request` names this payout among the streamer's payouts. Refused with
    /// [`Refusal::NoAmount`] or [`Refusal::NotPayable`].
    async fn pay_out(
        &self,
        streamer: UserId,
        amount: Money,
        request: &Request,
        instruction: &Instruction,
    ) -> Result<Posting, StorageError>;

    /// The entry with this id.
    async fn find_posting(&self, id: &JournalId) -> Result<Option<JournalEntry>, StorageError>;

    /// The streamer's account. An account without movements is empty.
    async fn account(&self, streamer: UserId) -> Result<Account, StorageError>;
}
