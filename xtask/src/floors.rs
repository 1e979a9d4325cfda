//! `cargo xtask floors`: proves that the crates depend on each other only as the architecture allows.
//!
//! [`FLOORS`] is the whole rule; a new crate or a new arrow is an edit of that table, beside the ADR that explains it.
//! Judged are normal and build dependencies, optional ones included, because they are what ships. Development
//! dependencies are free: that is how a backend gets the contract suite, and a test of a service a real store. Only
//! direct dependencies are seen; what one of them brings along is its own affair.

use std::fmt;

use anyhow::{Context, bail, ensure};
use serde::Deserialize;

use crate::cargo::cargo;

/// One crate: which of ours it may use, and which outside crates it must never know.
struct Floor {
    package: &'static str,
    may_use: &'static [&'static str],
    never: &'static [&'static Family],
}

/// Outside crates that are forbidden for one reason. A name stands for itself and for all that begin with it and a
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

/// The floors, from the top down: every arrow points to a crate listed before.
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
        package: "gametriggers-streams",
        may_use: &["gametriggers-types"],
        never: &[&HTTP_SERVER, &SQLITE, &MONGODB],
    },
    Floor {
        package: "gametriggers-services",
        may_use: &[
            "gametriggers-types",
            "gametriggers-domain",
            "gametriggers-persistence",
            "gametriggers-documents",
            "gametriggers-streams",
        ],
        never: &[&HTTP_SERVER, &SQLITE, &MONGODB],
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
            "gametriggers-streams",
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
            "gametriggers-streams",
            "gametriggers-services",
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
            "gametriggers-streams",
            "gametriggers-services",
            "gametriggers-http",
            "gametriggers",
        ],
        never: &[],
    },
];

/// Reads the workspace's manifests and fails with one line for each arrow that the table does not allow.
pub(crate) fn run() -> anyhow::Result<()> {
    println!("\n$ floors: which crate depends on which");
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
    if violations.is_empty() {
        println!("{ours} crates keep to their floors");
        return Ok(());
    }
    let lines: Vec<_> = violations.iter().map(|violation| format!("  {violation}")).collect();
    bail!(
        "the crates leave their floors:\n{}\nallowed arrows: FLOORS in xtask/src/floors.rs; a new one needs an ADR",
        lines.join("\n")
    )
}

/// What `cargo metadata` says, as far as it is judged here.
#[derive(Debug, Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Debug, Deserialize)]
struct Package {
    name: String,
    dependencies: Vec<Dependency>,
}

#[derive(Debug, Deserialize)]
struct Dependency {
    /// The package's own name, also where the manifest renames it.
    name: String,
    kind: Option<Kind>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Dev,
    Build,
}

/// One thing that the table does not allow.
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

    /// The messages for a workspace of one package with one dependency in `cargo metadata`'s own notation.
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
