//! Campaigns, and events under addresses of the previous system.

endpoints! {
    impression,
    campaign_click,
    streamer_active,
}
