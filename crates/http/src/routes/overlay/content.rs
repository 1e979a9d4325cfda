//! The content of a screen, in the form in which it is sent and kept in memory.

use actix_web::web::Bytes;
use gametriggers_domain::eligibility::EmptyReason;
use gametriggers_services::{OnScreen, Rendering, Screen, TEST_AD_LASTS};
use gametriggers_types::{CampaignId, DecisionId, MediaType, ParticipationId, Timestamp};
use serde::Serialize;
use siphasher::sip128::SipHasher13;
use utoipa::ToSchema;

use crate::{error::ApiError, state::ApiState, wire::OverlaySettingsResponse};

/// What kind of content is on screen.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
enum ContentKind {
    Campaign,
    Test,
    Empty,
}

/// What is on screen. Where nothing is, every key but `kind`, `reason` and `version` is `null`.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct OverlayDataResponse {
    kind: ContentKind,
    title: Option<String>,
    media_url: Option<String>,
    #[schema(value_type = Option<String>, example = "image")]
    media_type: Option<MediaType>,
    #[schema(value_type = Option<String>)]
    campaign_id: Option<CampaignId>,
    #[schema(value_type = Option<String>)]
    participation_id: Option<ParticipationId>,
    /// The decision that put the campaign there; the same for all who ask while it is in force.
    #[schema(value_type = Option<String>, example = "6864d4187d06a675f2abb714-17")]
    decision_id: Option<DecisionId>,
    /// Proof of this display, to send along with events until 10 minutes after its end.
    receipt: Option<String>,
    strategy: Option<String>,
    #[schema(value_type = Option<String>, format = DateTime)]
    slot_start: Option<Timestamp>,
    /// When something else may be on screen; ask again then.
    #[schema(value_type = Option<String>, format = DateTime)]
    slot_end: Option<Timestamp>,
    overlay_settings: Option<OverlaySettingsResponse>,
    /// Why nothing is on screen.
    #[schema(value_type = Option<String>, example = "blackout")]
    reason: Option<EmptyReason>,
    /// Changes with anything above; equals the `ETag`.
    version: String,
}

impl OverlayDataResponse {
    fn empty(reason: EmptyReason) -> Self {
        Self {
            kind: ContentKind::Empty,
            title: None,
            media_url: None,
            media_type: None,
            campaign_id: None,
            participation_id: None,
            decision_id: None,
            receipt: None,
            strategy: None,
            slot_start: None,
            slot_end: None,
            overlay_settings: None,
            reason: Some(reason),
            version: String::new(),
        }
    }

    /// Makes the answer as JSON, with its entity tag as its version. The version is a hash of all other fields, so it is the same
    /// on every instance and after every restart.
    fn rendered(mut self) -> Result<Rendering, serde_json::Error> {
        let hash = SipHasher13::new().hash(&serde_json::to_vec(&self)?).as_u128();
        self.version = format!("{hash:032x}");
        let mut text = format!("\"{}\"", self.version).into_bytes();
        let tag_length = text.len();
        serde_json::to_writer(&mut text, &self)?;
        // Both parts are kept in memory for many screens, so they share one allocation of exactly their size. Shrinking `text`
        // would not guarantee that size.
        let mut body = Bytes::copy_from_slice(&text);
        let entity_tag = body.split_to(tag_length);
        Ok(Rendering { version: entity_tag, body })
    }
}

impl From<Screen> for OverlayDataResponse {
    fn from(screen: Screen) -> Self {
        let settings = OverlaySettingsResponse::from(screen.user.overlay);
        match screen.on_screen {
            OnScreen::Empty(reason) => Self::empty(reason),
            OnScreen::Test { ad, receipt } => Self {
                kind: ContentKind::Test,
                title: Some(ad.title),
                media_url: Some(ad.media_url.as_str().to_owned()),
                media_type: Some(ad.media_type),
                campaign_id: None,
                participation_id: None,
                decision_id: None,
                receipt: Some(receipt),
                strategy: None,
                slot_start: ad.expires_at.checked_sub(TEST_AD_LASTS).ok(),
                slot_end: Some(ad.expires_at),
                overlay_settings: Some(settings),
                reason: None,
                version: String::new(),
            },
            OnScreen::Campaign(shown) => Self {
                kind: ContentKind::Campaign,
                title: Some(shown.campaign.title),
                media_url: Some(shown.campaign.media_url),
                media_type: Some(shown.campaign.media_type),
                campaign_id: Some(shown.campaign.id),
                participation_id: Some(shown.participation.id),
                decision_id: Some(shown.decision.id),
                receipt: Some(shown.receipt),
                strategy: shown.decision.selection().map(|selection| selection.strategy.clone()),
                slot_start: Some(shown.decision.slot_start),
                slot_end: Some(shown.decision.until),
                overlay_settings: Some(settings),
                reason: None,
                version: String::new(),
            },
        }
    }
}

/// Returns the content of the screen with this token. Makes a decision if none is in force.
pub(super) async fn screen(state: &ApiState, token: &str) -> Result<Rendering, ApiError> {
    let render =
        |screen| OverlayDataResponse::from(screen).rendered().map_err(|error| ApiError::internal(&error));
    state.services.overlay.render(token, render).await
}
