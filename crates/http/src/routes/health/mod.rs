//! Whether the server runs and whether it can work, for whoever watches it.

use serde::Serialize;
use utoipa::ToSchema;

endpoints! {
    live,
    ready,
    root,
}

/// That all is well.
#[derive(Serialize, ToSchema)]
pub(crate) struct HealthResponse {
    /// `live` or `ready`.
    #[schema(example = "ready")]
    status: &'static str,
}
