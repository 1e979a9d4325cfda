//! Configuration: defaults in code, then `gametriggers.toml`, then environment `GAMETRIGGERS__SECTION__KEY`.

use std::{
    net::SocketAddr,
    num::NonZeroU32,
    path::{Path, PathBuf},
};

use anyhow::{Context, bail};
use config::{Config, ConfigError, Environment, File, FileFormat};
use gametriggers_http::{ForwardedHeader, Uploads};
use gametriggers_types::WebUrl;
use serde::{Deserialize, Deserializer, de};

/// The file that is read where none is named, if it is there.
const DEFAULT_FILE: &str = "gametriggers.toml";
/// RFC 7518, section 3.2: a key for HS256 has 256 bits or more.
const MIN_SECRET_BYTES: usize = 32;

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
    pub decisions: DecisionSettings,
    #[serde(default)]
    pub media: MediaSettings,
    pub log: LogSettings,
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
    #[serde(deserialize_with = "comma_separated")]
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
}

impl std::fmt::Debug for AuthSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AuthSettings").finish_non_exhaustive()
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

    /// The shared secret.
    ///
    /// # Errors
    /// If it is missing or too short, with the remedy.
    pub fn secret(&self) -> anyhow::Result<&[u8]> {
        let remedy = "make one with `openssl rand -hex 32` and give it to every instance";
        match self.auth.jwt_secret.as_deref() {
            None | Some("") => bail!("GAMETRIGGERS__AUTH__JWT_SECRET is not set; {remedy}"),
            Some(secret) if secret.len() < MIN_SECRET_BYTES => {
                bail!("GAMETRIGGERS__AUTH__JWT_SECRET has fewer than {MIN_SECRET_BYTES} bytes; {remedy}")
            }
            Some(secret) => Ok(secret.as_bytes()),
        }
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

/// A list in a file, or a text with commas in the environment.
fn comma_separated<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum List {
        Text(String),
        Items(Vec<String>),
    }
    Ok(match List::deserialize(deserializer)? {
        List::Items(items) => items,
        List::Text(text) => {
            text.split(',').map(str::trim).filter(|item| !item.is_empty()).map(str::to_owned).collect()
        }
    })
}
