//! What differs between installations.

use std::{path::PathBuf, time::Duration};

use gametriggers_types::WebUrl;
use serde::Deserialize;

/// What differs between installations.
#[derive(Debug, Clone, Default)]
pub struct HttpSettings {
    /// The origins of web pages that may call the API with credentials.
    pub allowed_origins: Vec<String>,
    /// How many proxies stand in front of the server. Each adds the address that it forwards for to the end of
    /// [`forwarded_header`](Self::forwarded_header). 0: callers reach the server directly.
    pub trusted_proxies: usize,
    /// The header that the proxies write. The other one is not read.
    pub forwarded_header: ForwardedHeader,
    /// How long a body may take to come; for ever without it.
    pub body_within: Option<Duration>,
    /// Where the uploads of the previous system are. Its campaigns name them by `/uploads/…`.
    pub uploads: Option<Uploads>,
}

/// The header by which proxies say whom they forward.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ForwardedHeader {
    /// `X-Forwarded-For`: a list of addresses.
    #[default]
    XForwardedFor,
    /// `Forwarded` of RFC 7239.
    Forwarded,
}

/// Where the uploads of the previous system are.
#[derive(Debug, Clone)]
pub enum Uploads {
    /// In this folder, from which they are served.
    In(PathBuf),
    /// Below this address, to which whoever asks for one is redirected.
    At(WebUrl),
}
