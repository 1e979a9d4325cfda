//! The caller's overlay: its settings, its token, its status and its test ad.

endpoints! {
    status,
    regenerate,
    test,
    get_overlay_settings,
    put_overlay_settings,
    test_ad_picture,
}
