//! `GET /c/{participationId}`: the tracking link, which is the only way for viewers to reach the sponsor.

use actix_web::{
    HttpRequest, HttpResponse, get,
    http::header::{self, HeaderValue},
    web,
};
use gametriggers_services::Visitor;
use gametriggers_types::{NetworkAddress, VisitSource};
use utoipa::{
    IntoParams,
    openapi::{
        ObjectBuilder,
        schema::{AnyOfBuilder, Schema, Type},
    },
};

use super::participation::participation;
use crate::{
    error::ApiError,
    middleware::{client_address::ClientAddress, head::was_sent_as_head},
    openapi::{self, EVENTS},
    pages::visit::{come_again, lead, nothing_here},
    query,
    state::ApiState,
};

/// The query of a link, for the OpenAPI document alone: [`source`] reads it.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code)]
struct VisitQuery {
    /// Where the viewer found the link: `qr`, `chat` or `link`. Anything else counts as `link`.
    #[param(schema_with = source_schema, required = false)]
    src: Option<String>,
}

fn source_schema() -> Schema {
    let known = openapi::words(VisitSource::ALL.iter().map(|source| source.as_str()));
    let other = ObjectBuilder::new().schema_type(Type::String);
    Schema::AnyOf(AnyOfBuilder::new().item(known).item(other).build())
}

/// Counts a visit and leads to the sponsor, or to a plain page where the campaign names no address.
///
/// Links are followed as people and chats have left them: whatever follows the id that is no letter and no digit is taken for
/// the end of a sentence, a `src` that is not known for `link`, and other keys of the query, which platforms add, are ignored.
#[utoipa::path(
    tag = EVENTS,
    extensions(("x-ignores-unknown-query-keys" = json!(true))),
    params(
        ("participationId" = String, Path, description = "The participation", min_length = 1),
        VisitQuery,
    ),
    responses(
        (status = 302, description = "To the campaign's `clickUrl`.", headers(("Location" = String, description = "The campaign's `clickUrl`"))),
        (status = 200, description = "The campaign names no address.", content_type = "text/html", body = String),
        (status = 404, description = "No such link.", content_type = "text/html", body = String),
        (status = 429, description = "Too many from one address.", content_type = "text/html", body = String),
        (status = 503, description = "`STORE_UNAVAILABLE`: a page that asks to come again.", content_type = "text/html", body = String),
    )
)]
#[get("/c/{participationId}")]
pub(crate) async fn follow(
    request: HttpRequest,
    state: web::Data<ApiState>,
    ClientAddress(address): ClientAddress,
    id: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    let Some(participation) = participation(&id) else {
        return nothing_here();
    };
    if let Err(refused) = state.limits.visit(address.key()) {
        return come_again(&refused);
    }
    let source = source(&request);
    let visitor = counts(&request).then(|| visitor(&request, address));
    let target = state.services.links.follow(participation, source, visitor.as_ref()).await;
    lead(target.map_err(ApiError::from))
}

/// The place where the viewer found the link; `link` if the query does not say.
fn source(request: &HttpRequest) -> VisitSource {
    let given = query::lenient(request, "src").unwrap_or_default().to_ascii_lowercase();
    let word = given.split(|sign: char| !sign.is_ascii_alphanumeric()).find(|word| !word.is_empty());
    word.and_then(|word| word.parse().ok()).unwrap_or(VisitSource::Link)
}

/// Whether a viewer made the request. A HEAD request and a browser's prefetch do not count.
fn counts(request: &HttpRequest) -> bool {
    let ahead = |name: &str| {
        let value = request.headers().get(name).and_then(|value| value.to_str().ok());
        value.is_some_and(|value| value.to_ascii_lowercase().contains("prefetch"))
    };
    !was_sent_as_head(request) && !["Sec-Purpose", "Purpose", "X-Moz"].into_iter().any(ahead)
}

fn visitor(request: &HttpRequest, address: NetworkAddress) -> Visitor {
    let agent = request.headers().get_all(header::USER_AGENT).last().map(HeaderValue::as_bytes);
    let agent = String::from_utf8_lossy(agent.unwrap_or_default()).into_owned();
    Visitor { address, agent }
}
