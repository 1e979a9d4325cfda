//! Tracking links, `/c/{participationId}`, as viewers follow them.

mod participation;

endpoints! {
    follow,
    qr_of_participation,
}
