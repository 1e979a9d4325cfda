//! The replica set of a run: the one that the environment names, or one that is started for it.

use gametriggers_test_mongod::{Server, URI_VARIABLE, uri_from_environment};

/// A replica set that is there for the run.
pub(crate) enum MongoDb {
    /// The one that the environment names; it is left as it is.
    Given(String),
    /// Started for this run. It ends when this is dropped, and also when this process is interrupted or killed.
    Started(Server),
}

impl MongoDb {
    /// The one that the environment names, or else one that `start` makes.
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
