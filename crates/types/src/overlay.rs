//! A streamer's settings for how the overlay looks.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::enums::{UnknownValue, words};

/// Why an overlay setting is invalid.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidOverlaySetting {
    /// The opacity is outside 20 to 100.
    #[error("opacity is a number from 20 to 100")]
    Opacity,
    /// The colour is neither hexadecimal nor `transparent`.
    #[error("backgroundColor is `transparent` or a hexadecimal colour such as #102030")]
    BackgroundColor,
}

words! {
    /// The corner of the screen in which the overlay appears.
    OverlayPosition {
        /// Top left.
        TopLeft = "top-left",
        /// Top right.
        TopRight = "top-right",
        /// Bottom left.
        BottomLeft = "bottom-left",
        /// Bottom right: the default.
        BottomRight = "bottom-right",
    }
}

words! {
    /// The width of the overlay as a share of the screen's width.
    OverlaySize {
        /// 20 %, at most 200 px.
        Small = "small",
        /// 30 %, at most 300 px.
        Medium = "medium",
        /// 40 %, at most 400 px.
        Large = "large",
    }
}

/// The opacity of the overlay, in percent from 20 to 100.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Opacity(f64);

impl Opacity {
    /// The value in percent.
    #[must_use]
    pub const fn percent(self) -> f64 {
        self.0
    }
}

impl Default for Opacity {
    fn default() -> Self {
        Self(80.0)
    }
}

impl TryFrom<f64> for Opacity {
    type Error = InvalidOverlaySetting;

    fn try_from(percent: f64) -> Result<Self, Self::Error> {
        if (20.0..=100.0).contains(&percent) {
            Ok(Self(percent))
        } else {
            Err(InvalidOverlaySetting::Opacity)
        }
    }
}

impl<'de> Deserialize<'de> for Opacity {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        f64::deserialize(deserializer)?.try_into().map_err(de::Error::custom)
    }
}

/// The colour behind the creative: `transparent`, `#rgb`, `#rgba`, `#rrggbb` or `#rrggbbaa`. No other text can reach
/// the CSS.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BackgroundColor(String);

impl BackgroundColor {
    /// The colour as CSS writes it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for BackgroundColor {
    fn default() -> Self {
        Self("transparent".to_owned())
    }
}

impl fmt::Display for BackgroundColor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for BackgroundColor {
    type Err = InvalidOverlaySetting;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_hex = text.strip_prefix('#').is_some_and(|digits| {
            matches!(digits.len(), 3 | 4 | 6 | 8) && digits.bytes().all(|digit| digit.is_ascii_hexdigit())
        });
        if is_hex || text == "transparent" {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidOverlaySetting::BackgroundColor)
        }
    }
}

impl<'de> Deserialize<'de> for BackgroundColor {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

/// Where, how large and how opaque the overlay is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OverlaySettings {
    /// The corner.
    pub position: OverlayPosition,
    /// The size.
    pub size: OverlaySize,
    /// The opacity.
    pub opacity: Opacity,
    /// The colour behind the creative.
    pub background_color: BackgroundColor,
}

impl Default for OverlaySettings {
    fn default() -> Self {
        Self {
            position: OverlayPosition::BottomRight,
            size: OverlaySize::Medium,
            opacity: Opacity::default(),
            background_color: BackgroundColor::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Defect O1: a background colour went unchecked into the style sheet.
    #[test]
    fn o1_only_plain_colours_are_taken() {
        for good in ["transparent", "#fff", "#FFFA", "#102030", "#10203040"] {
            assert!(good.parse::<BackgroundColor>().is_ok(), "{good}");
        }
        for bad in ["", "red;}</style><script>", "#12", "#12345g", "url(https://x)", "#12345"] {
            assert!(bad.parse::<BackgroundColor>().is_err(), "{bad}");
        }
    }

    #[test]
    fn opacity_is_between_20_and_100() {
        assert!(Opacity::try_from(55.5).is_ok());
        for bad in [19.9, 100.1, f64::NAN, -1.0] {
            assert!(Opacity::try_from(bad).is_err(), "{bad}");
        }
    }

    /// Defect O24: three different defaults. There is one.
    #[test]
    fn o24_one_set_of_defaults() {
        let defaults = serde_json::to_value(OverlaySettings::default()).unwrap();
        assert_eq!(
            defaults,
            serde_json::json!({
                "position": "bottom-right", "size": "medium", "opacity": 80.0, "backgroundColor": "transparent",
            })
        );
    }
}
