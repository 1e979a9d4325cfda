//! The caller's settings for the selection of campaigns.

mod parameters;
mod periods;

endpoints! {
    get_campaign_selection,
    put_campaign_selection,
}
