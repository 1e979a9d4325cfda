//! A closed-loop load generator: each connection sends its next request as soon as the previous one is answered.
//!
//! The generator shares the machine with what it measures, so it must be cheap. It uses one thread. Requests are
//! prepared except for the digits of an event id or a visitor. Of an answer, it reads only what shows its end and
//! whether it is right.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, anyhow, ensure};
use hdrhistogram::Histogram;
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    runtime,
    sync::oneshot,
    task,
    time::timeout,
};

use crate::{answer, request::Request, results::Run};

/// How long to wait for the last answers.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long a load may take that sends each request once.
const ONE_ROUND_WITHIN: Duration = Duration::from_mins(5);
/// How much of an unexpected answer is shown, in bytes.
const SHOWN_MAX: usize = 300;
/// The right answer to the requests of a run.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Expected {
    pub(crate) status: u16,
    pub(crate) body_contains: &'static str,
}

impl Expected {
    /// A campaign is on screen.
    pub(crate) const DATA: Self = Self { status: 200, body_contains: r#""kind":"campaign""# };
    /// The screen is empty.
    pub(crate) const EMPTY: Self = Self { status: 200, body_contains: r#""kind":"empty""# };
    /// The event counts and is stored.
    pub(crate) const COUNTED: Self = Self { status: 201, body_contains: r#""outcome":"counted""# };
    /// A redirect to the sponsor.
    pub(crate) const REDIRECTED: Self = Self { status: 302, body_contains: "" };
    /// The settings are stored.
    pub(crate) const SET: Self = Self { status: 200, body_contains: r#""rotationIntervalMinutes""# };

    fn is(self, status: u16, body: &[u8]) -> bool {
        status == self.status && contains(body, self.body_contains.as_bytes())
    }
}

fn contains(body: &[u8], part: &[u8]) -> bool {
    // The parts begin with a quotation mark, which is rare in bodies.
    part.is_empty() || (0..body.len()).any(|at| body[at] == part[0] && body[at..].starts_with(part))
}

/// The requests for one or several servers, the number of connections, and how long the load lasts.
pub(crate) struct Load {
    /// The addresses of the servers, at least one. The connections are spread evenly over them.
    pub(crate) addresses: Vec<SocketAddr>,
    pub(crate) requests: Vec<Request>,
    pub(crate) expected: Expected,
    pub(crate) connections: usize,
    pub(crate) lasts: Lasting,
}

/// How long a load lasts.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Lasting {
    /// Sends all requests in turn, again and again. The warm-up is not measured.
    For { warm_up: Duration, measured: Duration },
    /// Sends each request once.
    OneRound,
}

/// The outcome of a load.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    pub(crate) run: Run,
    /// The number of right answers, including the warm-up.
    pub(crate) right: u64,
    /// The wrong answers, with the number of each.
    pub(crate) wrong: BTreeMap<String, u64>,
}

impl Load {
    /// Runs the load in its own thread. Blocks until its end.
    ///
    /// # Errors
    /// If the server cannot be reached, or stops answering.
    pub(crate) fn run(self) -> anyhow::Result<Outcome> {
        self.run_and_tell(oneshot::channel().0)
    }

    /// As [`run`](Self::run). When all connections are open, tells `begins` when the measured period begins.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub(crate) fn run_and_tell(self, begins: oneshot::Sender<Instant>) -> anyhow::Result<Outcome> {
        in_a_thread(move || self.drive_all(begins))
    }

    async fn drive_all(self, begins: oneshot::Sender<Instant>) -> anyhow::Result<Outcome> {
        let mut connections = Vec::with_capacity(self.connections);
        for address in self.addresses.iter().cycle().take(self.connections) {
            connections.push(Connection::open(*address).await?);
        }
        let (warm_up, measured) = match self.lasts {
            Lasting::For { warm_up, measured } => (warm_up, measured),
            Lasting::OneRound => (Duration::ZERO, ONE_ROUND_WITHIN),
        };
        let begin = Instant::now() + warm_up;
        // The error is ignored: nobody may want to know.
        let _ = begins.send(begin);
        let plan = Arc::new(Plan { begin, end: begin + measured, load: self });
        let started = connections.into_iter().enumerate();
        let driving: Vec<_> =
            started.map(|(number, it)| task::spawn(drive(it, number, plan.clone()))).collect();
        let mut outcome = Outcome::default();
        let mut micros = Histogram::<u64>::new(3)?;
        let last_answer_by = tokio::time::Instant::from_std(plan.end + PATIENCE);
        for driven in driving {
            let driven = tokio::time::timeout_at(last_answer_by, driven)
                .await
                .map_err(|_| anyhow!("an answer does not come within {PATIENCE:?}: the server hangs"))??;
            outcome.right += driven.right;
            for (answer, count) in driven.wrong {
                *outcome.wrong.entry(answer).or_default() += count;
            }
            for latency in driven.micros {
                micros.record(latency.into())?;
            }
        }
        let lasted = match plan.load.lasts {
            Lasting::For { measured, .. } => measured,
            Lasting::OneRound => plan.begin.elapsed(),
        };
        outcome.run = Run::of(&micros, lasted);
        Ok(outcome)
    }
}

/// A load and its measured period.
struct Plan {
    load: Load,
    begin: Instant,
    end: Instant,
}

/// The outcome of one connection.
#[derive(Default)]
struct Driven {
    right: u64,
    wrong: BTreeMap<String, u64>,
    /// The latencies in microseconds of right answers within the measured period.
    micros: Vec<u32>,
}

async fn drive(mut connection: Connection, number: usize, plan: Arc<Plan>) -> Driven {
    let load = &plan.load;
    let mut driven = Driven::default();
    let mut sent = Vec::new();
    let mut next = number;
    loop {
        let asked = Instant::now();
        let is_over = match load.lasts {
            Lasting::For { .. } => asked >= plan.end,
            Lasting::OneRound => next >= load.requests.len(),
        };
        if is_over {
            return driven;
        }
        load.requests[next % load.requests.len()].write(&mut sent);
        next += load.connections;
        let (status, body) = match connection.ask(&sent).await {
            Ok(answer) => answer,
            Err(error) => {
                *driven.wrong.entry(format!("no answer: {error:#}")).or_default() += 1;
                return driven;
            }
        };
        let answered = Instant::now();
        if load.expected.is(status, body) {
            driven.right += 1;
            if plan.begin <= answered && answered < plan.end {
                let latency = answered.duration_since(asked).as_micros();
                driven.micros.push(u32::try_from(latency).unwrap_or(u32::MAX));
            }
        } else {
            *driven.wrong.entry(describe(status, body)).or_default() += 1;
        }
    }
}

/// Sends each request once, over several connections. Returns the bodies of the answers in the order of the requests.
/// Blocks.
///
/// # Errors
/// If an answer is not the expected one.
pub(crate) fn each_once(
    address: SocketAddr,
    requests: Vec<Request>,
    expected: Expected,
    connections: usize,
) -> anyhow::Result<Vec<Vec<u8>>> {
    in_a_thread(move || async move {
        let count = requests.len();
        let requests = Arc::new(requests);
        let mut asking = Vec::with_capacity(connections);
        for first in 0..connections.min(count) {
            let (mut connection, requests) = (Connection::open(address).await?, requests.clone());
            asking.push(task::spawn(async move {
                let mut answers = Vec::new();
                let mut sent = Vec::new();
                for number in (first..requests.len()).step_by(connections) {
                    requests[number].write(&mut sent);
                    let (status, body) = timeout(PATIENCE, connection.ask(&sent)).await??;
                    ensure!(expected.is(status, body), "{}", describe(status, body));
                    answers.push((number, body.to_vec()));
                }
                Ok(answers)
            }));
        }
        let mut bodies = vec![Vec::new(); count];
        for answers in asking {
            for (number, body) in answers.await?.context("a request that is made before the measurement")? {
                bodies[number] = body;
            }
        }
        Ok(bodies)
    })
}

/// Sends requests in turn over one connection, one per `period`, until `stop` is set. Returns the number of answers. If
/// answers take longer than the period, it catches up. Blocks.
///
/// # Errors
/// If an answer is not the expected one.
/// If one of the answers is not the right one.
pub(crate) fn steadily(
    address: SocketAddr,
    requests: Vec<Request>,
    expected: Expected,
    period: Duration,
    stop: Arc<AtomicBool>,
) -> anyhow::Result<u64> {
    in_a_thread(move || async move {
        let mut connection = Connection::open(address).await?;
        let (mut sent, mut answered) = (Vec::new(), 0);
        let mut ticks = tokio::time::interval(period);
        for request in requests.iter().cycle() {
            ticks.tick().await;
            if stop.load(Ordering::Relaxed) {
                break;
            }
            request.write(&mut sent);
            let (status, body) = timeout(PATIENCE, connection.ask(&sent)).await??;
            ensure!(expected.is(status, body), "{}", describe(status, body));
            answered += 1;
        }
        Ok(answered)
    })
}

/// Runs a future on a runtime of one thread.
fn in_a_thread<T: Send + 'static, F: Future<Output = anyhow::Result<T>>>(
    work: impl FnOnce() -> F + Send + 'static,
) -> anyhow::Result<T> {
    let running = thread::Builder::new().name("load".to_owned()).spawn(move || {
        let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(work())
    })?;
    running.join().map_err(|_| anyhow!("the load generator panicked"))?
}

/// A wrong answer as a text. Answers of the same kind give equal texts, so that they can be counted.
fn describe(status: u16, body: &[u8]) -> String {
    let json: Option<Value> = serde_json::from_slice(body).ok();
    let words = json.as_ref().map(|json| ["code", "outcome", "reason", "kind"].map(|key| json[key].as_str()));
    match words {
        Some(words) if words.iter().any(Option::is_some) => {
            format!("{status} {}", words.into_iter().flatten().collect::<Vec<_>>().join(" "))
        }
        _ => {
            let shown = String::from_utf8_lossy(&body[..body.len().min(SHOWN_MAX)]).into_owned();
            format!("{status} {shown}")
        }
    }
}

/// The first request on each connection; its answer does not matter.
const KNOCK: &[u8] = b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n";

/// A connection that is kept alive.
struct Connection {
    stream: TcpStream,
    received: Vec<u8>,
}

impl Connection {
    /// Opens a connection and waits for the answer to a first request. Many connections opened at once overflow the
    /// system's queue for the server, which costs a second each time. The server also closes connections that send
    /// nothing for some time.
    async fn open(address: SocketAddr) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address).await.with_context(|| {
            format!(
                "cannot connect to {address}; if too many files are open, raise the limit with `ulimit -n`"
            )
        })?;
        stream.set_nodelay(true)?;
        let mut connection = Self { stream, received: Vec::with_capacity(8 * 1024) };
        timeout(PATIENCE, connection.ask(KNOCK)).await.context("a first answer")??;
        Ok(connection)
    }

    /// Sends a request and reads the answer: its status and its body.
    async fn ask(&mut self, request: &[u8]) -> anyhow::Result<(u16, &[u8])> {
        self.stream.write_all(request).await?;
        self.received.clear();
        loop {
            let count = self.stream.read_buf(&mut self.received).await?;
            ensure!(count > 0, "the server closed the connection");
            if let Some((status, body)) = answer::parse(&self.received)? {
                return Ok((status, &self.received[body]));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io::{Read, Write},
        net::TcpListener,
        sync::atomic::AtomicUsize,
    };

    use super::*;

    /// Answers, in two parts each, in turn that a click counts and that it does not.
    fn answer_in_turn(listener: &TcpListener) {
        let (mut stream, _) = listener.accept().unwrap();
        let mut received = [0; 1_024];
        let in_turn = ["counted", "rejected"].into_iter().cycle();
        for outcome in ["to the knock"].into_iter().chain(in_turn) {
            if stream.read(&mut received).unwrap() == 0 {
                return;
            }
            let body = format!(r#"{{"success":true,"outcome":"{outcome}","reason":"bot"}}"#);
            let head = format!("HTTP/1.1 201 Created\r\ncontent-length: {}\r\n\r\n", body.len());
            for part in [head, body] {
                stream.write_all(part.as_bytes()).unwrap();
                thread::sleep(Duration::from_millis(1));
            }
        }
    }

    #[test]
    fn answers_are_counted_by_what_they_say_and_only_right_ones_are_timed() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let server = thread::spawn(move || answer_in_turn(&listener));
        let load = Load {
            addresses: vec![address],
            requests: vec![Request::click("t", Some("r"))],
            expected: Expected::COUNTED,
            connections: 1,
            lasts: Lasting::For { warm_up: Duration::ZERO, measured: Duration::from_millis(100) },
        };
        let outcome = load.run().unwrap();
        server.join().unwrap();
        let wrong = outcome.wrong["201 rejected bot"];
        assert_eq!(outcome.wrong.len(), 1, "{:?}", outcome.wrong);
        assert!(wrong > 0 && outcome.right.abs_diff(wrong) <= 1, "{} {wrong}", outcome.right);
        let timed = outcome.run.per_second * 0.1;
        assert!(outcome.right as f64 - timed < 1.5, "{timed} of {}", outcome.right);
        assert!(outcome.run.p50 >= Duration::from_millis(1), "{:?}", outcome.run);
    }

    #[test]
    fn connections_are_spread_evenly_over_the_servers() {
        let listeners = [0; 2].map(|_| TcpListener::bind("127.0.0.1:0").unwrap());
        let addresses = listeners.iter().map(|listener| listener.local_addr().unwrap()).collect();
        let accepted = listeners.map(|listener| {
            let accepted = Arc::new(AtomicUsize::new(0));
            let count = accepted.clone();
            // Ends with the process.
            thread::spawn(move || {
                for stream in listener.incoming() {
                    count.fetch_add(1, Ordering::SeqCst);
                    let mut stream = stream.unwrap();
                    thread::spawn(move || {
                        let mut received = [0; 1_024];
                        while stream.read(&mut received).is_ok_and(|count| count > 0) {
                            stream.write_all(b"HTTP/1.1 302 Found\r\ncontent-length: 0\r\n\r\n").unwrap();
                        }
                    });
                }
            });
            accepted
        });
        let load = Load {
            addresses,
            requests: vec![Request::data("a"), Request::data("b"), Request::data("c"), Request::data("d")],
            expected: Expected::REDIRECTED,
            connections: 4,
            lasts: Lasting::OneRound,
        };
        let (begins, mut begun) = oneshot::channel();
        let outcome = load.run_and_tell(begins).unwrap();
        assert_eq!((outcome.right, outcome.wrong.len()), (4, 0));
        assert!(begun.try_recv().unwrap() <= Instant::now());
        assert_eq!(accepted.map(|count| count.load(Ordering::SeqCst)), [2, 2]);
    }
}
