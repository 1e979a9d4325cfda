//! What several endpoints answer: chosen fields of stored documents, never the whole document (defect A8).

mod about;
mod campaign;
mod overlay;
mod selection;
mod user;

pub(crate) use self::{
    about::{INDEX, IndexResponse},
    campaign::JoinedCampaignResponse,
    overlay::{OverlayAccessResponse, OverlaySettingsResponse},
    selection::SelectionResponse,
    user::UserResponse,
};
