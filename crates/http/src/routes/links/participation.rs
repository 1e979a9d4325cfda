//! The participation that a tracking link names.

use gametriggers_types::ParticipationId;

/// How many digits an id has.
const ID_DIGITS: usize = 24;

/// The participation that a link names. Chats and people add the end of their sentence to it.
pub(super) fn participation(id: &str) -> Option<ParticipationId> {
    let (id, rest) = id.split_at_checked(ID_DIGITS)?;
    let ends_there = !rest.starts_with(|next: char| next.is_alphanumeric() || next.is_control());
    id.parse().ok().filter(|_| ends_there)
}
