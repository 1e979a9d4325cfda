//! The caller's settings for the selection of campaigns.

endpoints! {
    get_campaign_selection,
    put_campaign_selection,
}
