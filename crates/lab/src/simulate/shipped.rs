//! The scenarios that are part of the program.

use super::scenario::{InvalidScenario, Scenario};

/// A scenario that is part of the program.
#[derive(Debug, Clone, Copy)]
pub struct Shipped {
    /// The name by which it is chosen.
    pub name: &'static str,
    /// The file.
    pub text: &'static str,
}

macro_rules! shipped {
    ($($name:literal,)*) => {
        /// The scenarios that are part of the program.
        pub const SHIPPED: &[Shipped] =
            &[$(Shipped { name: $name, text: include_str!(concat!("../../scenarios/", $name, ".toml")) },)*];
    };
}

shipped!["even", "mixed-pay", "newcomers", "budgets-run-out", "flights", "previous-database",];

/// The shipped scenario with this name.
///
/// # Errors
/// [`InvalidScenario::Unknown`]; its message lists the names.
pub fn find(name: &str) -> Result<Scenario, InvalidScenario> {
    let found = SHIPPED.iter().find(|shipped| shipped.name == name);
    let unknown = || InvalidScenario::Unknown {
        name: name.to_owned(),
        known: SHIPPED.iter().map(|shipped| shipped.name).collect(),
    };
    Scenario::parse(found.ok_or_else(unknown)?.text)
}
