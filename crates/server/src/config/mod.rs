//! The configuration. The file `gametriggers.toml` replaces defaults, and the environment (`GAMETRIGGERS__SECTION__KEY`) replaces
//! both. `docs/configuration.md` lists all keys.
//!
//! Each section has its own file with its type, its defaults and its rules.

mod auth;
mod decisions;
mod http;
mod limits;
mod log;
mod media;
mod storage;
mod visits;

use std::path::Path;

use anyhow::Context;
use config::{Config, ConfigError, Environment, File, FileFormat};
use serde::Deserialize;

pub use self::{
    auth::AuthSettings,
    decisions::DecisionSettings,
    http::HttpSettings,
    limits::{ConnectionLimit, LimitSettings, Seconds},
    log::{LogFormat, LogSettings},
    media::MediaSettings,
    storage::{StorageSettings, StoreUrl},
    visits::VisitSettings,
};

/// The file that is read if the caller names none. This file need not exist.
const DEFAULT_FILE: &str = "gametriggers.toml";

/// All settings. `Default` has the values that hold if nothing is configured.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[allow(missing_docs)]
pub struct Settings {
    pub storage: StorageSettings,
    pub http: HttpSettings,
    pub auth: AuthSettings,
    pub visits: VisitSettings,
    pub decisions: DecisionSettings,
    pub limits: LimitSettings,
    pub media: MediaSettings,
    pub log: LogSettings,
}

/// The settings that a server needs, whatever store it uses.
#[derive(Debug, Clone)]
#[allow(missing_docs)]
pub struct ApplicationSettings {
    pub http: HttpSettings,
    pub limits: LimitSettings,
    pub visits: VisitSettings,
    pub decisions: DecisionSettings,
}

impl Settings {
    /// Copies the settings that a server needs.
    #[must_use]
    pub fn application(&self) -> ApplicationSettings {
        ApplicationSettings {
            http: self.http.clone(),
            limits: self.limits,
            visits: self.visits,
            decisions: self.decisions.clone(),
        }
    }

    /// Reads the configuration from the file and from the environment. The file is `file`, or else `gametriggers.toml` if that
    /// exists. `of_command` holds keys and values, such as `("log.filter", "warn")`, that replace defaults for one command.
    ///
    /// # Errors
    /// If `file` is missing, a file cannot be read, or a key or value is unknown. The message names it.
    pub fn load(file: Option<&Path>, of_command: &[(&str, &str)]) -> anyhow::Result<Self> {
        let source = match file {
            Some(path) => File::from(path).format(FileFormat::Toml).required(true),
            None => File::new(DEFAULT_FILE, FileFormat::Toml).required(false),
        };
        let environment = Environment::with_prefix("GAMETRIGGERS").prefix_separator("__").separator("__");
        let mut builder = Config::builder();
        for (key, value) in of_command {
            builder = builder.set_default(*key, *value)?;
        }
        let mut settings: Self = builder
            .add_source(source)
            .add_source(environment)
            .build()
            .and_then(Config::try_deserialize)
            .map_err(without_source)
            .context("the configuration is not valid (keys are those of docs/configuration.md; in the environment, GAMETRIGGERS__SECTION__KEY)")?;
        settings.http.uploads = settings.media.uploads.clone();
        Ok(settings)
    }
}

/// Removes the quoted lines of the file from a syntax error, because they may hold the secret.
fn without_source(error: ConfigError) -> ConfigError {
    let ConfigError::FileParse { uri, cause } = error else { return error };
    let cause = cause.to_string();
    let number_or_space = |sign: char| sign == ' ' || sign.is_ascii_digit();
    let source = |line: &str| line.trim_start_matches(number_or_space).starts_with('|');
    let said: Vec<_> = cause.lines().filter(|line| !source(line) && !line.is_empty()).collect();
    ConfigError::FileParse { uri, cause: said.join(": ").into() }
}

/// Reads one section, or all settings, from TOML.
#[cfg(test)]
fn read<T: serde::de::DeserializeOwned>(toml: &str) -> Result<T, String> {
    let source = File::from_str(toml, FileFormat::Toml);
    let read = Config::builder().add_source(source).build().and_then(Config::try_deserialize);
    read.map_err(|error| without_source(error).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_configuration_is_the_default() {
        let settings: Settings = read("").unwrap();
        assert_eq!(format!("{settings:?}"), format!("{:?}", Settings::default()));
    }

    #[test]
    fn a_section_that_names_some_keys_keeps_the_defaults_of_the_others() {
        let settings: Settings = read("[http]\ntrusted_proxies = 2\n[log]\nformat = 'json'").unwrap();
        assert_eq!(settings.http.trusted_proxies, 2);
        assert_eq!(settings.http.bind, HttpSettings::default().bind);
        assert_eq!(settings.log.filter, LogSettings::default().filter);
    }

    #[test]
    fn an_unknown_section_or_key_is_named() {
        assert!(read::<Settings>("[htpp]").unwrap_err().contains("htpp"));
        assert!(read::<Settings>("[http]\nbnid = ''").unwrap_err().contains("bnid"));
    }

    #[test]
    fn a_syntax_error_does_not_show_the_line_that_it_is_in() {
        let error = read::<Settings>("[auth]\njwt_secret = 'hidden").unwrap_err();
        assert!(error.contains("line 2") && !error.contains("hidden"), "{error}");
    }
}
