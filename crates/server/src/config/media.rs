//! `media.*`: the place of campaigns' pictures and videos.

use std::path::PathBuf;

use gametriggers_http::Uploads;
use gametriggers_types::WebUrl;
use serde::{Deserialize, Deserializer, de};

/// The place of campaigns' pictures and videos.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MediaSettings {
    /// The place of the previous system's uploads: an existing folder, or the address of one.
    #[serde(deserialize_with = "uploads")]
    pub uploads: Option<Uploads>,
}

/// Reads a folder, or an address that begins with https:// or http://. An empty text means that there are no uploads.
fn uploads<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Uploads>, D::Error> {
    let text = String::deserialize(deserializer)?;
    if text.is_empty() {
        return Ok(None);
    }
    if text.contains("://") {
        let url = WebUrl::parse(&text).map_err(de::Error::custom)?;
        return Ok(Some(Uploads::At(url)));
    }
    let folder = PathBuf::from(&text);
    if !folder.is_dir() {
        let message = "media.uploads names no folder that is there; it is a folder, or an address that begins with https://";
        return Err(de::Error::custom(message));
    }
    Ok(Some(Uploads::In(folder)))
}

#[cfg(test)]
mod tests {
    use super::{super::read, *};

    fn uploads(value: &str) -> Result<Option<Uploads>, String> {
        read::<MediaSettings>(&format!("uploads = '{value}'")).map(|media| media.uploads)
    }

    #[test]
    fn uploads_are_in_a_folder_or_at_an_address_or_nowhere() {
        assert!(matches!(uploads("src"), Ok(Some(Uploads::In(_)))));
        assert!(matches!(uploads("https://old.example/uploads"), Ok(Some(Uploads::At(_)))));
        assert!(matches!(uploads(""), Ok(None)));
        assert!(read::<MediaSettings>("").unwrap().uploads.is_none());
    }

    #[test]
    fn a_folder_that_is_missing_and_another_scheme_are_refused() {
        assert!(uploads("no-such-folder").unwrap_err().contains("names no folder that is there"));
        assert!(uploads("ftp://old.example/uploads").is_err());
    }
}
