//! Bearer tokens in the format of the previous system: JWT with HS256.

use gametriggers_types::{Role, SessionId, SignedDuration, Timestamp, UserId};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};

/// How long an access token is valid.
pub const ACCESS_TOKEN_LASTS: SignedDuration = SignedDuration::from_hours(24);
const ISSUER: &str = "nestjs-auth";
/// The purpose of an access token, in the claims that name a purpose.
const ACCESS: &str = "access";

/// Signs and checks bearer tokens.
#[derive(Clone)]
pub struct JwtKeys {
    encoding: EncodingKey,
    decoding: DecodingKey,
}

/// The user for whom a token is issued.
#[derive(Debug, Clone)]
#[allow(missing_docs)]
pub struct TokenSubject {
    pub id: UserId,
    pub email: String,
    pub role: Role,
}

/// The contents of a valid access token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Bearer {
    /// The user of the token.
    pub(crate) user: UserId,
    /// The session of the token (claim `sid`). This server issues tokens without one.
    pub(crate) session: Option<SessionId>,
}

/// The claims of an access token that this server issues.
#[derive(Serialize)]
struct IssuedClaims<'a> {
    sub: String,
    email: &'a str,
    role: String,
    iss: &'static str,
    iat: i64,
    exp: i64,
}

/// The claims that are read from a token. As in the previous system, `iss` is not checked. Times are seconds since the epoch and
/// may have fractions (RFC 7519, section 2).
#[derive(Deserialize)]
struct Claims {
    #[serde(default)]
    sub: Option<String>,
    exp: f64,
    #[serde(default)]
    nbf: Option<f64>,
    /// The field is not used. It is parsed so that a token in which it is no number is refused.
    #[serde(default)]
    #[allow(dead_code)]
    iat: Option<f64>,
    /// The audience of the token. Access tokens of this server have no audience, so a token with one was issued for another
    /// receiver.
    #[serde(default)]
    aud: Option<serde_json::Value>,
    /// The kind of token. It is `refresh` in a refresh token, which must not work as an access token (defect A5).
    #[serde(rename = "type", default)]
    kind: Option<serde_json::Value>,
    /// The purpose of the token, under the names that other issuers give this claim.
    #[serde(default)]
    purpose: Option<serde_json::Value>,
    #[serde(default)]
    token_use: Option<serde_json::Value>,
    /// The session of the token. A value that is not one of our ids is ignored, because other issuers have their own sessions.
    #[serde(default)]
    sid: Option<serde_json::Value>,
    /// The claim that the previous web client reads. Its id takes precedence over `sub`.
    #[serde(default)]
    user: Option<ClaimedUser>,
}

#[derive(Deserialize)]
struct ClaimedUser {
    #[serde(default)]
    id: Option<String>,
}

impl Claims {
    /// Whether these are the claims of an access token that is valid at `now`.
    fn hold(&self, now: Timestamp) -> bool {
        let now = now.as_duration().as_secs_f64();
        let in_time = now < self.exp && self.nbf.is_none_or(|begin| begin <= now);
        let is_access = |purpose: &Option<serde_json::Value>| {
            purpose.as_ref().is_none_or(|purpose| purpose.as_str() == Some(ACCESS))
        };
        in_time
            && self.aud.is_none()
            && [&self.kind, &self.purpose, &self.token_use].into_iter().all(is_access)
    }
}

/// Whether the header is that of an access token. `crit` names extensions that a reader must know (RFC 7515, section 4.1.11), and
/// this reader knows none. `typ` names the kind of token (RFC 8725, section 3.11).
fn is_access_header(header: &Header) -> bool {
    let types = ["JWT", "at+jwt", "application/at+jwt"];
    let known = |typ: &String| types.iter().any(|known| known.eq_ignore_ascii_case(typ));
    header.crit.is_none() && header.typ.as_ref().is_none_or(known)
}

impl JwtKeys {
    /// Makes the keys from a secret.
    #[must_use]
    pub fn new(secret: &[u8]) -> Self {
        Self { encoding: EncodingKey::from_secret(secret), decoding: DecodingKey::from_secret(secret) }
    }

    /// Issues an access token that is valid for [`ACCESS_TOKEN_LASTS`].
    ///
    /// # Errors
    /// If the token cannot be encoded.
    pub fn issue(
        &self,
        subject: &TokenSubject,
        now: Timestamp,
    ) -> Result<String, jsonwebtoken::errors::Error> {
        let iat = now.as_second();
        let claims = IssuedClaims {
            sub: subject.id.to_string(),
            email: &subject.email,
            role: subject.role.to_string(),
            iss: ISSUER,
            iat,
            exp: iat.saturating_add(ACCESS_TOKEN_LASTS.as_secs()),
        };
        jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &self.encoding)
    }

    /// Returns the contents of a token if it is a valid access token at `now`; otherwise `None`.
    pub(crate) fn verify(&self, token: &str, now: Timestamp) -> Option<Bearer> {
        let mut validation = Validation::new(Algorithm::HS256);
        // `Claims::hold` checks the times by the server's clock.
        validation.validate_exp = false;
        validation.validate_aud = false;
        let decoded = jsonwebtoken::decode::<Claims>(token, &self.decoding, &validation).ok()?;
        let claims = decoded.claims;
        if !is_access_header(&decoded.header) || !claims.hold(now) {
            return None;
        }
        let session = claims.sid.as_ref().and_then(|sid| sid.as_str()?.parse().ok());
        let id = claims.user.and_then(|user| user.id).or(claims.sub)?;
        Some(Bearer { user: id.parse().ok()?, session })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &[u8] = b"0123456789abcdef0123456789abcdef";

    fn signed(claims: &serde_json::Value, algorithm: Algorithm) -> String {
        jsonwebtoken::encode(&Header::new(algorithm), claims, &EncodingKey::from_secret(SECRET)).unwrap()
    }

    /// Defect A5: the previous system accepted a refresh token as an access token.
    #[test]
    fn a5_only_access_tokens_of_ours_that_have_not_expired_are_taken() {
        let keys = JwtKeys::new(SECRET);
        let now: Timestamp = "2026-11-20T10:00:00Z".parse().unwrap();
        let sub = "6864d4187d06a675f2abb714";
        let bearer = |user: &str| user.parse().ok().map(|user| Bearer { user, session: None });
        let good = serde_json::json!({"sub": sub, "exp": now.as_second() + 1});
        assert_eq!(keys.verify(&signed(&good, Algorithm::HS256), now), bearer(sub));
        let next_auth = serde_json::json!({"sub": "x", "user": {"id": sub}, "exp": now.as_second() + 1});
        assert_eq!(keys.verify(&signed(&next_auth, Algorithm::HS256), now), bearer(sub));
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

    #[test]
    fn the_session_of_a_token_is_its_sid_where_that_is_an_id_of_ours() {
        let session = "6864d4187d06a675f2abb715";
        for (sid, expected) in [
            (serde_json::json!(session), session.parse().ok()),
            (serde_json::json!("another issuer's"), None),
            (serde_json::json!(7), None),
            (serde_json::json!(null), None),
        ] {
            let token = with(&Header::new(Algorithm::HS256), &serde_json::json!({"sid": sid}));
            let bearer = JwtKeys::new(SECRET).verify(&token, Timestamp::from_second(NOW).unwrap()).unwrap();
            assert_eq!(bearer, Bearer { user: SUB.parse().unwrap(), session: expected }, "{sid}");
        }
    }

    /// A token of the test's user with these claims added. It is valid for a minute unless the claims say otherwise.
    fn with(header: &Header, claims: &serde_json::Value) -> String {
        let mut all = serde_json::json!({"sub": SUB, "exp": NOW + 60});
        all.as_object_mut().unwrap().extend(claims.as_object().unwrap().clone());
        jsonwebtoken::encode(header, &all, &EncodingKey::from_secret(SECRET)).unwrap()
    }

    const SUB: &str = "6864d4187d06a675f2abb714";
    const NOW: i64 = 1_795_255_200;

    /// Whether the token is accepted half a second after [`NOW`].
    fn is_taken(token: &str) -> bool {
        let now = Timestamp::from_millisecond(NOW * 1_000 + 500).unwrap();
        JwtKeys::new(SECRET).verify(token, now).is_some()
    }

    /// Tokens of other issuers may have times with fractions.
    #[test]
    fn the_times_of_a_token_are_kept_to_the_fraction_of_a_second() {
        let header = Header::new(Algorithm::HS256);
        let half = 1_795_255_200.5;
        for (claims, taken) in [
            (serde_json::json!({"exp": half + 0.25, "iat": half - 0.25, "nbf": half - 0.25}), true),
            (serde_json::json!({"exp": half}), false),
            (serde_json::json!({"exp": half - 0.25}), false),
            (serde_json::json!({"nbf": half}), true),
            (serde_json::json!({"nbf": half + 0.25}), false),
            (serde_json::json!({"nbf": NOW + 30}), false),
            (serde_json::json!({"iat": NOW + 30}), true),
            (serde_json::json!({"exp": 1e12}), true),
            (serde_json::json!({"exp": null}), false),
            (serde_json::json!({"exp": "1795255300"}), false),
            (serde_json::json!({"nbf": "1795255100"}), false),
        ] {
            assert_eq!(is_taken(&with(&header, &claims)), taken, "{claims}");
        }
    }

    #[test]
    fn a_token_that_is_meant_for_something_else_is_refused() {
        let header = Header::new(Algorithm::HS256);
        for (claims, taken) in [
            (serde_json::json!({"aud": "another-service"}), false),
            (serde_json::json!({"aud": ["another-service", "a-third"]}), false),
            (serde_json::json!({"aud": null, "type": null}), true),
            (serde_json::json!({"type": "access"}), true),
            (serde_json::json!({"type": 1}), false),
            (serde_json::json!({"purpose": "access", "token_use": "access"}), true),
            (serde_json::json!({"purpose": "password-reset"}), false),
            (serde_json::json!({"token_use": "id"}), false),
        ] {
            assert_eq!(is_taken(&with(&header, &claims)), taken, "{claims}");
        }
        let typed = |typ: Option<&str>| Header { typ: typ.map(str::to_owned), ..header.clone() };
        for (typ, taken) in
            [(None, true), (Some("jwt"), true), (Some("at+JWT"), true), (Some("refresh+jwt"), false)]
        {
            assert_eq!(is_taken(&with(&typed(typ), &serde_json::json!({}))), taken, "{typ:?}");
        }
    }

    /// RFC 7515: a reader must refuse a token if `crit` names an extension that the reader does not know.
    #[test]
    fn a_token_whose_critical_extensions_are_unknown_is_refused() {
        for crit in [vec!["exp".to_owned()], vec!["b64".to_owned()], vec![]] {
            let header = Header { crit: Some(crit.clone()), ..Header::new(Algorithm::HS256) };
            assert!(!is_taken(&with(&header, &serde_json::json!({}))), "{crit:?}");
        }
    }
}
