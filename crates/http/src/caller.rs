//! The caller of a request, for endpoints that act for an account.

use std::{pin::Pin, rc::Rc};

use actix_web::{FromRequest, HttpMessage, HttpRequest, dev::Payload, http::header, web::Data};
use gametriggers_domain::access::Actor;

use crate::{
    error::{ApiError, ErrorCode},
    jwt::Bearer,
    state::ApiState,
};

/// The actor that the bearer token of the request names. An endpoint that takes it refuses requests without a valid token, and
/// tokens of accounts that do not exist or are deactivated.
///
/// The account is loaded once per request and kept in the request's extensions.
pub(crate) struct Caller(pub(crate) Rc<Actor>);

impl FromRequest for Caller {
    type Error = ApiError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, ApiError>>>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move { actor(&request).await.map(Self) })
    }
}

async fn actor(request: &HttpRequest) -> Result<Rc<Actor>, ApiError> {
    let loaded = request.extensions().get::<Rc<Actor>>().cloned();
    if let Some(actor) = loaded {
        return Ok(actor);
    }
    let (state, Bearer { user, session }) = bearer(request)?;
    let actor = Rc::new(state.services.streamers.actor(user, session).await?);
    request.extensions_mut().insert(actor.clone());
    Ok(actor)
}

/// Reads the bearer token of a request.
fn bearer(request: &HttpRequest) -> Result<(&Data<ApiState>, Bearer), ApiError> {
    let refused = |message| ApiError::new(ErrorCode::Unauthenticated, message);
    let given = || {
        let state = request.app_data::<Data<ApiState>>()?;
        let value = request.headers().get(header::AUTHORIZATION)?.to_str().ok()?;
        let (scheme, token) = value.split_once(' ')?;
        Some((state, scheme, token))
    };
    let Some((state, scheme, token)) = given() else {
        return Err(refused("this route needs a header `Authorization: Bearer <token>`; sign in first"));
    };
    let is_bearer = scheme.eq_ignore_ascii_case("bearer");
    let bearer = is_bearer.then(|| state.jwt.verify(token.trim(), state.clock.now())).flatten();
    let bearer =
        bearer.ok_or_else(|| refused("the bearer token is not valid or has expired; sign in again"))?;
    Ok((state, bearer))
}
