//! `GET /overlay/{token}/chat-command.txt`: the chat command for the campaign on screen. A chat bot posts it.

use actix_web::{HttpResponse, get, web};

use super::shown::{NothingShown, TEXT};
use crate::{
    error::ApiError,
    openapi::{OVERLAY, TOKEN},
    query::NoQuery,
    state::ApiState,
};

/// The chat command as plain text. A chat bot prints what it fetches from this address, and its user can set only the address.
#[utoipa::path(
    tag = OVERLAY,
    params(("token" = String, Path, description = TOKEN, min_length = 1)),
    responses(
        (status = 200, description = "The command.", content_type = "text/plain", body = String),
        NothingShown,
    )
)]
#[get("/overlay/{token}/chat-command.txt")]
pub(crate) async fn chat_command_text(
    state: web::Data<ApiState>,
    token: web::Path<String>,
    _: NoQuery,
) -> Result<HttpResponse, ApiError> {
    Ok(HttpResponse::Ok().content_type(TEXT).body(state.services.links.chat_command(&token).await?))
}
