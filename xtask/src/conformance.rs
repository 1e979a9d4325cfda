//! `cargo xtask conformance`: checks with schemathesis whether the server does what its OpenAPI document says.
//!
//! Schemathesis makes valid and invalid requests from the document's schemas and compares the answers with the
//! document. It runs every check on every operation of the demo's server, which has a store of its own. The first run
//! is signed out, while the token of the demo's screen is valid. The second run is signed in as the demo's streamer,
//! who may replace that token.
//!
//! Schemathesis is a Python program. `pip` installs it into cargo's target directory, where nothing else sees it.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

use anyhow::{Context, ensure};

use crate::cargo::{cargo, root, run as run_cargo, target_directory};

/// The package that pip installs.
const REQUIREMENT: &str = "schemathesis==4.32.5";
/// The folder of the installed package, inside the target directory.
const KEPT: &str = "conformance/schemathesis-4.32.5";
/// The hooks for what the schemas cannot say.
const HOOKS: &str = "xtask/src/conformance/hooks.py";
/// The cargo command that builds the server. It has the scope of `cargo xtask test`, so that nothing is compiled again
/// after that command.
const BUILD: &[&str] = &["test", "--workspace", "--test", "suite", "--no-run"];
/// How many requests schemathesis makes to an operation in each of its phases.
const REQUESTS: &str = "150";
/// The seed of the random requests, so that each run makes the same ones.
const SEED: &str = "1";
/// A participation of the demo's streamer.
const PARTICIPATION: &str = "000000000000000000000014";
/// A picture of the demo, and the path by which the server finds it as an upload of the previous system.
const PICTURE: &str = "crates/server/demo-media/nimbus-keyboards.png";
const UPLOAD: &str = "a.png";
const REMEDY: &str = "Python 3.10 or later with pip is needed; on Debian: apt-get install python3-pip";

/// Builds the server, installs schemathesis and runs it signed out and signed in. Fails if the server and its document
/// differ.
pub(crate) fn run() -> anyhow::Result<()> {
    run_cargo(cargo(BUILD.iter().copied()))?;
    let target = target_directory();
    let schemathesis = fetch(&target)?;
    let folder = target.join("conformance/run");
    if folder.exists() {
        fs::remove_dir_all(&folder).context("cannot clear what the last run left")?;
    }
    let uploads = folder.join("uploads");
    fs::create_dir_all(&uploads).context("cannot make a folder for the run")?;
    fs::copy(root().join(PICTURE), uploads.join(UPLOAD)).context("cannot copy a picture")?;
    let demo = Demo::start(&target, &folder)?;
    let config = folder.join("schemathesis.toml");
    let pinned = format!(
        "[parameters]\n\"path.token\" = \"{}\"\n\"path.participationId\" = \"{PARTICIPATION}\"\n\"path.path\" = \"{UPLOAD}\"\n",
        demo.token()?
    );
    fs::write(&config, pinned).context("cannot write schemathesis's configuration")?;
    println!("\n===== signed out =====");
    check(&schemathesis, &config, &demo, None)?;
    println!("\n===== signed in =====");
    check(&schemathesis, &config, &demo, Some(&demo.bearer))
}

/// Returns the folder of schemathesis and its dependencies. Downloads them unless this was done before.
fn fetch(target: &Path) -> anyhow::Result<PathBuf> {
    let folder = target.join(KEPT);
    if folder.is_dir() {
        return Ok(folder);
    }
    // A scratch folder that is renamed at the end, so that the real folder is complete or absent.
    let scratch = target.join("conformance/scratch");
    if scratch.exists() {
        fs::remove_dir_all(&scratch).context("cannot clear what an earlier download left")?;
    }
    let mut pip = Command::new("python3");
    pip.args(["-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check"])
        .args(["--root-user-action=ignore", "--only-binary=:all:", "--target"])
        .arg(&scratch)
        .arg(REQUIREMENT);
    let status = pip.status().with_context(|| format!("cannot start python3 ({REMEDY})"))?;
    ensure!(status.success(), "pip cannot bring {REQUIREMENT} ({REMEDY})");
    fs::rename(&scratch, &folder).context("cannot keep schemathesis")?;
    Ok(folder)
}

/// Runs schemathesis once, with the bearer token if there is one.
fn check(schemathesis: &Path, config: &Path, demo: &Demo, bearer: Option<&str>) -> anyhow::Result<()> {
    let mut run = Command::new("python3");
    run.args(["-m", "schemathesis.cli", "--config-file"])
        .arg(config)
        .arg("run")
        .arg(format!("{}/api/v1/openapi.json", demo.origin()?))
        .args(["--checks", "all", "--continue-on-failure", "--max-redirects", "0"])
        .args(["--max-examples", REQUESTS, "--seed", SEED])
        .env("PYTHONPATH", schemathesis)
        .env("SCHEMATHESIS_HOOKS", root().join(HOOKS))
        .env("GAMETRIGGERS_OVERLAY", &demo.overlay)
        .current_dir(config.parent().unwrap_or(config));
    if let Some(bearer) = bearer {
        run.args(["--header", &format!("Authorization: Bearer {bearer}")]);
    }
    let status = run.status().with_context(|| format!("cannot start python3 ({REMEDY})"))?;
    ensure!(
        status.success(),
        "the server and its OpenAPI document differ; what was sent and answered is above"
    );
    Ok(())
}

/// The demo's server, and what it printed when it started. The server ends when the `Demo` is dropped.
struct Demo {
    process: Child,
    /// The address of the demo streamer's screen.
    overlay: String,
    /// The demo streamer's bearer token.
    bearer: String,
    /// Kept open to the end, because a program may be ended if nobody takes its output.
    output: BufReader<ChildStdout>,
}

impl Demo {
    /// Starts the server on a free port, with an empty store in this folder.
    fn start(target: &Path, folder: &Path) -> anyhow::Result<Self> {
        let log = File::create(folder.join("server.log")).context("cannot make a log file")?;
        let mut process = Command::new(target.join("debug/gametriggers"))
            .arg("demo")
            .env("GAMETRIGGERS__STORAGE__URL", format!("sqlite://{}", folder.join("demo.db").display()))
            .env("GAMETRIGGERS__HTTP__BIND", "127.0.0.1:0")
            .env("GAMETRIGGERS__MEDIA__UPLOADS", folder.join("uploads"))
            // No limit, because most tokens of this run are made up.
            .env("GAMETRIGGERS__LIMITS__UNKNOWN_TOKENS_PER_MINUTE", "0")
            .current_dir(folder)
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .context("cannot start the demo")?;
        let output = process.stdout.take().context("the demo has no output")?;
        let output = BufReader::new(output);
        let mut demo = Self { process, overlay: String::new(), bearer: String::new(), output };
        let mut heading = String::new();
        while demo.bearer.is_empty() {
            let mut line = String::new();
            let read = demo.output.read_line(&mut line).context("cannot read what the demo prints")?;
            ensure!(read > 0, "the demo did not start; {} says why", folder.join("server.log").display());
            // Each value is on the line below its heading.
            if heading.starts_with("Overlay") {
                line.trim().clone_into(&mut demo.overlay);
            } else if heading.starts_with("Bearer token") {
                line.trim().clone_into(&mut demo.bearer);
            }
            heading = line;
        }
        Ok(demo)
    }

    /// The token of the demo streamer's screen.
    fn token(&self) -> anyhow::Result<&str> {
        self.overlay.rsplit('/').next().context("the demo named no screen")
    }

    /// The address on which the server listens, with `http://` before it.
    fn origin(&self) -> anyhow::Result<&str> {
        let (origin, _) = self.overlay.split_once("/api/").context("the demo named no screen")?;
        Ok(origin)
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        // Errors do not matter: the server may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
