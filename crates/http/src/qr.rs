//! QR codes, drawn in memory.

use actix_web::{
    HttpRequest, HttpResponse,
    http::header::{self, Accept, Header},
};
use image::{ImageFormat, Luma};
use qrcode::{EcLevel, QrCode, render::svg};

use crate::error::ApiError;

/// The smallest width of the picture, in pixels.
const QR_PIXELS: u32 = 300;

/// The format of a picture.
#[derive(Clone, Copy)]
#[allow(missing_docs)]
pub(crate) enum Picture {
    Png,
    Svg,
}

/// The supported format that the caller prefers; PNG if the caller has no preference.
pub(crate) fn accepted(request: &HttpRequest) -> Picture {
    let ranked = Accept::parse(request).map(|accept| accept.ranked()).unwrap_or_default();
    let picture = |wanted: &str| match wanted {
        "image/svg+xml" => Some(Picture::Svg),
        "image/png" | "image/*" | "*/*" => Some(Picture::Png),
        _ => None,
    };
    ranked.iter().find_map(|wanted| picture(wanted.essence_str())).unwrap_or(Picture::Png)
}

/// Answers with the QR code of an address. The picture includes the quiet zone of four modules that ISO/IEC 18004 requires,
/// because the code is shown on top of moving pictures.
pub(crate) fn draw(url: &str, picture: Picture) -> Result<HttpResponse, ApiError> {
    let code =
        QrCode::with_error_correction_level(url, EcLevel::M).map_err(|error| ApiError::internal(&error))?;
    let (content_type, bytes) = match picture {
        Picture::Svg => {
            let drawing = code.render::<svg::Color>().min_dimensions(QR_PIXELS, QR_PIXELS).build();
            ("image/svg+xml", drawing.into_bytes())
        }
        Picture::Png => {
            let drawing = code.render::<Luma<u8>>().min_dimensions(QR_PIXELS, QR_PIXELS).build();
            let mut bytes = std::io::Cursor::new(Vec::new());
            drawing.write_to(&mut bytes, ImageFormat::Png).map_err(|error| ApiError::internal(&error))?;
            ("image/png", bytes.into_inner())
        }
    };
    Ok(HttpResponse::Ok()
        .content_type(content_type)
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header((header::VARY, "Accept"))
        .body(bytes))
}
