//! The kinds of MongoDB servers that tests start.

/// The name of every replica set.
pub(crate) const SET: &str = "rs0";
/// How long a transaction of a killed process stays open. A test's database cannot be dropped before. The time is
/// longer than all deadlines of the product, so that no test passes because of it.
const TRANSACTION_SECONDS: &str = "transactionLifetimeLimitSeconds=15";

/// What is started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A replica set of one member.
    ReplicaSet,
    /// As [`ReplicaSet`](Self::ReplicaSet), with MongoDB's default memory.
    Measured,
    /// As [`ReplicaSet`](Self::ReplicaSet), with the command `configureFailPoint`.
    WithFailPoints,
    /// A server for a replica set, which nobody makes.
    Uninitiated,
    /// A server for a replica set of several members, with the command `configureFailPoint`.
    Member,
    /// A server without a replica set.
    Standalone,
}

impl Kind {
    /// The command line arguments of `mongod` in which the kinds differ.
    pub(crate) fn arguments(self) -> Vec<&'static str> {
        let mut arguments = vec!["--setParameter", TRANSACTION_SECONDS];
        if self != Self::Measured {
            // Tests need little memory, and no diagnostic data.
            let memory = if self == Self::Member { "0.25" } else { "0.5" };
            arguments.extend(["--wiredTigerCacheSizeGB", memory]);
            arguments.extend(["--setParameter", "diagnosticDataCollectionEnabled=false"]);
        }
        if self != Self::Standalone {
            arguments.extend(["--replSet", SET]);
        }
        if matches!(self, Self::WithFailPoints | Self::Member) {
            arguments.extend(["--setParameter", "enableTestCommands=1"]);
        }
        arguments
    }

    /// The connection string of servers of this kind at these addresses, without a database name.
    pub(crate) fn uri(self, addresses: &[String]) -> String {
        let addresses = addresses.join(",");
        match self {
            Self::Standalone => format!("mongodb://{addresses}/"),
            Self::ReplicaSet | Self::Measured | Self::WithFailPoints | Self::Uninitiated | Self::Member => {
                format!("mongodb://{addresses}/?replicaSet={SET}")
            }
        }
    }
}
