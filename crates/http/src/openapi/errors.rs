//! Descriptions of errors that many endpoints share.

use utoipa::IntoResponses;

use crate::error::ErrorResponse;

/// The errors of routes that are addressed by a token.
#[derive(IntoResponses)]
#[allow(dead_code)]
pub(crate) enum TokenErrors {
    /// `UNKNOWN_TOKEN`
    #[response(status = 404)]
    UnknownToken(ErrorResponse),
    /// `RATE_LIMITED`
    #[response(status = 429)]
    Limited(ErrorResponse),
    /// `STORE_UNAVAILABLE`
    #[response(status = 503)]
    Away(ErrorResponse),
}

/// The errors of routes in a streamer's own name.
#[derive(IntoResponses)]
#[allow(dead_code)]
pub(crate) enum CallerErrors {
    /// `UNAUTHENTICATED`, also where the account of the token is gone
    #[response(status = 401)]
    Unauthenticated(ErrorResponse),
    /// `ACCOUNT_INACTIVE`, `NOT_A_STREAMER`, `NOT_YOUR_TOKEN`
    #[response(status = 403)]
    Forbidden(ErrorResponse),
    /// `STORE_UNAVAILABLE`
    #[response(status = 503)]
    Away(ErrorResponse),
}

/// The errors of routes that take settings.
#[derive(IntoResponses)]
#[allow(dead_code)]
pub(crate) enum BodyErrors {
    /// `MALFORMED_BODY`, `VALIDATION_FAILED`
    #[response(status = 400)]
    Refused(ErrorResponse),
    /// `BODY_TOO_SLOW`
    #[response(status = 408)]
    TooSlow(ErrorResponse),
    /// `BODY_TOO_LARGE`
    #[response(status = 413)]
    TooLarge(ErrorResponse),
    /// `ENCODING_NOT_SUPPORTED`
    #[response(status = 415)]
    Encoded(ErrorResponse),
    /// `RATE_LIMITED`
    #[response(status = 429)]
    Limited(ErrorResponse),
}
