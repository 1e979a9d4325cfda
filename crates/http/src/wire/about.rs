//! The name of the server and the address of its API description.

use serde::Serialize;
use utoipa::ToSchema;

/// The name of the server and the address of its API description.
#[derive(Serialize, ToSchema)]
pub(crate) struct IndexResponse {
    #[schema(example = "GameTriggers")]
    name: &'static str,
    /// Where the description of the API is.
    #[schema(example = "/api/v1/openapi.json")]
    openapi: &'static str,
}

/// This server.
pub(crate) const INDEX: IndexResponse =
    IndexResponse { name: "GameTriggers", openapi: "/api/v1/openapi.json" };
