//! Web addresses that are safe to put into a page.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, de};

/// The error for an address that must not be put into a page.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("an address begins with https://, http:// or a single /, and has at most 2,048 characters")]
pub struct InvalidWebUrl;

/// An `http` or `https` URL, or a path on the server's own host. Schemes that run scripts, such as `javascript:`, are
/// impossible.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub struct WebUrl(String);

impl WebUrl {
    const MAX_CHARS: usize = 2_048;

    /// Checks an address.
    ///
    /// # Errors
    /// [`InvalidWebUrl`] for any other scheme, a URL without a host, control characters, or more than 2,048 characters.
    pub fn parse(text: &str) -> Result<Self, InvalidWebUrl> {
        let plain = text.chars().count() <= Self::MAX_CHARS && !text.chars().any(char::is_control);
        // Browsers read `//host` and `/\host` as the address of another host.
        let path = text.starts_with('/') && !text[1..].starts_with(['/', '\\']);
        let absolute = || {
            url::Url::parse(text)
                .is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.host().is_some())
        };
        if plain && (path || absolute()) { Ok(Self(text.to_owned())) } else { Err(InvalidWebUrl) }
    }

    /// Reads the target address of a click as people write it: with spaces around it, or without a scheme.
    ///
    /// An address without a scheme is read as `https` if it begins with a host name that contains a domain:
    /// `www.brand.com/deal` becomes `https://www.brand.com/deal`.
    ///
    /// # Errors
    /// [`InvalidWebUrl`] if the text is no address even with `https://` before it, such as `javascript:alert(1)`, `see
    /// chat`, a single word, or an e-mail address.
    pub fn parse_click_address(text: &str) -> Result<Self, InvalidWebUrl> {
        let text = text.trim();
        Self::parse(text).or_else(|_| {
            let text = text.strip_prefix("//").unwrap_or(text);
            let address = format!("https://{text}");
            let url = url::Url::parse(&address).map_err(|_| InvalidWebUrl)?;
            // The URL parser skips slashes before a host and reads `name@` as a user name.
            let begins_with_host = !text.starts_with(['/', '\\']) && url.username().is_empty();
            let is_address = begins_with_host && url.domain().is_some_and(is_in_domain);
            if is_address { Self::parse(&address) } else { Err(InvalidWebUrl) }
        })
    }

    /// The address as it was given; [`parse_click_address`](Self::parse_click_address) may have added the scheme.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Whether a host name has at least two labels, as every public one has: `brand.com`, but not `brand` or `1.5`.
fn is_in_domain(host: &str) -> bool {
    let host = host.strip_suffix('.').unwrap_or(host);
    host.rsplit_once('.').is_some_and(|(name, top)| {
        name.split('.').all(|label| !label.is_empty())
            && top.len() >= 2
            && top.starts_with(|sign: char| sign.is_ascii_alphabetic())
    })
}

impl fmt::Display for WebUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for WebUrl {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Defect O1: a media URL went unchecked into the page.
    #[test]
    fn o1_only_addresses_that_cannot_run_script_are_taken() {
        for good in ["https://media.example.com/a.png", "http://localhost:3001/x", "/media/a.png", "/"] {
            assert!(WebUrl::parse(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "javascript:alert(1)",
            "JaVaScRiPt:alert(1)",
            "java\nscript:alert(1)",
            "data:text/html,<script>",
            "//evil.example/a.png",
            "/\\evil.example",
            "media/a.png",
            "https://",
        ] {
            assert_eq!(WebUrl::parse(bad), Err(InvalidWebUrl), "{bad:?}");
        }
        assert!(WebUrl::parse(&format!("https://a.example/{}", "a".repeat(3000))).is_err());
    }

    #[test]
    fn a_click_address_needs_no_scheme() {
        for (text, read) in [
            ("www.brand.com/deal", "https://www.brand.com/deal"),
            ("brand.com", "https://brand.com"),
            (" brand.com:8443/a?b=c#d \n", "https://brand.com:8443/a?b=c#d"),
            ("Brand.co.uk./x", "https://Brand.co.uk./x"),
            ("größe.example/ä", "https://größe.example/ä"),
            ("brand.рф", "https://brand.рф"),
            ("//www.brand.com/deal", "https://www.brand.com/deal"),
            ("https://www.brand.com/deal", "https://www.brand.com/deal"),
            (" http://localhost:3001/x ", "http://localhost:3001/x"),
            ("/demo-media/a.png", "/demo-media/a.png"),
        ] {
            assert_eq!(WebUrl::parse_click_address(text).as_ref().map(WebUrl::as_str), Ok(read), "{text:?}");
        }
        for nowhere in [
            "",
            " ",
            "N/A",
            "tbd",
            "none",
            "see chat",
            "1.5",
            "203.0.113.7",
            "localhost",
            "brand",
            ".com",
            "brand..com",
            "a.b",
            "me@brand.com",
            "mailto:me@brand.com",
            "javascript:alert(1)",
            "javascript.x:alert(1)",
            "JaVaScRiPt://brand.com/%0aalert(1)",
            "data:text/html,brand.com",
            "ftp://brand.com",
            "https://",
            "//",
            "/\\brand.com",
            "brand.com\n.evil.example",
            "#brand.com",
            "?brand.com",
        ] {
            assert_eq!(WebUrl::parse_click_address(nowhere), Err(InvalidWebUrl), "{nowhere:?}");
        }
    }

    proptest! {
        /// Whatever is read as a click's address is an address that may reach a page.
        #[test]
        fn a_click_address_is_a_web_url(text in "([a-zA-Z0-9.:/@?#%\\\\ -]|\\PC){0,40}") {
            if let Ok(address) = WebUrl::parse_click_address(&text) {
                prop_assert_eq!(WebUrl::parse(address.as_str()), Ok(address));
            }
        }
    }
}
