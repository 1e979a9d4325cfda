//! Configuration: defaults in code, then `gametriggers.toml`, then environment `GAMETRIGGERS__SECTION__KEY`.

use std::{
    net::SocketAddr,
    num::{NonZeroU32, NonZeroU64},
    path::{Path, PathBuf},
};

use anyhow::{Context, bail};
use config::{Config, ConfigError, Environment, File, FileFormat};
use gametriggers_http::{ForwardedHeader, Uploads};
use gametriggers_services::LinkSettings;
use gametriggers_types::WebUrl;
use serde::{Deserialize, Deserializer, de};
use url::Url;

use crate::{
    limits::LimitSettings,
    secret::{self, Secret},
};

/// The file that is read where none is named, if it is there.
const DEFAULT_FILE: &str = "gametriggers.toml";

/// Everything that can be configured.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct Settings {
    pub storage: StorageSettings,
    pub http: HttpSettings,
    #[serde(default)]
    pub auth: AuthSettings,
    #[serde(default)]
    pub visits: VisitSettings,
    #[serde(default)]
    pub decisions: DecisionSettings,
    #[serde(default)]
    pub limits: LimitSettings,
    #[serde(default)]
    pub media: MediaSettings,
    pub log: LogSettings,
}

/// What a server is configured by, whatever its store.
#[derive(Debug, Clone)]
#[allow(missing_docs)]
pub struct ApplicationSettings {
    pub http: HttpSettings,
    pub limits: LimitSettings,
    pub visits: VisitSettings,
}

/// Where documents are kept.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StorageSettings {
    /// `sqlite://<path>` or `mongodb://<hosts>/<database>`; the scheme chooses the backend.
    pub url: String,
    /// Whether `serve` applies missing migrations itself.
    pub migrate_on_start: bool,
}

/// The URL may hold a password.
impl std::fmt::Debug for StorageSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StorageSettings")
            .field("migrate_on_start", &self.migrate_on_start)
            .finish_non_exhaustive()
    }
}

/// How the server is reached.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HttpSettings {
    /// The address and port to listen on; port 0 takes a free one.
    pub bind: SocketAddr,
    /// Where viewers reach the server; by default the address that it listens on.
    #[serde(default, deserialize_with = "with_host")]
    pub public_url: Option<WebUrl>,
    /// The origins of web pages that may call the API, separated by commas.
    #[serde(deserialize_with = "origins")]
    pub allowed_origins: Vec<String>,
    /// How many proxies stand in front of the server, each of which adds whom it forwards to a header.
    pub trusted_proxies: usize,
    /// The header that they write.
    pub forwarded_header: ForwardedHeader,
    /// Where the uploads of the previous system are: what [`MediaSettings`] says.
    #[serde(skip)]
    pub uploads: Option<Uploads>,
}

/// How callers are known.
#[derive(Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuthSettings {
    /// The secret that all instances share: it signs bearer tokens and receipts and seeds decisions.
    #[serde(default)]
    pub jwt_secret: Option<String>,
    /// The file that holds the secret, which nobody else may read.
    #[serde(default)]
    pub jwt_secret_file: Option<PathBuf>,
}

impl std::fmt::Debug for AuthSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AuthSettings").finish_non_exhaustive()
    }
}

/// Which visits through tracking links are paid.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VisitSettings {
    /// How many a campaign pays in an hour from one network address.
    pub paid_per_address: NonZeroU64,
}

impl Default for VisitSettings {
    fn default() -> Self {
        Self { paid_per_address: LinkSettings::PAID_VISITS_PER_ADDRESS }
    }
}

/// How decisions are kept.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DecisionSettings {
    /// After how many days `serve` gives a decision its short form; never unless it is said.
    #[serde(default)]
    pub shorten_after_days: Option<NonZeroU32>,
}

/// Where campaigns' pictures and videos are.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MediaSettings {
    /// Where the uploads of the previous system are: a folder that is there, or the address of one.
    #[serde(default, deserialize_with = "uploads")]
    pub uploads: Option<Uploads>,
}

/// What is logged and how.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogSettings {
    /// A filter of tracing-subscriber's, such as `info` or `info,gametriggers_http=debug`.
    pub filter: String,
    /// Lines for people or for programs.
    pub format: LogFormat,
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

/// What holds where nothing else is said and commands differ.
#[derive(Debug, Clone, Copy)]
#[allow(missing_docs)]
pub struct Defaults {
    pub storage_url: &'static str,
    pub log_filter: &'static str,
}

impl Settings {
    /// What of it a server needs.
    #[must_use]
    pub fn application(&self) -> ApplicationSettings {
        ApplicationSettings { http: self.http.clone(), limits: self.limits, visits: self.visits }
    }

    /// Reads the configuration. `file` must exist if it is named.
    ///
    /// # Errors
    /// If a file cannot be read, or a key or value is unknown; the message names it.
    pub fn load(file: Option<&Path>, defaults: Defaults) -> anyhow::Result<Self> {
        let source = match file {
            Some(path) => File::from(path).format(FileFormat::Toml).required(true),
            None => File::new(DEFAULT_FILE, FileFormat::Toml).required(false),
        };
        let environment = Environment::with_prefix("GAMETRIGGERS").prefix_separator("__").separator("__");
        let mut settings: Self = Config::builder()
            .set_default("storage.url", defaults.storage_url)?
            .set_default("storage.migrate_on_start", true)?
            .set_default("http.bind", "127.0.0.1:3001")?
            .set_default("http.allowed_origins", "http://localhost:3000")?
            .set_default("http.trusted_proxies", 0)?
            .set_default("http.forwarded_header", "x-forwarded-for")?
            .set_default("visits.paid_per_address", VisitSettings::default().paid_per_address.get())?
            .set_default("log.filter", defaults.log_filter)?
            .set_default("log.format", "text")?
            .add_source(source)
            .add_source(environment)
            .build()
            .and_then(Config::try_deserialize)
            .map_err(without_source)
            .context("the configuration is not valid (keys are those of docs/configuration.md; in the environment, GAMETRIGGERS__SECTION__KEY)")?;
        settings.http.uploads = settings.media.uploads.clone();
        Ok(settings)
    }

    /// The shared secret, from the configuration or from the file that it names.
    ///
    /// # Errors
    /// If it is missing, given twice, weak, or in a file that others can read; with the remedy.
    pub fn secret(&self) -> anyhow::Result<Vec<u8>> {
        let secret = match (
            self.auth.jwt_secret.as_deref().filter(|text| !text.is_empty()),
            &self.auth.jwt_secret_file,
        ) {
            (Some(_), Some(_)) => bail!(
                "GAMETRIGGERS__AUTH__JWT_SECRET and GAMETRIGGERS__AUTH__JWT_SECRET_FILE are both set; give the secret once"
            ),
            (Some(secret), None) => Secret::new(secret, "GAMETRIGGERS__AUTH__JWT_SECRET"),
            (None, Some(path)) => Secret::read(path),
            (None, None) => bail!("GAMETRIGGERS__AUTH__JWT_SECRET is not set; {}", secret::REMEDY),
        };
        Ok(secret?.into_bytes())
    }
}

/// A syntax error is shown with the lines around it, which may hold the secret.
fn without_source(error: ConfigError) -> ConfigError {
    let ConfigError::FileParse { uri, cause } = error else { return error };
    let cause = cause.to_string();
    let number_or_space = |sign: char| sign == ' ' || sign.is_ascii_digit();
    let source = |line: &str| line.trim_start_matches(number_or_space).starts_with('|');
    let said: Vec<_> = cause.lines().filter(|line| !source(line) && !line.is_empty()).collect();
    ConfigError::FileParse { uri, cause: said.join(": ").into() }
}

/// Links that viewers follow from elsewhere need a host.
fn with_host<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<WebUrl>, D::Error> {
    let url = WebUrl::deserialize(deserializer)?;
    if url.as_str().starts_with('/') {
        return Err(de::Error::custom("where viewers reach the server begins with https:// or http://"));
    }
    Ok(Some(url))
}

/// A folder, or an address that begins with https:// or http://.
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

/// Origins as browsers send them: a list in a file, or a text with commas in the environment.
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

/// Refuses what no browser sends as an origin, and what any page may send: its requests come with credentials.
fn check_origin(origin: &str) -> Result<(), String> {
    // Before an `@` may stand a password.
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
