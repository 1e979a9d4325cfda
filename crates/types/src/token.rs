//! The token in a page's address that names a streamer's screen.

use std::{borrow::Borrow, fmt};

/// A text that has the form of an overlay token or of a participation's browser source token: 1 to 128 letters, digits,
/// `-` or `_`.
///
/// Whoever holds the token can show and click the overlay. So it must not be logged: `Debug` hides it, and there is no
/// `Display`.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct ScreenToken(String);

impl ScreenToken {
    const MAX_LEN: usize = 128;
    /// The texts that [`parse`](Self::parse) accepts, as a regular expression (PCRE), for stores that check tokens
    /// themselves.
    pub const PATTERN: &str = r"^[A-Za-z0-9_-]{1,128}\z";

    /// The token; `None` if the text does not have its form.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        let fits = (1..=Self::MAX_LEN).contains(&text.len());
        (fits && text.bytes().all(plain)).then(|| Self(text.to_owned()))
    }

    /// A new token of 256 random bits, as 64 hexadecimal digits.
    #[must_use]
    pub fn from_random(bytes: [u8; 32]) -> Self {
        Self(hex::encode(bytes))
    }

    /// The token's text. Use it only for the store and for the token's owner.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

/// Allows a map with tokens as keys to be searched by an unchecked text.
impl Borrow<str> for ScreenToken {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for ScreenToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ScreenToken(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn junk_and_oversized_texts_are_no_tokens() {
        for bad in ["", "a b", "../x", "é", "a/b", &"a".repeat(129), "a%00"] {
            assert_eq!(ScreenToken::parse(bad), None, "{bad}");
        }
        assert!(ScreenToken::parse(&"a".repeat(128)).is_some());
    }

    /// Defects O29 and A25: tokens were logged.
    #[test]
    fn o29_a_token_is_not_printed_by_accident() {
        let token = ScreenToken::from_random([7; 32]);
        assert!(!format!("{token:?}").contains("07"));
        assert_eq!(token.expose().len(), 64);
    }
}
