//! A decision that was really made, what it earned, and what another strategy would have done in its place.

/// A logged decision in the form in which estimators see it.
#[derive(Debug, Clone, PartialEq)]
pub struct JudgedDecision {
    /// The number of the decision's broadcast. Decisions of one broadcast depend on each other.
    pub broadcast: usize,
    /// The number of the campaign that was shown.
    pub campaign: usize,
    /// The probability with which this campaign was drawn. Greater than 0.
    pub logged: f64,
    /// The probability with which the other strategy would have drawn this campaign.
    pub target: f64,
    /// The campaigns that the other strategy could have drawn, with their probabilities.
    pub targets: Vec<(usize, f64)>,
    /// The probability with which the other strategy would have drawn a campaign whose recorded probability is 0.
    pub unsupported: f64,
    /// Whether this campaign was certain to be drawn although there were other candidates.
    pub was_certain: bool,
    /// What the decision earned, in units of money.
    pub reward: f64,
    /// How long the campaign was on screen, in hours.
    pub hours: f64,
}

impl JudgedDecision {
    /// The importance weight: the other strategy's probability of the campaign that was shown, divided by the recorded
    /// probability.
    #[must_use]
    pub fn weight(&self) -> f64 {
        self.target / self.logged
    }

    /// Whether the campaign that was shown is one that the other strategy would most likely have shown.
    #[must_use]
    pub fn is_most_likely(&self) -> bool {
        let greatest = self.targets.iter().map(|(_, probability)| *probability).fold(0.0, f64::max);
        self.target > 0.0 && self.target >= greatest * (1.0 - 1e-9)
    }
}
