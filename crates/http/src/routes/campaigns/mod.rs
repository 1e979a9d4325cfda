//! Campaigns, and events by the addresses of the previous system.

endpoints! {
    impression,
    campaign_click,
    streamer_active,
}
