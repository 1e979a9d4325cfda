//! How campaigns are chosen for the caller's screen.

endpoints! {
    get_campaign_selection,
    put_campaign_selection,
}
