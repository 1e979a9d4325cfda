//! Runs the executable in its own folder, without the caller's environment.

use std::{
    io::Read,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use gametriggers_domain::ledger::Counters;
use gametriggers_types::ScreenToken;
use tempfile::TempDir;

use crate::support::{PREVIOUS_DATABASE, TestStore};

/// The time that anything in these tests may take on a busy machine.
const DEADLINE: Duration = Duration::from_mins(1);
pub(super) const SECRET: &str = "a secret of the tests, long enough";

/// Calls `ask` until it returns a value.
#[track_caller]
pub(super) fn wait_for<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(started.elapsed() < DEADLINE, "still waiting for {what}");
        thread::sleep(Duration::from_millis(5));
    }
}

/// A working directory and, if there is one, the store that commands in it use.
pub(super) struct Folder {
    folder: TempDir,
    store: Option<TestStore>,
}

impl Folder {
    /// A folder without a store: commands create SQLite files in it.
    pub(super) fn new() -> Self {
        Self { folder: TempDir::new().unwrap(), store: None }
    }

    /// A folder with a store that is not created yet.
    pub(super) async fn with_store() -> Self {
        Self::with(TestStore::create().await)
    }

    /// A folder with this store, which is not created yet.
    pub(super) fn with(store: TestStore) -> Self {
        Self { store: Some(store), ..Self::new() }
    }

    /// A folder whose store holds the previous system's database.
    pub(super) async fn with_previous_database() -> Self {
        Self::with_previous_database_in(TestStore::create().await)
    }

    /// A folder with this store, into which the previous system's database is imported.
    #[track_caller]
    pub(super) fn with_previous_database_in(store: TestStore) -> Self {
        let folder = Self::with(store);
        assert_eq!(folder.run(&["import", PREVIOUS_DATABASE]).code, Some(0));
        folder
    }

    pub(super) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(super) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    /// The store of the folder. Panics if the folder has none.
    pub(super) fn store(&self) -> &TestStore {
        self.store.as_ref().unwrap()
    }

    /// Reads the counters of the participation with this token.
    pub(super) async fn stored_counters(&self, token: &str) -> Counters {
        let participations = self.store().repositories().await.participations;
        let found = participations.find_by_token(&ScreenToken::parse(token).unwrap()).await.unwrap();
        found.unwrap().counters
    }

    /// Fails if any counter, budget or rollup differs from the sum of the ledger's entries.
    #[track_caller]
    pub(super) fn assert_reconciled(&self) {
        let ended = self.run(&["reconcile"]);
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(0), "no difference\n"), "{}", ended.stderr);
    }

    /// A command that logs at level `debug` and listens on a free port.
    pub(super) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_gametriggers"));
        command.args(args).current_dir(self.path()).env_clear();
        command.env("GAMETRIGGERS__LOG__FILTER", "debug").env("GAMETRIGGERS__HTTP__BIND", "127.0.0.1:0");
        command.env("GAMETRIGGERS__AUTH__JWT_SECRET", SECRET);
        if let Some(store) = &self.store {
            command.env("GAMETRIGGERS__STORAGE__URL", store.url());
        }
        command
    }

    /// Runs a command to its end.
    #[track_caller]
    pub(super) fn run(&self, args: &[&str]) -> Finished {
        let ended = Running::start(self.command(args)).wait();
        assert_discreet(&ended.stdout);
        ended
    }
}

/// A running process. It is killed when it is dropped.
pub(super) struct Running {
    child: Child,
    out: Output,
    err: Output,
}

impl Running {
    pub(super) fn start(mut command: Command) -> Self {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let out = Output::of(child.stdout.take().unwrap());
        let err = Output::of(child.stderr.take().unwrap());
        Self { child, out, err }
    }

    /// Waits until `find` finds something in the output so far, and returns that.
    #[track_caller]
    pub(super) fn printed<T>(&mut self, find: impl Fn(&str) -> Option<T>) -> T {
        self.found("its answer", find, |this| &this.out)
    }

    /// Waits until `find` finds something in the log so far, and returns that.
    #[track_caller]
    pub(super) fn logged<T>(&mut self, find: impl Fn(&str) -> Option<T>) -> T {
        self.found("its log", find, |this| &this.err)
    }

    #[track_caller]
    fn found<T>(&mut self, what: &str, find: impl Fn(&str) -> Option<T>, of: fn(&Self) -> &Output) -> T {
        wait_for(what, || {
            let ended = self.child.try_wait().unwrap();
            let found = find(&of(self).text());
            assert!(found.is_some() || ended.is_none(), "ended with {ended:?}: {}", self.err.text());
            found
        })
    }

    /// The process id.
    pub(super) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal, such as `INT`.
    pub(super) fn signal(&self, name: &str) {
        let sent = Command::new("kill").arg(format!("-{name}")).arg(self.child.id().to_string()).status();
        assert!(sent.unwrap().success());
    }

    /// Kills the process immediately.
    pub(super) fn kill(&mut self) {
        self.child.kill().unwrap();
    }

    /// Sends a signal and waits until the process ends.
    #[track_caller]
    pub(super) fn end(self, signal: &str) -> Finished {
        self.signal(signal);
        self.wait()
    }

    /// Waits until the process ends. Fails if its log holds a secret.
    #[track_caller]
    pub(super) fn wait(mut self) -> Finished {
        let code = wait_for("the process to end", || self.child.try_wait().unwrap()).code();
        let (stdout, stderr) = (self.out.whole(), self.err.whole());
        assert_discreet(&stderr);
        Finished { code, stdout, stderr }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // The process may have ended by itself.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// The result of a process that has ended.
#[derive(Debug)]
pub(super) struct Finished {
    /// The exit code; `None` if a signal ended the process.
    pub(super) code: Option<i32>,
    pub(super) stdout: String,
    pub(super) stderr: String,
}

/// Fails if a text holds an overlay token, a bearer token, an e-mail address, a password hash or the secret.
#[track_caller]
fn assert_discreet(text: &str) {
    let token = text.split(|sign: char| !sign.is_ascii_hexdigit()).find(|word| word.len() >= 64);
    assert_eq!(token, None);
    for secret in ["eyJ", "@", "$2b$", SECRET] {
        assert!(!text.contains(secret), "{secret} in {text}");
    }
}

/// The output of a process. It is read continuously, so that the process never waits for a reader.
struct Output {
    bytes: Arc<Mutex<Vec<u8>>>,
    reader: Option<JoinHandle<()>>,
}

impl Output {
    fn of(mut pipe: impl Read + Send + 'static) -> Self {
        let bytes = Arc::new(Mutex::new(Vec::new()));
        let shared = bytes.clone();
        let reader = thread::spawn(move || {
            let mut chunk = [0; 8192];
            while let Ok(count @ 1..) = pipe.read(&mut chunk) {
                shared.lock().unwrap().extend_from_slice(&chunk[..count]);
            }
        });
        Self { bytes, reader: Some(reader) }
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes.lock().unwrap()).into_owned()
    }

    /// Returns all output after the process has ended.
    fn whole(&mut self) -> String {
        if let Some(reader) = self.reader.take() {
            reader.join().unwrap();
        }
        self.text()
    }
}
