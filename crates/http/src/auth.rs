//! Who calls: bearer tokens in the form of the previous system, JWT by HS256.

use std::future::{Ready, ready};

use actix_web::{FromRequest, HttpRequest, dev::Payload, http::header, web};
use gametriggers_types::{Role, SignedDuration, Timestamp, UserId};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};

use crate::{
    ApiState,
    error::{ApiError, ErrorCode},
};

/// How long an access token lasts.
pub const ACCESS_TOKEN_LASTS: SignedDuration = SignedDuration::from_hours(24);
const ISSUER: &str = "nestjs-auth";

/// Signs and checks bearer tokens.
#[derive(Clone)]
pub struct JwtKeys {
    encoding: EncodingKey,
    decoding: DecodingKey,
}

/// Whom a token is for.
#[derive(Debug, Clone)]
#[allow(missing_docs)]
pub struct TokenSubject {
    pub id: UserId,
    pub email: String,
    pub role: Role,
}

/// What a token says. `iss` is not checked, as in the previous system.
#[derive(Serialize, Deserialize)]
struct Claims {
    #[serde(default)]
    sub: Option<String>,
    #[serde(default)]
    email: Option<String>,
    #[serde(default)]
    role: Option<String>,
    #[serde(default)]
    iss: Option<String>,
    #[serde(default)]
    iat: Option<i64>,
    exp: i64,
    /// `refresh` in a refresh token, which is good for nothing else (defect A5).
    #[serde(rename = "type", default, skip_serializing_if = "Option::is_none")]
    kind: Option<String>,
    /// The form in which the previous web client signed: its id takes precedence over `sub`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    user: Option<ClaimedUser>,
}

#[derive(Serialize, Deserialize)]
struct ClaimedUser {
    #[serde(default)]
    id: Option<String>,
}

impl JwtKeys {
    /// Keys of a secret.
    #[must_use]
    pub fn new(secret: &[u8]) -> Self {
        Self { encoding: EncodingKey::from_secret(secret), decoding: DecodingKey::from_secret(secret) }
    }

    /// An access token that lasts for [`ACCESS_TOKEN_LASTS`].
    ///
    /// # Errors
    /// If the token cannot be encoded.
    pub fn issue(
        &self,
        subject: &TokenSubject,
        now: Timestamp,
    ) -> Result<String, jsonwebtoken::errors::Error> {
        let iat = now.as_second();
        let claims = Claims {
            sub: Some(subject.id.to_string()),
            email: Some(subject.email.clone()),
            role: Some(subject.role.to_string()),
            iss: Some(ISSUER.to_owned()),
            iat: Some(iat),
            exp: iat.saturating_add(ACCESS_TOKEN_LASTS.as_secs()),
            kind: None,
            user: None,
        };
        jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &self.encoding)
    }

    /// Whom a token is for, if it is an access token of ours that has not expired.
    fn verify(&self, token: &str, now: Timestamp) -> Option<UserId> {
        let mut validation = Validation::new(Algorithm::HS256);
        // Checked below, by the server's clock.
        validation.validate_exp = false;
        validation.validate_aud = false;
        let claims = jsonwebtoken::decode::<Claims>(token, &self.decoding, &validation).ok()?.claims;
        if now.as_second() >= claims.exp || claims.kind.is_some() {
            return None;
        }
        let id = claims.user.and_then(|user| user.id).or(claims.sub)?;
        id.parse().ok()
    }
}

/// The caller of a request with a valid bearer token. The account is looked up by the service.
pub(crate) struct Caller(pub(crate) UserId);

impl FromRequest for Caller {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let refused = |message| ApiError::new(ErrorCode::Unauthenticated, message);
        let caller = || {
            let state = request.app_data::<web::Data<ApiState>>()?;
            let value = request.headers().get(header::AUTHORIZATION)?.to_str().ok()?;
            let (scheme, token) = value.split_once(' ')?;
            let id = scheme
                .eq_ignore_ascii_case("bearer")
                .then(|| state.jwt.verify(token.trim(), state.clock.now()));
            Some(id.flatten())
        };
        ready(match caller() {
            None => Err(refused("this route needs a header `Authorization: Bearer <token>`; sign in first")),
            Some(None) => Err(refused("the bearer token is not valid or has expired; sign in again")),
            Some(Some(id)) => Ok(Self(id)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &[u8] = b"0123456789abcdef0123456789abcdef";

    fn signed(claims: &serde_json::Value, algorithm: Algorithm) -> String {
        jsonwebtoken::encode(&Header::new(algorithm), claims, &EncodingKey::from_secret(SECRET)).unwrap()
    }

    /// Defect A5: a refresh token worked as an access token.
    #[test]
    fn a5_only_access_tokens_of_ours_that_have_not_expired_are_taken() {
        let keys = JwtKeys::new(SECRET);
        let now: Timestamp = "2026-11-20T10:00:00Z".parse().unwrap();
        let sub = "6864d4187d06a675f2abb714";
        let good = serde_json::json!({"sub": sub, "exp": now.as_second() + 1});
        assert_eq!(keys.verify(&signed(&good, Algorithm::HS256), now), sub.parse().ok());
        let next_auth = serde_json::json!({"sub": "x", "user": {"id": sub}, "exp": now.as_second() + 1});
        assert_eq!(keys.verify(&signed(&next_auth, Algorithm::HS256), now), sub.parse().ok());
        for bad in [
            serde_json::json!({"sub": sub, "exp": now.as_second()}),
            serde_json::json!({"sub": sub}),
            serde_json::json!({"sub": sub, "exp": now.as_second() + 1, "type": "refresh"}),
            serde_json::json!({"sub": "not an id", "exp": now.as_second() + 1}),
        ] {
            assert_eq!(keys.verify(&signed(&bad, Algorithm::HS256), now), None, "{bad}");
        }
        assert_eq!(keys.verify(&signed(&good, Algorithm::HS512), now), None, "another algorithm");
        let other = JwtKeys::new(b"ffffffffffffffffffffffffffffffff");
        assert_eq!(other.verify(&signed(&good, Algorithm::HS256), now), None, "another secret");
    }
}
