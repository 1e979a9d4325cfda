//! What users of the simulator rely on. These tests hold for every strategy.
#![allow(clippy::unwrap_used)] // a test that cannot set its stage fails, and says where

use std::num::NonZeroUsize;

use gametriggers_domain::selection;
use gametriggers_lab::{
    report,
    simulate::{Options, Outcome, Plan, SHIPPED, Scenario, find, simulate, trace},
};

fn options(threads: usize) -> Options {
    Options { broadcasts: 20, seed: 3, threads: NonZeroUsize::new(threads).unwrap(), measure: false }
}

fn outcome(scenario: &str, options: Options) -> Outcome {
    let strategies = ["weighted", "fair-rotation"].map(|name| selection::find(name).unwrap());
    simulate(scenario, &Plan::new(find(scenario).unwrap()).unwrap(), &strategies, options)
}

/// A scenario with one campaign. Each of `changes` replaces a line of the scenario.
fn scenario(changes: &[(&str, &str)]) -> String {
    let mut text = concat!(
        "description = \"x\"\nstarts = \"friday 19:00\"\nlate_minutes = 0\nviewers = [100]\n",
        "[[campaign]]\ntitle = \"A\"\npayment = \"cpm\"\nrate = 10\nbudget = 100\n"
    )
    .to_owned();
    for (from, to) in changes {
        assert!(text.contains(from), "{from}");
        text = text.replacen(from, to, 1);
    }
    text
}

fn plan(changes: &[(&str, &str)]) -> Plan {
    Plan::new(Scenario::parse(&scenario(changes)).unwrap()).unwrap()
}

#[test]
fn the_same_seed_gives_the_same_bytes_with_any_number_of_threads() {
    let reports = |threads| {
        let outcomes = ["newcomers", "flights"].map(|name| outcome(name, options(threads)));
        [report::table(&outcomes), report::json(&outcomes).unwrap(), report::page(&outcomes).unwrap()]
    };
    let alone = reports(1);
    assert!(alone == reports(3));
    assert!(alone == reports(1));
    let other = outcome("newcomers", Options { seed: 4, ..options(1) });
    assert_ne!(other.strategies, outcome("newcomers", options(1)).strategies);
}

#[test]
fn every_amount_that_leaves_a_campaign_is_earned() {
    for shipped in SHIPPED {
        let outcome = outcome(shipped.name, options(2));
        let money: f64 = outcome.campaigns.iter().map(|campaign| campaign.money.as_units()).sum();
        #[allow(clippy::cast_precision_loss)]
        let of_world = outcome.broadcasts as f64 / outcome.worlds as f64;
        for one in outcome.strategies.iter().chain([&outcome.oracle]) {
            let (earned, left) = (one.earned.mean * of_world, one.money_left.mean * money);
            assert!((earned + left - money).abs() < 1e-5 * money, "{}: {earned} + {left}", shipped.name);
            let on_screen: f64 = one.campaigns.iter().map(|campaign| campaign.time_share.mean).sum();
            assert!((on_screen + one.empty.mean - 1.0).abs() < 1e-4, "{}: {on_screen}", shipped.name);
        }
    }
}

/// With the basis `viewers`, six hours of 100 viewers at 10 for a thousand are worth 360. With the basis `display`,
/// each of the 120 slots is worth 0.01.
#[test]
fn impressions_are_paid_by_the_basis_of_the_scenario() {
    let earned = |changes: &[(&str, &str)]| {
        let strategies = [selection::default_strategy()];
        simulate("x", &plan(changes), &strategies, options(1)).strategies[0].earned.mean
    };
    let sure = ("viewers = [100]", "viewers = [100]\nviewers_spread = 0");
    let rich = ("budget = 100", "budget = 1000");
    let viewers = ("viewers = [100]", "basis = \"viewers\"\nviewers = [100]\nviewers_spread = 0");
    assert!((earned(&[sure, rich]) - 1.2).abs() < 1e-9);
    assert!((earned(&[viewers, rich]) - 360.0).abs() < 1e-9);
    // The budget is 100, so no more is earned.
    assert!((earned(&[viewers]) - 100.0).abs() < 1e-9);
}

#[test]
fn a_campaign_is_on_screen_only_in_its_minutes_and_dates() {
    let shown = |changes: &[(&str, &str)]| {
        let mut minutes = Vec::new();
        let plan = plan(changes);
        let mut begun = None;
        trace(&plan, selection::default_strategy(), 1, 0, &mut |step| {
            let begun = *begun.get_or_insert(step.decision.from);
            minutes.push(step.decision.from.duration_since(begun).as_mins());
        });
        (minutes.len(), minutes.last().copied().unwrap())
    };
    assert_eq!(shown(&[]), (120, 357));
    let budget = "budget = 100";
    assert_eq!(shown(&[(budget, "budget = 100\nactive_minutes = [[30, 60], [90, 120]]")]), (20, 87));
    assert_eq!(shown(&[(budget, "budget = 100\nbegins_hour = 1\nends_hour = 3")]), (40, 117));
    assert_eq!(shown(&[(budget, "budget = 0.05")]), (5, 12));
}

#[test]
fn an_error_names_the_key_and_what_is_allowed() {
    for (change, message) in [
        (("viewers = [100]", "viewers = []"), "scenario: viewers: 0 is not from 1 to 24"),
        (("viewers = [100]", "viewers = [-1]"), "scenario: viewers[0]: -1 is not from 0 to 1000000"),
        (
            ("viewers = [100]", "viewers = [100]\nminutes = 841"),
            "scenario: minutes: 841 is not from 10 to 840",
        ),
        (("friday 19:00", "soon"), "`soon` is not a day and a time such as `friday 19:00`"),
        (("rate = 10", "rate = -1"), "scenario: campaign[0]: paymentRate is 0 or more"),
        (("budget = 100", "budget = -1"), "scenario: campaign[0].budget: an amount of 0 or more"),
        (("budget = 100", "budgets = 100"), "unknown field `budgets`"),
        (
            ("budget = 100", "budget = 1\nactive_minutes = [[9, 5]]"),
            "campaign[0].active_minutes: pairs of from and until",
        ),
        (
            ("budget = 100", "budget = 1\nbegins_hour = 2\nends_hour = 2"),
            "campaign[0].ends_hour: a campaign ends after",
        ),
        (
            ("budget = 100", "budget = 1\nbegins_hour = 2147483647"),
            "campaign[0].begins_hour: 2147483647 is not from -876600 to 876600",
        ),
        (("budget = 100", "budget = 1\nends_hour = -876601"), "campaign[0].ends_hour: -876601 is not from"),
        (
            ("budget = 100", "budget = 1\nremaining = 2"),
            "campaign[0].remaining: no more is left than the budget",
        ),
        (
            ("budget = 100", "budget = 1\nbefore.earned = -1"),
            "campaign[0].before.earned: an amount of 0 or more",
        ),
        (
            ("budget = 100", "budget = 1\nbefore.impressions = 18446744073709551615"),
            "campaign[0].before.impressions: 18446744073709551615 is not from 0 to 1000000000000",
        ),
        (
            ("[[campaign]]", "[streamer.parameters]\ncapped-fair.share = \"much\"\n[[campaign]]"),
            "the value of a parameter is a number, or a list of dayparts",
        ),
        (("[[campaign]]", "[streamer]\ntime_zone = \"Mars\"\n[[campaign]]"), "`Mars` is not a time zone"),
        (
            ("[[campaign]]", "[streamer.parameters]\ncapped-fair.share = 2\n[[campaign]]"),
            "streamer.parameters.capped-fair.share: a number from 0.05 to 1",
        ),
        (
            ("[[campaign]]", "[streamer.parameters]\nfair-rotation.share = 2\n[[campaign]]"),
            "streamer.parameters.fair-rotation.share: fair-rotation has no parameters",
        ),
        (
            ("[[campaign]]", "[streamer.parameters]\nweighted.fairness = 2\n[[campaign]]"),
            "streamer.parameters.weighted.fairness: each of priorityWeights is a number from 0 to 1",
        ),
    ] {
        let error = Scenario::parse(&scenario(&[change])).and_then(Plan::new).unwrap_err().to_string();
        assert!(error.contains(message), "{error}");
    }
    let error = find("odd").unwrap_err().to_string();
    assert!(error.contains("`odd`") && error.contains("even, mixed-pay"), "{error}");
}

#[test]
fn a_parameter_can_be_set_by_hand() {
    let mut scenario = find("newcomers").unwrap();
    for set in ["capped-fair.share=0.3", "weighted.fairness=1"] {
        scenario.set_parameter(set).unwrap();
    }
    Plan::new(scenario.clone()).unwrap();
    for (text, message) in [
        ("capped-fair.share", "write strategy.name=value"),
        ("capped-fair.share=much", "a number from 0.05 to 1"),
        ("capped-fair.shares=1", "only share"),
        ("cap.share=1", "`cap` is not one of"),
        ("capped-fair.share=7", "a number from 0.05 to 1"),
        ("weighted.fairness=2", "a number from 0 to 1"),
        ("weighted.fairness=[]", "a number from 0 to 1"),
        ("daypart.dayparts=3", "a list of at most 50 dayparts"),
    ] {
        let error = scenario.set_parameter(text).unwrap_err().to_string();
        // The scenario is not to blame.
        let strategy = text.split('.').next().unwrap();
        assert!(error.starts_with(strategy) && error.contains(message), "{error}");
    }
}

#[test]
fn shipped_scenarios_are_short_and_one_has_ten_campaigns_and_six_hours() {
    for shipped in SHIPPED {
        assert!(shipped.text.lines().count() < 80, "{}", shipped.name);
    }
    let even = find("even").unwrap();
    assert_eq!((even.campaigns.len(), even.minutes), (10, 360));
}

#[test]
fn the_page_needs_nothing_else_and_titles_cannot_break_out() {
    let plan = plan(&[("title = \"A\"", "title = \"<script>alert(1)</script>\"")]);
    let outcome = simulate("x", &plan, &[selection::default_strategy()], options(1));
    let page = report::page(&[outcome]).unwrap();
    assert!(!page.contains("<script") && page.contains("&lt;script&gt;"), "titles are escaped");
    for foreign in ["http:", "https:", "src=", "url(", "@import", "<link"] {
        assert!(!page.contains(foreign), "{foreign}");
    }
}
