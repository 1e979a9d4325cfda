//! JSON bodies. Their size and their time are limited, and they are never decompressed. An error message names the field.

use std::{fmt, future::Future, marker::PhantomData, pin::Pin, time::Duration};

use actix_web::{
    FromRequest, HttpRequest,
    dev::Payload,
    http::header,
    rt::time::timeout,
    web::{Bytes, Data},
};
use serde::{
    Deserialize, Deserializer,
    de::{DeserializeOwned, MapAccess, Visitor, value::MapAccessDeserializer},
};

use crate::{
    error::{ApiError, ErrorCode},
    state::ApiState,
};

/// The largest body that any route accepts, in bytes.
pub(crate) const MAX_BODY_BYTES: usize = 32 * 1024;

/// A value that is read from a JSON object only. Without it, serde would also read a struct from an array, by the order of its
/// fields.
#[derive(Default)]
pub(crate) struct Object<T>(pub(crate) T);

/// A body that is a JSON object. Its content type is ignored, because browsers' beacons declare text.
pub(crate) struct JsonBody<T>(pub(crate) T);

/// A body that is a JSON object, or missing, or null.
pub(crate) struct OptionalJsonBody<T>(pub(crate) T);

impl<T: DeserializeOwned + 'static> FromRequest for JsonBody<T> {
    type Error = ApiError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, ApiError>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let bytes = read(request, payload);
        Box::pin(async move {
            let Object(value) = parse(&bytes.await?)?;
            Ok(Self(value))
        })
    }
}

impl<T: DeserializeOwned + Default + 'static> FromRequest for OptionalJsonBody<T> {
    type Error = ApiError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, ApiError>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let bytes = read(request, payload);
        Box::pin(async move {
            let bytes = bytes.await?;
            let given: Option<Object<T>> = if bytes.is_empty() { None } else { parse(&bytes)? };
            Ok(Self(given.unwrap_or_default().0))
        })
    }
}

/// Reads a body to its end. Refuses a compressed body, because its size is not known before it is decompressed.
fn read(
    request: &HttpRequest,
    payload: &mut Payload,
) -> impl Future<Output = Result<Bytes, ApiError>> + use<> {
    let encoded = is_encoded(request);
    let deadline = request.app_data::<Data<ApiState>>().and_then(|state| state.settings.body_within);
    let bytes = Bytes::from_request(request, payload);
    async move {
        if encoded {
            return Err(ApiError::new(
                ErrorCode::EncodingNotSupported,
                "the body has a Content-Encoding; send it as it is, without one",
            ));
        }
        let read = match deadline {
            Some(deadline) => timeout(deadline, bytes).await.map_err(|_| too_slow(deadline))?,
            None => bytes.await,
        };
        read.map_err(|error| {
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

/// Whether the request has a `Content-Encoding` other than `identity`.
fn is_encoded(request: &HttpRequest) -> bool {
    let as_it_is = |encoding: &str| {
        let encoding = encoding.trim();
        encoding.is_empty() || encoding.eq_ignore_ascii_case("identity")
    };
    let mut values = request.headers().get_all(header::CONTENT_ENCODING);
    values.any(|value| !value.to_str().is_ok_and(|list| list.split(',').all(as_it_is)))
}

fn too_slow(deadline: Duration) -> ApiError {
    let message = format!("the body did not come within {} s; send it at once", deadline.as_secs());
    ApiError::new(ErrorCode::BodyTooSlow, message)
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ApiError> {
    if bytes.trim_ascii().is_empty() {
        return Err(ApiError::new(ErrorCode::MalformedBody, "the body is empty; send a JSON object"));
    }
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
        let path = error.path().to_string();
        let cause = error.into_inner();
        if cause.is_data() {
            let place = if path == "." { "the body" } else { &path };
            ApiError::validation(format!("{place}: {}", readable(&cause.to_string())))
        } else {
            malformed(&cause)
        }
    })?;
    deserializer.end().map_err(|error| malformed(&error))?;
    Ok(value)
}

/// Reads a part of a body that was parsed before. An error consists of the path of the wrong value within the part (`[0].weight`,
/// empty for the part itself) and the reason.
pub(crate) fn read_part<T: DeserializeOwned>(part: serde_json::Value) -> Result<T, (String, String)> {
    serde_path_to_error::deserialize(part).map_err(|error| {
        let path = error.path().to_string();
        (if path == "." { String::new() } else { path }, readable(&error.inner().to_string()))
    })
}

fn malformed(cause: &serde_json::Error) -> ApiError {
    ApiError::new(ErrorCode::MalformedBody, format!("the body is not valid JSON: {cause}"))
}

/// Turns serde's message about a value into the terms of JSON. The expected type comes first, because the sent value may be long.
fn readable(text: &str) -> String {
    // The position in the text does not help a caller whose program made the object.
    let text = text.rsplit_once(" at line ").map_or(text, |(message, _)| message);
    let mismatch = text.strip_prefix("invalid type: ").and_then(|rest| rest.rsplit_once(", expected "));
    let Some((sent, expected)) = mismatch else { return text.to_owned() };
    let expected = match expected {
        "f64" => "a number",
        "a sequence" => "an array",
        other => other,
    };
    let sent = match sent {
        "map" => "an object",
        "sequence" => "an array",
        other => other,
    };
    format!("expected {expected}, not {sent}")
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Fields(PhantomData)).map(Self)
    }
}

struct Fields<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for Fields<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map))
    }
}
