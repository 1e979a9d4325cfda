//! Endpoints that describe the API.

endpoints! {
    serve,
    api,
}
