//! Clients that keep the server waiting or do not speak HTTP. Each attack is small and takes a few seconds.
#![cfg(target_os = "linux")]

use std::{
    fs,
    io::{ErrorKind, Read, Write},
    net::TcpStream,
    process::Command,
    thread,
    time::{Duration, Instant},
};

use reqwest::Client;

use super::{
    process::{Folder, Running, wait_for},
    serving::Server,
};

const CLICK: &str = "POST /api/v1/overlay/0f44b311d2a3777b161a8c9ab3efe78b3122b03a1ea7de83a7b0fe628d34cb1e/click HTTP/1.1\r\n\
                     Host: localhost\r\n";
/// A time much longer than any deadline in these tests.
const FOR_EVER: Duration = Duration::from_secs(20);
const MEBIBYTE: usize = 1024 * 1024;

/// A server with these limits.
fn server(folder: &Folder, limits: &[(&str, &str)]) -> Server {
    let mut command = folder.command(&["serve"]);
    command.env("GAMETRIGGERS__LOG__FILTER", "info");
    command.envs(limits.iter().map(|(name, value)| (format!("GAMETRIGGERS__LIMITS__{name}"), *value)));
    Server::of(Running::start(command))
}

fn connect(server: &Server) -> TcpStream {
    let socket = TcpStream::connect(server.url("").trim_start_matches("http://")).unwrap();
    socket.set_read_timeout(Some(FOR_EVER)).unwrap();
    socket.set_write_timeout(Some(FOR_EVER)).unwrap();
    socket
}

/// Reads everything that the server sends until it closes the connection. The server must close it.
#[track_caller]
fn read_to_end(mut socket: &TcpStream) -> String {
    let mut said = Vec::new();
    match socket.read_to_end(&mut said) {
        Ok(_) => {}
        Err(error) if error.kind() == ErrorKind::ConnectionReset => {}
        Err(error) => panic!("the connection is held: {error}; it said {}", String::from_utf8_lossy(&said)),
    }
    String::from_utf8_lossy(&said).into_owned()
}

/// Writes a piece every tenth of a second until the connection is closed. Fails if it stays open.
fn dribble(socket: &TcpStream, piece: &'static [u8]) -> thread::JoinHandle<()> {
    let mut socket = socket.try_clone().unwrap();
    thread::spawn(move || {
        let began = Instant::now();
        while socket.write_all(piece).is_ok() {
            assert!(began.elapsed() < FOR_EVER, "the connection is held");
            thread::sleep(Duration::from_millis(100));
        }
    })
}

/// Without a deadline, 5,000 bodies that send one byte every five seconds would be held forever.
#[test]
fn a_body_that_comes_byte_by_byte_is_answered_408_and_its_connection_ends() {
    let folder = Folder::new();
    let server = server(&folder, &[("BODY_SECONDS", "1")]);
    for (header, piece) in
        [("Content-Length: 30000", &b" "[..]), ("Transfer-Encoding: chunked", &b"1\r\n \r\n"[..])]
    {
        let mut socket = connect(&server);
        write!(socket, "{CLICK}{header}\r\n\r\n").unwrap();
        let sending = dribble(&socket, piece);
        let said = read_to_end(&socket);
        assert!(said.starts_with("HTTP/1.1 408 ") && said.contains("BODY_TOO_SLOW"), "{header}: {said}");
        sending.join().unwrap();
    }
    server.stop();
}

/// Without a deadline, the server would read a chunked body to its end after the answer, however long that takes.
#[test]
fn a_body_that_is_left_unread_ends_its_connection() {
    let folder = Folder::new();
    let server = server(&folder, &[]);
    let much: &[u8] = &[b"2000\r\n".as_slice(), &[b' '; 0x2000], b"\r\n"].concat();
    let much: &'static [u8] = Box::leak(much.to_vec().into_boxed_slice());
    for (start, piece, status) in [
        (CLICK, much, "413"),
        ("POST /nowhere HTTP/1.1\r\nHost: localhost\r\n", &b"1\r\n \r\n"[..], "404"),
        ("PUT /api/v1/users/me/overlay HTTP/1.1\r\nHost: localhost\r\n", &b"1\r\n \r\n"[..], "401"),
    ] {
        let mut socket = connect(&server);
        write!(socket, "{start}Transfer-Encoding: chunked\r\n\r\n").unwrap();
        let sending = dribble(&socket, piece);
        let said = read_to_end(&socket);
        assert!(said.starts_with(&format!("HTTP/1.1 {status} ")), "{said}");
        sending.join().unwrap();
    }
    server.stop();
}

/// The deadline for the head holds for every request of a connection and not only for the first.
#[test]
fn a_request_that_never_ends_ends_its_connection_the_second_as_the_first() {
    let folder = Folder::new();
    let server = server(&folder, &[("HEAD_SECONDS", "1")]);
    let mut first = connect(&server);
    first.write_all(b"GET /health/li").unwrap();
    assert!(read_to_end(&first).starts_with("HTTP/1.1 408 "));

    let mut second = connect(&server);
    second.write_all(b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    let mut answer = [0; 1024];
    let count = second.read(&mut answer).unwrap();
    assert!(answer[..count].starts_with(b"HTTP/1.1 200 "));
    second.write_all(b"GET /health/live HTTP/1.1\r\nX-Long: ").unwrap();
    let sending = dribble(&second, b"a");
    read_to_end(&second);
    sending.join().unwrap();

    // A body that arrived completely and was not read leaves the connection usable.
    let mut third = connect(&server);
    third.write_all(b"GET /health/ready HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n\r\nx").unwrap();
    let count = third.read(&mut answer).unwrap();
    assert!(answer[..count].starts_with(b"HTTP/1.1 200 "));
    third.write_all(b"G").ok();
    read_to_end(&third);
    server.stop();
}

/// Without a limit, 500 connections with pipelined requests and unread answers would take gigabytes of memory.
#[test]
fn answers_that_nobody_reads_cost_little_and_end_their_connections() {
    let folder = Folder::new();
    let server = server(&folder, &[("WRITE_SECONDS", "2")]);
    let before = (server.memory(), server.handles());
    let request = "GET /api/v1/openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let requests = request.repeat(128 * 1024 / request.len());
    let sockets: Vec<_> = (0..40)
        .map(|_| {
            let mut socket = connect(&server);
            socket.set_nonblocking(true).unwrap();
            // Writes as much as the server accepts.
            let _ = socket.write(requests.as_bytes());
            socket
        })
        .collect();
    let all = before.1 + sockets.len();
    wait_for("the connections to be accepted", || (server.handles() >= all).then_some(()));
    let mut most = before.0;
    // The store opens a few files only when it is used.
    wait_for("the connections to be closed", || {
        most = most.max(server.memory());
        (server.handles() < before.1 + 10).then_some(())
    });
    let grown = (most - before.0) / MEBIBYTE;
    assert!(grown < 100, "{} connections took {grown} MiB", sockets.len());
    let ended = server.stop();
    let noted = ended.stderr.lines().filter_map(|line| line.split_once("too_slow="));
    let noted: usize = noted.map(|(_, rest)| rest.split(' ').next().unwrap().parse::<usize>().unwrap()).sum();
    assert!(noted > sockets.len() - 10, "{}", ended.stderr);
}

/// Without a limit, 1,100 slow bodies would take all 1,024 file handles, and no other client could connect.
#[tokio::test]
async fn slow_connections_make_room_for_others() {
    let folder = Folder::new();
    // The process gets few file handles and cannot raise the limit, so the attack can be small.
    let mut command = Command::new("sh");
    let serve = folder.command(&["serve"]);
    command.args(["-c", "ulimit -n 256 && exec \"$0\" serve"]).arg(serve.get_program());
    command.current_dir(folder.path()).env_clear();
    command.envs(serve.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let server = Server::of(Running::start(command));
    let sockets: Vec<_> = (0..300)
        .map(|_| {
            let mut socket = connect(&server);
            // The server may have closed this connection already.
            let _ = write!(socket, "{CLICK}Content-Length: 1000\r\n\r\n{{");
            socket
        })
        .collect();
    for _ in 0..20 {
        // Each request uses a new connection, which the server must accept.
        let client = Client::builder().timeout(Duration::from_secs(5)).build().unwrap();
        let reply = client.get(server.url("/health/live")).send().await;
        assert_eq!(reply.map(|reply| reply.status().as_u16()).ok(), Some(200));
    }
    assert!(server.handles() < 256 - 32, "{} are open", server.handles());
    drop(sockets);
    let ended = server.stop();
    assert!(ended.stderr.contains("raise the limit of open files"), "{}", ended.stderr);
    assert!(ended.stderr.contains("came to a bad end"), "{}", ended.stderr);
}

/// Connections that do not speak HTTP must not be logged as errors, because anybody could fill the log with them.
#[test]
fn connections_that_are_no_http_are_counted_and_not_logged_one_by_one() {
    let folder = Folder::new();
    let server = server(&folder, &[]);
    let tls_hello = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03";
    for garbage in [&tls_hello[..], b"\0\0\0\0\r\n\r\n", b"nonsense\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n"] {
        for _ in 0..5 {
            let mut socket = connect(&server);
            socket.write_all(garbage).unwrap();
            read_to_end(&socket);
        }
    }
    let ended = server.stop();
    let lines: Vec<_> = ended.stderr.lines().filter(|line| line.contains("ERROR")).collect();
    assert_eq!(lines, [""; 0]);
    assert!(ended.stderr.contains("malformed=20"), "{}", ended.stderr);
}

impl Server {
    /// The bytes of memory in use.
    fn memory(&self) -> usize {
        let status = fs::read_to_string(format!("/proc/{}/status", self.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<usize>().unwrap() * 1024
    }

    /// The number of open files, including connections.
    fn handles(&self) -> usize {
        fs::read_dir(format!("/proc/{}/fd", self.id())).unwrap().count()
    }
}
