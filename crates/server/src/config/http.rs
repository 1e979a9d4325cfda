//! `http.*`: the addresses of the server, its callers and its proxies.

use std::net::SocketAddr;

use gametriggers_http::{ForwardedHeader, Uploads};
use gametriggers_types::WebUrl;
use serde::{Deserialize, Deserializer, de};
use url::Url;

/// The addresses of the server, its callers and its proxies.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct HttpSettings {
    /// The address and port to listen on. Port 0 stands for any free port.
    pub bind: SocketAddr,
    /// The address under which viewers reach the server. Without it, links use the address that the server listens on.
    #[serde(deserialize_with = "with_host")]
    pub public_url: Option<WebUrl>,
    /// The origins of the web pages that may call the API, in the form in which browsers send them.
    #[serde(deserialize_with = "origins")]
    pub allowed_origins: Vec<String>,
    /// The number of proxies in front of the server. Each proxy adds the address that it saw to a header.
    pub trusted_proxies: usize,
    /// The header to which those proxies write.
    pub forwarded_header: ForwardedHeader,
    /// The place of the previous system's uploads. [`Settings::load`](super::Settings::load) copies it from
    /// [`MediaSettings`](super::MediaSettings).
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

/// Reads an address with a host. A host is required, because viewers follow links to this address from other machines.
fn with_host<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<WebUrl>, D::Error> {
    let url = WebUrl::deserialize(deserializer)?;
    if url.as_str().starts_with('/') {
        return Err(de::Error::custom("where viewers reach the server begins with https:// or http://"));
    }
    Ok(Some(url))
}

/// Reads origins: a list in the file, or a text with commas in the environment.
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

/// Refuses a text that no browser sends as an origin. Also refuses origins that any page can send, because browsers send requests
/// with credentials.
fn check_origin(origin: &str) -> Result<(), String> {
    // The text before an `@` may hold a password, so such an entry is not shown.
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
