//! Replica sets of several members, for tests of elections.

use std::iter::repeat_with;
use std::thread::sleep;
use std::time::Instant;

use anyhow::{Context, ensure};
use bson::{Document, Timestamp, doc};

use crate::kind::Kind;
use crate::server::{PATIENCE, POLL, Server};

/// The fewest members of which one may fail: the other two are a majority.
const MEMBERS: usize = 3;
/// How long a member does without a primary until it stands for election. MongoDB's default of ten seconds would make
/// tests long.
const ELECTION_TIMEOUT_MILLIS: i32 = 2_000;
/// Several heartbeats fit in an election timeout, so that a late one causes no election.
const HEARTBEAT_MILLIS: i32 = 400;
/// How long a member that has stepped down may not become the primary again. The time ends early when another member is
/// the primary.
const STEPPED_DOWN_SECONDS: i32 = 60;
/// The fail point that keeps a member from getting the writes of the primary.
const NO_REPLICATION: &str = "stopReplProducer";

/// A replica set of three `mongod` on 127.0.0.1, each with a temporary data directory.
///
/// The members are killed and their data is deleted when this value is dropped or this process ends. The methods block;
/// asynchronous tests call them through `tokio::task::spawn_blocking`.
#[derive(Debug)]
pub struct ReplicaSet {
    members: Vec<Server>,
}

impl ReplicaSet {
    /// Starts a replica set, and waits until it has a primary and the other members follow.
    ///
    /// # Errors
    /// As [`Server::start`].
    pub fn start() -> anyhow::Result<Self> {
        let mut members =
            repeat_with(Server::start_member).take(MEMBERS).collect::<anyhow::Result<Vec<_>>>()?;
        let addresses: Vec<_> = members.iter().map(Server::address).collect();
        let settings = doc! {
            "electionTimeoutMillis": ELECTION_TIMEOUT_MILLIS,
            "heartbeatIntervalMillis": HEARTBEAT_MILLIS,
        };
        members[0].initiate(&addresses, settings)?;
        for member in &mut members {
            member.wait_until("join the others", |_, hello| Ok(hello.is_primary_or_secondary()))?;
        }
        let set = Self { members };
        set.wait_for_primary()?;
        Ok(set)
    }

    /// The connection string with all members, without a database name.
    #[must_use]
    pub fn uri(&self) -> String {
        let addresses: Vec<_> = self.members.iter().map(Server::address).collect();
        Kind::Member.uri(&addresses)
    }

    /// Waits until a member is the primary.
    ///
    /// # Errors
    /// If no member becomes the primary.
    pub fn wait_for_primary(&self) -> anyhow::Result<()> {
        self.primary().map(drop)
    }

    /// Tells the primary to step down, and waits until another member is the primary.
    ///
    /// # Errors
    /// If the primary does not step down, or no other member becomes the primary.
    pub fn step_down(&self) -> anyhow::Result<()> {
        let former = self.eventually("step down", || {
            let primary = self.primary()?;
            // The primary refuses while the other members are too far behind.
            let answer = self.members[primary].admin(doc! {"replSetStepDown": STEPPED_DOWN_SECONDS})?;
            Ok(is_ok(&answer).then_some(primary))
        })?;
        self.wait_for_primary()?;
        succeed(&self.members[former], doc! {"replSetFreeze": 0})
    }

    /// Kills the primary as by a crash, when it holds writes that no other member has. These writes are lost if another
    /// member becomes the primary. Some client must be writing.
    ///
    /// # Errors
    /// If there is no primary, or nobody writes.
    pub fn kill_primary(&mut self) -> anyhow::Result<()> {
        let last = self.stop_replication()?;
        self.kill_primary_with_a_write_after(last)
    }

    /// Starts every member again that was killed, and waits until it follows the primary.
    ///
    /// # Errors
    /// If a member does not start.
    pub fn restart_killed(&mut self) -> anyhow::Result<()> {
        self.members.iter_mut().filter(|member| !member.is_running()).try_for_each(Server::restart)
    }

    /// Waits until a member is the primary and returns its number.
    fn primary(&self) -> anyhow::Result<usize> {
        self.eventually("elect a primary", || {
            let claims = self
                .running()
                .filter_map(|(number, member)| Some((member.hello().ok()?.election()?, number)));
            // A former primary may not know of the latest election yet.
            Ok(claims.max().map(|(_, number)| number))
        })
    }

    /// Keeps the members from getting further writes of the primary. Returns the time of the last write of all.
    fn stop_replication(&self) -> anyhow::Result<Timestamp> {
        self.set_fail_point("alwaysOn")?;
        let writes: Vec<_> = self.running().map(|(_, it)| last_write(it)).collect::<anyhow::Result<_>>()?;
        writes.into_iter().max().context("no member runs")
    }

    /// Waits until the primary holds a write after this time, and kills the primary. The other members then get writes
    /// again.
    fn kill_primary_with_a_write_after(&mut self, last: Timestamp) -> anyhow::Result<()> {
        let primary = self.eventually("get a write", || {
            let primary = self.primary()?;
            Ok((last_write(&self.members[primary])? > last).then_some(primary))
        })?;
        self.members[primary].kill();
        self.set_fail_point("off")
    }

    fn set_fail_point(&self, mode: &str) -> anyhow::Result<()> {
        let fail_point = doc! {"configureFailPoint": NO_REPLICATION, "mode": mode};
        self.running().try_for_each(|(_, member)| succeed(member, fail_point.clone()))
    }

    fn running(&self) -> impl Iterator<Item = (usize, &Server)> {
        self.members.iter().enumerate().filter(|(_, member)| member.is_running())
    }

    /// Tries again and again until `attempt` returns a value. `what` names in the error what the members do not do.
    fn eventually<T>(
        &self,
        what: &str,
        mut attempt: impl FnMut() -> anyhow::Result<Option<T>>,
    ) -> anyhow::Result<T> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(found) = attempt()? {
                return Ok(found);
            }
            ensure!(Instant::now() < deadline, "the members at {} do not {what}", self.uri());
            sleep(POLL);
        }
    }
}

/// The time of the last write that the member has.
fn last_write(member: &Server) -> anyhow::Result<Timestamp> {
    let status = member.admin(doc! {"replSetGetStatus": 1})?;
    let applied = status.get_document("optimes").and_then(|times| times.get_document("appliedOpTime"));
    applied.and_then(|applied| applied.get_timestamp("ts")).with_context(|| status.to_string())
}

/// Runs a command on the database `admin`, which must succeed.
fn succeed(member: &Server, command: Document) -> anyhow::Result<()> {
    let answer = member.admin(command)?;
    ensure!(is_ok(&answer), "mongod refuses a command: {answer}");
    Ok(())
}

fn is_ok(answer: &Document) -> bool {
    answer.get_f64("ok").is_ok_and(|ok| ok > 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use bson::Bson;

    impl ReplicaSet {
        fn on_primary(&self, command: Document) -> Document {
            self.members[self.primary().unwrap()].admin(command).unwrap()
        }

        fn insert(&self, id: i32, acknowledged_by: impl Into<Bson>) {
            let concern = doc! {"w": acknowledged_by.into()};
            let command = doc! {"insert": "things", "documents": [{"_id": id}], "writeConcern": concern};
            assert_eq!(self.on_primary(command).get_i32("n").unwrap(), 1);
        }

        fn count(&self) -> i32 {
            self.on_primary(doc! {"count": "things"}).get_i32("n").unwrap()
        }
    }

    #[test]
    fn another_member_becomes_the_primary_when_one_steps_down() {
        let set = ReplicaSet::start().unwrap();
        set.insert(1, "majority");
        let mut primary = set.primary().unwrap();
        for _ in 0..2 {
            set.step_down().unwrap();
            let next = set.primary().unwrap();
            assert_ne!(next, primary);
            primary = next;
        }
        assert_eq!(set.count(), 1);
    }

    #[test]
    fn a_killed_primary_loses_what_no_other_member_has_and_follows_when_it_is_back() {
        const LOST: i32 = 50;
        let mut set = ReplicaSet::start().unwrap();
        set.insert(1, "majority");
        let killed = set.primary().unwrap();
        let last = set.stop_replication().unwrap();
        // So many that replication would bring at least the first one to another member before the kill.
        (2..=LOST).for_each(|id| set.insert(id, 1));
        assert_eq!(set.count(), LOST);
        set.kill_primary_with_a_write_after(last).unwrap();
        assert_ne!(set.primary().unwrap(), killed);
        assert_eq!(set.count(), 1);

        set.insert(LOST + 1, "majority");
        set.restart_killed().unwrap();
        let hello = set.members[killed].hello().unwrap();
        assert!(hello.is_primary_or_secondary() && !hello.is_primary(), "{hello:?}");
        set.insert(LOST + 2, 3);
        assert_eq!(set.count(), 3);
    }
}
