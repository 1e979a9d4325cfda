//! Names of stored data in each kind of store.

/// Documents of one kind.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Documents {
    Users,
    Campaigns,
    Participations,
    Counters,
    Decisions,
    Rollups,
}

impl Documents {
    pub(super) const fn table(self) -> &'static str {
        match self {
            Self::Users => "users",
            Self::Campaigns => "campaigns",
            Self::Participations => "participations",
            Self::Counters => "participation_counters",
            Self::Decisions => "decisions",
            Self::Rollups => "rollups",
        }
    }

    pub(super) const fn collection(self) -> &'static str {
        match self {
            // MongoDB keeps the open rollup with its participation.
            Self::Participations | Self::Counters | Self::Rollups => "campaignparticipations",
            other => other.table(),
        }
    }

    /// The column with the id by which tests name the documents.
    pub(super) const fn id_column(self) -> &'static str {
        if matches!(self, Self::Counters | Self::Rollups) { "participation_id" } else { "id" }
    }
}

/// A field that tests change.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Field {
    pub(super) documents: Documents,
    pub(super) column: &'static str,
    pub(super) key: &'static str,
    /// Whether numbers are micro-units of money.
    pub(super) is_money: bool,
}

impl Field {
    pub(crate) const USER_IS_ACTIVE: Self = Self::new(Documents::Users, "is_active", "isActive");
    pub(crate) const USER_ROLE: Self = Self::new(Documents::Users, "role", "role");
    pub(crate) const CAMPAIGN_TITLE: Self = Self::new(Documents::Campaigns, "title", "title");
    pub(crate) const CAMPAIGN_MEDIA_URL: Self = Self::new(Documents::Campaigns, "media_url", "mediaUrl");
    pub(crate) const CAMPAIGN_MEDIA_TYPE: Self = Self::new(Documents::Campaigns, "media_type", "mediaType");
    pub(crate) const CAMPAIGN_REMAINING: Self =
        Self { is_money: true, ..Self::new(Documents::Campaigns, "remaining_micros", "remainingBudget") };
    pub(crate) const PARTICIPATION_IMPRESSIONS: Self =
        Self::new(Documents::Counters, "impressions", "impressions");
    pub(crate) const PARTICIPATION_CLICKS: Self = Self::new(Documents::Counters, "clicks", "clicks");
    pub(crate) const ROLLUP_IMPRESSIONS: Self =
        Self::new(Documents::Rollups, "impressions", "openRollup.impressions");

    const fn new(documents: Documents, column: &'static str, key: &'static str) -> Self {
        Self { documents, column, key, is_money: false }
    }
}
