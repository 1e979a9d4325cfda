//! The configuration: valid settings are used, and invalid ones are named in an error.

use std::{net::TcpListener, process::Command};

use super::{
    process::{Finished, Folder, Running},
    serving::Server,
};

#[track_caller]
fn assert_refused(command: Command, named: &[&str]) -> Finished {
    let ended = Running::start(command).wait();
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    for name in named {
        assert!(ended.stderr.contains(name), "no `{name}` in {}", ended.stderr);
    }
    ended
}

/// Defect A5: the previous system used a secret from its source code if none was set.
#[test]
fn a5_serve_needs_a_secret_and_says_how_to_make_one() {
    let folder = Folder::new();
    for secret in [None, Some(""), Some("too-short-a-secret")] {
        let mut command = folder.command(&["serve"]);
        command.env_remove("GAMETRIGGERS__AUTH__JWT_SECRET");
        command.envs(secret.map(|secret| ("GAMETRIGGERS__AUTH__JWT_SECRET", secret)));
        let ended = assert_refused(command, &["GAMETRIGGERS__AUTH__JWT_SECRET", "openssl rand -hex 32"]);
        assert!(!ended.stderr.contains("too-short-a-secret"), "{}", ended.stderr);
    }
    assert!(!folder.path().join("data").exists(), "nothing was made");
}

#[test]
fn unknown_keys_and_bad_values_of_the_environment_are_named() {
    let folder = Folder::new();
    for (name, value, named) in [
        ("GAMETRIGGERS__HTTP__BNID", "127.0.0.1:0", "bnid"),
        ("GAMETRIGGERS__HTPP__BIND", "127.0.0.1:0", "htpp"),
        ("GAMETRIGGERS__STORAGE_URL", "sqlite://a.db", "storage_url"),
        ("GAMETRIGGERS__HTTP__BIND", "nonsense", "http.bind"),
        ("GAMETRIGGERS__HTTP__PUBLIC_URL", "ftp://example.com", "http.public_url"),
        ("GAMETRIGGERS__HTTP__PUBLIC_URL", "/no-host", "http.public_url"),
        ("GAMETRIGGERS__HTTP__TRUST_FORWARDED_FOR", "true", "trust_forwarded_for"),
        ("GAMETRIGGERS__HTTP__TRUSTED_PROXIES", "perhaps", "http.trusted_proxies"),
        ("GAMETRIGGERS__HTTP__TRUSTED_PROXIES", "-1", "http.trusted_proxies"),
        ("GAMETRIGGERS__HTTP__FORWARDED_HEADER", "X-Real-IP", "http.forwarded_header"),
        // Each of these values would allow pages that nobody meant, or none at all.
        ("GAMETRIGGERS__HTTP__ALLOWED_ORIGINS", "*", "http.allowed_origins"),
        ("GAMETRIGGERS__HTTP__ALLOWED_ORIGINS", "https://a.example,null", "http.allowed_origins"),
        ("GAMETRIGGERS__HTTP__ALLOWED_ORIGINS", "https://a.example/", "http.allowed_origins"),
        ("GAMETRIGGERS__HTTP__ALLOWED_ORIGINS", "https://a.example/path", "http.allowed_origins"),
        ("GAMETRIGGERS__HTTP__ALLOWED_ORIGINS", "https://a.example:443", "http.allowed_origins"),
        ("GAMETRIGGERS__HTTP__ALLOWED_ORIGINS", "https://*.example", "http.allowed_origins"),
        ("GAMETRIGGERS__HTTP__ALLOWED_ORIGINS", "https://me:x@a.example", "http.allowed_origins"),
        ("GAMETRIGGERS__HTTP__ALLOWED_ORIGINS", "a.example", "http.allowed_origins"),
        ("GAMETRIGGERS__HTTP__ALLOWED_ORIGINS", "file:///page", "http.allowed_origins"),
        ("GAMETRIGGERS__LIMITS__CONNECTIONS", "-1", "limits.connections"),
        ("GAMETRIGGERS__LIMITS__CONECTIONS", "1", "conections"),
        ("GAMETRIGGERS__STORAGE__MIGRATE_ON_START", "perhaps", "storage.migrate_on_start"),
        ("GAMETRIGGERS__DECISIONS__SHORTEN_AFTER_DAYS", "0", "decisions.shorten_after_days"),
        ("GAMETRIGGERS__STORAGE__URL", "mysql://localhost", "storage.url"),
        ("GAMETRIGGERS__STORAGE__URL", "sqlite://", "storage.url"),
        ("GAMETRIGGERS__VISITS__PAID_PER_ADDRESS", "0", "visits.paid_per_address"),
        ("GAMETRIGGERS__VISITS__PAID_PER_ADDRESS", "many", "visits.paid_per_address"),
        ("GAMETRIGGERS__MEDIA__UPLOADS", "no-such-folder", "media.uploads names no folder that is there"),
        ("GAMETRIGGERS__MEDIA__UPLOADS", "ftp://old.example/uploads", "media.uploads"),
        ("GAMETRIGGERS__LOG__FORMAT", "xml", "log.format"),
        ("GAMETRIGGERS__LOG__FILTER", "a=b=c", "log.filter"),
    ] {
        let mut command = folder.command(&["serve"]);
        command.env(name, value);
        assert_refused(command, &[named]);
    }
}

#[test]
fn unknown_keys_and_bad_values_of_the_file_are_named_and_its_secret_is_not_shown() {
    let folder = Folder::new();
    for (text, named) in [
        ("[storage]\nulr = 'sqlite://a.db'", "ulr"),
        ("[sotrage]\nurl = 'sqlite://a.db'", "sotrage"),
        ("[storage]\nmigrate_on_start = 'perhaps'", "storage.migrate_on_start"),
        ("[http]\npublic_url = 'localhost:3001'", "http.public_url"),
        ("[auth]\njwt_secret = ['hidden']", "auth.jwt_secret"),
        ("[auth]\njwt_secret = 'hidden", "line 2"),
        ("[auth]\njwt_secret = hidden'", "gametriggers.toml"),
    ] {
        folder.write("gametriggers.toml", text);
        let mut command = folder.command(&["serve"]);
        command.env_remove("GAMETRIGGERS__AUTH__JWT_SECRET");
        let ended = assert_refused(command, &[named]);
        assert!(!ended.stderr.contains("hidden"), "{}", ended.stderr);
    }
}

#[test]
fn a_file_that_is_named_must_be_there() {
    let folder = Folder::new();
    for args in [["serve", "--config", "other.toml"], ["--config", "other.toml", "migrate"]] {
        assert_refused(folder.command(&args), &["other.toml", "not found"]);
    }
}

/// The environment replaces the file, and the file replaces the defaults. A named file is read instead of the usual one.
#[tokio::test]
async fn the_environment_alone_is_enough_and_stands_above_the_file() {
    let folder = Folder::new();
    let mut command = folder.command(&["serve"]);
    command.env("GAMETRIGGERS__STORAGE__URL", "sqlite://by-environment/store.db");
    command.env("GAMETRIGGERS__HTTP__ALLOWED_ORIGINS", "https://a.example, https://b.example");
    command.env("GAMETRIGGERS__LOG__FORMAT", "text");
    folder.write("gametriggers.toml", "[storage]\nurl = 'sqlite://by-file/store.db'\n[log]\nformat = 'json'");
    let server = Server::of(Running::start(command));
    for (origin, allowed) in
        [("https://a.example", true), ("https://b.example", true), ("http://localhost:3000", false)]
    {
        let request = server.client.get(server.url("/health/ready")).header("Origin", origin);
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.headers().contains_key("access-control-allow-origin"), allowed, "{origin}");
    }
    server.stop();
    assert!(folder.path().join("by-environment/store.db").exists());
    assert!(!folder.path().join("by-file").exists());

    assert_eq!(folder.run(&["migrate"]).code, Some(0));
    assert!(folder.path().join("by-file/store.db").exists(), "the file is read where it lies");
    folder.write("named.toml", "[storage]\nurl = 'sqlite://by-name/store.db'");
    assert_eq!(folder.run(&["migrate", "--config", "named.toml"]).code, Some(0));
    assert!(folder.path().join("by-name/store.db").exists());
    assert!(!folder.path().join("data").exists());
}

/// The password in the store addresses of these tests.
const PASSWORD: &str = "hunter2";

#[track_caller]
fn assert_store_refused(folder: &Folder, args: &[&str], url: &str, reason: &str) {
    let mut command = folder.command(args);
    command.env("GAMETRIGGERS__STORAGE__URL", url);
    let ended = assert_refused(command, &["storage.url", reason]);
    assert!(!ended.stderr.contains(PASSWORD), "{}", ended.stderr);
}

/// The driver's message about a malformed address may show the password, because a question mark in the password ends what the
/// driver takes for the address of a server.
#[test]
fn a_mongodb_that_cannot_be_used_is_named_by_its_key_and_its_password_is_not_shown() {
    let folder = Folder::new();
    for url in [
        "mongodb://",
        "mongodb://karma:hunter2@",
        "mongodb://karma:hunter2%@127.0.0.1/game",
        "mongodb://karma:hunter2/@127.0.0.1/game",
        "mongodb://karma:hunter2?@127.0.0.1/game",
        "mongodb://karma:hunter2@127.0.0.1:port/game",
        "mongodb://karma:hunter2@127.0.0.1/game?replicaSet",
        "mongodb+srv://karma:hunter2@127.0.0.1:27017/game",
        "mongodb+srv://karma:hunter2?!@store.example/game",
    ] {
        for args in [&["serve"][..], &["migrate", "--dry-run"], &["reconcile"]] {
            assert_store_refused(&folder, args, url, "percent-encoded");
        }
    }
    assert_store_refused(&folder, &["serve"], "mongo://karma:hunter2@127.0.0.1/game", "unknown scheme");
    // A port on which nobody listens. `serve` would wait for a server on it.
    let nobody = "mongodb://karma:hunter2@127.0.0.1:1/game?serverSelectionTimeoutMS=500";
    for args in [&["migrate", "--dry-run"][..], &["reconcile"]] {
        assert_store_refused(&folder, args, nobody, "the store is unavailable");
    }
    assert!(!folder.path().join("data").exists(), "nothing was made");
}

/// A demo uses its own store, and never the one that a configuration names for production.
#[test]
fn the_demo_refuses_a_store_that_is_no_file() {
    let folder = Folder::new();
    let mut command = folder.command(&["demo"]);
    command.env("GAMETRIGGERS__STORAGE__URL", "mongodb://karma:hunter2@127.0.0.1:1/game");
    let ended = assert_refused(command, &["sqlite://data/demo.db"]);
    assert!(!ended.stderr.contains(PASSWORD), "{}", ended.stderr);
}

#[test]
fn unless_told_otherwise_the_store_is_a_file() {
    let folder = Folder::new();
    assert_eq!(folder.run(&["migrate"]).code, Some(0));
    assert!(folder.path().join("data/gametriggers.db").exists());
}

#[test]
fn log_lines_for_programs_are_json() {
    let folder = Folder::new();
    let mut command = folder.command(&["migrate"]);
    command.env("GAMETRIGGERS__LOG__FORMAT", "json");
    let ended = Running::start(command).wait();
    assert_eq!(ended.code, Some(0));
    assert!(ended.stdout.starts_with("applied V1__"), "what is asked for stays text: {}", ended.stdout);
    let lines: Vec<serde_json::Value> =
        ended.stderr.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(lines.iter().all(|line| line["level"].is_string()) && !lines.is_empty(), "{lines:?}");
}

#[test]
fn an_address_in_use_is_named() {
    let folder = Folder::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    for command in ["serve", "demo"] {
        let mut command = folder.command(&[command]);
        command.env("GAMETRIGGERS__HTTP__BIND", &address);
        let remedy = "Choose another address with GAMETRIGGERS__HTTP__BIND";
        assert_refused(command, &[&format!("cannot listen on {address}"), remedy]);
    }
}

/// The setting accepts an existing folder, or the address of one.
#[tokio::test]
async fn old_uploads_are_where_the_configuration_says() {
    let folder = Folder::new();
    std::fs::create_dir(folder.path().join("old")).unwrap();
    folder.write("old/a.png", "a picture");
    for (uploads, status) in [("old", 200), ("https://old.example/uploads", 302), ("", 404)] {
        let mut command = folder.command(&["serve"]);
        command.env("GAMETRIGGERS__MEDIA__UPLOADS", uploads);
        let server = Server::of(Running::start(command));
        assert_eq!(server.get("/uploads/a.png").await.status, status, "{uploads}");
        server.stop();
    }
}

/// Everybody knows the accounts of the demo.
#[test]
fn the_demo_listens_to_its_own_machine_only_unless_it_is_told_to() {
    let folder = Folder::new();
    let demo = |args: &[&str]| {
        let mut command = folder.command(args);
        command.env("GAMETRIGGERS__HTTP__BIND", "0.0.0.0:0");
        command
    };
    assert_refused(demo(&["demo"]), &["http.bind", "--allow-remote"]);
    let mut meant = Running::start(demo(&["demo", "--allow-remote"]));
    meant.printed(|text| text.contains("Ctrl-C").then_some(()));
}
