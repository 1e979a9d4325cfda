//! The caller's overlay: how it looks, its token, whether it is loaded, a test ad.

endpoints! {
    status,
    regenerate,
    test,
    get_overlay_settings,
    put_overlay_settings,
    test_ad_picture,
}
