//! What the server holds in memory of each streamer whose screen was asked for.

use std::time::{Duration, Instant};

use anyhow::Context;
use tokio::time::sleep;

use crate::{
    load::Expected,
    process::Server,
    results::{Backend, Memory},
    rotation::{Rotation, Scope, Store, fetch},
};

/// Streamers who are asked for before the memory is first looked at, so that what connections and the store take once is
/// there by then.
const BEFORE: u32 = 500;
/// How long the server has to put its memory in order.
const SETTLED_AFTER: Duration = Duration::from_secs(1);

/// Measures it on the largest SQLite store; `None` where the system does not tell.
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

    // Another process decides what is on screen: that is a write, and this is about what is kept for reading.
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
