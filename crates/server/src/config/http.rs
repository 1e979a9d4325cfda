//! `http.*`: how the server is reached.

use std::net::SocketAddr;

use gametriggers_http::{ForwardedHeader, Uploads};
use gametriggers_types::WebUrl;
use serde::{Deserialize, Deserializer, de};
use url::Url;

/// How the server is reached.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct HttpSettings {
    /// The address and port to listen on; port 0 takes a free one.
    pub bind: SocketAddr,
    /// Where viewers reach the server; without it, the address that the server listens on.
    #[serde(deserialize_with = "with_host")]
    pub public_url: Option<WebUrl>,
    /// The origins of web pages that may call the API, as browsers send them.
    #[serde(deserialize_with = "origins")]
    pub allowed_origins: Vec<String>,
    /// How many proxies stand in front of the server. Each proxy adds the address that it saw to a header.
    pub trusted_proxies: usize,
    /// The header that those proxies write.
    pub forwarded_header: ForwardedHeader,
    /// Where the uploads of the previous system are. [`MediaSettings`](super::MediaSettings) says so.
    #[serde(skip)]
    pub uploads: Option<Uploads>,
}

impl Default for HttpSettings {
    fn default() -> Self {
        Self {
            bind: ([127, 0, 0, 1], 3001).into(),
            public_url: None,
            allowed_origins: vec!["http://localhost:3000".to_owned()],
            trusted_proxies: 0,
            forwarded_header: ForwardedHeader::XForwardedFor,
            uploads: None,
        }
    }
}

/// Reads an address with a host, because viewers follow links to it from elsewhere.
fn with_host<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<WebUrl>, D::Error> {
    let url = WebUrl::deserialize(deserializer)?;
    if url.as_str().starts_with('/') {
        return Err(de::Error::custom("where viewers reach the server begins with https:// or http://"));
    }
    Ok(Some(url))
}

/// Reads origins: a list in a file, or a text with commas in the environment.
fn origins<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum List {
        Text(String),
        Items(Vec<String>),
    }
    let origins = match List::deserialize(deserializer)? {
        List::Items(items) => items,
        List::Text(text) => {
            text.split(',').map(str::trim).filter(|item| !item.is_empty()).map(str::to_owned).collect()
        }
    };
    origins.iter().try_for_each(|origin| check_origin(origin)).map_err(de::Error::custom)?;
    Ok(origins)
}

/// Refuses a text that no browser sends as an origin. Also refuses origins that any page may send, because requests come
/// with credentials.
fn check_origin(origin: &str) -> Result<(), String> {
    // A password may stand before an `@`.
    let shown = if origin.contains('@') { "an entry" } else { origin };
    let refused = |why: &str| Err(format!("`{shown}` is no origin of a web page: {why}"));
    if origin == "*" {
        return refused("requests come with credentials, so that every page has to be named");
    }
    if origin.eq_ignore_ascii_case("null") {
        return refused("any page can send it, from a frame without an origin of its own");
    }
    let Ok(url) = Url::parse(origin) else {
        return refused("write https://app.example, or http://localhost:3000");
    };
    let canonical = url.origin().ascii_serialization();
    if canonical.contains('*') {
        return refused("every page has to be named");
    }
    match url.scheme() {
        "http" | "https" if canonical == origin => Ok(()),
        "http" | "https" => refused(&format!("a browser sends `{canonical}`, without path or default port")),
        _ => refused("it begins with https:// or http://"),
    }
}

#[cfg(test)]
mod tests {
    use super::{super::read, *};

    #[test]
    fn origins_are_a_list_or_a_text_with_commas() {
        let origins = |toml: &str| read::<HttpSettings>(toml).unwrap().allowed_origins;
        let both = ["https://a.example", "https://b.example:8443"];
        assert_eq!(origins("allowed_origins = ['https://a.example', 'https://b.example:8443']"), both);
        assert_eq!(origins("allowed_origins = 'https://a.example, https://b.example:8443,'"), both);
        assert!(origins("allowed_origins = ''").is_empty());
    }

    #[test]
    fn an_origin_that_is_none_is_refused_and_says_why() {
        for (origin, why) in [
            ("*", "every page has to be named"),
            ("null", "any page can send it"),
            ("https://a.example/", "without path"),
            ("https://a.example:443", "default port"),
            ("https://*.example", "every page has to be named"),
            ("a.example", "write https://app.example"),
            ("file:///page", "begins with https://"),
        ] {
            let refused = check_origin(origin).unwrap_err();
            assert!(refused.contains(origin) && refused.contains(why), "{refused}");
        }
        let refused = check_origin("https://karma:hunter2@a.example").unwrap_err();
        assert!(!refused.contains("hunter2"), "{refused}");
    }

    #[test]
    fn a_public_url_has_a_host() {
        let url = |toml: &str| read::<HttpSettings>(toml).map(|http| http.public_url);
        let given = url("public_url = 'https://game.example'").unwrap().unwrap();
        assert_eq!(given.as_str().trim_end_matches('/'), "https://game.example");
        assert!(url("").unwrap().is_none());
        assert!(url("public_url = '/no-host'").unwrap_err().contains("https:// or http://"));
        assert!(url("public_url = 'ftp://game.example'").is_err());
    }
}
