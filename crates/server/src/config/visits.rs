//! `visits.*`: which visits through tracking links are paid.

use std::num::NonZeroU64;

use gametriggers_services::LinkSettings;
use serde::Deserialize;

/// Which visits through tracking links are paid.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct VisitSettings {
    /// The greatest number of visits per hour and network address that a campaign pays.
    pub paid_per_address: NonZeroU64,
}

impl Default for VisitSettings {
    fn default() -> Self {
        Self { paid_per_address: LinkSettings::PAID_VISITS_PER_ADDRESS }
    }
}

#[cfg(test)]
mod tests {
    use super::{super::read, *};

    #[test]
    fn one_visit_at_least_is_paid() {
        let paid = |toml: &str| read::<VisitSettings>(toml).map(|visits| visits.paid_per_address.get());
        assert_eq!(paid(""), Ok(3));
        assert_eq!(paid("paid_per_address = 1"), Ok(1));
        assert!(paid("paid_per_address = 0").is_err());
    }
}
