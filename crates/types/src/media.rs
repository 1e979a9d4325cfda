//! Web addresses that may reach a page.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, de};

/// Why a text is not an address that may reach a page.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("an address begins with https://, http:// or a single /, and has at most 2,048 characters")]
pub struct InvalidWebUrl;

/// An `http` or `https` URL, or a path on the server's own host; never a scheme that runs script.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub struct WebUrl(String);

impl WebUrl {
    const MAX_CHARS: usize = 2_048;

    /// Checks an address.
    ///
    /// # Errors
    /// [`InvalidWebUrl`] for any other scheme, a URL without a host, control characters, or too long a text.
    pub fn parse(text: &str) -> Result<Self, InvalidWebUrl> {
        let plain = text.chars().count() <= Self::MAX_CHARS && !text.chars().any(char::is_control);
        // `//host` and `/\host` name another host in a browser.
        let path = text.starts_with('/') && !text[1..].starts_with(['/', '\\']);
        let absolute = || {
            url::Url::parse(text)
                .is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.host().is_some())
        };
        if plain && (path || absolute()) { Ok(Self(text.to_owned())) } else { Err(InvalidWebUrl) }
    }

    /// The address as it was given.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
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
}
