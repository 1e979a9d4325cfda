//! The sources of the secret, and texts that are refused as a secret.
#![cfg(unix)]

use std::{fs, os::unix::fs::PermissionsExt, process::Command};

use super::{
    process::{Finished, Folder, Running},
    serving::Server,
};

const STRONG: &str = "6f0c1e7a93b8d24551c0ffee98a7b6c5d4e3f2a1908070605040302010abcdef";
const KEY: &str = "GAMETRIGGERS__AUTH__JWT_SECRET";
const FILE_KEY: &str = "GAMETRIGGERS__AUTH__JWT_SECRET_FILE";

fn serve(folder: &Folder, secret: Option<&str>, file: Option<&str>) -> Command {
    let mut command = folder.command(&["serve"]);
    command.env_remove(KEY);
    command.envs(secret.map(|secret| (KEY, secret))).envs(file.map(|file| (FILE_KEY, file)));
    command
}

fn write(folder: &Folder, name: &str, text: &str, mode: u32) {
    let path = folder.write(name, text);
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// Fails unless the command ends at once and names the reason without showing the secret.
#[track_caller]
fn assert_refused(command: Command, secret: &str, said: &[&str]) {
    let Finished { code, stderr, .. } = Running::start(command).wait();
    assert_eq!(code, Some(1), "{stderr}");
    for said in said {
        assert!(stderr.contains(said), "no `{said}` in {stderr}");
    }
    assert!(!stderr.contains(secret), "{stderr}");
}

/// A text of 64 equal letters is refused as a secret.
#[test]
fn a_weak_secret_is_refused_wherever_it_comes_from() {
    let folder = Folder::new();
    for weak in ["a".repeat(64), "ab".repeat(32), "password".repeat(8)] {
        let said = ["is easily guessed", "openssl rand -hex 32"];
        assert_refused(serve(&folder, Some(&weak), None), &weak, &[&said[..], &[KEY]].concat());
        write(&folder, "weak", &weak, 0o600);
        assert_refused(
            serve(&folder, None, Some("weak")),
            &weak,
            &[&said[..], &["secret file weak"]].concat(),
        );
    }
}

#[tokio::test]
async fn a_secret_can_come_from_a_file_that_nobody_else_can_read() {
    let folder = Folder::new();
    write(&folder, "secret", &format!("{STRONG}\n"), 0o600);
    let server = Server::of(Running::start(serve(&folder, None, Some("secret"))));
    assert_eq!(server.get("/health/ready").await.status, 200);
    server.stop();

    for mode in [0o640, 0o604, 0o620, 0o644] {
        write(&folder, "secret", STRONG, mode);
        let mode = format!("mode {mode:03o}");
        assert_refused(serve(&folder, None, Some("secret")), STRONG, &["chmod 600 secret", &mode]);
    }
    write(&folder, "secret", STRONG, 0o400);
    assert_refused(serve(&folder, Some(STRONG), Some("secret")), STRONG, &[KEY, FILE_KEY, "once"]);
    assert_refused(serve(&folder, None, Some("nowhere")), STRONG, &["nowhere", "cannot read"]);
    assert_refused(serve(&folder, None, Some(".")), STRONG, &["is no file"]);
    write(&folder, "short", "6f0c1e7a93b8d245", 0o600);
    assert_refused(serve(&folder, None, Some("short")), "6f0c1e7a93b8d245", &["fewer than 32 bytes"]);
}

/// The demo refuses a secret that others could have read, and one of 32 equal letters.
#[test]
fn the_demo_refuses_its_own_secret_if_others_can_read_it_or_it_is_weak() {
    let folder = Folder::new();
    fs::create_dir(folder.path().join("data")).unwrap();
    for (text, mode, said) in [
        (STRONG, 0o644, "chmod 600 data/demo.secret"),
        (&"a".repeat(64), 0o600, "is easily guessed"),
        ("", 0o600, "fewer than 32 bytes"),
    ] {
        write(&folder, "data/demo.secret", text, mode);
        let mut command = folder.command(&["demo"]);
        command.env_remove(KEY);
        assert_refused(command, STRONG, &[said, "deleted, it is made anew"]);
    }
}
