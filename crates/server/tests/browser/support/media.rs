//! The sponsors' media. The test server serves them, so the tests need no other host.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use actix_web::{
    HttpResponse,
    web::{self, ServiceConfig},
};

pub(crate) const NIMBUS: &str = "/media/nimbus-keyboards.png";
pub(crate) const VOLT: &str = "/media/volt-energy.png";
pub(crate) const ORBIT_VIDEO: &str = "/media/orbit-headsets.webm";
/// A video from a slow host, whose first request fails.
pub(crate) const SECOND_TRY_VIDEO: &str = "/media/second-try.webm";
/// An address without a file.
pub(crate) const MISSING: &str = "/media/missing.png";

/// The delay of the slow host, which gives tests time to look at the screen.
const SLOW: Duration = Duration::from_secs(3);

const PICTURE: &[u8] = include_bytes!("../../../demo-media/nimbus-keyboards.png");
const OTHER_PICTURE: &[u8] = include_bytes!("../../../demo-media/volt-energy.png");
const VIDEO: &[u8] = include_bytes!("../../../demo-media/orbit-headsets.webm");

pub(super) fn configure(config: &mut ServiceConfig) {
    for (path, content_type, bytes) in [
        (NIMBUS, "image/png", PICTURE),
        (VOLT, "image/png", OTHER_PICTURE),
        (ORBIT_VIDEO, "video/webm", VIDEO),
    ] {
        config.route(path, web::get().to(async move || file(content_type, bytes)));
    }
    config.route(SECOND_TRY_VIDEO, web::get().to(second_try));
    // A browser with tabs requests this file, and OBS does not.
    config.route("/favicon.ico", web::get().to(HttpResponse::NoContent));
}

fn file(content_type: &str, bytes: &'static [u8]) -> HttpResponse {
    HttpResponse::Ok().content_type(content_type).body(bytes)
}

async fn second_try() -> HttpResponse {
    static ASKED: AtomicBool = AtomicBool::new(false);
    if ASKED.swap(true, Ordering::Relaxed) {
        return file("video/webm", VIDEO);
    }
    tokio::time::sleep(SLOW).await;
    HttpResponse::ServiceUnavailable().finish()
}
