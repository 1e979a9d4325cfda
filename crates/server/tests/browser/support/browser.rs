//! A Chromium without a window, controlled through chromedriver.

use std::{
    env,
    io::{BufRead, BufReader, ErrorKind, Read, Write},
    net::{Ipv4Addr, TcpStream},
    path::PathBuf,
    process::{Child, ChildStdout, Command, Stdio},
};

use fantoccini::{Client, ClientBuilder, Locator, wd::WebDriverCompatibleCommand};
use gametriggers_fixtures::eventually;
use hyper_util::client::legacy::connect::HttpConnector;
use image::RgbaImage;
use reqwest::Method;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};
use tempfile::TempDir;
use url::{ParseError, Url};

/// The names of the browser's executable in different distributions.
const BROWSERS: &[&str] = &["chromium", "chromium-browser", "google-chrome"];
const FLAGS: &[&str] = &[
    "--headless=new",
    "--no-sandbox", // which containers do not allow
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
];
/// The default size of a browser source in OBS.
const OBS_SIZE: (u32, u32) = (800, 600);

/// The visible media. Lengths are in CSS pixels.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(crate) struct Sight {
    /// The path of the media's address.
    pub(crate) src: String,
    /// The distance from the left edge of the screen to the left edge of the media. The other distances are measured alike.
    pub(crate) left: f64,
    pub(crate) top: f64,
    pub(crate) right: f64,
    pub(crate) bottom: f64,
    pub(crate) width: f64,
}

const SIGHT: &str = "
    const media = document.querySelector('img, video');
    if (!media || getComputedStyle(media).visibility !== 'visible') return null;
    const { left, top, right, bottom, width, height } = media.getBoundingClientRect();
    if (!width || !height) return null;
    const src = new URL(media.currentSrc).pathname;
    return { src, left, top, right: innerWidth - right, bottom: innerHeight - bottom, width };
";

/// A request of the page.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(crate) struct Request {
    /// The time in milliseconds since the page was opened.
    pub(crate) at: f64,
    /// The status of the answer; 0 without an answer.
    pub(crate) status: u16,
}

const REQUESTS: &str = "
    const made = performance.getEntriesByType('resource').filter(({ name }) => name.includes(arguments[0]));
    return made.map(({ startTime, responseStatus }) => ({ at: startTime, status: responseStatus }));
";

/// Notes every receipt that the page sends with a ping, for [`Browser::reports`].
const NOTE_REPORTS: &str = "
    window.__reports = [];
    const send = window.fetch;
    window.fetch = (url, options) => {
        const { receipt } = JSON.parse((options && options.body) || '{}');
        if (receipt && String(url).endsWith('/ping')) window.__reports.push(receipt);
        return send(url, options);
    };
";

/// A browser with a fresh profile, which draws transparent parts of the page as transparent.
pub(crate) struct Browser {
    pub(crate) client: Client,
    _driver: Driver,
    _profile: TempDir,
}

impl Browser {
    /// Starts the browser with the size of a new browser source.
    pub(crate) async fn start() -> Self {
        let driver = Driver::start();
        let profile = TempDir::new().unwrap();
        let profile_flag = format!("--user-data-dir={}", profile.path().display());
        let flags: Vec<_> = FLAGS.iter().copied().chain([profile_flag.as_str()]).collect();
        let capabilities = json!({
            "goog:chromeOptions": {"binary": find_browser(), "args": flags},
            "goog:loggingPrefs": {"browser": "ALL"},
        });
        let client = ClientBuilder::new(HttpConnector::new())
            .capabilities(serde_json::from_value(capabilities).unwrap())
            .connect(&format!("http://127.0.0.1:{}", driver.port))
            .await
            .unwrap();
        let browser = Self { client, _driver: driver, _profile: profile };
        let nothing = json!({"color": {"r": 0, "g": 0, "b": 0, "a": 0}});
        browser.devtools("Emulation.setDefaultBackgroundColorOverride", nothing).await;
        browser.devtools("Page.addScriptToEvaluateOnNewDocument", json!({"source": NOTE_REPORTS})).await;
        browser.resize(OBS_SIZE).await;
        browser
    }

    /// Starts the browser and opens an address.
    pub(crate) async fn open(url: &str) -> Self {
        let browser = Self::start().await;
        browser.client.goto(url).await.unwrap();
        browser
    }

    pub(crate) async fn resize(&self, (width, height): (u32, u32)) {
        let size = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": false});
        self.devtools("Emulation.setDeviceMetricsOverride", size).await;
    }

    /// Runs the body of a script and returns its result.
    pub(crate) async fn eval<T: DeserializeOwned>(&self, script: &str, args: &[Value]) -> T {
        let value = self.client.execute(script, args.to_vec()).await.unwrap();
        serde_json::from_value(value).unwrap()
    }

    /// Sends a command of the browser's own protocol.
    pub(crate) async fn devtools(&self, command: &str, params: Value) {
        let body = json!({"cmd": command, "params": params});
        self.client.issue_cmd(VendorCommand { path: "goog/cdp/execute", body }).await.unwrap();
    }

    /// Returns the lines of the console since the last call.
    pub(crate) async fn console(&self) -> Vec<String> {
        let command = VendorCommand { path: "se/log", body: json!({"type": "browser"}) };
        let lines = self.client.issue_cmd(command).await.unwrap();
        let lines = lines.as_array().unwrap().iter();
        lines.map(|line| line["message"].as_str().unwrap().to_owned()).collect()
    }

    /// Returns the visible media, if there are any.
    pub(crate) async fn sight(&self) -> Option<Sight> {
        self.eval(SIGHT, &[]).await
    }

    /// Waits until this media is visible.
    pub(crate) async fn shows(&self, src: &str) -> Sight {
        self.sees(src, |_| true).await
    }

    /// Waits until this media is visible and `as_wanted` returns true.
    pub(crate) async fn sees(&self, src: &str, as_wanted: impl Fn(&Sight) -> bool) -> Sight {
        eventually(&format!("{src} in sight"), async || {
            self.sight().await.filter(|sight| sight.src == src && as_wanted(sight))
        })
        .await
    }

    /// Waits until no media is visible. Then every pixel must be transparent.
    pub(crate) async fn goes_dark(&self) {
        eventually("nothing in sight", async || self.sight().await.is_none().then_some(())).await;
        self.assert_dark().await;
    }

    /// Fails unless every pixel is transparent.
    pub(crate) async fn assert_dark(&self) {
        let visible = self.screenshot().await.pixels().filter(|pixel| pixel[3] > 0).count();
        assert_eq!(visible, 0, "pixels that can be seen");
    }

    pub(crate) async fn screenshot(&self) -> RgbaImage {
        image::load_from_memory(&self.client.screenshot().await.unwrap()).unwrap().to_rgba8()
    }

    /// Returns the answered and failed requests whose address contains this text, the oldest first.
    pub(crate) async fn requests(&self, to: &str) -> Vec<Request> {
        self.eval(REQUESTS, &[to.into()]).await
    }

    /// Waits until the page has requested its data this many more times.
    pub(crate) async fn polls(&self, times: usize) {
        let before = self.requests("/data").await.len();
        eventually("the page asks again", async || {
            (self.requests("/data").await.len() >= before + times).then_some(())
        })
        .await;
    }

    /// The number of displays that the page has reported.
    pub(crate) async fn reports(&self) -> usize {
        self.eval("return window.__reports.length;", &[]).await
    }

    /// Clicks at the place of the element.
    pub(crate) async fn click(&self, selector: &str) {
        self.client.find(Locator::Css(selector)).await.unwrap().click().await.unwrap();
    }

    /// Marks the page. A reload removes the mark.
    pub(crate) async fn mark(&self) {
        self.eval::<()>("window.__mark = true;", &[]).await;
    }

    /// Fails if the page was reloaded since it was marked.
    pub(crate) async fn assert_never_reloaded(&self) {
        assert!(self.eval::<bool>("return window.__mark === true;", &[]).await, "the page was reloaded");
    }
}

/// A command of chromedriver that is not in the standard.
#[derive(Debug)]
struct VendorCommand {
    path: &'static str,
    body: Value,
}

impl WebDriverCompatibleCommand for VendorCommand {
    fn endpoint(&self, base: &Url, session: Option<&str>) -> Result<Url, ParseError> {
        base.join(&format!("session/{}/{}", session.unwrap_or_default(), self.path))
    }

    fn method_and_body(&self, _: &Url) -> (Method, Option<String>) {
        (Method::POST, Some(self.body.to_string()))
    }
}

fn find_browser() -> PathBuf {
    let path = env::var_os("PATH").unwrap_or_default();
    let directories: Vec<_> = env::split_paths(&path).collect();
    let mut files = BROWSERS.iter().flat_map(|name| directories.iter().map(move |dir| dir.join(name)));
    files.find(|file| file.is_file()).expect("Chromium is on PATH (Debian: apt-get install chromium)")
}

/// A chromedriver on its own port.
struct Driver {
    process: Child,
    port: u16,
    /// The output stays open until the end, because a program may be ended if nobody reads its output.
    _output: BufReader<ChildStdout>,
}

impl Driver {
    fn start() -> Self {
        let mut command = Command::new("chromedriver");
        let command = command.arg("--port=0").stdout(Stdio::piped()).stderr(Stdio::null());
        let mut process =
            command.spawn().expect("chromedriver is on PATH (Debian: apt-get install chromium-driver)");
        let mut output = BufReader::new(process.stdout.take().unwrap());
        let mut line = String::new();
        let port = loop {
            line.clear();
            assert_ne!(output.read_line(&mut line).unwrap(), 0, "chromedriver names its port");
            if let Some((_, port)) = line.trim_end().trim_end_matches('.').split_once("successfully on port ")
            {
                break port.parse().unwrap();
            }
        };
        Self { process, port, _output: output }
    }

    /// Also ends the browser, which would remain if only the process were killed.
    fn shut_down(&self) -> std::io::Result<()> {
        let mut connection = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port))?;
        write!(connection, "GET /shutdown HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
        let mut answer = Vec::new();
        connection.read_to_end(&mut answer)?;
        if answer.is_empty() { Err(ErrorKind::UnexpectedEof.into()) } else { Ok(()) }
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        if self.shut_down().is_err() {
            let _ = self.process.kill();
        }
        let _ = self.process.wait();
    }
}
