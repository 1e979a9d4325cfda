//! Whether the server runs and whether it can work, for whoever watches it.

mod response;

endpoints! {
    live,
    ready,
    root,
}
