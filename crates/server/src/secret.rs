//! The secret that all instances share. It has to be strong, and nobody else may read it.

use std::{
    collections::HashSet,
    fs::{DirBuilder, File},
    io::{self, Read, Write},
    path::Path,
};

use anyhow::{Context, bail, ensure};
use tempfile::NamedTempFile;

/// RFC 7518, section 3.2: a key for HS256 has 256 bits or more.
const MIN_BYTES: usize = 32;
/// The greatest size of a secret's file in bytes.
const MAX_BYTES: u64 = 4_096;
/// The smallest number of different bytes. A random secret of 32 bytes in hexadecimal has fewer only once in ten
/// million million times.
const MIN_DIFFERENT_BYTES: usize = 8;
pub(crate) const REMEDY: &str = "make one with `openssl rand -hex 32` and give it to every instance";

/// A secret that is long enough and has enough different bytes.
pub(crate) struct Secret(Vec<u8>);

impl Secret {
    /// Makes a secret from a text. `source` names the origin of the text in messages.
    ///
    /// # Errors
    /// If the text is too short or has too few different bytes.
    pub(crate) fn new(text: &str, source: &str) -> anyhow::Result<Self> {
        let bytes = text.as_bytes();
        ensure!(bytes.len() >= MIN_BYTES, "{source} has fewer than {MIN_BYTES} bytes; {REMEDY}");
        let different = bytes.iter().collect::<HashSet<_>>().len();
        ensure!(
            different >= MIN_DIFFERENT_BYTES,
            "{source} is easily guessed: it has {different} different characters; {REMEDY}"
        );
        Ok(Self(bytes.to_vec()))
    }

    /// Reads the secret in a file, without the white space around it.
    ///
    /// # Errors
    /// If the file cannot be read, others can read it, or the secret is weak.
    pub(crate) fn read(path: &Path) -> anyhow::Result<Self> {
        let name = path.display();
        let mut file = File::open(path).with_context(|| format!("cannot read the secret file {name}"))?;
        require_private(&file, path)?;
        let mut text = String::new();
        let read = Read::by_ref(&mut file).take(MAX_BYTES + 1).read_to_string(&mut text);
        read.with_context(|| format!("cannot read the secret file {name}"))?;
        ensure!(text.len() as u64 <= MAX_BYTES, "{name} is larger than a secret; {REMEDY}");
        Self::new(text.trim(), &format!("the secret file {name}"))
    }

    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.0
    }
}

/// Refuses a file that anybody but its owner can read or change. Checks the opened file, because the path may lead to
/// another file by now.
#[cfg(unix)]
fn require_private(file: &File, path: &Path) -> anyhow::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;

    let metadata = file.metadata().with_context(|| format!("cannot look at {}", path.display()))?;
    ensure!(metadata.is_file(), "the secret file {} is no file", path.display());
    let mode = metadata.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        bail!(
            "the secret file {name} can be read or changed by others (mode {mode:03o}); run `chmod 600 {name}`, and make a \
             new secret if anybody may have read it",
            name = path.display()
        );
    }
    Ok(())
}

#[cfg(not(unix))]
fn require_private(_: &File, _: &Path) -> anyhow::Result<()> {
    Ok(())
}

/// Writes a new secret to a file that only its owner can read, unless the file exists. Makes a missing folder for its
/// owner alone. Other processes see the whole secret or no file.
///
/// # Errors
/// If the file cannot be written.
pub(crate) fn make_unless_present(path: &Path) -> anyhow::Result<()> {
    let cannot = || format!("cannot keep a secret in {}", path.display());
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut folders = DirBuilder::new();
    folders.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut folders, 0o700);
    folders.create(folder).with_context(cannot)?;
    if path.exists() {
        return Ok(());
    }
    let mut bytes = [0; MIN_BYTES];
    getrandom::fill(&mut bytes).context("the operating system gave no random bytes")?;
    let mut file = NamedTempFile::new_in(folder).with_context(cannot)?;
    file.write_all(hex::encode(bytes).as_bytes()).with_context(cannot)?;
    match file.persist_noclobber(path) {
        Err(refused) if refused.error.kind() != io::ErrorKind::AlreadyExists => {
            Err(refused.error).with_context(cannot)
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_of_few_different_signs_is_weak_however_long() {
        let refused = |text: &str| Secret::new(text, "it").map(|_| ()).unwrap_err().to_string();
        for weak in ["x".repeat(64), "ab".repeat(40), "1234567".repeat(9)] {
            let message = refused(&weak);
            assert!(
                message.contains("easily guessed") && message.contains("openssl rand -hex 32"),
                "{message}"
            );
            assert!(!message.contains(&weak));
        }
        assert!(refused("0123456789abcdef0123456789abcde").contains("fewer than 32 bytes"));
        assert!(Secret::new("0123456789abcdef0123456789abcdef", "it").is_ok());
    }
    #[test]
    fn whoever_makes_a_secret_at_once_reads_the_same_whole_one() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        let path = data.join("demo.secret");
        let read = || {
            make_unless_present(&path).unwrap();
            Secret::read(&path).unwrap().into_bytes()
        };
        let secrets = std::thread::scope(|scope| {
            let readers: Vec<_> = (0..32).map(|_| scope.spawn(read)).collect();
            readers.into_iter().map(|reader| reader.join().unwrap()).collect::<HashSet<_>>()
        });
        assert_eq!(secrets.len(), 1);
        assert_eq!(data.read_dir().unwrap().count(), 1);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            assert_eq!(data.metadata().unwrap().permissions().mode() & 0o777, 0o700);
        }
    }
}
