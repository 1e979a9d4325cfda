//! `lab simulate`: runs invented broadcasts with several strategies and compares them.

use std::{
    fs,
    num::{NonZeroU64, NonZeroUsize},
    path::{Path, PathBuf},
    process::ExitCode,
    thread,
};

use anyhow::{Context, ensure};
use clap::Args;
use gametriggers_domain::selection::{self, SelectionStrategy};
use gametriggers_lab::{
    report,
    simulate::{self, Options, Plan, SHIPPED, Scenario, find},
};

use super::{check_writable, print, write};

/// The options of the command.
#[derive(Debug, Args)]
pub(in crate::commands) struct Simulate {
    /// A strategy; repeat the option to compare several [default: all strategies].
    #[arg(long = "strategy", value_name = "NAME")]
    strategies: Vec<String>,
    /// A parameter of a strategy, such as capped-fair.share=0.3. May be repeated.
    #[arg(long = "parameter", value_name = "STRATEGY.NAME=VALUE")]
    parameters: Vec<String>,
    /// A scenario: the name of a shipped one, or a TOML file. May be repeated [default: all shipped scenarios].
    #[arg(long = "scenario", value_name = "NAME|FILE")]
    scenarios: Vec<String>,
    /// How many broadcasts each strategy runs in each scenario.
    #[arg(long, value_name = "NUMBER", default_value = "1000")]
    broadcasts: NonZeroU64,
    /// The seed of all chance. The same seed gives the same report.
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    seed: u64,
    /// Also measure how long a decision takes on this machine. Then reports differ from run to run.
    #[arg(long)]
    measure: bool,
    /// Also write the report to this file, as JSON.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Also write the report to this file, as an HTML page with charts.
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Only list the shipped scenarios and the strategies.
    #[arg(long)]
    list: bool,
}

/// Runs the command.
pub(super) fn run(options: &Simulate) -> anyhow::Result<ExitCode> {
    if options.list {
        print(&list()?)?;
        return Ok(ExitCode::SUCCESS);
    }
    let strategies = strategies(&options.strategies)?;
    let plans = plans(&options.scenarios, &options.parameters)?;
    ensure!(
        options.json.is_none() || options.json != options.html,
        "--json and --html name the same file: give each report a file of its own"
    );
    [&options.json, &options.html].into_iter().flatten().try_for_each(|file| check_writable(file))?;
    let simulation = Options {
        broadcasts: options.broadcasts.get(),
        seed: options.seed,
        threads: thread::available_parallelism().unwrap_or(NonZeroUsize::MIN),
        measure: options.measure,
    };
    let mut outcomes = Vec::with_capacity(plans.len());
    for (name, plan) in &plans {
        tracing::info!(scenario = name, "simulating");
        outcomes.push(simulate::simulate(name, plan, &strategies, simulation));
    }
    let printed = print(&report::table(&outcomes));
    if let Some(file) = &options.json {
        write(file, &report::json(&outcomes)?)?;
    }
    if let Some(file) = &options.html {
        write(file, &report::page(&outcomes)?)?;
    }
    printed?;
    Ok(ExitCode::SUCCESS)
}

fn strategies(names: &[String]) -> anyhow::Result<Vec<&'static dyn SelectionStrategy>> {
    if names.is_empty() {
        return Ok(selection::all().to_vec());
    }
    names.iter().map(|name| selection::find(name).context("--strategy")).collect()
}

/// The scenarios with their names, ready to run.
fn plans(names: &[String], parameters: &[String]) -> anyhow::Result<Vec<(String, Plan)>> {
    let all: Vec<_> = SHIPPED.iter().map(|shipped| shipped.name.to_owned()).collect();
    let names = if names.is_empty() { &all } else { names };
    let plan = |name: &String| {
        let (name, mut scenario) = scenario(name)?;
        for parameter in parameters {
            scenario.set_parameter(parameter).context("--parameter")?;
        }
        let plan = Plan::new(scenario).with_context(|| format!("--scenario {name}"))?;
        Ok((name, plan))
    };
    names.iter().map(plan).collect()
}

/// A shipped scenario, or that of a file. A text with a dot or a slash is a file.
fn scenario(name: &str) -> anyhow::Result<(String, Scenario)> {
    let path = Path::new(name);
    let is_file = name.contains(['/', '.', '\\']);
    if !is_file {
        return Ok((name.to_owned(), find(name).context("--scenario")?));
    }
    let text = fs::read_to_string(path).with_context(|| format!("--scenario: cannot read {name}"))?;
    let scenario = Scenario::parse(&text).with_context(|| format!("--scenario {name}"))?;
    let stem = path.file_stem().map_or(name.into(), |stem| stem.to_string_lossy());
    Ok((stem.into_owned(), scenario))
}

/// The shipped scenarios and the strategies, each with its sentence.
fn list() -> anyhow::Result<String> {
    let mut lines = vec!["Scenarios:".to_owned()];
    for shipped in SHIPPED {
        lines.push(format!("  {:<18} {}", shipped.name, find(shipped.name)?.description));
    }
    lines.push("Strategies:".to_owned());
    for strategy in selection::all() {
        lines.push(format!("  {:<18} {}", strategy.name(), strategy.description()));
        for parameter in strategy.parameters() {
            let (name, range) = (parameter.name(), parameter.range());
            lines.push(format!("    {}.{name}: {} ({range})", strategy.name(), parameter.description()));
        }
    }
    Ok(lines.join("\n") + "\n")
}
