//! JSON bodies: bounded, strict, with messages that name the field.

use std::{future::Future, pin::Pin};

use actix_web::{FromRequest, HttpRequest, dev::Payload, web::Bytes};
use serde::de::DeserializeOwned;

use crate::error::{ApiError, ErrorCode};

/// The largest body that any route takes, in bytes.
pub(crate) const MAX_BODY_BYTES: usize = 32 * 1024;

/// A JSON body, whatever its declared type (browsers' beacons declare text).
pub(crate) struct JsonBody<T>(pub(crate) T);

/// A JSON body that may be missing.
pub(crate) struct OptionalJsonBody<T>(pub(crate) T);

impl<T: DeserializeOwned + 'static> FromRequest for JsonBody<T> {
    type Error = ApiError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, ApiError>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let bytes = read(request, payload);
        Box::pin(async move { parse(&bytes.await?).map(Self) })
    }
}

impl<T: DeserializeOwned + Default + 'static> FromRequest for OptionalJsonBody<T> {
    type Error = ApiError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, ApiError>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let bytes = read(request, payload);
        Box::pin(async move {
            let bytes = bytes.await?;
            if bytes.trim_ascii().is_empty() { Ok(Self(T::default())) } else { parse(&bytes).map(Self) }
        })
    }
}

fn read(
    request: &HttpRequest,
    payload: &mut Payload,
) -> impl Future<Output = Result<Bytes, ApiError>> + use<> {
    let bytes = Bytes::from_request(request, payload);
    async move {
        bytes.await.map_err(|error| {
            if error.as_response_error().status_code() == ErrorCode::BodyTooLarge.status() {
                let message =
                    format!("the body is larger than {MAX_BODY_BYTES} bytes, more than any request needs");
                ApiError::new(ErrorCode::BodyTooLarge, message)
            } else {
                ApiError::new(ErrorCode::MalformedBody, "the body could not be read")
            }
        })
    }
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ApiError> {
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
        let path = error.path().to_string();
        let cause = error.into_inner();
        if cause.is_data() {
            // "… at line 1 column 20" says nothing to who wrote an object in a program.
            let text = cause.to_string();
            let text = text.rsplit_once(" at line ").map_or(text.as_str(), |(message, _)| message);
            ApiError::validation(if path == "." { text.to_owned() } else { format!("{path}: {text}") })
        } else {
            malformed(&cause)
        }
    })?;
    deserializer.end().map_err(|error| malformed(&error))?;
    Ok(value)
}

fn malformed(cause: &serde_json::Error) -> ApiError {
    ApiError::new(ErrorCode::MalformedBody, format!("the body is not valid JSON: {cause}"))
}
