//! `log.*`: the content and the form of the log.

use serde::Deserialize;

/// The content and the form of the log.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LogSettings {
    /// A filter of the crate `tracing-subscriber`, such as `info` or `info,gametriggers_http=debug`. An invalid filter is refused
    /// when the log is started.
    pub filter: String,
    /// The form of log lines.
    pub format: LogFormat,
}

impl Default for LogSettings {
    fn default() -> Self {
        // Without this filter, the migration library would log at every start that there is nothing to do.
        Self { filter: "info,refinery_core=warn".to_owned(), format: LogFormat::Text }
    }
}

/// The form of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// Text for people.
    Text,
    /// One JSON object per line, for programs.
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
