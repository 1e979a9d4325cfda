//! The demo's pictures and its video, compiled into the program.

use actix_web::{
    HttpResponse,
    http::header,
    web::{self, ServiceConfig},
};

macro_rules! bundled {
    ($name:literal, $content_type:literal) => {
        ($name, $content_type, include_bytes!(concat!("../../../demo-media/", $name)))
    };
}

const FILES: [(&str, &str, &[u8]); 4] = [
    bundled!("nimbus-keyboards.png", "image/png"),
    bundled!("volt-energy.png", "image/png"),
    bundled!("pixel-forge-hosting.png", "image/png"),
    bundled!("orbit-headsets.webm", "video/webm"),
];

/// The path at which a file is served.
pub(super) fn path(name: &str) -> String {
    format!("/demo-media/{name}")
}

/// Adds one route for each file.
pub(super) fn configure(config: &mut ServiceConfig) {
    for (name, content_type, bytes) in FILES {
        config.route(
            &path(name),
            web::get().to(move || async move {
                HttpResponse::Ok()
                    .content_type(content_type)
                    .insert_header((header::CACHE_CONTROL, "public, max-age=3600"))
                    .body(bytes)
            }),
        );
    }
}
