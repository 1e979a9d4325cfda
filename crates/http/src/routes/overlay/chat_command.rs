//! `GET /overlay/{token}/chat-command`: the chat command for the campaign on screen.

use actix_web::{
    HttpRequest, HttpResponse, get,
    http::header::{self, Accept, Header},
    web,
};
use serde::Serialize;
use utoipa::ToSchema;

use super::shown::{NothingShown, TEXT};
use crate::{
    error::ApiError,
    openapi::{OVERLAY, TOKEN},
    query::NoQuery,
    state::ApiState,
};

/// What to say in chat.
#[derive(Serialize, ToSchema)]
pub(crate) struct ChatCommandResponse {
    #[schema(
        example = "!sponsor Check out our sponsor: https://gametriggers.example/c/6864d4ee7d06a675f2abb716?src=chat"
    )]
    command: String,
}

/// The chat command for the campaign on screen: JSON, or plain text where `Accept` asks for it.
#[utoipa::path(
    tag = OVERLAY,
    params(("token" = String, Path, description = TOKEN, min_length = 1)),
    responses(
        (status = 200, description = "The command.", content((ChatCommandResponse = "application/json"), (String = "text/plain"))),
        NothingShown,
    )
)]
#[get("/overlay/{token}/chat-command")]
pub(crate) async fn chat_command(
    request: HttpRequest,
    state: web::Data<ApiState>,
    token: web::Path<String>,
    _: NoQuery,
) -> Result<HttpResponse, ApiError> {
    let command = state.services.links.chat_command(&token).await?;
    if prefers_text(&request) {
        return Ok(HttpResponse::Ok()
            .insert_header((header::VARY, "Accept"))
            .content_type(TEXT)
            .body(command));
    }
    Ok(HttpResponse::Ok().insert_header((header::VARY, "Accept")).json(ChatCommandResponse { command }))
}

/// Whether the caller prefers plain text. A caller without a preference gets JSON.
fn prefers_text(request: &HttpRequest) -> bool {
    let ranked = Accept::parse(request).map(|accept| accept.ranked()).unwrap_or_default();
    let is_text = |wanted: &str| match wanted {
        "text/plain" | "text/*" => Some(true),
        "application/json" | "application/*" | "*/*" => Some(false),
        _ => None,
    };
    ranked.iter().find_map(|wanted| is_text(wanted.essence_str())).unwrap_or(false)
}
