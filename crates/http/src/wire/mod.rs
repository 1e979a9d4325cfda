//! The answers that several endpoints share. They hold chosen fields of stored documents, never a whole document (defect A8).

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
