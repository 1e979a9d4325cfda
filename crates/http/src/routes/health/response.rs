//! The answer of the health endpoints.

use serde::Serialize;
use utoipa::ToSchema;

/// That all is well.
#[derive(Serialize, ToSchema)]
pub(crate) struct HealthResponse {
    /// `live` or `ready`.
    #[schema(example = "ready")]
    pub(super) status: &'static str,
}
