//! Only their owner may read the files of an SQLite store.

use std::{collections::BTreeMap, fs, os::unix::fs::PermissionsExt, path::Path, process::Command};

use super::{
    process::{Folder, Running},
    serving::Server,
};

/// Runs the command in a process whose umask would give everybody all rights.
fn unmasked(command: &Command) -> Command {
    let mut unmasked = Command::new("/bin/sh");
    unmasked.args(["-c", r#"umask 0; exec "$0" "$@""#]).arg(command.get_program()).args(command.get_args());
    unmasked.env_clear().envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    if let Some(folder) = command.get_current_dir() {
        unmasked.current_dir(folder);
    }
    unmasked
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[tokio::test]
async fn the_files_of_a_store_are_for_their_owner_whatever_the_mask_of_the_process_allows() {
    let folder = Folder::new();
    let server = Server::of(Running::start(unmasked(&folder.command(&["serve"]))));
    assert_eq!(server.get("/health/ready").await.status, 200);
    let data = folder.path().join("data");
    assert_eq!(mode(&data), 0o700);
    let files = fs::read_dir(&data).unwrap().map(Result::unwrap);
    let modes: BTreeMap<_, _> =
        files.map(|file| (file.file_name().into_string().unwrap(), mode(&file.path()))).collect();
    let expected =
        ["gametriggers.db", "gametriggers.db-shm", "gametriggers.db-wal", "gametriggers.db.migration-lock"];
    assert_eq!(modes, expected.map(|name| (name.to_owned(), 0o600)).into());
    server.stop();
}
