//! The files of a store. Only their owner may read them, because they hold e-mail addresses, hashes of passwords, and
//! the tokens that address screens.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

/// The suffixes of the files that SQLite and this crate keep beside the store's file.
const BESIDE: [&str; 4] = ["-wal", "-shm", "-journal", LOCK];
const LOCK: &str = ".migration-lock";

/// Makes the file of a store and its folder if they are missing, for the owner alone. If the store exists, takes the
/// permissions of others from its files; a group that may write the store's file keeps its permissions. Files that
/// SQLite makes later get the permissions of the store's file.
///
/// # Errors
/// If the folder or the file cannot be made; the message names it.
pub(crate) fn prepare(path: &Path) -> io::Result<()> {
    let cannot = |what: &str, path: &Path, error: &io::Error| {
        io::Error::new(error.kind(), format!("cannot make the {what} {}: {error}", path.display()))
    };
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        rights::make_folder(folder).map_err(|error| cannot("folder", folder, &error))?;
    }
    match rights::make_file(path) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            narrow(path);
            Ok(())
        }
        Err(error) => Err(cannot("file", path, &error)),
    }
}

/// Opens the file that a process locks while it migrates the store. Makes the file if it is missing.
///
/// # Errors
/// If the file cannot be made or opened; the message names it.
pub(crate) fn migration_lock(store: &Path) -> io::Result<File> {
    let path = beside(store, LOCK);
    rights::open_as(&path, store)
        .map_err(|error| io::Error::new(error.kind(), format!("cannot open {}: {error}", path.display())))
}

fn beside(store: &Path, suffix: &str) -> PathBuf {
    let mut name = store.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

fn narrow(store: &Path) {
    // If the path is a link, SQLite keeps its files beside the link's target.
    let file = fs::canonicalize(store).unwrap_or_else(|_| store.to_owned());
    let keeps_group = rights::is_for_group(&file);
    let all = BESIDE.map(|suffix| beside(&file, suffix));
    for file in [&file, &beside(store, LOCK)].into_iter().chain(&all) {
        match rights::narrow(file, keeps_group) {
            Ok(Some(mode)) => {
                tracing::warn!(file = %file.display(), mode = format!("{mode:o}"), "others could read this file of the store: no longer");
            }
            Ok(None) => {}
            Err(error) => {
                tracing::warn!(file = %file.display(), %error, "others can read this file of the store, and it cannot be changed");
            }
        }
    }
}

#[cfg(unix)]
mod rights {
    use std::{
        fs::{self, DirBuilder, File, OpenOptions, Permissions},
        io,
        os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt},
        path::Path,
        sync::{Mutex, PoisonError},
    };

    const OWNER: u32 = 0o700;
    const GROUP: u32 = 0o070;
    const GROUP_WRITES: u32 = 0o020;
    const ALL: u32 = 0o777;

    pub(super) fn make_folder(folder: &Path) -> io::Result<()> {
        DirBuilder::new().recursive(true).mode(0o700).create(folder)
    }

    /// Makes a file, and never opens an existing one. Closing an existing file would release the locks that this
    /// process has on it.
    pub(super) fn make_file(path: &Path) -> io::Result<()> {
        static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
        let _until_it_is_closed = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map(drop)
    }

    pub(super) fn open_as(path: &Path, like: &Path) -> io::Result<File> {
        let mode = mode(like)? & ALL;
        match OpenOptions::new().write(true).create_new(true).mode(mode).open(path) {
            Ok(file) => {
                // The process's umask may have removed permissions of a group.
                file.set_permissions(Permissions::from_mode(mode))?;
                Ok(file)
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                OpenOptions::new().write(true).open(path)
            }
            Err(error) => Err(error),
        }
    }

    /// Whether the file is shared with its group. It is if the group may write it, because no program makes such a file
    /// by itself.
    pub(super) fn is_for_group(file: &Path) -> bool {
        mode(file).is_ok_and(|mode| mode & GROUP_WRITES != 0)
    }

    /// Takes away the permissions of others. Returns the new mode if the file exists and its mode was wider. Leaves folders
    /// and devices as they are: they are no stores, and a mistaken path must not lock others out of `/tmp`.
    pub(super) fn narrow(file: &Path, keeps_group: bool) -> io::Result<Option<u32>> {
        let Ok(mode) = mode(file) else { return Ok(None) };
        if !file.is_file() {
            return Ok(None);
        }
        let narrow = mode & if keeps_group { OWNER | GROUP } else { OWNER };
        if mode & ALL == narrow {
            return Ok(None);
        }
        fs::set_permissions(file, Permissions::from_mode(narrow))?;
        Ok(Some(narrow))
    }

    fn mode(file: &Path) -> io::Result<u32> {
        Ok(fs::metadata(file)?.permissions().mode())
    }
}

/// On systems without such permissions, files have those of their folder.
#[cfg(not(unix))]
mod rights {
    use std::{
        fs::{self, File, OpenOptions},
        io,
        path::Path,
    };

    pub(super) fn make_folder(folder: &Path) -> io::Result<()> {
        fs::create_dir_all(folder)
    }

    pub(super) fn make_file(path: &Path) -> io::Result<()> {
        OpenOptions::new().write(true).create_new(true).open(path).map(drop)
    }

    pub(super) fn open_as(path: &Path, _like: &Path) -> io::Result<File> {
        OpenOptions::new().write(true).create(true).truncate(false).open(path)
    }

    pub(super) fn is_for_group(_file: &Path) -> bool {
        false
    }

    pub(super) fn narrow(_file: &Path, _keeps_group: bool) -> io::Result<Option<u32>> {
        Ok(None)
    }
}
