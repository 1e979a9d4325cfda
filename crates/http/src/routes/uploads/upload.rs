//! `GET /uploads/{path}`: a file that a brand uploaded to the previous system. Its campaigns refer to the file by this path.

use std::path::{Component, Path, PathBuf};

use actix_files::NamedFile;
use actix_web::{
    HttpRequest, HttpResponse, get,
    http::header::{self, ContentDisposition, DispositionType, HeaderValue},
    web,
};

use crate::{
    error::{ApiError, ErrorCode, ErrorResponse},
    openapi::OVERLAY,
    settings::Uploads,
    state::ApiState,
};

/// The prefix of the paths.
const PREFIX: &str = "/uploads";
/// The file extensions that are served: pictures and videos. Defect A24: anybody could upload an HTML page, and the previous
/// system served it from its own origin.
const SERVED: [&str; 11] = ["avif", "gif", "jpeg", "jpg", "m4v", "mov", "mp4", "ogv", "png", "webm", "webp"];
/// A browser may keep a file for a day, because these uploads do not change.
const CACHED: &str = "public, max-age=86400";

/// An upload of the previous system: a picture or a video, from the folder or the address that the setting `media.uploads`
/// names.
#[utoipa::path(
    tag = OVERLAY,
    extensions(("x-ignores-unknown-query-keys" = json!(true))),
    params(("path" = String, Path, description = "The rest of the address, which may have slashes in it", min_length = 1)),
    responses(
        (status = 200, description = "The picture or video.", content(("image/*"), ("video/*"))),
        (status = 206, description = "The part of it that `Range` asks for.", content(("image/*"), ("video/*"))),
        (status = 302, description = "It is at another address.", headers(("Location" = String, description = "Where it is"))),
        (status = 304, description = "It has not changed."),
        (status = 404, description = "`UPLOAD_NOT_FOUND`", body = ErrorResponse),
        (status = 412, description = "It is not what a header, such as `If-Match`, expects."),
        (status = 416, description = "It has no such part as `Range` asks for."),
    )
)]
#[get("/uploads/{path:.*}")]
pub(crate) async fn upload(
    request: HttpRequest,
    state: web::Data<ApiState>,
    path: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    match &state.settings.uploads {
        None => Err(absent()),
        Some(Uploads::At(base)) => {
            let rest = request.uri().path_and_query().map_or("", |address| address.as_str());
            let rest = rest.strip_prefix(PREFIX).unwrap_or_default();
            Ok(HttpResponse::Found()
                .insert_header((header::LOCATION, format!("{}{rest}", base.as_str().trim_end_matches('/'))))
                .insert_header((header::CACHE_CONTROL, CACHED))
                .finish())
        }
        Some(Uploads::In(folder)) => serve(within(folder, &path).ok_or_else(absent)?, &request).await,
    }
}

fn absent() -> ApiError {
    let message =
        "there is no such upload; the setting media.uploads says where those of the previous system are";
    ApiError::new(ErrorCode::UploadNotFound, message)
}

/// Answers with the file, or with the part of it that the request asks for.
async fn serve(file: PathBuf, request: &HttpRequest) -> Result<HttpResponse, ApiError> {
    let opened = web::block(move || NamedFile::open(file)).await;
    let file = opened.map_err(|error| ApiError::internal(&error))?.map_err(|_| absent())?;
    if !file.metadata().is_file() {
        return Err(absent());
    }
    let inline = ContentDisposition { disposition: DispositionType::Inline, parameters: vec![] };
    let mut response = file.set_content_disposition(inline).into_response(request);
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(CACHED));
    let policy = HeaderValue::from_static("default-src 'none'; sandbox");
    headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    Ok(response)
}

/// Returns the path of this file in the folder or in a folder below it, if its extension is served. Returns `None` for files
/// outside the folder and for hidden files.
fn within(folder: &Path, path: &str) -> Option<PathBuf> {
    let path = Path::new(path);
    let plain = |part: Component<'_>| matches!(part, Component::Normal(name) if !name.as_encoded_bytes().starts_with(b"."));
    let served = |ending: &str| SERVED.iter().any(|served| served.eq_ignore_ascii_case(ending));
    let ending = path.extension()?.to_str()?;
    (path.components().all(plain) && served(ending)).then(|| folder.join(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_pictures_and_videos_within_the_folder_are_served() {
        let folder = Path::new("/srv/uploads");
        for (path, served) in [
            ("a.png", true),
            ("campaigns/2025/Größe 1.MP4", true),
            ("../secret.png", false),
            ("a/../../secret.png", false),
            ("/etc/secret.png", false),
            (".hidden.png", false),
            (".git/a.png", false),
            ("page.html", false),
            ("drawing.svg", false),
            ("png", false),
            ("", false),
        ] {
            assert_eq!(within(folder, path).is_some(), served, "{path}");
        }
    }
}
