//! Databases for single tests on the server of the test run.

use std::thread;

use mongodb::{Client, Database};

use crate::{URI_VARIABLE, uri_from_environment};

/// The prefix of all test databases. It helps to find databases that a killed run has left.
const PREFIX: &str = "gametriggers_test_";

/// A database with a random name on the server that [`URI_VARIABLE`] names. It is dropped with this value. Several may
/// exist at once.
#[derive(Debug)]
pub struct TestDatabase {
    uri: String,
    database: Database,
    /// Whether the database stays when this value is dropped.
    stays: bool,
}

impl TestDatabase {
    /// A new database. The server creates it with its first collection.
    ///
    /// # Panics
    /// If [`URI_VARIABLE`] is not set or is not a connection string. A test without a server fails; it does not skip
    /// itself.
    #[expect(clippy::panic, clippy::expect_used, reason = "part of tests: without a server they fail")]
    pub async fn create() -> Self {
        let uri = uri_from_environment().expect("a readable environment").unwrap_or_else(|| {
            panic!(
                "{URI_VARIABLE} is not set: this test needs a MongoDB replica set. Run it by `cargo xtask test`, \
                 which starts one for the run, or set the variable to the connection string of a replica set on \
                 which databases may be made and dropped (with credentials, name their authSource)"
            )
        });
        Self::create_on(&uri).await
    }

    /// A new database on another server, such as a test's own [`Server`](crate::Server).
    ///
    /// # Panics
    /// If `server_uri` is not a connection string.
    pub async fn create_on(server_uri: &str) -> Self {
        Self::create_named(server_uri, false).await
    }

    /// As [`create_on`](Self::create_on), but the database is not dropped with this value. Use it on a test's own
    /// [`Server`](crate::Server), which deletes its data. Dropping would wait for the transactions that killed
    /// processes have left open.
    ///
    /// # Panics
    /// As [`create_on`](Self::create_on).
    pub async fn create_to_stay_on(server_uri: &str) -> Self {
        Self::create_named(server_uri, true).await
    }

    #[expect(clippy::expect_used, reason = "part of tests: without a server they fail")]
    async fn create_named(server_uri: &str, stays: bool) -> Self {
        let mut name = [0; 8];
        getrandom::fill(&mut name).expect("randomness");
        let name = format!("{PREFIX}{}", hex::encode(name));
        let uri = with_database(server_uri, &name);
        let client = Client::with_uri_str(&uri).await.expect("a connection string of MongoDB");
        Self { database: client.database(&name), uri, stays }
    }

    /// The connection string, with the name of the database.
    #[must_use]
    pub fn uri(&self) -> &str {
        &self.uri
    }

    /// The database through the plain driver, without any rules of the product.
    #[must_use]
    pub fn raw(&self) -> &Database {
        &self.database
    }
}

impl Drop for TestDatabase {
    /// Drops the database with its own client and runtime, because the test's runtime may be of any kind and may be
    /// ending.
    #[expect(clippy::print_stderr, reason = "part of tests")]
    fn drop(&mut self) {
        if self.stays {
            return;
        }
        let (uri, name) = (self.uri.clone(), self.database.name().to_owned());
        let outcome = thread::spawn(move || drop_database(&uri, &name)).join();
        match outcome {
            Ok(Ok(())) => {}
            Ok(Err(error)) => eprintln!("the database {} stays behind: {error}", self.database.name()),
            Err(_) => eprintln!("the database {} stays behind", self.database.name()),
        }
    }
}

fn drop_database(uri: &str, name: &str) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut options = mongodb::options::ClientOptions::parse(uri).await?;
        // If the test has killed the server, waiting for it is useless.
        options.server_selection_timeout = Some(std::time::Duration::from_secs(2));
        Client::with_options(options)?.database(name).drop().await?;
        anyhow::Ok(())
    })
}

/// The connection string with its database replaced by `name`.
fn with_database(uri: &str, name: &str) -> String {
    let (address, options) = match uri.split_once('?') {
        Some((address, options)) => (address, format!("?{options}")),
        None => (uri, String::new()),
    };
    let scheme_end = address.find("://").map_or(0, |at| at + 3);
    let hosts = address[scheme_end..].split('/').next().unwrap_or_default();
    format!("{}{hosts}/{name}{options}", &address[..scheme_end])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Server;
    use bson::doc;

    #[test]
    fn only_the_database_of_a_connection_string_changes() {
        for (uri, expected) in [
            ("mongodb://127.0.0.1:27017", "mongodb://127.0.0.1:27017/x"),
            ("mongodb://h:1/?replicaSet=rs0", "mongodb://h:1/x?replicaSet=rs0"),
            ("mongodb://u:p@h:1,i:2/old?authSource=admin", "mongodb://u:p@h:1,i:2/x?authSource=admin"),
            ("mongodb+srv://cluster.example/", "mongodb+srv://cluster.example/x"),
        ] {
            assert_eq!(with_database(uri, "x"), expected);
        }
    }

    #[tokio::test]
    async fn each_is_its_own_and_gone_in_the_end() {
        let server = Server::start().unwrap();
        let one = TestDatabase::create_on(&server.uri()).await;
        let other = TestDatabase::create_on(&server.uri()).await;
        assert_ne!(one.uri(), other.uri());
        for database in [&one, &other] {
            database.raw().collection("things").insert_one(doc! {"_id": 1}).await.unwrap();
        }

        let gone = one.raw().name().to_owned();
        drop(one);
        let names = other.raw().client().list_database_names().await.unwrap();
        assert!(!names.contains(&gone) && names.iter().any(|name| name == other.raw().name()), "{names:?}");
    }
}
