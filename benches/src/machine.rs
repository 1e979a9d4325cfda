//! Describes the machine: what matters for the figures, but nothing that identifies the machine.

use std::{env, fs, path::Path, process::Command, thread};

/// The lock file, from which versions of packages are read.
const LOCK: &str = include_str!("../../Cargo.lock");

/// Cores, memory, kernel, and the file system of temporary files.
pub(crate) fn machine() -> String {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let mut parts = vec![match value_of("/proc/cpuinfo", "model name") {
        Some(model) => format!("{cores} cores ({model})"),
        None => format!("{cores} cores"),
    }];
    if let Some(kibibytes) = value_of("/proc/meminfo", "MemTotal").and_then(|text| number_in(&text)) {
        parts.push(format!("{:.0} GiB of memory", kibibytes / 1024.0 / 1024.0));
    }
    parts.push(match fs::read_to_string("/proc/sys/kernel/osrelease") {
        // The text after the version names a distribution or a host.
        Ok(release) => format!("Linux {}", release.trim().split('-').next().unwrap_or_default()),
        Err(_) => env::consts::OS.to_owned(),
    });
    if let Some(kind) = file_system(&env::temp_dir()) {
        parts.push(format!("files on {kind}"));
    }
    parts.join(", ")
}

/// The versions of what is measured and of the tools.
pub(crate) fn versions(mongodb: Option<&str>) -> String {
    let build = if cfg!(debug_assertions) { " (a debug build, whose figures say nothing)" } else { "" };
    let mut parts = vec![format!("gametriggers {}{build}", env!("CARGO_PKG_VERSION"))];
    for package in ["actix-web", "mongodb", "rusqlite"] {
        if let Some(version) = locked(LOCK, package) {
            parts.push(format!("{package} {version}"));
        }
    }
    parts.push(format!("SQLite {}", rusqlite::version()));
    parts.extend(mongodb.map(|version| format!("MongoDB server {version}")));
    let rustc = Command::new("rustc").arg("--version").output().ok();
    let rustc = rustc.and_then(|output| String::from_utf8(output.stdout).ok());
    parts.extend(rustc.and_then(|text| Some(format!("rustc {}", text.split(' ').nth(1)?))));
    parts.join(", ")
}

/// The version of a package in a lock file.
fn locked<'a>(lock: &'a str, package: &str) -> Option<&'a str> {
    let rest = lock.split_once(&format!("name = \"{package}\"\nversion = \""))?.1;
    rest.split('"').next()
}

/// The value of the first line that begins with this name and a colon.
fn value_of(file: &str, name: &str) -> Option<String> {
    let text = fs::read_to_string(file).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.trim_start().strip_prefix(':'))?;
    Some(line.trim().to_owned())
}

fn number_in(text: &str) -> Option<f64> {
    text.split(' ').next()?.parse().ok()
}

/// The kind of file system of a folder. On a file system in memory, nothing that is measured here is durable.
fn file_system(folder: &Path) -> Option<String> {
    let folder = folder.canonicalize().ok()?;
    let mounts = fs::read_to_string("/proc/mounts").ok()?;
    let fields = mounts.lines().filter_map(|line| {
        let mut fields = line.split(' ').skip(1);
        Some((fields.next()?, fields.next()?))
    });
    let above = fields.filter(|(place, _)| folder.starts_with(place));
    above.max_by_key(|(place, _)| place.len()).map(|(_, kind)| kind.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_that_of_the_package_of_this_very_name() {
        let lock = "[[package]]\nname = \"mongodb-internal\"\nversion = \"1.0.0\"\n\n[[package]]\nname = \"mongodb\"\nversion = \"3.9.1\"\n";
        assert_eq!(locked(lock, "mongodb"), Some("3.9.1"));
        assert_eq!(locked(lock, "mongo"), None);
        assert!(locked(LOCK, "actix-web").is_some());
    }
}
