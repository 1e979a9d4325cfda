//! `cargo xtask lint`: runs every check that does not run the product.

use std::process::Stdio;

use anyhow::ensure;

use crate::cargo::{cargo, run as run_cargo};
use crate::floors;

const FMT: &[&str] = &["fmt", "--all", "--check"];
/// Checks the rules of `deny.toml`, but no advisories. The database of advisories comes from the internet, which a
/// build machine may not have, and a new advisory would fail a change that has nothing to do with it.
const DENY: &[&str] = &["deny", "--locked", "check", "bans", "licenses", "sources"];
const CLIPPY: &[&str] = &["clippy", "--workspace", "--all-targets", "--all-features", "--", "-D", "warnings"];
const DOC: &[&str] = &["doc", "--workspace", "--no-deps"];

/// Runs the checks, the quickest first. Stops at the first that fails.
pub(crate) fn run() -> anyhow::Result<()> {
    floors::run()?;
    run_cargo(cargo(FMT.iter().copied()))?;
    require_cargo_deny()?;
    run_cargo(cargo(DENY.iter().copied()))?;
    run_cargo(cargo(CLIPPY.iter().copied()))?;

    let mut doc = cargo(DOC.iter().copied());
    doc.env("RUSTDOCFLAGS", "-D warnings");
    run_cargo(doc)
}

/// Fails unless cargo knows the command `deny`. The error says where to get it.
fn require_cargo_deny() -> anyhow::Result<()> {
    let asked = cargo(["deny", "--version"]).stdout(Stdio::null()).stderr(Stdio::null()).status();
    ensure!(
        asked.is_ok_and(|status| status.success()),
        "`cargo deny` is missing; `cargo install --locked cargo-deny` makes it, and .ci/install-cargo-deny fetches it \
         ready-made for x86-64 Linux and says where it is"
    );
    Ok(())
}
