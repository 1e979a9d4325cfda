//! `cargo xtask crawlers`: fetches the list of user agents of programs. A visit with such a user agent is not a
//! person's.
//!
//! The list is the npm package `crawler-user-agents`. Only its patterns and its licence are kept in the repository. A
//! change of the list is reviewed like any other change.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, ensure};
use serde::{Deserialize, Serialize};

/// The version of the list. To take a newer list, change this version and run the command.
const VERSION: &str = "1.60.0";
/// The beginning of the list's licence. The command fails if the licence changes, so that people decide.
const LICENCE: &str = "The MIT License";

/// The part of an entry of the package's list that is used.
#[derive(Deserialize)]
struct Crawler {
    pattern: String,
}

/// The part of the list that is kept.
#[derive(Serialize)]
struct Kept {
    version: &'static str,
    patterns: Vec<String>,
}

/// Fetches the list by `npm` and writes the kept part beside the code that reads it.
pub(crate) fn run() -> anyhow::Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("the workspace has a root")?;
    let work = root.join("target/crawlers");
    fs::create_dir_all(&work)?;
    let package = format!("crawler-user-agents@{VERSION}");
    // npm compares the download with the registry's checksum.
    call(Command::new("npm").args(["pack", &package, "--pack-destination"]).arg(&work))?;
    let archive = work.join(format!("crawler-user-agents-{VERSION}.tgz"));
    call(Command::new("tar").arg("-xzf").arg(archive).arg("-C").arg(&work))?;

    let read = |name: &str| {
        let file: PathBuf = work.join("package").join(name);
        fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))
    };
    let licence = read("LICENSE")?;
    ensure!(licence.starts_with(LICENCE), "the list is not under {LICENCE} any more");
    let kept = kept(&read("crawler-user-agents.json")?)?;
    let folder = root.join("crates/services/src/bots");
    fs::write(folder.join("crawler-user-agents.json"), kept)?;
    fs::write(folder.join("crawler-user-agents.LICENSE"), licence)?;
    println!("wrote what is kept of {package} to {}", folder.display());
    Ok(())
}

/// Makes the text of the kept file from the package's list.
fn kept(list: &str) -> anyhow::Result<String> {
    let crawlers: Vec<Crawler> = serde_json::from_str(list).context("the list is in another form")?;
    ensure!(crawlers.len() > 1_000, "the list has only {} patterns", crawlers.len());
    let patterns = crawlers.into_iter().map(|crawler| crawler.pattern).collect();
    Ok(serde_json::to_string_pretty(&Kept { version: VERSION, patterns })? + "\n")
}

fn call(command: &mut Command) -> anyhow::Result<()> {
    let program = command.get_program().to_string_lossy().into_owned();
    let status = command.status().with_context(|| format!("cannot start `{program}`; is it installed?"))?;
    ensure!(status.success(), "`{program}` failed ({status})");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_is_kept_as_it_is_and_nothing_else_is() {
        let crawler = r#"{"pattern": "^A b\\/ ", "url": "https://a.example", "instances": ["A b/ 1"]}"#;
        let list = format!("[{}]", vec![crawler; 1_001].join(","));
        let kept: serde_json::Value = serde_json::from_str(&kept(&list).unwrap()).unwrap();
        assert_eq!(kept["version"], VERSION);
        assert_eq!(kept["patterns"].as_array().unwrap().len(), 1_001);
        assert_eq!(kept["patterns"][0], r"^A b\/ ");
        assert_eq!(kept.as_object().unwrap().len(), 2);
    }

    #[test]
    fn a_list_in_another_form_or_cut_short_is_refused() {
        for list in ["", "{}", "[]", r#"["Googlebot"]"#, r#"[{"pattern": "Googlebot"}]"#] {
            assert!(kept(list).is_err(), "{list}");
        }
    }
}
