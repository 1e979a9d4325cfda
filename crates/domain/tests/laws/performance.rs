//! `performance` with audiences whose click-through rates are known: which campaigns it shows at first, and which in
//! the end.

use gametriggers_domain::selection::{self, Candidate, Seed, select};
use gametriggers_fixtures::{context, noon};
use rand_chacha::{
    ChaCha8Rng,
    rand_core::{Rng, SeedableRng},
};

use crate::support::candidate;

/// An audience. A seeded generator decides whether it clicks.
struct Audience(ChaCha8Rng);

impl Audience {
    fn seed(&mut self) -> Seed {
        let mut bytes = [0; 16];
        self.0.fill_bytes(&mut bytes);
        Seed::new(bytes)
    }

    fn clicks(&mut self, rate: f64) -> bool {
        f64::from(self.0.next_u32()) < rate * 2_f64.powi(32)
    }
}

/// Shows one of `campaigns` in each of `rounds` rounds, and returns how often each campaign was shown. Each campaign
/// comes with its true click-through rate.
fn show(campaigns: &mut [(Candidate<'_>, f64)], rounds: u32, audience: &mut Audience) -> Vec<u32> {
    let strategy = selection::find("performance").unwrap();
    let mut shown = vec![0; campaigns.len()];
    for _ in 0..rounds {
        let candidates: Vec<_> = campaigns.iter().map(|(candidate, _)| *candidate).collect();
        let selection = select(strategy, &context(noon(), audience.seed()), &candidates).unwrap();
        let picked = selection.shares.iter().position(|share| share == selection.picked()).unwrap();
        let (candidate, rate) = &mut campaigns[picked];
        candidate.impressions += 1;
        candidate.clicks += u64::from(audience.clicks(*rate));
        shown[picked] += 1;
    }
    shown
}

/// Ten audiences, which are the same in each run.
fn audiences() -> impl Iterator<Item = Audience> {
    (0..10).map(|number| Audience(ChaCha8Rng::seed_from_u64(number)))
}

/// Defect S4: a campaign without impressions scored 0 and was never shown.
#[test]
fn s4_a_campaign_without_history_gets_its_chance() {
    for mut audience in audiences() {
        let mut campaigns: Vec<_> =
            [0.02, 0.05, 0.12].into_iter().zip(1..).map(|(r, n)| (candidate(n), r)).collect();
        let early = show(&mut campaigns, 100, &mut audience);
        assert!(early.iter().all(|&times| times >= 5), "{early:?}");
        show(&mut campaigns, 900, &mut audience);
        // This campaign is added late. The others have a history of a thousand rounds.
        campaigns.push((candidate(4), 0.02));
        let late = show(&mut campaigns, 100, &mut audience);
        assert!(late[3] >= 5, "{late:?}");
    }
}

/// A campaign that was unlucky at first is tried again.
#[test]
fn s4_a_campaign_without_clicks_is_not_given_up() {
    for mut audience in audiences() {
        let unlucky = Candidate { impressions: 20, ..candidate(1) };
        let known = Candidate { impressions: 400, clicks: 20, ..candidate(2) };
        let shown = show(&mut [(unlucky, 0.12), (known, 0.05)], 1_000, &mut audience);
        assert!(shown[0] >= 20, "{shown:?}");
    }
}

#[test]
fn the_best_campaign_takes_most_of_the_screen_in_the_end() {
    for mut audience in audiences() {
        let mut campaigns: Vec<_> =
            [0.02, 0.05, 0.12].into_iter().zip(1..).map(|(r, n)| (candidate(n), r)).collect();
        show(&mut campaigns, 1_600, &mut audience);
        let last_third = show(&mut campaigns, 800, &mut audience);
        assert!(last_third[2] > 480, "{last_third:?}");
    }
}
