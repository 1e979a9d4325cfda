//! What the API says of itself.

endpoints! {
    serve,
    api,
}
