//! The participation that a tracking link names.

use gametriggers_types::ParticipationId;

/// The number of digits of an id.
const ID_DIGITS: usize = 24;

/// Reads the participation that a link names. Text after the id is ignored, because chats and people may add the end of their
/// sentence.
pub(super) fn participation(id: &str) -> Option<ParticipationId> {
    let (id, rest) = id.split_at_checked(ID_DIGITS)?;
    let ends_there = !rest.starts_with(|next: char| next.is_alphanumeric() || next.is_control());
    id.parse().ok().filter(|_| ends_there)
}
