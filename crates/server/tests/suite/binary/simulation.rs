//! `lab simulate`: compares strategies without a store, without a configuration and without a network.

use std::{fs, process::Stdio};

use serde_json::Value;

use super::process::Folder;

#[test]
fn a_simulation_prints_a_table_and_writes_its_reports() {
    let folder = Folder::new();
    let simulate = |json: &str| {
        let options =
            ["--strategy", "pacing", "--strategy", "weighted", "--parameter", "pacing.tolerance=0.1"];
        let files = ["--broadcasts", "10", "--seed", "5", "--json", json, "--html", "report.html"];
        let args: Vec<_> =
            ["lab", "simulate", "--scenario", "flights"].iter().chain(&options).chain(&files).collect();
        folder.run(&args.into_iter().copied().collect::<Vec<_>>())
    };
    let ended = simulate("report.json");
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(ended.stdout.starts_with("flights: "), "{}", ended.stdout);
    assert!(ended.stdout.contains("10 broadcasts of 4 hours in 2 worlds, seed 5"), "{}", ended.stdout);
    let read = |file: &str| fs::read_to_string(folder.path().join(file)).unwrap();
    let report: Value = serde_json::from_str(&read("report.json")).unwrap();
    let names = report["simulations"][0]["strategies"].as_array().unwrap().iter().map(|one| &one["strategy"]);
    assert_eq!(names.collect::<Vec<_>>(), ["pacing", "weighted"]);
    assert!(read("report.html").contains("<svg"));
    let again = simulate("again.json");
    assert_eq!((again.stdout, read("again.json")), (ended.stdout, read("report.json")));
}

#[test]
fn a_simulation_lists_what_there_is_and_refuses_what_there_is_not() {
    let folder = Folder::new();
    let list = folder.run(&["lab", "simulate", "--list"]);
    for name in ["previous-database", "time-rotation", "capped-fair.share"] {
        assert!(list.stdout.contains(name), "{}", list.stdout);
    }
    for (args, messages) in [
        (["--strategy", "fair"], ["`fair` is not one of", "fair-rotation"]),
        (["--scenario", "odd"], ["there is no scenario `odd`", "newcomers"]),
        (["--scenario", "./odd.toml"], ["cannot read ./odd.toml", "No such file"]),
        (["--parameter", "capped-fair.share=7"], ["capped-fair.share", "a number from 0.05 to 1"]),
        (["--broadcasts", "0"], ["--broadcasts", "0"]),
    ] {
        let ended = folder.run(&[&["lab", "simulate"], &args[..]].concat());
        assert_ne!(ended.code, Some(0), "{args:?}");
        assert!(messages.iter().all(|message| ended.stderr.contains(message)), "{}", ended.stderr);
    }
}

/// Where a report could not be written, that is said before the simulation runs, and nothing is changed.
#[test]
fn a_report_that_cannot_be_written_is_refused_before_the_work() {
    let folder = Folder::new();
    folder.write("old.json", "old");
    let simulate = ["lab", "simulate", "--scenario", "even", "--broadcasts", "1"];
    for (args, message) in [
        (&["--json", "missing/report.json"][..], "cannot write missing/report.json: No such file"),
        (&["--json", "old.json", "--html", "."], "cannot write .: "),
        (&["--json", "old.json", "--html", "old.json"], "--json and --html name the same file"),
    ] {
        let ended = folder.run(&[&simulate, args].concat());
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""), "{}", ended.stderr);
        assert!(ended.stderr.contains(message), "{}", ended.stderr);
    }
    assert_eq!(fs::read_to_string(folder.path().join("old.json")).unwrap(), "old");
}

/// The reader of a report may end before it has read anything, as `head` does. The files are written all the same.
#[test]
fn a_reader_that_ends_early_is_no_panic() {
    let folder = Folder::new();
    for args in [
        &["lab", "simulate", "--list"][..],
        &["lab", "simulate", "--scenario", "even", "--broadcasts", "1", "--json", "report.json"],
    ] {
        let mut command = folder.command(args);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let ended = child.wait_with_output().unwrap();
        let said = String::from_utf8(ended.stderr).unwrap();
        assert_eq!(ended.status.code(), Some(1), "{said}");
        assert!(said.contains("cannot write to standard output: Broken pipe"), "{said}");
    }
    serde_json::from_str::<Value>(&fs::read_to_string(folder.path().join("report.json")).unwrap()).unwrap();
}
