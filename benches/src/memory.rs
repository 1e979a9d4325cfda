//! Measures the memory that the server uses for each streamer whose screen was requested.

use std::time::{Duration, Instant};

use anyhow::Context;
use tokio::time::sleep;

use crate::{
    load::Expected,
    process::Server,
    results::{Backend, Memory},
    rotation::{Rotation, Store, fetch},
    scope::Scope,
};

/// Streamers whose screens are requested before memory is first measured, so that one-time costs of connections and the
/// store are not counted.
const BEFORE: u32 = 500;
/// How long the server may take to release memory.
const SETTLED_AFTER: Duration = Duration::from_secs(1);

/// Measures it on the largest SQLite store; `None` if the system does not report a process's memory.
///
/// # Errors
/// If the server or its store fails.
pub(crate) async fn measure(scope: &Scope, rotation: &mut Rotation<'_>) -> anyhow::Result<Option<Memory>> {
    let count = scope.effort.streamers;
    let needed = count + BEFORE;
    let largest = scope.effort.sizes.iter().copied().find(|size| *size >= needed);
    let size = largest.unwrap_or_else(|| needed.next_multiple_of(1_000));
    let url = rotation.stage(Backend::Sqlite, Store::OfSize(size)).await?.url();
    rotation.say("asking for every screen, to see what each takes of memory");
    let streamers: Vec<u32> = (0..count).collect();
    let before: Vec<u32> = (count..count + BEFORE).collect();

    // Another process makes the decisions. They are writes, and only the memory for reading is measured.
    let deciding = Server::serve(&scope.server, &url)?;
    fetch(&deciding, &streamers, Expected::DATA).await?;
    drop(deciding);

    let server = Server::serve(&scope.server, &url)?;
    fetch(&server, &before, Expected::DATA).await?;
    sleep(SETTLED_AFTER).await;
    let Some(before) = server.resident_bytes() else { return Ok(None) };
    let started = Instant::now();
    fetch(&server, &streamers, Expected::DATA).await?;
    let within = started.elapsed();
    sleep(SETTLED_AFTER).await;
    let after = server.resident_bytes().context("the server has ended")?;
    Ok(Some(Memory { streamers: count, before, after, within }))
}
