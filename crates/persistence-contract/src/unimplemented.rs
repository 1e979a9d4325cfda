//! Repositories that implement no method, for a backend that is written trait by trait.

use std::sync::Arc;

use async_trait::async_trait;
use gametriggers_domain::{
    decision::Decision,
    journal::{Account, JournalEntry, JournalId, Request},
    ledger::{Entry, EntryId},
    model::{Campaign, Participation, TestCampaign, TrackingLinks, User},
};
use gametriggers_persistence::{
    CampaignRepository, ChangeFeed, ChangeStream, Credentials, DecisionRepository, Discrepancy,
    EndedDecision, EntryPlace, Insertion, Insertions, Instruction, Journal, Ledger, MadeDecision,
    NewCampaign, NewParticipation, NewUser, Outcome, OverlayPatch, ParticipationRepository, Posting,
    Repositories, Rollup, SelectionPatch, SelectionUpdate, Settling, Shortening, StorageError, StorageProbe,
    StoredDecision, StoredEntry, UserRepository,
};
use gametriggers_types::{
    CampaignId, CampaignStatus, DecisionId, Listing, Money, PageLimit, PageRequest, ParticipationId,
    ParticipationStatus, ScreenToken, Timestamp, UserId,
};

/// Repositories whose methods all panic. The message names the method.
///
/// A new backend takes the traits from here that it does not implement yet:
/// `Repositories { users: Arc::new(store), ..unimplemented_repositories() }`.
#[must_use]
pub fn unimplemented_repositories() -> Repositories {
    let this = Arc::new(Unimplemented);
    Repositories {
        users: this.clone(),
        campaigns: this.clone(),
        participations: this.clone(),
        decisions: this.clone(),
        ledger: this.clone(),
        journal: this.clone(),
        probe: this.clone(),
        changes: this,
    }
}

/// Implements every trait of [`Repositories`]. Every method panics.
struct Unimplemented;

/// Implements a trait: one line for each method, with the types of its arguments and of its answer.
macro_rules! unimplemented_trait {
    ($name:ident { $($method:ident($($argument:ty),*) -> $answer:ty;)+ }) => {
        #[async_trait]
        impl $name for Unimplemented {
            $(async fn $method(&self, $(_: $argument),*) -> Result<$answer, StorageError> {
                panic!(concat!("this backend does not implement `", stringify!($name), "::", stringify!($method), "` yet"))
            })+
        }
    };
}

unimplemented_trait! { UserRepository {
    find_by_id(UserId) -> Option<User>;
    find_by_overlay_token(&ScreenToken) -> Option<User>;
    find_credentials(&str) -> Option<Credentials>;
    insert_if_absent(&NewUser) -> Insertion;
    insert_all_if_absent(Vec<NewUser>) -> Insertions;
    ensure_overlay_token(UserId, &ScreenToken) -> Option<ScreenToken>;
    regenerate_overlay_token(UserId, &ScreenToken, Timestamp) -> bool;
    update_overlay(UserId, &OverlayPatch, Timestamp) -> Option<User>;
    update_selection(UserId, &SelectionPatch, Timestamp) -> SelectionUpdate;
    touch_overlays(&[(UserId, Timestamp)]) -> ();
    set_test_campaign(UserId, &TestCampaign) -> bool;
} }

unimplemented_trait! { CampaignRepository {
    find_by_id(CampaignId) -> Option<Campaign>;
    insert_if_absent(&NewCampaign) -> Insertion;
    insert_all_if_absent(Vec<NewCampaign>) -> Insertions;
    transition(CampaignId, CampaignStatus, CampaignStatus, Timestamp) -> bool;
} }

unimplemented_trait! { ParticipationRepository {
    find_by_id(ParticipationId) -> Option<Participation>;
    find_by_token(&ScreenToken) -> Option<Participation>;
    list_active(UserId) -> Vec<(Participation, Campaign)>;
    list_joined(UserId, u32) -> Vec<CampaignId>;
    list_current(UserId, PageRequest<ParticipationId>) -> Listing<(Participation, Campaign), ParticipationId>;
    insert_if_absent(&NewParticipation) -> Insertion;
    insert_all_if_absent(Vec<NewParticipation>) -> Insertions;
    transition(ParticipationId, ParticipationStatus, ParticipationStatus, Timestamp) -> bool;
    set_tracking_links(ParticipationId, &TrackingLinks) -> bool;
} }

unimplemented_trait! { DecisionRepository {
    find_latest(UserId) -> Option<Decision>;
    find(DecisionId) -> Option<StoredDecision>;
    insert_first(&Decision) -> Decision;
    list_made(Timestamp, Timestamp, Option<MadeDecision>, PageLimit) -> Listing<Decision, MadeDecision>;
    shorten(Timestamp, Option<EndedDecision>, u32) -> Shortening;
} }

unimplemented_trait! { Ledger {
    record(Arc<[Entry]>) -> Vec<Outcome>;
    find_entry(&EntryId) -> Option<StoredEntry>;
    scan_paid(Timestamp, Timestamp, Option<EntryPlace>) -> Listing<StoredEntry, EntryPlace>;
    list_rollups(ParticipationId) -> Vec<Rollup>;
    reconcile(bool) -> Vec<Discrepancy>;
} }

unimplemented_trait! { Journal {
    change_budget(CampaignId, Money, &Request, &Instruction) -> Posting;
    release_budget(CampaignId, &Instruction) -> Posting;
    settle(CampaignId, Option<ParticipationId>, PageLimit, &Instruction) -> Settling;
    pay_out(UserId, Money, &Request, &Instruction) -> Posting;
    find_posting(&JournalId) -> Option<JournalEntry>;
    account(UserId) -> Account;
} }

unimplemented_trait! { StorageProbe {
    ping() -> ();
} }

unimplemented_trait! { ChangeFeed {
    subscribe() -> Box<dyn ChangeStream>;
} }
