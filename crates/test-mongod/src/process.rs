//! A child process that ends with this process.

use std::io;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// The interval between checks of whether a process has ended.
const POLL: Duration = Duration::from_millis(20);

/// A shell script that waits for the end of its input. The input ends when this process ends, even by SIGKILL. Then the
/// script kills the child process and deletes its folder.
const WATCHDOG: &str = r#"read -r _; kill -KILL "$1" 2>/dev/null; sleep 1; rm -rf -- "$2""#;

/// A child process, killed when this value is dropped. If this process dies without dropping it, a watchdog kills the
/// child and deletes its folder.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    watchdog: Child,
}

impl Process {
    /// Starts the command. The watchdog deletes `folder`, which should contain all files of the child.
    pub(crate) fn spawn(command: &mut Command, folder: &Path) -> io::Result<Self> {
        let mut child = apart(command).stdin(Stdio::null()).spawn()?;
        let mut watchdog = Command::new("sh");
        watchdog.args(["-c", WATCHDOG, "watchdog"]).arg(child.id().to_string()).arg(folder);
        watchdog.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        match apart(&mut watchdog).spawn() {
            Ok(watchdog) => Ok(Self { child, watchdog }),
            Err(error) => {
                end(&mut child);
                Err(error)
            }
        }
    }

    /// The exit status; `None` if the process is running.
    pub(crate) fn try_wait(&mut self) -> io::Result<Option<ExitStatus>> {
        self.child.try_wait()
    }

    /// Waits until the process ends by itself. Returns false if it is still running after `time`.
    pub(crate) fn wait_at_most(&mut self, time: Duration) -> io::Result<bool> {
        let deadline = Instant::now() + time;
        while self.try_wait()?.is_none() {
            if Instant::now() >= deadline {
                return Ok(false);
            }
            sleep(POLL);
        }
        Ok(true)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // The watchdog must end first: after the child is reaped, its process id may belong to another process.
        end(&mut self.watchdog);
        end(&mut self.child);
    }
}

/// Kills and reaps a process. Does nothing if it has already ended.
fn end(child: &mut Child) {
    let _ = child.kill();
    let _ = child.wait();
}

/// Puts the command into its own process group, so that Ctrl-C in the terminal does not reach it. This process decides
/// when it ends.
fn apart(command: &mut Command) -> &mut Command {
    #[cfg(unix)]
    {
        use std::os::unix::process::CommandExt as _;
        command.process_group(0);
    }
    command
}

#[cfg(test)]
mod tests {
    use super::*;
    use tempfile::TempDir;

    /// Whether a process of this id runs; one that has ended and is not reaped yet does not.
    fn runs(id: u32) -> bool {
        let script =
            r#"kill -0 "$1" 2>/dev/null && ! grep -q '^State:[[:space:]]*Z' "/proc/$1/status" 2>/dev/null"#;
        Command::new("sh").args(["-c", script, "runs", &id.to_string()]).status().unwrap().success()
    }

    fn eventually(condition: impl Fn() -> bool) -> bool {
        let deadline = Instant::now() + Duration::from_secs(20);
        while !condition() {
            if Instant::now() >= deadline {
                return false;
            }
            sleep(POLL);
        }
        true
    }

    #[test]
    fn dropping_ends_the_process_and_leaves_the_folder() {
        let folder = TempDir::new().unwrap();
        let process = Process::spawn(Command::new("sleep").arg("60"), folder.path()).unwrap();
        let (child, watchdog) = (process.child.id(), process.watchdog.id());
        assert!(runs(child) && runs(watchdog));
        drop(process);
        assert!(!runs(child) && !runs(watchdog));
        assert!(folder.path().is_dir());
    }

    #[test]
    fn when_the_owner_is_gone_the_watchdog_kills_and_cleans_up() {
        let folder = TempDir::new().unwrap();
        let mut process = Process::spawn(Command::new("sleep").arg("60"), folder.path()).unwrap();
        // What the end of this process would do.
        drop(process.watchdog.stdin.take());
        let child = process.child.id();
        assert!(eventually(|| !runs(child)), "not killed");
        assert!(eventually(|| !folder.path().exists()), "not cleaned up");
    }

    #[test]
    fn a_process_that_ends_by_itself_is_noticed() {
        let folder = TempDir::new().unwrap();
        let mut process = Process::spawn(Command::new("sh").args(["-c", "exit 7"]), folder.path()).unwrap();
        assert!(process.wait_at_most(Duration::from_secs(20)).unwrap());
        assert_eq!(process.try_wait().unwrap().and_then(|status| status.code()), Some(7));
    }
}
