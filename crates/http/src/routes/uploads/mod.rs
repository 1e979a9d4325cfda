//! Uploads of the previous system.

endpoints! {
    upload,
}
