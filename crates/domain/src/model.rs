//! Users, campaigns and participations in the form that all layers above storage use.

use gametriggers_types::{
    AuthProvider, CampaignId, CampaignStatus, MediaType, Money, OverlaySettings, ParticipationId,
    ParticipationStatus, Role, ScreenToken, SelectionSettings, Timestamp, UserId, WebUrl,
};

use crate::{ledger::Counters, price::Payment};

/// A user with an account. The password hash is not part of it, so that it cannot leave the store by accident.
#[derive(Debug, Clone, PartialEq)]
#[allow(missing_docs)] // the fields are the stored document's, described in docs/api.md
pub struct User {
    pub id: UserId,
    pub email: String,
    pub name: String,
    pub image: Option<String>,
    pub role: Role,
    pub auth_provider: AuthProvider,
    pub auth_provider_id: Option<String>,
    pub channel_url: Option<String>,
    pub categories: Vec<String>,
    pub languages: Vec<String>,
    pub description: Option<String>,
    /// A deactivated user cannot sign in, and their screen is empty.
    pub is_active: bool,
    pub overlay: OverlaySettings,
    /// Made when it is first requested.
    pub overlay_token: Option<ScreenToken>,
    /// When the overlay token was last replaced. Tokens of participations joined before then, and receipts from before
    /// then, are void.
    pub tokens_revoked_at: Option<Timestamp>,
    pub overlay_last_seen: Option<Timestamp>,
    pub selection: SelectionSettings,
    pub test_campaign: Option<TestCampaign>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

impl User {
    /// An active user with default settings, created at `now`.
    #[must_use]
    pub fn new(
        id: UserId,
        email: String,
        name: String,
        role: Role,
        auth_provider: AuthProvider,
        now: Timestamp,
    ) -> Self {
        Self {
            id,
            email,
            name,
            image: None,
            role,
            auth_provider,
            auth_provider_id: None,
            channel_url: None,
            categories: Vec::new(),
            languages: Vec::new(),
            description: None,
            is_active: true,
            overlay: OverlaySettings::default(),
            overlay_token: None,
            tokens_revoked_at: None,
            overlay_last_seen: None,
            selection: SelectionSettings::default(),
            test_campaign: None,
            created_at: now,
            updated_at: now,
        }
    }

    /// The test ad; `None` if there is none or it has expired.
    #[must_use]
    pub fn test_ad_at(&self, now: Timestamp) -> Option<&TestCampaign> {
        self.test_campaign.as_ref().filter(|test| now < test.expires_at)
    }
}

/// An ad that a streamer shows on their own screen for a few seconds to see where it appears.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct TestCampaign {
    pub title: String,
    pub media_url: WebUrl,
    pub media_type: MediaType,
    pub expires_at: Timestamp,
}

/// A campaign, funded by a brand.
#[derive(Debug, Clone, PartialEq)]
#[allow(missing_docs)]
pub struct Campaign {
    pub id: CampaignId,
    pub title: String,
    pub description: Option<String>,
    pub brand_id: UserId,
    pub budget: Money,
    pub remaining_budget: Money,
    /// The stored text. The previous system accepted any text; the campaign is shown only if it is a [`WebUrl`].
    pub media_url: String,
    pub media_type: MediaType,
    /// The target of a click, as it was stored. It is followed only if [`WebUrl::parse_click_address`] accepts it.
    pub click_url: Option<String>,
    pub status: CampaignStatus,
    pub categories: Vec<String>,
    pub languages: Vec<String>,
    pub start_date: Option<Timestamp>,
    pub end_date: Option<Timestamp>,
    pub payment: Payment,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// A streamer's participation in a campaign.
#[derive(Debug, Clone, PartialEq)]
#[allow(missing_docs)]
pub struct Participation {
    pub id: ParticipationId,
    pub campaign_id: CampaignId,
    pub streamer_id: UserId,
    pub status: ParticipationStatus,
    /// A projection of the participation's ledger entries.
    pub counters: Counters,
    /// The average from the previous system. It is shown until the first sample is taken.
    pub average_viewers_before: f64,
    /// Written once, when the streamer joins. No update changes it.
    pub browser_source_token: ScreenToken,
    pub browser_source_url: String,
    pub joined_at: Timestamp,
    pub tracking: TrackingLinks,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

impl Participation {
    /// The participation of a streamer who joins at `now`. `token` stays its browser source token for ever.
    #[must_use]
    pub fn joined(
        id: ParticipationId,
        campaign_id: CampaignId,
        streamer_id: UserId,
        token: ScreenToken,
        now: Timestamp,
    ) -> Self {
        Self {
            id,
            campaign_id,
            streamer_id,
            status: ParticipationStatus::Active,
            counters: Counters::default(),
            average_viewers_before: 0.0,
            browser_source_url: format!("/api/v1/overlay/{}", token.expose()),
            browser_source_token: token,
            joined_at: now,
            tracking: TrackingLinks::default(),
            created_at: now,
            updated_at: now,
        }
    }

    /// The mean number of viewers over all sampled minutes. (Defects M15 and M16: it was (old + new) / 2.)
    #[must_use]
    #[allow(clippy::cast_precision_loss)] // a mean to 15 digits
    pub fn average_viewers(&self) -> f64 {
        if self.counters.viewer_samples == 0 {
            self.average_viewers_before
        } else {
            self.counters.viewer_sum as f64 / self.counters.viewer_samples as f64
        }
    }
}

/// The links through which viewers reach the sponsor.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct TrackingLinks {
    pub tracking_url: Option<String>,
    pub qr_code_url: Option<String>,
    pub chat_command: Option<String>,
}
