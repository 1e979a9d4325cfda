//! `log.*`: what is logged and how.

use serde::Deserialize;

/// What is logged and how.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LogSettings {
    /// A filter of tracing-subscriber's, such as `info` or `info,gametriggers_http=debug`. The start of the log refuses a
    /// wrong one.
    pub filter: String,
    /// Lines for people or for programs.
    pub format: LogFormat,
}

impl Default for LogSettings {
    fn default() -> Self {
        // The migration library would say at every start that there was nothing to do.
        Self { filter: "info,refinery_core=warn".to_owned(), format: LogFormat::Text }
    }
}

/// The form of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

#[cfg(test)]
mod tests {
    use super::{super::read, *};

    #[test]
    fn the_format_is_one_of_two_words() {
        let format = |toml: &str| read::<LogSettings>(toml).map(|log| log.format);
        assert_eq!(format(""), Ok(LogFormat::Text));
        assert_eq!(format("format = 'json'"), Ok(LogFormat::Json));
        assert!(format("format = 'xml'").is_err());
    }
}
