//! `lab simulate`: compares strategies without a store, without a configuration and without a network.

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
    let read = |file: &str| std::fs::read_to_string(folder.path().join(file)).unwrap();
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
