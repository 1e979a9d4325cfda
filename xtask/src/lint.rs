//! `cargo xtask lint`: runs every check that does not run the product.

use std::fs;
use std::path::PathBuf;
use std::process::Stdio;

use anyhow::{Context, ensure};

use crate::cargo::{cargo, root, run as run_cargo};
use crate::floors;

/// The files of endpoints follow: a macro declares them, and so rustfmt does not find them by itself.
const FMT: &[&str] = &["fmt", "--all", "--check", "--"];
/// The folder of the endpoints; each folder in it is a group of them.
const ROUTES: &str = "crates/http/src/routes";
/// Checks the rules of `deny.toml`, but no advisories. The database of advisories comes from the internet, which a
/// build machine may not have, and a new advisory would fail a change that has nothing to do with it.
const DENY: &[&str] = &["deny", "--locked", "check", "bans", "licenses", "sources"];
const CLIPPY: &[&str] = &["clippy", "--workspace", "--all-targets", "--all-features", "--", "-D", "warnings"];
const DOC: &[&str] = &["doc", "--workspace", "--no-deps"];

/// Runs the checks, the quickest first. Stops at the first that fails.
pub(crate) fn run() -> anyhow::Result<()> {
    floors::run()?;
    let mut fmt = cargo(FMT.iter().copied());
    fmt.args(endpoints().context(ROUTES)?);
    run_cargo(fmt)?;
    require_cargo_deny()?;
    run_cargo(cargo(DENY.iter().copied()))?;
    run_cargo(cargo(CLIPPY.iter().copied()))?;

    let mut doc = cargo(DOC.iter().copied());
    doc.env("RUSTDOCFLAGS", "-D warnings");
    run_cargo(doc)
}

/// The files in the folders of all groups of endpoints.
fn endpoints() -> anyhow::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for group in fs::read_dir(root().join(ROUTES))? {
        let group = group?.path();
        if group.is_dir() {
            for file in fs::read_dir(group)? {
                files.push(file?.path());
            }
        }
    }
    ensure!(!files.is_empty(), "there are no endpoints");
    Ok(files)
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
