//! `cargo xtask browser`: runs the tests that drive a real Chromium.

use std::env;
use std::ffi::OsStr;
use std::path::PathBuf;

use anyhow::ensure;

use crate::cargo::{TestArgs, cargo, run as run_cargo};

/// The names under which distributions install the browser.
const BROWSERS: &[&str] = &["chromium", "chromium-browser", "google-chrome"];
/// The name of the program by which the tests control the browser.
const DRIVERS: &[&str] = &["chromedriver"];

/// Runs the same tests as `cargo test -p gametriggers --features browser-tests --test browser`. The command covers the
/// whole workspace, so that the dependencies keep the features that `cargo xtask test` gave them and are not compiled
/// again.
const TESTS: &[&str] =
    &["test", "--workspace", "--features", "gametriggers/browser-tests", "--test", "browser"];

/// Runs the browser tests. Fails if there is no browser, and never skips the tests.
pub(crate) fn run(args: &TestArgs) -> anyhow::Result<()> {
    let path = env::var_os("PATH").unwrap_or_default();
    for program in find_browser_and_driver(&path)? {
        println!("using {}", program.display());
    }
    run_cargo(cargo(TESTS.iter().copied().chain(args.to_cargo())))
}

/// Finds the browser and the program that controls it in the directories of `path`. The error says what is missing and
/// how to get it.
fn find_browser_and_driver(path: &OsStr) -> anyhow::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut missing = Vec::new();
    for names in [BROWSERS, DRIVERS] {
        match find_program(path, names) {
            Some(program) => found.push(program),
            None => missing.push(names.join(" or ")),
        }
    }
    ensure!(
        missing.is_empty(),
        "not on PATH: {}\nthe browser tests drive a real Chromium; on Debian: apt-get install chromium chromium-driver",
        missing.join("; ")
    );
    Ok(found)
}

/// The first file in the directories of `path` that has one of these names.
fn find_program(path: &OsStr, names: &[&str]) -> Option<PathBuf> {
    let directories: Vec<_> = env::split_paths(path).collect();
    let mut files = names.iter().flat_map(|name| directories.iter().map(move |dir| dir.join(name)));
    files.find(|file| file.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn what_is_missing_is_named_with_the_packages_that_bring_it() {
        let message = find_browser_and_driver(OsStr::new("/nonexistent")).unwrap_err().to_string();
        for word in ["chromium or chromium-browser or google-chrome", "chromedriver", "chromium-driver"] {
            assert!(message.contains(word), "`{word}` is not in: {message}");
        }
    }

    #[test]
    fn any_of_the_browsers_will_do() {
        let dir = env::temp_dir().join(format!("xtask-browser-{}", std::process::id()));
        fs::create_dir_all(&dir).unwrap();
        fs::write(dir.join("google-chrome"), "").unwrap();

        let message = find_browser_and_driver(dir.as_os_str()).unwrap_err().to_string();
        assert!(message.starts_with("not on PATH: chromedriver\n"), "{message}");

        fs::write(dir.join("chromedriver"), "").unwrap();
        let found = find_browser_and_driver(dir.as_os_str()).unwrap();
        assert_eq!(found, [dir.join("google-chrome"), dir.join("chromedriver")]);
        fs::remove_dir_all(&dir).unwrap();
    }
}
