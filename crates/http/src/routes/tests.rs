//! Checks of endpoints that the compiler does not make.

use std::{
    collections::BTreeSet,
    fs, mem,
    path::{Path, PathBuf},
};

use super::document;

/// The Rust files in the folder and in its subfolders.
fn files(folder: &Path) -> Vec<PathBuf> {
    let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    paths.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// The names of the files that hold an endpoint. Each file holds one.
fn endpoints() -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let begin = "\n#[utoipa::path(";
    for file in files(&source().join("routes")) {
        let name = file.file_stem().unwrap().to_str().unwrap().to_owned();
        match fs::read_to_string(&file).unwrap().matches(begin).count() {
            0 => {}
            1 => assert!(names.insert(name), "another endpoint has the name of {}", file.display()),
            _ => panic!("{} holds several endpoints", file.display()),
        }
    }
    names
}

/// One list makes both the routes and the descriptions, so they cannot differ. This test finds an endpoint file that is in no
/// list.
#[test]
fn every_file_of_an_endpoint_is_mounted_and_described_under_its_name() {
    let items = document().paths.paths.values();
    let operations = items.flat_map(|item| [&item.get, &item.post, &item.put, &item.patch, &item.delete]);
    let described: BTreeSet<_> =
        operations.flatten().filter_map(|operation| operation.operation_id.clone()).collect();
    let files = endpoints();
    let unlisted: Vec<_> = files.difference(&described).collect();
    assert!(unlisted.is_empty(), "in no list of `endpoints!`, or described by another name: {unlisted:?}");
    assert_eq!(described, files);
}

/// The name of the type that the line declares.
fn declared(line: &str) -> Option<&str> {
    let line = line.strip_prefix("pub(crate) ").or(line.strip_prefix("pub ")).unwrap_or(line);
    let rest = line.strip_prefix("struct ").or(line.strip_prefix("enum "))?;
    rest.split(|sign: char| !sign.is_alphanumeric()).next()
}

/// If two types had the same name, the document would silently describe only one of them.
#[test]
fn no_two_types_of_the_document_have_one_name() {
    let mut names = BTreeSet::new();
    for file in files(&source()) {
        let mut is_described = false;
        for line in fs::read_to_string(&file).unwrap().lines() {
            is_described |= line.starts_with("#[derive(") && line.contains("ToSchema");
            if let Some(name) = declared(line)
                && mem::take(&mut is_described)
            {
                assert!(names.insert(name.to_owned()), "{} has another {name}", file.display());
            }
        }
    }
    assert!(names.len() > 20, "{names:?}");
}
