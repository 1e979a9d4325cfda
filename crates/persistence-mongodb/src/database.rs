//! Opens the database that a connection string names, with the guarantees that the rest of the crate relies on.

use std::time::Duration;

use bson::{Document, doc};
use gametriggers_persistence::StorageError;
use mongodb::{
    Client, Database, ServerType,
    error::ErrorKind,
    event::{EventHandler, sdam::SdamEvent},
    options::{
        Acknowledgment, ClientOptions, ReadConcern, ReadPreference, SelectionCriteria, ServerAddress,
        WriteConcern,
    },
};
use tokio::sync::watch;

use crate::{call, error::neutral_read};

/// The database if the URL names none.
const DEFAULT_DATABASE: &str = "gametriggers";
/// How many connections to one server there are at once. Further callers wait.
const POOL_SIZE: u32 = 64;
/// How long a call waits for a primary before the store counts as unavailable.
const SERVER_SELECTION_TIMEOUT: Duration = Duration::from_secs(5);
/// How often the driver asks a server for its state. After some errors the driver uses the server again only after the
/// next answer. The driver's own default is ten seconds.
const HEARTBEAT: Duration = Duration::from_secs(2);
/// How long a host may take to say that it is a standalone server.
const ALONE_TIMEOUT: Duration = Duration::from_secs(1);
const MALFORMED: &str = "it is no connection string of MongoDB, such as mongodb://host1,host2/database?replicaSet=rs0; \
    special characters of a user's name and password are percent-encoded";

/// The member that is the primary, as far as the driver knows.
pub(crate) type Primary = watch::Receiver<Option<ServerAddress>>;

/// A database that is ready for use.
pub(crate) struct Opened {
    pub(crate) client: Client,
    pub(crate) database: Database,
    /// The application name by which the server recognises the processes of this program.
    pub(crate) app_name: String,
    pub(crate) primary: Primary,
}

/// Opens the database.
pub(crate) async fn open(url: &str) -> Result<Opened, StorageError> {
    // The driver's own message is dropped, because it may show parts of a password.
    let mut options = ClientOptions::parse(url).await.map_err(|error| match *error.kind {
        ErrorKind::DnsResolve { .. } => {
            unavailable("the hosts of its mongodb+srv address cannot be looked up")
        }
        _ => StorageError::Backend(MALFORMED.into()),
    })?;
    let app_name = options.app_name.get_or_insert_with(|| "gametriggers".to_owned()).clone();
    options.max_pool_size.get_or_insert(POOL_SIZE);
    options.server_selection_timeout.get_or_insert(SERVER_SELECTION_TIMEOUT);
    options.connect_timeout.get_or_insert(SERVER_SELECTION_TIMEOUT);
    options.heartbeat_freq.get_or_insert(HEARTBEAT);
    // The URL cannot weaken the guarantees that the rest of the system relies on.
    options.selection_criteria = Some(SelectionCriteria::ReadPreference(ReadPreference::Primary));
    options.read_concern = Some(ReadConcern::majority());
    let timeout = options.write_concern.as_ref().and_then(|concern| concern.w_timeout);
    options.write_concern = Some(durable(timeout));
    options.retry_writes = Some(true);
    options.retry_reads = Some(true);
    let name = options.default_database.clone().unwrap_or_else(|| DEFAULT_DATABASE.to_owned());
    let (handler, primary) = follow_primary();
    options.sdam_event_handler = Some(handler);
    let client = Client::with_options(options.clone()).map_err(neutral_read)?;
    if let Err(error) = hello(&client).await.and_then(|hello| require_transactions(&hello)) {
        // The driver ignores servers that belong to no replica set. A direct question to one may tell what is wrong.
        return Err(asked_alone(options).await.unwrap_or(error));
    }
    let database = client.database(&name);
    Ok(Opened { client, database, app_name, primary })
}

/// An event handler that tells the receiver which member is the primary.
fn follow_primary() -> (EventHandler<SdamEvent>, Primary) {
    let (sender, receiver) = watch::channel(None);
    let handler = EventHandler::callback(move |event| {
        let SdamEvent::TopologyDescriptionChanged(changed) = event else { return };
        let servers = changed.new_description.servers();
        let primary = servers.iter().find(|(_, server)| server.server_type() == ServerType::RsPrimary);
        let primary = primary.map(|(address, _)| (*address).clone());
        sender.send_if_modified(|known| {
            let has_changed = *known != primary;
            *known = primary;
            has_changed
        });
    });
    (handler, receiver)
}

/// Asks a server to describe itself.
async fn hello(client: &Client) -> Result<Document, StorageError> {
    let admin = client.database("admin");
    call::read(async move { admin.run_command(doc! {"hello": 1}).await }).await
}

/// Refuses a server that has no transactions, or none yet.
fn require_transactions(hello: &Document) -> Result<(), StorageError> {
    let is_router = hello.get_str("msg").is_ok_and(|message| message == "isdbgrid");
    if is_router || hello.contains_key("setName") {
        return Ok(());
    }
    if hello.get_bool("isreplicaset").unwrap_or(false) {
        // The replica set may be initiated in a moment.
        return Err(unavailable("the replica set is not initiated: run `rs.initiate()` once in mongosh"));
    }
    let remedy = "the MongoDB server is a standalone one, which has no transactions: start mongod with \
                  `--replSet rs0` and run `rs.initiate()` once in mongosh; a replica set of one member is enough";
    Err(StorageError::Backend(remedy.into()))
}

fn unavailable(why: &'static str) -> StorageError {
    StorageError::Unavailable { outcome_unknown: false, source: why.into() }
}

/// Asks the first host alone. Returns what is wrong with it, if it answers and belongs to no replica set.
async fn asked_alone(mut options: ClientOptions) -> Option<StorageError> {
    options.hosts.truncate(1);
    options.repl_set_name = None;
    options.sdam_event_handler = None;
    options.direct_connection = Some(true);
    options.server_selection_timeout = Some(ALONE_TIMEOUT);
    let hello = hello(&Client::with_options(options).ok()?).await.ok()?;
    require_transactions(&hello).err()
}

/// The write concern of a write that a majority acknowledges once it has the write in its journal.
fn durable(timeout: Option<Duration>) -> WriteConcern {
    WriteConcern::builder().w(Acknowledgment::Majority).journal(true).w_timeout(timeout).build()
}
