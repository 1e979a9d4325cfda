//! Protects the store from an address that sends too many unknown tokens. Endpoints apply the other limits themselves.

use actix_web::{
    Error, ResponseError,
    body::{BoxBody, EitherBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    http::{Method, StatusCode},
    middleware::Next,
    web,
};
use gametriggers_types::ScreenToken;

use super::client_address::ClientAddress;
use crate::{
    error::{ApiError, ErrorCode},
    pages,
    state::ApiState,
};

/// Refuses requests of an address that has sent too many unknown tokens, without reading the store. Tokens that were found within
/// the last hour pass, so that overlays behind the same address keep working.
pub(crate) async fn limit_unknown_tokens<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B, BoxBody>>, Error> {
    let Some(state) = request.app_data::<web::Data<ApiState>>().cloned() else {
        return Ok(next.call(request).await?.map_into_left_body());
    };
    if state.limits.anybody_waits()
        && let Some(wait) = state.limits.waits(ClientAddress::of(request.request()).0.key())
        && let Some((token, rest)) = addressed_token(request.match_info().as_str())
        && !state.services.overlay.has_found(token)
    {
        let refusal = state.limits.refusal_of_unknown_tokens(wait);
        // A browser gets a page, as in other cases. The overlay page is transparent and tries again.
        let page = match (request.method(), rest) {
            (&Method::GET, None) => pages::overlay::come_again(&refusal),
            (&Method::GET, Some("click")) => pages::visit::come_again(&refusal),
            _ => Err(refusal),
        };
        let refused = page.unwrap_or_else(|error| error.error_response());
        return Ok(request.into_response(refused).map_into_right_body());
    }
    let response = next.call(request).await?;
    if is_unknown_token(&response, &state) {
        state.limits.note_unknown_token(ClientAddress::of(response.request()).0.key());
    }
    Ok(response.map_into_left_body())
}

/// Whether the store was asked for a token and did not know it. A text that cannot be a token is not looked up.
fn is_unknown_token<B>(response: &ServiceResponse<B>, state: &ApiState) -> bool {
    if response.status() != StatusCode::NOT_FOUND {
        return false;
    }
    let token = response.request().match_info().get("token");
    let token = token.filter(|token| ScreenToken::parse(token).is_some());
    // The answer of a page has no error code.
    let code = response.response().error().and_then(|error| error.as_error::<ApiError>()).map(ApiError::code);
    token.is_some_and(|token| match code {
        Some(code) => code == ErrorCode::UnknownToken,
        None => !state.services.overlay.has_found(token),
    })
}

/// Returns the token and the part after it from a path such as `/api/v1/overlay/{token}/data` or
/// `/api/v1/campaigns/click/{token}`. `path` is the path by which routes are matched.
fn addressed_token(path: &str) -> Option<(&str, Option<&str>)> {
    let mut parts = path.split('/').filter(|part| !part.is_empty()).peekable();
    parts.next_if_eq(&"api")?;
    parts.next_if_eq(&"v1");
    match parts.next()? {
        "overlay" => {}
        "campaigns" => {
            parts.next_if(|part| matches!(*part, "click" | "impression"))?;
        }
        _ => return None,
    }
    Some((parts.next()?, parts.next()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_token_is_found_wherever_a_path_has_one() {
        assert_eq!(addressed_token("/api/v1/overlay/abc/data"), Some(("abc", Some("data"))));
        assert_eq!(addressed_token("//api//overlay/abc/"), Some(("abc", None)));
        assert_eq!(addressed_token("/api/v1/campaigns/impression/abc"), Some(("abc", None)));
        for without in [
            "/api/v1/users/me",
            "/api/v1/users/me/overlay/status",
            "/api/v1/users/me/overlay/regenerate",
            "/api/v1/campaigns/streamer/active",
            "/api/v1/overlay",
            "/c/abc",
        ] {
            assert_eq!(addressed_token(without), None, "{without}");
        }
    }
}
