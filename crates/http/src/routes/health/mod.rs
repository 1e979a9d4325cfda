//! Endpoints for monitoring: whether the server runs and whether it can serve requests.

mod response;

endpoints! {
    live,
    ready,
    root,
}
