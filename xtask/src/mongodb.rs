//! The replica set of a run. Either the environment names one, or one is started for the run.

use gametriggers_test_mongod::{Server, URI_VARIABLE, uri_from_environment};

/// A replica set for the run.
pub(crate) enum MongoDb {
    /// The replica set that the environment names. It is left as it is.
    Given(String),
    /// A server that was started for this run. It ends when this value is dropped, and also when this process is
    /// interrupted or killed.
    Started(Server),
}

impl MongoDb {
    /// Returns the replica set that the environment names, or otherwise starts one with `start`.
    pub(crate) fn find_or(start: impl FnOnce() -> anyhow::Result<Server>) -> anyhow::Result<Self> {
        if let Some(uri) = uri_from_environment()? {
            println!("using the MongoDB that {URI_VARIABLE} names");
            return Ok(Self::Given(uri));
        }
        let server = start()?;
        println!("using {} at {}", server.program().display(), server.uri());
        Ok(Self::Started(server))
    }

    pub(crate) fn uri(&self) -> String {
        match self {
            Self::Given(uri) => uri.clone(),
            Self::Started(server) => server.uri(),
        }
    }
}
