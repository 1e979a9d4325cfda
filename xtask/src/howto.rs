//! `cargo xtask howto`: proves that a new strategy is one file and one line.
//!
//! The command copies the workspace into the target directory. In the copy, it adds the example strategy of
//! `docs/howto/add-a-strategy.md` and the example table, as the page says, and runs the domain's tests. If a test
//! fails, the page is wrong, or another place of the domain has a list of strategies. The lab's tests are not run, because
//! their snapshots would have to be accepted.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};

use crate::cargo::{cargo, root, run as run_cargo, target_directory};

/// The page.
const PAGE: &str = "docs/howto/add-a-strategy.md";
/// The manifest of the workspace.
const WORKSPACE: &str = "Cargo.toml";
/// The folder of the strategies.
const STRATEGIES: &str = "crates/domain/src/selection/strategies";
/// The folder of the tables.
const TABLES: &str = "crates/domain/tests/laws/tables";
/// What the copy needs: the workspace's crates, what they are built from, and the pages that their documentation tests
/// include.
const COPIED: [&str; 7] =
    ["Cargo.toml", "Cargo.lock", "benches", "crates", "docs/howto", "migrations", "xtask"];
/// The line that ends the strategy's file. The code after this line shows what the strategy does.
const END_OF_FILE: &str = "// The file ends here.";

/// Follows the page in a copy of the workspace and runs the domain's tests.
///
/// # Errors
/// If the page does not have the expected form, or if a test fails.
pub(crate) fn run() -> anyhow::Result<()> {
    let page = fs::read_to_string(root().join(PAGE)).context(PAGE)?;
    let Example { module, file, line, table } = Example::of(&page)?;
    let copy = target_directory().join("howto");
    let new_file = Path::new(STRATEGIES).join(format!("{module}.rs"));
    let list = Path::new(STRATEGIES).join("mod.rs");
    let before = fs::read_to_string(root().join(&list)).context(STRATEGIES)?;

    let new_table = Path::new(TABLES).join(format!("{module}.rs"));
    let tables = Path::new(TABLES).join("mod.rs");
    let tables_before = fs::read_to_string(root().join(&tables)).context(TABLES)?;
    let workspace = fs::read_to_string(root().join(WORKSPACE)).context(WORKSPACE)?;

    let changed = [&new_file, &list, &new_table, &tables, Path::new(WORKSPACE)];
    let mut kept: Vec<_> = changed.into_iter().map(|path| copy.join(path)).collect();
    for part in COPIED {
        mirror(&root().join(part), &copy.join(part), &mut kept)?;
    }
    remove_others(&copy, &kept)?;
    write(&copy.join(&new_file), file.as_bytes())?;
    write(&copy.join(&list), with_line(&before, &line)?.as_bytes())?;
    write(&copy.join(&new_table), table.as_bytes())?;
    let declared = tables_before.replacen("\nmod ", &format!("\nmod {module};\nmod "), 1);
    write(&copy.join(&tables), declared.as_bytes())?;
    write(&copy.join(WORKSPACE), with_another_version(&workspace)?.as_bytes())?;

    println!("{PAGE}: {} with {} lines, and `{line}` in mod.rs", new_file.display(), file.lines().count());
    // The tests use the dependencies that were built for this workspace, so only crates of the copy are compiled.
    let mut tests = cargo(["test", "--package", "gametriggers-domain", "--tests"]);
    tests.current_dir(&copy).env("CARGO_TARGET_DIR", target_directory());
    run_cargo(tests)
}

/// The page's example.
#[derive(Debug, PartialEq, Eq)]
struct Example {
    /// The name of the file without `.rs`.
    module: String,
    /// The contents of the file.
    file: String,
    /// The line for the list of strategies.
    line: String,
    /// The contents of the file with the table.
    table: String,
}

impl Example {
    /// Reads the example as the page tells readers to. The first Rust code is the file, except for two words. The first
    /// text block is the line for the list. The first text block after the path of the table is the table.
    fn of(page: &str) -> anyhow::Result<Self> {
        let code = between(page, "```rust\n", "\n```").context("the page has no Rust code")?;
        let (file, _) = code.split_once(END_OF_FILE).with_context(|| format!("no line `{END_OF_FILE}`"))?;
        let file = file
            .replace("gametriggers_domain::", "crate::")
            .replace("\nstruct ", "\npub(super) struct ")
            .trim_end()
            .to_owned()
            + "\n";
        let line = between(page, "```text\n", "\n```").context("the page has no line for the list")?.trim();
        let (module, strategy) = line
            .strip_suffix(',')
            .and_then(|line| line.split_once("::"))
            .with_context(|| format!("`{line}` is not `file::Strategy,`"))?;
        ensure!(
            page.contains(&format!("`{STRATEGIES}/{module}.rs`")),
            "the page does not name {STRATEGIES}/{module}.rs"
        );
        ensure!(file.contains(&format!("struct {strategy}")), "the code has no `struct {strategy}`");
        let (_, tables) =
            page.split_once(&format!("`{TABLES}/{module}.rs`")).context("the page has no table")?;
        let table =
            between(tables, "```text\n", "```").context("the page has no code of a table")?.to_owned();
        Ok(Self { module: module.to_owned(), file, line: line.to_owned(), table })
    }
}

/// The text between the first `begin` and the next `end`.
fn between<'a>(text: &'a str, begin: &str, end: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(begin)?;
    rest.split_once(end).map(|(found, _)| found)
}

/// The list of strategies with one more line, in alphabetical order.
fn with_line(list: &str, line: &str) -> anyhow::Result<String> {
    const BEGIN: &str = "\nstrategies! {\n";
    let (before, rest) = list.split_once(BEGIN).context("mod.rs has no list of strategies")?;
    let (lines, after) = rest.split_once("\n}").context("the list of strategies does not end")?;
    let mut lines: Vec<_> = lines.lines().map(str::trim).chain([line]).collect();
    lines.sort_unstable();
    let lines: Vec<_> = lines.into_iter().map(|line| format!("    {line}")).collect();
    Ok([before, BEGIN, &lines.join("\n"), "\n}", after].concat())
}

/// The manifest with another version of the workspace's crates. Cargo names what it builds by package and version, not
/// by folder. With the same version, the copy's tests would replace those of the workspace.
fn with_another_version(manifest: &str) -> anyhow::Result<String> {
    const SECTION: &str = "\n[workspace.package]\nversion = \"";
    let (before, rest) =
        manifest.split_once(SECTION).context("Cargo.toml has no version of the workspace")?;
    let (version, after) = rest.split_once('"').context("the version of the workspace does not end")?;
    Ok([before, SECTION, version, "-howto\"", after].concat())
}

/// Copies a file or a folder, and adds the files of the copy to `kept`.
fn mirror(from: &Path, to: &Path, kept: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    if from.is_dir() {
        for entry in fs::read_dir(from)? {
            let entry = entry?;
            mirror(&entry.path(), &to.join(entry.file_name()), kept)?;
        }
        return Ok(());
    }
    if kept.iter().any(|one| one == to) {
        return Ok(());
    }
    kept.push(to.to_owned());
    write(to, &fs::read(from).with_context(|| from.display().to_string())?)
}

/// Writes a file, unless it has these contents already. Cargo would compile a rewritten file again.
fn write(path: &Path, contents: &[u8]) -> anyhow::Result<()> {
    if fs::read(path).is_ok_and(|present| present == contents) {
        return Ok(());
    }
    path.parent().map(fs::create_dir_all).transpose()?;
    fs::write(path, contents).with_context(|| path.display().to_string())
}

/// Removes files that an earlier run has copied and that exist no more.
fn remove_others(folder: &Path, kept: &[PathBuf]) -> anyhow::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            remove_others(&path, kept)?;
        } else if !kept.contains(&path) {
            fs::remove_file(&path)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_comes_where_the_alphabet_wants_it() {
        let list = "macro\n\nstrategies! {\n    a::A,\n    c::C,\n}\n\nrest\n";
        let expected = "macro\n\nstrategies! {\n    a::A,\n    b::B,\n    c::C,\n}\n\nrest\n";
        assert_eq!(with_line(list, "b::B,").unwrap(), expected);
        assert!(with_line("no list", "b::B,").is_err());
    }

    #[test]
    fn the_copys_crates_have_another_version() {
        let manifest = "[workspace]\n\n[workspace.package]\nversion = \"1.2.3\"\nedition = \"2024\"\n";
        assert_eq!(with_another_version(manifest).unwrap(), manifest.replace("1.2.3", "1.2.3-howto"));
        let real = fs::read_to_string(root().join(WORKSPACE)).unwrap();
        assert_ne!(with_another_version(&real).unwrap(), real);
    }

    #[test]
    fn the_example_is_the_file_but_for_two_words() {
        let page = format!(
            "`{STRATEGIES}/new.rs`\n```rust\nuse gametriggers_domain::selection;\n\nstruct New;\n\n{END_OF_FILE}\nassert!(true);\n```\n\
             ```text\n    new::New,\n```\n`{TABLES}/new.rs`\n```text\nuse super::*;\n```\n"
        );
        let example = Example::of(&page).unwrap();
        assert_eq!((example.module.as_str(), example.line.as_str()), ("new", "new::New,"));
        assert_eq!(example.file, "use crate::selection;\n\npub(super) struct New;\n");
        assert_eq!(example.table, "use super::*;\n");
        assert!(Example::of(&page.replace("new.rs", "old.rs")).is_err());
        assert!(Example::of(&page.replace("struct New", "struct Old")).is_err());
    }

    #[test]
    fn the_pages_example_has_the_expected_form() {
        let page = fs::read_to_string(root().join(PAGE)).unwrap();
        Example::of(&page).unwrap();
    }

    #[test]
    fn every_law_that_the_page_names_exists() {
        let page = fs::read_to_string(root().join(PAGE)).unwrap();
        let mut files = vec![root().join("crates/domain/tests/allocations.rs")];
        files.extend(
            fs::read_dir(root().join("crates/domain/tests/laws")).unwrap().map(|file| file.unwrap().path()),
        );
        let tests: String = files
            .iter()
            .filter(|path| path.is_file())
            .map(|path| fs::read_to_string(path).unwrap())
            .collect();
        let (_, table) = page.split_once("| law |").unwrap();
        let rows = table.lines().skip(2).take_while(|line| line.starts_with('|'));
        let names: Vec<_> = rows.map(|row| between(row, "| `", "`").unwrap()).collect();
        assert!(names.len() > 5, "{names:?}");
        for name in names {
            assert!(tests.contains(&format!("fn {name}(")), "there is no law {name}");
        }
    }
}
