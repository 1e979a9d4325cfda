//! The one format of error answers: `{"statusCode", "message", "error", "code"}`.

use std::fmt;

use actix_web::{
    HttpResponse, HttpResponseBuilder, ResponseError,
    error::QueryPayloadError,
    http::{StatusCode, header},
};
use gametriggers_services::{ServiceError, StorageError};
use serde::Serialize;
use utoipa::ToSchema;

use crate::middleware::request_id::RequestId;

/// What went wrong, for programs. A code never changes its meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ErrorCode {
    /// The body is not the JSON that the route takes.
    MalformedBody,
    /// A value is out of its range, or a field is unknown or contradicts another.
    ValidationFailed,
    /// The receipt was not signed by this server for this overlay, or was revoked.
    ReceiptInvalid,
    /// The display ended more than 10 minutes ago.
    ReceiptExpired,
    /// No bearer token, one that is not valid, or one of an account that is gone.
    Unauthenticated,
    /// The account is deactivated.
    AccountInactive,
    /// Only streamers can do this.
    NotAStreamer,
    /// The overlay token in the request is not the caller's.
    NotYourToken,
    /// No overlay has this token, or it was revoked.
    UnknownToken,
    /// No campaign is on screen.
    NothingOnScreen,
    /// The link leads to no campaign.
    UnknownLink,
    /// There is no such upload of the previous system.
    UploadNotFound,
    /// There is no such route.
    RouteNotFound,
    /// The route is there, but not for this method; the header `Allow` names those it is there for.
    MethodNotAllowed,
    /// Something else has a value already that must be unique; the message names the kind of document and the field.
    AlreadyExists,
    /// The body is larger than any request needs.
    BodyTooLarge,
    /// The body did not come in time.
    BodyTooSlow,
    /// The body is compressed, or encoded otherwise.
    EncodingNotSupported,
    /// Too many requests of this kind; the same request may succeed after `Retry-After`.
    RateLimited,
    /// The store is away; the same request may succeed later.
    StoreUnavailable,
    /// A fault of the server, which has logged it.
    Internal,
}

impl ErrorCode {
    /// The status that belongs to the code.
    #[must_use]
    pub const fn status(self) -> StatusCode {
        match self {
            Self::MalformedBody | Self::ValidationFailed | Self::ReceiptInvalid | Self::ReceiptExpired => {
                StatusCode::BAD_REQUEST
            }
            Self::Unauthenticated => StatusCode::UNAUTHORIZED,
            Self::AccountInactive | Self::NotAStreamer | Self::NotYourToken => StatusCode::FORBIDDEN,
            Self::UnknownToken
            | Self::NothingOnScreen
            | Self::UnknownLink
            | Self::UploadNotFound
            | Self::RouteNotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::AlreadyExists => StatusCode::CONFLICT,
            Self::BodyTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::BodyTooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::EncodingNotSupported => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::RateLimited => StatusCode::TOO_MANY_REQUESTS,
            Self::StoreUnavailable => StatusCode::SERVICE_UNAVAILABLE,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

/// The number of seconds after which a client may try again if the store does not answer.
const RETRY_AFTER_SECONDS: u64 = 5;
/// The greatest length of a message in characters. Longer ones are cut, because a message may quote its input.
const MAX_MESSAGE_CHARS: usize = 400;

/// An error answer.
#[derive(Debug)]
pub struct ApiError {
    code: ErrorCode,
    message: String,
    retry_after_seconds: Option<u64>,
    /// The value of the header `Allow`, if the method was wrong.
    allow: Option<String>,
}

impl ApiError {
    pub(crate) fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        let message = message.into();
        let message = match message.char_indices().nth(MAX_MESSAGE_CHARS) {
            Some((end, _)) => format!("{}…", &message[..end]),
            None => message,
        };
        Self { code, message, retry_after_seconds: None, allow: None }
    }

    /// Makes the error for too many requests of a kind, such as `clicks`, with the seconds until more are allowed.
    pub(crate) fn rate_limited(kind: &str, retry_after_seconds: u64) -> Self {
        let message = format!("too many {kind}; try again in {retry_after_seconds} s");
        Self { retry_after_seconds: Some(retry_after_seconds), ..Self::new(ErrorCode::RateLimited, message) }
    }

    pub(crate) fn validation(message: impl Into<String>) -> Self {
        Self::new(ErrorCode::ValidationFailed, message)
    }

    pub(crate) fn no_such_route() -> Self {
        Self::new(
            ErrorCode::RouteNotFound,
            "there is no such route; /api/v1/openapi.json lists those there are",
        )
    }

    /// Makes the error for a wrong method. `allow` lists the allowed methods in the format of the header `Allow`.
    pub(crate) fn wrong_method(allow: &str) -> Self {
        let message = format!("this route does not take this method; it takes {allow}");
        Self { allow: Some(allow.to_owned()), ..Self::new(ErrorCode::MethodNotAllowed, message) }
    }

    pub(crate) fn query(error: &QueryPayloadError) -> Self {
        let cause = match error {
            QueryPayloadError::Deserialize(cause) => cause.to_string(),
            other => other.to_string(),
        };
        Self::validation(format!("the query of the address: {cause}"))
    }

    /// The number of seconds after which the same request may succeed; 0 if that is not known.
    pub(crate) fn retry_after_seconds(&self) -> u64 {
        self.retry_after_seconds.unwrap_or_default()
    }

    /// The code of the error.
    #[must_use]
    pub const fn code(&self) -> ErrorCode {
        self.code
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for ApiError {}

/// The body of an error answer.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ErrorResponse {
    /// The status of the answer.
    #[schema(example = 404)]
    status_code: u16,
    /// What is wrong and what to do about it, for people.
    message: String,
    /// The name of the status.
    #[schema(example = "Not Found")]
    error: &'static str,
    code: ErrorCode,
}

impl ResponseError for ApiError {
    fn status_code(&self) -> StatusCode {
        self.code.status()
    }

    fn error_response(&self) -> HttpResponse {
        let status = self.code.status();
        let mut response = HttpResponse::build(status);
        ask_again_later(&mut response, status);
        if let Some(seconds) = self.retry_after_seconds {
            response.insert_header((header::RETRY_AFTER, seconds));
        }
        if self.code == ErrorCode::Unauthenticated {
            response.insert_header((header::WWW_AUTHENTICATE, "Bearer"));
        }
        if let Some(allow) = &self.allow {
            response.insert_header((header::ALLOW, allow.as_str()));
        }
        response.json(ErrorResponse {
            status_code: status.as_u16(),
            message: self.message.clone(),
            error: status.canonical_reason().unwrap_or_default(),
            code: self.code,
        })
    }
}

impl From<ServiceError> for ApiError {
    fn from(error: ServiceError) -> Self {
        let code = match &error {
            ServiceError::UnknownToken => ErrorCode::UnknownToken,
            ServiceError::UnknownUser(_) => ErrorCode::Unauthenticated,
            ServiceError::AccountInactive => ErrorCode::AccountInactive,
            ServiceError::NotStreamer(_) => ErrorCode::NotAStreamer,
            ServiceError::NotYourToken => ErrorCode::NotYourToken,
            ServiceError::NothingOnScreen => ErrorCode::NothingOnScreen,
            ServiceError::UnknownParticipation => ErrorCode::UnknownLink,
            ServiceError::InvalidReceipt => ErrorCode::ReceiptInvalid,
            ServiceError::ExpiredReceipt => ErrorCode::ReceiptExpired,
            ServiceError::AllWeightsZero => ErrorCode::ValidationFailed,
            ServiceError::Storage(source) => return Self::from_storage(source),
            ServiceError::Entropy(_) => return Self::internal(&error),
        };
        Self::new(code, error.to_string())
    }
}

impl ApiError {
    fn from_storage(error: &StorageError) -> Self {
        match error {
            StorageError::AlreadyExists { .. } => Self::new(ErrorCode::AlreadyExists, error.to_string()),
            error if error.is_retryable() => Self::store_away(error),
            error => Self::internal(error),
        }
    }

    /// Makes the error for a store that did not answer. The cause is logged and not shown in the answer.
    pub(crate) fn store_away(error: &StorageError) -> Self {
        let request_id = RequestId::current();
        let request_id = request_id.as_ref().map(RequestId::as_str);
        tracing::warn!(error = %Chain(error), request_id, "the store is unavailable");
        Self::no_store()
    }

    /// Makes the error for a store that is not open yet. The code that opens the store logs the cause.
    pub(crate) fn no_store() -> Self {
        Self::new(ErrorCode::StoreUnavailable, "the store is away at the moment; try again in a few seconds")
    }

    /// Makes the error for a fault of the server. The error and its sources are logged and not shown in the answer.
    pub(crate) fn internal(error: &(dyn std::error::Error + 'static)) -> Self {
        let request_id = RequestId::current();
        let request_id = request_id.as_ref().map(RequestId::as_str);
        tracing::error!(error = %Chain(error), request_id, "a request failed");
        Self::new(ErrorCode::Internal, "the server failed; the fault was logged")
    }
}

/// Adds `Retry-After` to an answer whose status says that the store is unavailable.
pub(crate) fn ask_again_later(response: &mut HttpResponseBuilder, status: StatusCode) {
    if status == StatusCode::SERVICE_UNAVAILABLE {
        response.insert_header((header::RETRY_AFTER, RETRY_AFTER_SECONDS));
    }
}

/// Shows an error and all its sources on one line.
struct Chain<'a>(&'a (dyn std::error::Error + 'static));

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut source = self.0.source();
        while let Some(error) = source {
            write!(f, ": {error}")?;
            source = error.source();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use gametriggers_services::Entity;

    use super::*;

    #[test]
    fn a_value_that_must_be_unique_and_is_not_is_a_conflict_that_names_it() {
        let field = "campaignId, streamerId".to_owned();
        let error = StorageError::AlreadyExists { entity: Entity::Participation, field };
        let error = ApiError::from(ServiceError::from(error));
        assert_eq!((error.code(), error.status_code().as_u16()), (ErrorCode::AlreadyExists, 409));
        assert_eq!(error.to_string(), "another participation has the same campaignId, streamerId");
    }
}
