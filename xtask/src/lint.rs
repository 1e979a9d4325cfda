//! `cargo xtask lint`: runs every check that does not run the product.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context, ensure};

use crate::cargo::{cargo, root, run as run_cargo};
use crate::floors;

/// The files of [`declared_by_macros`] follow.
const FMT: &[&str] = &["fmt", "--all", "--check", "--"];
/// The folder of the endpoints; each folder in it is a group of them.
const ROUTES: &str = "crates/http/src/routes";
/// The folder of the selection strategies.
const STRATEGIES: &str = "crates/domain/src/selection/strategies";
/// Checks the rules of `deny.toml`, but no advisories. The database of advisories comes from the internet, which a
/// build machine may not have, and a new advisory would fail a change that has nothing to do with it.
const DENY: &[&str] = &["deny", "--locked", "check", "bans", "licenses", "sources"];
const CLIPPY: &[&str] = &["clippy", "--workspace", "--all-targets", "--all-features", "--", "-D", "warnings"];
const DOC: &[&str] = &["doc", "--workspace", "--no-deps"];

/// Runs the checks, the quickest first. Stops at the first that fails.
pub(crate) fn run() -> anyhow::Result<()> {
    floors::run()?;
    let mut fmt = cargo(FMT.iter().copied());
    fmt.args(declared_by_macros()?);
    run_cargo(fmt)?;
    require_cargo_deny()?;
    run_cargo(cargo(DENY.iter().copied()))?;
    run_cargo(cargo(CLIPPY.iter().copied()))?;

    let mut doc = cargo(DOC.iter().copied());
    doc.env("RUSTDOCFLAGS", "-D warnings");
    run_cargo(doc)
}

/// The files that rustfmt does not find by itself, because a macro declares them: endpoints and strategies.
fn declared_by_macros() -> anyhow::Result<Vec<PathBuf>> {
    let mut found = files(STRATEGIES)?;
    for group in fs::read_dir(root().join(ROUTES)).context(ROUTES)? {
        let group = group?.path();
        if group.is_dir() {
            found.extend(files(group)?);
        }
    }
    Ok(found)
}

/// The Rust files in a folder, at least one.
fn files(folder: impl AsRef<Path>) -> anyhow::Result<Vec<PathBuf>> {
    let folder = root().join(folder);
    let entries = fs::read_dir(&folder).with_context(|| folder.display().to_string())?;
    let paths = entries.map(|entry| Ok(entry?.path())).collect::<anyhow::Result<Vec<_>>>()?;
    let files: Vec<_> =
        paths.into_iter().filter(|path| path.extension().is_some_and(|it| it == "rs")).collect();
    ensure!(!files.is_empty(), "{} has no Rust files", folder.display());
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
