//! Runs cargo with the same binary, in the same directory and with the same words on the terminal for every command.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, ensure};
use clap::Args;

/// What the caller adds to a `cargo test`.
#[derive(Debug, PartialEq, Eq, Args)]
pub(crate) struct TestArgs {
    /// Passed on to `cargo test`: a filter, `-p <package>`, `--test <name>` …
    #[arg(value_name = "CARGO_TEST_ARGS", allow_hyphen_values = true)]
    cargo: Vec<String>,
    /// Passed on to the test binaries: `--nocapture`, `--test-threads=1` …
    #[arg(value_name = "TEST_BINARY_ARGS", last = true)]
    binary: Vec<String>,
}

impl TestArgs {
    /// No additional arguments.
    pub(crate) const NONE: Self = Self { cargo: Vec::new(), binary: Vec::new() };

    /// Whether the caller names packages, so that the command must not cover the whole workspace.
    pub(crate) fn names_a_package(&self) -> bool {
        self.cargo
            .iter()
            .any(|arg| arg == "--package" || arg.starts_with("--package=") || arg.starts_with("-p"))
    }

    /// Whether the caller added words for the test binaries, which [`to_cargo`](Self::to_cargo) sets apart by `--`.
    pub(crate) fn has_words_for_the_binary(&self) -> bool {
        !self.binary.is_empty()
    }

    /// The arguments in the order in which cargo wants them.
    pub(crate) fn to_cargo(&self) -> Vec<&str> {
        let separator = if self.binary.is_empty() { None } else { Some("--") };
        let cargo = self.cargo.iter().map(String::as_str);
        cargo.chain(separator).chain(self.binary.iter().map(String::as_str)).collect()
    }
}

/// The workspace's root.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().map(Path::to_owned).unwrap_or_default()
}

/// Where cargo puts what it builds.
pub(crate) fn target_directory() -> PathBuf {
    env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), |named| root().join(named))
}

/// A cargo command in the workspace's root.
///
/// `cargo run` sets environment variables about the package `xtask` for this process. This function removes them again.
/// Otherwise build scripts that watch them would run again at each change between `cargo xtask` and plain `cargo`.
pub(crate) fn cargo<'a>(args: impl IntoIterator<Item = &'a str>) -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    for (name, _) in env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
            command.env_remove(&name);
        }
    }
    command.current_dir(root()).args(args);
    command
}

/// Shows the command, runs it and fails unless it succeeds.
pub(crate) fn run(mut command: Command) -> anyhow::Result<()> {
    let words: Vec<_> = command.get_args().map(|arg| arg.to_string_lossy()).collect();
    let line = format!("cargo {}", words.join(" "));
    println!("\n$ {line}");
    let status = command.status().with_context(|| format!("cannot start `{line}`"))?;
    ensure!(status.success(), "`{line}` failed ({status})");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_named_package_is_recognised_in_every_spelling() {
        let named = |words: &[&str]| {
            let cargo = words.iter().map(ToString::to_string).collect();
            TestArgs { cargo, binary: Vec::new() }.names_a_package()
        };
        assert!(named(&["-p", "xtask"]));
        assert!(named(&["-pxtask"]));
        assert!(named(&["--package", "xtask"]));
        assert!(named(&["--package=xtask"]));
        assert!(!named(&["--test", "api", "a_name"]));
        assert!(!TestArgs::NONE.names_a_package());
    }
}
