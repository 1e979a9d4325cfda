//! Callers with a wrong identity or without permission.

use gametriggers_domain::model::User;
use gametriggers_types::{AuthProvider, Role};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use reqwest::header::{AUTHORIZATION, HeaderValue};
use serde_json::{Value, json};

use super::{Refusal, Stage};
use crate::support::{Reply, Streamer};

/// The server's secret, so that tokens are refused for their claims and not for their signature.
const SECRET: &[u8] = b"a secret of the tests, long enough";

const FORGED: Refusal<'_> = (401, "UNAUTHENTICATED", "is not valid or has expired; sign in again");

/// Every route of the caller's own account, with a body that would change something. A test finds a route that is missing here.
fn caller_routes() -> Vec<(&'static str, &'static str, Value)> {
    vec![
        ("GET", "/api/v1/users/me", Value::Null),
        ("GET", "/api/v1/users/me/campaign-selection", Value::Null),
        ("PUT", "/api/v1/users/me/campaign-selection", json!({"timezone": "Asia/Kolkata"})),
        ("GET", "/api/v1/users/me/overlay", Value::Null),
        ("PUT", "/api/v1/users/me/overlay", json!({"size": "large"})),
        ("POST", "/api/v1/users/me/overlay/regenerate", json!({})),
        ("GET", "/api/v1/users/me/overlay/status", Value::Null),
        ("POST", "/api/v1/users/me/overlay/test", json!({"testCampaign": {"title": "Test"}})),
        ("GET", "/api/v1/campaigns/streamer/active", Value::Null),
    ]
}

/// Those of [`caller_routes`] that an account of any role may use. The others are for streamers.
const OF_ANY_ROLE: &[&str] = &["/api/v1/users/me"];

fn signed(claims: &Value, algorithm: Algorithm, secret: &[u8]) -> String {
    jsonwebtoken::encode(&Header::new(algorithm), claims, &EncodingKey::from_secret(secret)).unwrap()
}

fn claims(stage: &Stage, user: &User) -> Value {
    let now = stage.server.now().as_second();
    let (id, email, role) = (user.id, &user.email, user.role);
    json!({"sub": id, "email": email, "role": role, "iss": "nestjs-auth", "iat": now, "exp": now + 86_400})
}

/// Good claims with one field changed. Null removes the field.
fn but(mut good: Value, field: &str, value: Value) -> Value {
    good[field] = value;
    good.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    good
}

async fn call(stage: &Stage, route: &(&str, &str, Value), authorization: Option<HeaderValue>) -> Reply {
    let (method, path, body) = route;
    let mut request = stage.server.client.request(method.parse().unwrap(), stage.server.url(path));
    if let Some(value) = authorization {
        request = request.header(AUTHORIZATION, value);
    }
    Reply::of(if body.is_null() { request } else { request.json(body) }).await
}

fn bearer(token: &str) -> HeaderValue {
    HeaderValue::from_str(&format!("Bearer {token}")).unwrap()
}

/// Whether the path is one of the template, which has names in braces where the path has values.
fn is_of(path: &str, template: &str) -> bool {
    let mut parts = path.split('/').zip(template.split('/'));
    path.matches('/').count() == template.matches('/').count()
        && parts.all(|(part, of)| part == of || of.starts_with('{'))
}

#[test]
fn every_operation_that_needs_an_account_is_among_the_routes_of_callers() {
    let document: Value = serde_json::from_str(gametriggers_http::openapi_document()).unwrap();
    let routes = caller_routes();
    for (template, operations) in document["paths"].as_object().unwrap() {
        for (method, says) in operations.as_object().unwrap() {
            let method = method.to_uppercase();
            let needs_account = says["security"].as_array().is_some_and(|needed| !needed.is_empty());
            let is_listed = routes.iter().any(|route| route.0 == method && is_of(route.1, template));
            assert!(is_listed || !needs_account, "add {method} {template} to `caller_routes`");
        }
    }
}

#[tokio::test]
async fn without_a_bearer_token_every_route_of_callers_asks_for_one() {
    let stage = Stage::new().await;
    let token = stage.server.bearer(&stage.streamer.user);
    let missing = (401, "UNAUTHENTICATED", "needs a header `Authorization: Bearer <token>`; sign in first");
    for route in &caller_routes() {
        for (value, refusal) in [
            (None, missing),
            (Some(HeaderValue::from_static("")), missing),
            (Some(HeaderValue::from_static("Bearer")), missing),
            (Some(HeaderValue::from_str(&token).unwrap()), missing),
            (Some(HeaderValue::from_bytes("Bearer é".as_bytes()).unwrap()), missing),
            (Some(HeaderValue::from_str(&format!("Basic {token}")).unwrap()), FORGED),
            (Some(bearer("null")), FORGED),
            (Some(bearer("a.b.c")), FORGED),
            (Some(bearer(&stage.streamer.token)), FORGED),
            (Some(bearer(&"e".repeat(10_000))), FORGED),
        ] {
            let case = format!("{} {} with {value:?}", route.0, route.1);
            let reply = call(&stage, route, value).await;
            stage.assert_refused(&case, &reply, refusal);
            assert_eq!(reply.header("www-authenticate"), "Bearer", "{case}");
        }
    }
    stage.assert_untouched().await;
}

/// Defects A2 and A5: the previous system believed unsigned claims, and accepted a refresh token as an access token.
#[tokio::test]
async fn a5_a_token_that_the_server_did_not_sign_for_access_is_refused() {
    let mut stage = Stage::new().await;
    let (other, _) = stage.server.streamer_in(1).await;
    let good = claims(&stage, &stage.streamer.user);
    let hs256 = |claims: &Value| signed(claims, Algorithm::HS256, SECRET);
    let token = hs256(&good);
    let parts: Vec<&str> = token.split('.').collect();
    let others = hs256(&claims(&stage, &other.user));
    let bad = [
        // {"alg":"none","typ":"JWT"}, without a signature and with the real one
        format!("eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.{}.", parts[1]),
        format!("eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.{}.{}", parts[1], parts[2]),
        format!("{}.{}.{}", parts[0], others.split('.').nth(1).unwrap(), parts[2]),
        format!("{}.{}.", parts[0], parts[1]),
        token[..token.len() - 1].to_owned(),
        format!("{token}.{token}"),
        signed(&good, Algorithm::HS384, SECRET),
        signed(&good, Algorithm::HS512, SECRET),
        signed(&good, Algorithm::HS256, b"secret"),
        signed(&good, Algorithm::HS256, b""),
        hs256(&but(good.clone(), "type", json!("refresh"))),
        hs256(&but(good.clone(), "exp", json!(stage.server.now().as_second()))),
        hs256(&but(good.clone(), "exp", Value::Null)),
        hs256(&but(good.clone(), "exp", json!("never"))),
        hs256(&but(good.clone(), "sub", Value::Null)),
        hs256(&but(good.clone(), "sub", json!("admin' --"))),
        hs256(&but(good.clone(), "sub", json!({"$ne": null}))),
        hs256(&but(good.clone(), "user", json!({"id": "not an id"}))),
        hs256(&json!([])),
    ];
    stage.before = stage.server.store.everything().await;
    for token in &bad {
        for route in &caller_routes() {
            let case = format!("{} {} with {token}", route.0, route.1);
            stage.assert_refused(&case, &call(&stage, route, Some(bearer(token))).await, FORGED);
        }
    }
    stage.assert_untouched().await;
    let me = &caller_routes()[0];
    assert_eq!(call(&stage, me, Some(bearer(&token))).await.status, 200);
    stage.server.clock.advance_seconds(86_399);
    assert_eq!(call(&stage, me, Some(bearer(&token))).await.status, 200);
    stage.server.clock.advance_seconds(1);
    stage.assert_refused("expired", &call(&stage, me, Some(bearer(&token))).await, FORGED);
}

/// Fails unless every route refuses the user, whatever role their token names.
async fn assert_refused_everywhere(stage: &mut Stage, user: &User, refusal: Refusal<'_>, but_for: &[&str]) {
    stage.before = stage.server.store.everything().await;
    for role in [Role::Streamer, Role::SuperAdmin, Role::Brand] {
        let token = signed(&claims(stage, &User { role, ..user.clone() }), Algorithm::HS256, SECRET);
        for route in caller_routes().iter().filter(|route| !but_for.contains(&route.1)) {
            let case = format!("{} {} as {role}", route.0, route.1);
            stage.assert_refused(&case, &call(stage, route, Some(bearer(&token))).await, refusal);
        }
    }
    stage.assert_untouched().await;
}

#[tokio::test]
async fn an_account_that_is_gone_is_a_401_and_a_deactivated_one_a_403() {
    let mut stage = Stage::new().await;
    let gone = User { id: "6864d4187d06a675f2abb714".parse().unwrap(), ..stage.streamer.user.clone() };
    let refusal =
        (401, "UNAUTHENTICATED", "the account 6864d4187d06a675f2abb714 of the bearer token is gone");
    assert_refused_everywhere(&mut stage, &gone, refusal, &[]).await;
    let Streamer { user, .. } = stage.server.streamer_with(|user| user.is_active = false).await;
    let refusal = (403, "ACCOUNT_INACTIVE", "this account is deactivated");
    assert_refused_everywhere(&mut stage, &user, refusal, &[]).await;
}

/// Defects A15 and A18: the role in the token counted, and a wrong role was answered with 401, which clients understand as
/// "signed out".
#[tokio::test]
async fn a15_the_stored_role_counts_whatever_the_token_says() {
    const ME: &str = "/api/v1/users/me";
    let mut stage = Stage::new().await;
    for role in [Role::Brand, Role::Admin, Role::SuperAdmin, Role::ArtisteManager] {
        let change = |user: &mut User| {
            (user.role, user.auth_provider, user.overlay_token) = (role, AuthProvider::Email, None);
        };
        let Streamer { user, .. } = stage.server.streamer_with(change).await;
        let refusal = (403, "NOT_A_STREAMER", "only streamers can ");
        assert_refused_everywhere(&mut stage, &user, refusal, OF_ANY_ROLE).await;
        let token = signed(&claims(&stage, &User { role: Role::Streamer, ..user }), Algorithm::HS256, SECRET);
        let me = call(&stage, &("GET", ME, Value::Null), Some(bearer(&token))).await.json();
        assert_eq!((&me["role"], &me["overlayToken"]), (&json!(role), &Value::Null));
    }
    let brand = User { role: Role::Brand, ..stage.streamer.user.clone() };
    let token = signed(&claims(&stage, &brand), Algorithm::HS256, SECRET);
    for route in &caller_routes() {
        let reply = call(&stage, route, Some(bearer(&token))).await;
        assert!((200..300).contains(&reply.status), "{} {}: {}", route.0, route.1, reply.body);
    }
}
