//! `cargo xtask lint`: everything that is checked without running the product.

use crate::cargo::{cargo, run as run_cargo};
use crate::floors;

const FMT: &[&str] = &["fmt", "--all", "--check"];
const CLIPPY: &[&str] = &["clippy", "--workspace", "--all-targets", "--all-features", "--", "-D", "warnings"];
const DOC: &[&str] = &["doc", "--workspace", "--no-deps"];

/// Runs the checks, the quickest first; stops at the first that fails.
pub(crate) fn run() -> anyhow::Result<()> {
    floors::run()?;
    run_cargo(cargo(FMT.iter().copied()))?;
    run_cargo(cargo(CLIPPY.iter().copied()))?;

    let mut doc = cargo(DOC.iter().copied());
    doc.env("RUSTDOCFLAGS", "-D warnings");
    run_cargo(doc)
}
