//! A server in its own process.

use std::{
    collections::VecDeque,
    ffi::OsStr,
    fs,
    io::{BufRead, BufReader, Write},
    net::SocketAddr,
    path::Path,
    process::{Child, Command, Stdio},
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{self, RecvTimeoutError},
    },
    thread,
    time::Duration,
};

use anyhow::{Context, anyhow};
use tempfile::TempDir;

/// How long a server may take until it listens.
const PATIENCE: Duration = Duration::from_mins(1);
/// How many lines of its log are kept.
const LINES_MAX: usize = 20;
/// The text before the address in the log line of a server that listens.
pub(crate) const LISTENING: &str = "listening address=";
/// The names of the settings that limit single clients.
const NO_LIMITS: [&str; 6] = [
    "CONNECTIONS_PER_ADDRESS",
    "EVENTS_PER_MINUTE",
    "QR_CODES_PER_MINUTE",
    "SETTINGS_CHANGES_PER_MINUTE",
    "UNKNOWN_TOKENS_PER_MINUTE",
    "VISITS_PER_MINUTE",
];
/// The secret with which bearer tokens are signed.
pub(crate) const SECRET: &str = "a secret of the measurements, long enough";

/// A running server, killed when this value is dropped. Everything that was answered is stored by then, except visits;
/// wait for them first.
pub(crate) struct Server {
    child: Child,
    address: SocketAddr,
    said: Said,
    /// The server's working directory. It is empty, so that the server finds no configuration file.
    _folder: TempDir,
}

/// The last lines of a server's log.
type Said = Arc<Mutex<VecDeque<String>>>;

impl Server {
    /// Starts `gametriggers serve` on a store and waits until it listens. All settings that are not needed for this
    /// have their defaults, except that clients are not limited.
    ///
    /// # Errors
    /// If it does not start. The error contains its last log lines.
    pub(crate) fn serve(program: &Path, store: &str) -> anyhow::Result<Self> {
        let mut command = Command::new(program);
        command.arg("serve").env_clear();
        command.env("GAMETRIGGERS__STORAGE__URL", store).env("GAMETRIGGERS__HTTP__BIND", "127.0.0.1:0");
        command.env("GAMETRIGGERS__AUTH__JWT_SECRET", SECRET);
        // The load generator acts as a proxy, so that it can send the addresses of many visitors.
        command.env("GAMETRIGGERS__HTTP__TRUSTED_PROXIES", "1");
        // All load comes from one address, and much of it is for one token. That is more than the limits for one
        // client.
        command.envs(NO_LIMITS.map(|limit| (format!("GAMETRIGGERS__LIMITS__{limit}"), "0")));
        Self::start(command, &[])
    }

    /// Starts a program that reads `input` and then logs on standard error where it listens.
    ///
    /// # Errors
    /// As [`serve`](Self::serve).
    pub(crate) fn start(mut command: Command, input: &[u8]) -> anyhow::Result<Self> {
        let folder = TempDir::new()?;
        let name = command.get_program().to_string_lossy().into_owned();
        command.current_dir(folder.path());
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().with_context(|| {
            format!("cannot start {name}; `cargo build --release -p gametriggers` makes the server")
        })?;
        let said = Said::default();
        match listening_address(&mut child, input, &said) {
            Ok(address) => Ok(Self { child, address, said, _folder: folder }),
            Err(error) => {
                // The error is ignored: the process may have ended already.
                let _ = child.kill();
                let status = child.wait()?;
                Err(error
                    .context(format!("{name} does not start ({status}); it said:\n{}", last_lines(&said))))
            }
        }
    }

    /// The address at which the server listens.
    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// The last lines of the server's log.
    pub(crate) fn log(&self) -> String {
        last_lines(&self.said)
    }

    /// The resident memory of the server in bytes; `None` if the system does not report it.
    pub(crate) fn resident_bytes(&self) -> Option<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
        let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
        Some(kibibytes * 1024)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Passes a program its input and waits until it logs where it listens.
fn listening_address(child: &mut Child, input: &[u8], said: &Said) -> anyhow::Result<SocketAddr> {
    let address = follow(child.stderr.take().context("it has no pipe")?, said.clone());
    // The pipe is closed at once, because the program reads to its end.
    child.stdin.take().context("it has no pipe")?.write_all(input).context("it does not read its input")?;
    address.recv_timeout(PATIENCE).map_err(|error| match error {
        RecvTimeoutError::Disconnected => anyhow!("it has ended"),
        RecvTimeoutError::Timeout => anyhow!("it does not say where it listens within {PATIENCE:?}"),
    })
}

/// Keeps the last lines of a log, and sends the address that a line contains. Ends with the process.
fn follow(log: impl std::io::Read + Send + 'static, said: Said) -> mpsc::Receiver<SocketAddr> {
    let (found, address) = mpsc::channel();
    thread::spawn(move || {
        for line in BufReader::new(log).lines().map_while(Result::ok) {
            if let Some(address) = address_in(&line) {
                // The error is ignored: nobody may be waiting any more.
                let _ = found.send(address);
            }
            let mut said = said.lock().unwrap_or_else(PoisonError::into_inner);
            if said.len() == LINES_MAX {
                said.pop_front();
            }
            said.push_back(line);
        }
    });
    address
}

fn address_in(line: &str) -> Option<SocketAddr> {
    line.split_once(LISTENING)?.1.split(' ').next()?.parse().ok()
}

fn last_lines(said: &Said) -> String {
    let said = said.lock().unwrap_or_else(PoisonError::into_inner);
    said.iter().map(String::as_str).collect::<Vec<_>>().join("\n")
}

/// The program with this name in the folder of the running program, where cargo puts both.
///
/// # Errors
/// If there is none.
pub(crate) fn beside(name: &OsStr) -> anyhow::Result<std::path::PathBuf> {
    let path = std::env::current_exe()?.with_file_name(name);
    anyhow::ensure!(
        path.is_file(),
        "there is no {}: make it with `cargo build --release -p gametriggers`, or name another with --server",
        path.display()
    );
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_server_said_that_does_not_start_is_passed_on() {
        let mut command = Command::new("ls");
        command.arg("--no-such-option");
        let error = format!("{:#}", Server::start(command, &[]).map(|_| ()).unwrap_err());
        assert!(error.contains("ls does not start") && error.contains("no-such-option"), "{error}");
    }
}
