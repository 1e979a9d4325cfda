//! `cargo xtask floors`: proves that the crates depend on each other only as the architecture allows, and that the files
//! within each crate import each other in no circle.
//!
//! [`FLOORS`] is the rule for crates. A new crate or a new arrow is an edit of that table, beside the ADR that explains
//! it. The command judges normal and build dependencies, optional ones included, because they ship. Development
//! dependencies are free: a backend gets the contract suite that way, and the test of a service gets a real store. The
//! command sees only direct dependencies.
//!
//! [`circles`] has the rule for files.

use std::{
    fmt, fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, ensure};
use serde::Deserialize;

use crate::{
    cargo::{cargo, root},
    circles,
};

/// One crate: which of our crates it may use, and which outside crates it must never know.
struct Floor {
    package: &'static str,
    may_use: &'static [&'static str],
    never: &'static [&'static Family],
}

/// Outside crates that are forbidden for one reason. A name stands for itself and for all names that begin with it and a
/// hyphen: `actix` means `actix-web` too.
struct Family {
    what: &'static str,
    names: &'static [&'static str],
}

const ASYNC: Family =
    Family { what: "asynchronous code", names: &["tokio", "futures", "async", "smol", "actix"] };
const HTTP_SERVER: Family =
    Family { what: "HTTP serving", names: &["actix", "axum", "hyper", "tower", "warp", "utoipa"] };
const HTTP_CLIENT: Family = Family { what: "an HTTP client", names: &["reqwest", "ureq", "awc"] };
const SQLITE: Family = Family { what: "the SQLite driver", names: &["rusqlite", "libsqlite3", "refinery"] };
const MONGODB: Family = Family { what: "the MongoDB driver", names: &["mongodb"] };

const PURE: &[&Family] = &[&ASYNC, &HTTP_SERVER, &HTTP_CLIENT, &SQLITE, &MONGODB];
const NO_DRIVER_NO_HTTP: &[&Family] = &[&HTTP_SERVER, &HTTP_CLIENT, &SQLITE, &MONGODB];

/// The floors, from the top down. Every arrow points to a crate that is listed earlier.
///
/// `gametriggers-fixtures`, `gametriggers-persistence-contract`, `gametriggers-test-mongod` and `gametriggers-benches` are for
/// tests and measurements. No crate that ships may use them.
const FLOORS: &[Floor] = &[
    Floor { package: "gametriggers-types", may_use: &[], never: PURE },
    Floor { package: "gametriggers-domain", may_use: &["gametriggers-types"], never: PURE },
    Floor {
        package: "gametriggers-persistence",
        may_use: &["gametriggers-types", "gametriggers-domain"],
        never: NO_DRIVER_NO_HTTP,
    },
    Floor {
        package: "gametriggers-documents",
        may_use: &["gametriggers-types", "gametriggers-domain"],
        never: PURE,
    },
    Floor {
        package: "gametriggers-persistence-sqlite",
        may_use: &["gametriggers-types", "gametriggers-domain", "gametriggers-persistence"],
        never: &[&HTTP_SERVER, &HTTP_CLIENT, &MONGODB],
    },
    Floor {
        package: "gametriggers-persistence-mongodb",
        may_use: &[
            "gametriggers-types",
            "gametriggers-domain",
            "gametriggers-persistence",
            "gametriggers-documents",
        ],
        never: &[&HTTP_SERVER, &HTTP_CLIENT, &SQLITE],
    },
    Floor {
        package: "gametriggers-test-mongod",
        may_use: &[],
        never: &[&HTTP_SERVER, &HTTP_CLIENT, &SQLITE],
    },
    Floor {
        package: "gametriggers-services",
        may_use: &[
            "gametriggers-types",
            "gametriggers-domain",
            "gametriggers-persistence",
            "gametriggers-documents",
        ],
        never: &[&HTTP_SERVER, &SQLITE, &MONGODB],
    },
    Floor {
        package: "gametriggers-lab",
        may_use: &["gametriggers-types", "gametriggers-domain", "gametriggers-persistence"],
        never: NO_DRIVER_NO_HTTP,
    },
    Floor {
        package: "gametriggers-fixtures",
        may_use: &[
            "gametriggers-types",
            "gametriggers-domain",
            "gametriggers-persistence",
            "gametriggers-services",
        ],
        never: NO_DRIVER_NO_HTTP,
    },
    Floor {
        package: "gametriggers-persistence-contract",
        may_use: &[
            "gametriggers-types",
            "gametriggers-domain",
            "gametriggers-persistence",
            "gametriggers-fixtures",
        ],
        never: NO_DRIVER_NO_HTTP,
    },
    Floor {
        package: "gametriggers-http",
        may_use: &[
            "gametriggers-types",
            "gametriggers-domain",
            "gametriggers-persistence",
            "gametriggers-services",
        ],
        never: &[&SQLITE, &MONGODB],
    },
    Floor {
        package: "gametriggers",
        may_use: &[
            "gametriggers-types",
            "gametriggers-domain",
            "gametriggers-persistence",
            "gametriggers-persistence-sqlite",
            "gametriggers-persistence-mongodb",
            "gametriggers-services",
            "gametriggers-lab",
            "gametriggers-http",
        ],
        never: &[],
    },
    Floor {
        package: "gametriggers-benches",
        may_use: &[
            "gametriggers-types",
            "gametriggers-domain",
            "gametriggers-persistence",
            "gametriggers-persistence-sqlite",
            "gametriggers-persistence-mongodb",
            "gametriggers-test-mongod",
            "gametriggers-fixtures",
            "gametriggers-services",
            "gametriggers-http",
            "gametriggers",
        ],
        never: &[],
    },
];

/// Reads the workspace's manifests and source files.
///
/// # Errors
/// If the table does not allow an arrow, if files import each other in a circle, or if a manifest or a source file cannot
/// be read. The message has a line for each arrow and for each circle.
pub(crate) fn run() -> anyhow::Result<()> {
    println!("\n$ floors: which crate depends on which, and which file on which");
    let output = cargo(["metadata", "--format-version", "1", "--no-deps"])
        .stderr(std::process::Stdio::inherit())
        .output()
        .context("cannot start `cargo metadata`")?;
    ensure!(output.status.success(), "`cargo metadata` failed ({})", output.status);
    let metadata: Metadata =
        serde_json::from_slice(&output.stdout).context("cannot read the answer of `cargo metadata`")?;

    let ours = metadata.packages.iter().filter(|package| is_ours(&package.name)).count();
    ensure!(ours > 0, "no crate of the product in the workspace: there is nothing to prove");
    let violations = violations(&metadata.packages);
    let lines: Vec<_> = violations.iter().map(|violation| format!("  {violation}")).collect();
    ensure!(
        violations.is_empty(),
        "the crates leave their floors:\n{}\nallowed arrows: FLOORS in xtask/src/floors.rs; a new one needs an ADR",
        lines.join("\n")
    );
    println!("{ours} crates keep to their floors");
    let circles = circles_of(&metadata.packages)?;
    ensure!(
        circles.is_empty(),
        "files import each other in circles:\n{}\nmove what they share to a file below them; the rules: xtask/src/circles.rs",
        circles.join("\n")
    );
    println!("no circle of files");
    Ok(())
}

/// Returns one line for each circle of files.
fn circles_of(packages: &[Package]) -> anyhow::Result<Vec<String>> {
    let root = root();
    let read = |file: &Path| fs::read_to_string(root.join(file)).ok();
    let mut lines = Vec::new();
    for package in packages {
        for target in package.targets.iter().filter(|target| target.has_modules_to_judge()) {
            let file = target.src_path.strip_prefix(&root).unwrap_or(&target.src_path);
            let circles = circles::find(file, &read)?;
            lines.extend(circles.iter().map(|circle| format!("  {}: {circle}", package.name)));
        }
    }
    Ok(lines)
}

/// The part of the output of `cargo metadata` that this command uses.
#[derive(Debug, Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Debug, Deserialize)]
struct Package {
    name: String,
    dependencies: Vec<Dependency>,
    #[serde(default)]
    targets: Vec<Target>,
}

/// A target of a package, such as a library, a program or a test.
#[derive(Debug, Deserialize)]
struct Target {
    kind: Vec<String>,
    src_path: PathBuf,
}

impl Target {
    /// Whether the target is a library or a program. Tests, examples and build scripts are not checked.
    fn has_modules_to_judge(&self) -> bool {
        self.kind.iter().any(|kind| kind == "lib" || kind == "bin")
    }
}

#[derive(Debug, Deserialize)]
struct Dependency {
    /// The package's own name, even if the manifest renames the package.
    name: String,
    kind: Option<Kind>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Dev,
    Build,
}

/// A violation of the table.
#[derive(Debug, PartialEq, Eq)]
enum Violation {
    UnknownCrate { package: String },
    Arrow { package: String, dependency: String, allowed: &'static [&'static str] },
    Knowledge { package: String, dependency: String, what: &'static str },
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownCrate { package } => write!(f, "{package} has no floor: it is not in the table"),
            Self::Arrow { package, dependency, allowed: [] } => {
                write!(f, "{package} -> {dependency}: {package} may use no crate of ours")
            }
            Self::Arrow { package, dependency, allowed } => {
                write!(f, "{package} -> {dependency}: {package} may use only {}", allowed.join(", "))
            }
            Self::Knowledge { package, dependency, what } => {
                write!(f, "{package} -> {dependency}: {package} must never know {what}")
            }
        }
    }
}

fn violations(packages: &[Package]) -> Vec<Violation> {
    packages.iter().filter(|package| is_ours(&package.name)).flat_map(violations_of).collect()
}

fn violations_of(package: &Package) -> Vec<Violation> {
    let Some(floor) = FLOORS.iter().find(|floor| floor.package == package.name) else {
        return vec![Violation::UnknownCrate { package: package.name.clone() }];
    };
    let shipped = package.dependencies.iter().filter(|dependency| dependency.kind != Some(Kind::Dev));
    shipped.filter_map(|dependency| floor.judge(&dependency.name)).collect()
}

impl Floor {
    fn judge(&self, dependency: &str) -> Option<Violation> {
        let package = self.package.to_owned();
        if is_ours(dependency) {
            return (!self.may_use.contains(&dependency)).then(|| Violation::Arrow {
                package,
                dependency: dependency.to_owned(),
                allowed: self.may_use,
            });
        }
        self.never.iter().find(|family| family.contains(dependency)).map(|family| Violation::Knowledge {
            package,
            dependency: dependency.to_owned(),
            what: family.what,
        })
    }
}

impl Family {
    fn contains(&self, dependency: &str) -> bool {
        self.names.iter().any(|name| {
            dependency.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
        })
    }
}

/// Whether a package is a crate of the product.
fn is_ours(name: &str) -> bool {
    name == "gametriggers" || name.starts_with("gametriggers-")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the messages for a workspace of one package with one dependency, in the format of `cargo metadata`.
    fn check(package: &str, dependency: &str, kind: &str) -> Vec<String> {
        let json = format!(
            r#"{{"packages": [{{"name": "{package}", "id": "x", "dependencies": [
                {{"name": "{dependency}", "kind": {kind}, "optional": false, "rename": null}}]}}]}}"#
        );
        let metadata: Metadata = serde_json::from_str(&json).unwrap();
        violations(&metadata.packages).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn an_arrow_against_the_floors_is_reported() {
        assert_eq!(
            check("gametriggers-domain", "gametriggers-persistence", "null"),
            [
                "gametriggers-domain -> gametriggers-persistence: gametriggers-domain may use only gametriggers-types"
            ]
        );
        assert_eq!(
            check("gametriggers-types", "gametriggers-domain", r#""build""#),
            ["gametriggers-types -> gametriggers-domain: gametriggers-types may use no crate of ours"]
        );
        assert_eq!(check("gametriggers-services", "gametriggers-persistence-sqlite", "null").len(), 1);
        assert_eq!(check("gametriggers-http", "gametriggers", "null").len(), 1);
    }

    #[test]
    fn an_arrow_that_the_table_allows_is_not_reported() {
        assert!(check("gametriggers-http", "gametriggers-services", "null").is_empty());
        assert!(check("gametriggers", "gametriggers-persistence-sqlite", "null").is_empty());
        assert!(check("gametriggers-persistence-sqlite", "rusqlite", "null").is_empty());
        assert!(check("gametriggers-http", "actix-web", "null").is_empty());
    }

    #[test]
    fn knowledge_that_a_crate_must_not_have_is_reported() {
        assert_eq!(
            check("gametriggers-domain", "tokio", "null"),
            ["gametriggers-domain -> tokio: gametriggers-domain must never know asynchronous code"]
        );
        assert_eq!(check("gametriggers-types", "actix-web", "null").len(), 1);
        assert_eq!(check("gametriggers-services", "actix-web", "null").len(), 1);
        assert_eq!(check("gametriggers-services", "rusqlite", "null").len(), 1);
        assert_eq!(check("gametriggers-http", "mongodb", "null").len(), 1);
        assert_eq!(check("gametriggers-persistence-sqlite", "mongodb", "null").len(), 1);
    }

    #[test]
    fn only_development_dependencies_bring_what_tests_are_made_of() {
        let (fixtures, suite) = ("gametriggers-fixtures", "gametriggers-persistence-contract");
        for package in [fixtures, suite] {
            assert!(check("gametriggers-persistence-sqlite", package, r#""dev""#).is_empty());
        }
        for floor in FLOORS {
            assert_eq!(check(floor.package, suite, "null").len(), 1, "{}", floor.package);
            let is_allowed = floor.package == suite;
            assert_eq!(check(floor.package, fixtures, "null").is_empty(), is_allowed, "{}", floor.package);
        }
    }

    #[test]
    fn a_crate_without_a_floor_is_reported() {
        assert_eq!(
            check("gametriggers-plugins", "serde", "null"),
            ["gametriggers-plugins has no floor: it is not in the table"]
        );
        assert!(check("xtask", "anyhow", "null").is_empty());
    }

    #[test]
    fn every_arrow_of_the_table_points_to_a_crate_listed_before() {
        for (index, floor) in FLOORS.iter().enumerate() {
            for used in floor.may_use {
                let known = FLOORS[..index].iter().any(|above| above.package == *used);
                assert!(known, "{} -> {used}", floor.package);
            }
        }
    }

    #[test]
    fn a_family_means_whole_words_of_a_name() {
        assert!(ASYNC.contains("tokio"));
        assert!(ASYNC.contains("tokio-util"));
        assert!(!ASYNC.contains("tokiolike"));
        assert!(!SQLITE.contains("sqlite-notes"));
    }
}
