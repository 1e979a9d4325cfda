//! MongoDB servers for single tests.

use std::fs::{self, File};
use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow, bail, ensure};
use bson::{Document, doc};
use tempfile::TempDir;

use crate::find_mongod;
use crate::hello::Hello;
use crate::kind::{Kind, SET};
use crate::process::Process;
use crate::wire::run_command;

/// The longest time that a server may take to accept writes, or to stop.
pub(crate) const PATIENCE: Duration = Duration::from_mins(2);
/// The interval between checks of the server.
pub(crate) const POLL: Duration = Duration::from_millis(20);
/// The number of ports to try. Another program may take a free port before the server uses it.
const PORTS_MAX: usize = 3;
/// The message of a `mongod` whose port is taken.
const PORT_TAKEN: &str = "Address already in use";

/// A `mongod` on 127.0.0.1 with a temporary data directory. It is a replica set of one member unless another kind was
/// started.
///
/// The server is killed and its data deleted when this value is dropped or this process ends. The methods block;
/// asynchronous tests call them through `tokio::task::block_in_place` or `spawn_blocking`.
#[derive(Debug)]
pub struct Server {
    program: PathBuf,
    kind: Kind,
    port: u16,
    // Must be declared before the folder, because fields are dropped in this order.
    process: Option<Process>,
    folder: TempDir,
}

impl Server {
    /// Starts a replica set of one member, as in production, and waits until it accepts writes.
    ///
    /// # Errors
    /// If there is no `mongod` ([`find_mongod`]), or it does not start. The error then contains the end of its log.
    pub fn start() -> anyhow::Result<Self> {
        Self::start_kind(Kind::ReplicaSet)
    }

    /// As [`start`](Self::start), with MongoDB's default memory (half of the machine's) instead of the small amount for
    /// tests.
    ///
    /// # Errors
    /// As [`start`](Self::start).
    pub fn start_to_be_measured() -> anyhow::Result<Self> {
        Self::start_kind(Kind::Measured)
    }

    /// As [`start`](Self::start), with the command `configureFailPoint`, which makes chosen commands fail.
    ///
    /// # Errors
    /// As [`start`](Self::start).
    pub fn start_with_fail_points() -> anyhow::Result<Self> {
        Self::start_kind(Kind::WithFailPoints)
    }

    /// Starts a server with the name of a replica set that has not been initiated.
    ///
    /// # Errors
    /// As [`start`](Self::start).
    pub fn start_uninitiated() -> anyhow::Result<Self> {
        Self::start_kind(Kind::Uninitiated)
    }

    /// Starts a server without a replica set.
    ///
    /// # Errors
    /// As [`start`](Self::start).
    pub fn start_standalone() -> anyhow::Result<Self> {
        Self::start_kind(Kind::Standalone)
    }

    /// Starts a future member of a replica set of several, with fail points and as little memory as possible.
    pub(crate) fn start_member() -> anyhow::Result<Self> {
        Self::start_kind(Kind::Member)
    }

    /// The connection string, without a database name.
    #[must_use]
    pub fn uri(&self) -> String {
        self.kind.uri(&[self.address()])
    }

    /// The path of the running program.
    #[must_use]
    pub fn program(&self) -> &std::path::Path {
        &self.program
    }

    /// Kills the server like a crash would: writes that are not in the journal are lost. Does nothing if the server is
    /// not running.
    pub fn kill(&mut self) {
        self.process = None;
    }

    /// Shuts the server down cleanly. Does nothing if the server is not running.
    ///
    /// # Errors
    /// If the server does not stop.
    pub fn stop(&mut self) -> anyhow::Result<()> {
        let Some(mut process) = self.process.take() else { return Ok(()) };
        // The server closes the connection instead of answering, so the error is ignored.
        let _ = self.admin(doc! {"shutdown": 1, "force": true, "timeoutSecs": 0});
        ensure!(process.wait_at_most(PATIENCE)?, "mongod does not stop\n{}", self.log());
        Ok(())
    }

    pub(crate) const fn is_running(&self) -> bool {
        self.process.is_some()
    }

    /// Starts the server again after [`kill`](Self::kill) or [`stop`](Self::stop), with the same port and data, and
    /// waits until it accepts writes. A member of a set of several is awaited until it is the primary or a secondary.
    ///
    /// # Errors
    /// If the server is running, or does not start.
    pub fn restart(&mut self) -> anyhow::Result<()> {
        ensure!(self.process.is_none(), "mongod is running");
        self.launch()
    }

    fn start_kind(kind: Kind) -> anyhow::Result<Self> {
        let program = find_mongod()?;
        for _ in 1..PORTS_MAX {
            match Self::start_once(program.clone(), kind) {
                Err(error) if format!("{error:#}").contains(PORT_TAKEN) => {}
                outcome => return outcome,
            }
        }
        Self::start_once(program, kind)
    }

    fn start_once(program: PathBuf, kind: Kind) -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new().prefix("gametriggers-mongod-").tempdir()?;
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
        let mut server = Self { program, kind, port, process: None, folder };
        fs::create_dir(server.data())?;
        server.launch()?;
        Ok(server)
    }

    fn launch(&mut self) -> anyhow::Result<()> {
        let log = File::options().create(true).append(true).open(self.log_file())?;
        let mut command = Command::new(&self.program);
        command.arg("--dbpath").arg(self.data()).args(["--port", &self.port.to_string()]);
        command.args(["--bind_ip", "127.0.0.1", "--nounixsocket"]);
        command.args(self.kind.arguments());
        command.stdout(log.try_clone()?).stderr(Stdio::from(log));
        let process = Process::spawn(&mut command, self.folder.path())
            .with_context(|| format!("cannot start {}", self.program.display()))?;
        self.process = Some(process);
        self.wait_until("accept commands", |server, hello| match server.kind {
            Kind::Uninitiated | Kind::Member if hello.is_new() => Ok(true),
            Kind::Member => Ok(hello.is_primary_or_secondary()),
            Kind::ReplicaSet | Kind::Measured | Kind::WithFailPoints if hello.is_new() => {
                server.initiate(&[server.address()], doc! {}).map(|()| false)
            }
            _ => Ok(hello.is_primary()),
        })
    }

    /// Waits until `condition` is true of the server and of what the server says of itself. `what` names in the error
    /// what the server does not do.
    pub(crate) fn wait_until(
        &mut self,
        what: &str,
        condition: impl Fn(&Self, &Hello) -> anyhow::Result<bool>,
    ) -> anyhow::Result<()> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.process.as_mut().map(Process::try_wait).transpose()?.flatten() {
                bail!("{} ended ({status})\n{}", self.program.display(), self.log());
            }
            if let Ok(hello) = self.hello()
                && condition(self, &hello)?
            {
                return Ok(());
            }
            ensure!(Instant::now() < deadline, "mongod does not {what}\n{}", self.log());
            sleep(POLL);
        }
    }

    /// What the server says of itself.
    pub(crate) fn hello(&self) -> anyhow::Result<Hello> {
        self.admin(doc! {"hello": 1}).map(Hello)
    }

    /// Makes a replica set of the members at these addresses, of which this server is one.
    pub(crate) fn initiate(&self, addresses: &[String], settings: Document) -> anyhow::Result<()> {
        let member = |(id, host): (i32, &String)| doc! {"_id": id, "host": host};
        let members: Vec<_> = (0..).zip(addresses).map(member).collect();
        let set = doc! {"_id": SET, "members": members, "settings": settings};
        let answer = self.admin(doc! {"replSetInitiate": set})?;
        let code = answer.get_str("codeName").unwrap_or("none");
        ensure!(
            matches!(code, "none" | "AlreadyInitialized"),
            "mongod refuses to be a replica set: {answer}"
        );
        Ok(())
    }

    /// Runs a command on the database `admin`. The answer may be an error of the server.
    pub(crate) fn admin(&self, mut command: Document) -> anyhow::Result<Document> {
        command.insert("$db", "admin");
        run_command(self.port, &command)
    }

    pub(crate) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn log_file(&self) -> PathBuf {
        self.folder.path().join("mongod.log")
    }

    /// The last lines of the server's log.
    fn log(&self) -> String {
        const LINES: usize = 12;
        match fs::read(self.log_file()) {
            Ok(bytes) => {
                let text = String::from_utf8_lossy(&bytes);
                let lines: Vec<&str> = text.lines().collect();
                lines[lines.len().saturating_sub(LINES)..].join("\n")
            }
            Err(error) => anyhow!(error).context("its log cannot be read").to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn insert(server: &Server, id: i32) -> Document {
        let concern = doc! {"w": "majority", "j": true};
        let command =
            doc! {"insert": "things", "documents": [{"_id": id}], "writeConcern": concern, "$db": "test"};
        run_command(server.port, &command).unwrap()
    }

    fn count(server: &Server) -> i32 {
        run_command(server.port, &doc! {"count": "things", "$db": "test"}).unwrap().get_i32("n").unwrap()
    }

    #[test]
    fn a_killed_and_a_stopped_server_come_back_with_their_data_at_the_same_place() {
        let mut server = Server::start().unwrap();
        let uri = server.uri();
        assert_eq!(insert(&server, 1).get_i32("n").unwrap(), 1);

        server.kill();
        assert!(run_command(server.port, &doc! {"hello": 1, "$db": "admin"}).is_err());
        server.restart().unwrap();
        assert_eq!(insert(&server, 2).get_i32("n").unwrap(), 1);

        server.stop().unwrap();
        assert!(run_command(server.port, &doc! {"hello": 1, "$db": "admin"}).is_err());
        server.restart().unwrap();
        assert_eq!(count(&server), 2);
        assert_eq!(server.uri(), uri);
        assert!(server.restart().is_err(), "started twice");
    }

    #[test]
    fn what_was_started_says_what_it_is() {
        let standalone = Server::start_standalone().unwrap();
        let hello = standalone.hello().unwrap();
        assert!(!hello.0.contains_key("setName"), "{hello:?}");
        assert!(!standalone.uri().contains("replicaSet"));

        let failing = Server::start_with_fail_points().unwrap();
        assert_eq!(failing.hello().unwrap().0.get_str("setName").unwrap(), SET);
        let fail_point = doc! {
            "configureFailPoint": "failCommand",
            "mode": {"times": 1},
            "data": {"failCommands": ["insert"], "errorCode": 91},
        };
        assert_eq!(failing.admin(fail_point).unwrap().get("ok"), Some(&bson::Bson::Double(1.0)));
        assert_eq!(insert(&failing, 1).get_i32("code").unwrap(), 91);
        assert_eq!(insert(&failing, 1).get_i32("n").unwrap(), 1);
    }

    #[test]
    fn what_a_program_says_that_does_not_start_is_passed_on() {
        let error = Server::start_once("ls".into(), Kind::ReplicaSet).unwrap_err().to_string();
        assert!(error.contains("ended (exit status: 2)") && error.contains("--dbpath"), "{error}");
    }

    #[test]
    fn dropping_deletes_the_data() {
        let server = Server::start_standalone().unwrap();
        let folder = server.folder.path().to_owned();
        drop(server);
        assert!(!folder.exists());
    }
}
