//! The settings of the HTTP interface.

use std::{path::PathBuf, time::Duration};

use gametriggers_types::WebUrl;
use serde::Deserialize;

/// The settings of the HTTP interface.
#[derive(Debug, Clone, Default)]
pub struct HttpSettings {
    /// The origins of web pages that may call the API with credentials.
    pub allowed_origins: Vec<String>,
    /// The number of proxies in front of the server. Each proxy appends the address of its client to
    /// [`forwarded_header`](Self::forwarded_header). 0 means that callers reach the server directly.
    pub trusted_proxies: usize,
    /// The header to which the proxies write. The other header is not read.
    pub forwarded_header: ForwardedHeader,
    /// The time in which a body must arrive; no limit if `None`.
    pub body_within: Option<Duration>,
    /// The place of the previous system's uploads. Its campaigns refer to them by `/uploads/…`.
    pub uploads: Option<Uploads>,
}

/// The header in which proxies report the address of their client.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ForwardedHeader {
    /// `X-Forwarded-For`: a list of addresses.
    #[default]
    XForwardedFor,
    /// `Forwarded` of RFC 7239.
    Forwarded,
}

/// The place of the previous system's uploads.
#[derive(Debug, Clone)]
pub enum Uploads {
    /// A folder. The server serves its files.
    In(PathBuf),
    /// An address. Requests for uploads are redirected to addresses below it.
    At(WebUrl),
}
