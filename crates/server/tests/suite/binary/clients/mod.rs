//! What tests share in which many clients use servers that may be killed.

mod connection;
mod event;
mod laws;

use std::{
    env,
    hash::{BuildHasher, BuildHasherDefault, DefaultHasher, RandomState},
    process::Command,
};

pub(super) use self::{
    connection::{Connection, Gone},
    event::{Answer, Event, Told},
    laws::{differences, never_sent, of_event},
};
use super::process::Folder;

/// The number in this environment variable; `None` if it is not set.
pub(super) fn number(variable: &str) -> Option<u64> {
    let text = env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{variable} is a number, not `{text}`")))
}

/// The seed in this environment variable, or otherwise a random one.
pub(super) fn seed(variable: &str) -> u64 {
    number(variable).unwrap_or_else(|| RandomState::new().hash_one("any") >> 32)
}

/// A number from 0 to 1, the same for the same seed.
pub(super) fn chance(seed: u64, round: usize, of: &str) -> f64 {
    let hash = BuildHasherDefault::<DefaultHasher>::default().hash_one((seed, round, of));
    f64::from(u32::try_from(hash >> 32).unwrap()) / f64::from(u32::MAX)
}

/// The command of a server whose visitors' addresses come from a header. The server does not log each request, because no test
/// of these looks at the log.
pub(super) fn serve(folder: &Folder) -> Command {
    let mut command = folder.command(&["serve"]);
    command.env("GAMETRIGGERS__LOG__FILTER", "info").env("GAMETRIGGERS__HTTP__TRUSTED_PROXIES", "1");
    command
}
