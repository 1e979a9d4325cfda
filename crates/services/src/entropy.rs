//! Unguessable tokens and new ids from the operating system's random bytes.

use gametriggers_types::{ObjectId, ScreenToken, Timestamp};

/// The operating system gave no random bytes.
#[derive(Debug, thiserror::Error)]
#[error("the operating system gave no random bytes")]
pub struct NoEntropy(#[source] getrandom::Error);

fn random<const N: usize>() -> Result<[u8; N], NoEntropy> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(NoEntropy)?;
    Ok(bytes)
}

/// Makes a token of 256 random bits (defect O20: the previous system made a hash of ids and a timestamp).
///
/// # Errors
/// [`NoEntropy`] if the operating system gives no random bytes.
pub fn new_token() -> Result<ScreenToken, NoEntropy> {
    random().map(ScreenToken::from_random)
}

/// Makes a new id from the seconds of `now` and 64 random bits.
///
/// # Errors
/// [`NoEntropy`] if the operating system gives no random bytes.
pub fn new_object_id(now: Timestamp) -> Result<ObjectId, NoEntropy> {
    let seconds = u32::try_from(now.as_second()).unwrap_or(0);
    Ok(ObjectId::from_parts(seconds, random()?))
}

/// Makes an event id for a request without one: 128 random bits as hexadecimal digits.
pub(crate) fn new_event_id() -> Result<String, NoEntropy> {
    random::<16>().map(hex::encode)
}
