//! The connections of one thread. When there are nearly too many, the one that has made the server wait longest is
//! closed for each newcomer.

use std::{cell::RefCell, collections::HashMap, rc::Rc};

use super::progress::Progress;

/// The connections of one thread.
pub(super) struct Crowd {
    /// From this number on, one connection is closed for each newcomer. It is less than the thread's limit: at the
    /// limit, no newcomer would be accepted, so nothing would be closed.
    crowded_at: usize,
    members: RefCell<HashMap<u64, Rc<Progress>>>,
}

/// A connection's membership in the crowd. It ends when this value is dropped.
pub(super) struct Member {
    crowd: Rc<Crowd>,
    number: u64,
}

impl Crowd {
    /// A crowd for a thread that may have `at_most` connections.
    pub(super) fn new(at_most: usize) -> Rc<Self> {
        Rc::new(Self { crowded_at: at_most - at_most / 8, members: RefCell::default() })
    }

    /// Adds a connection. If the thread is crowded, the connection for whose peer the server has been waiting longest
    /// is closed, and the second result is true.
    pub(super) fn join(self: &Rc<Self>, number: u64, progress: Rc<Progress>) -> (Member, bool) {
        let mut members = self.members.borrow_mut();
        let crowded = members.len() >= self.crowded_at;
        let slowest = crowded
            .then(|| {
                members
                    .values()
                    .filter_map(|member| Some((member.waiting_since()?, member)))
                    .min_by_key(|pair| pair.0)
            })
            .flatten();
        let evicts = slowest.inspect(|(_, slowest)| slowest.evict()).is_some();
        members.insert(number, progress);
        (Member { crowd: self.clone(), number }, evicts)
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        self.crowd.members.borrow_mut().remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use actix_web::rt::time::Instant;

    use super::*;

    #[test]
    fn in_a_crowd_the_one_waited_for_the_longest_leaves_and_nobody_who_waits_for_the_server() {
        let crowd = Crowd::new(4);
        let now = Instant::now();
        let join = |number: u64, waited: Option<u64>| {
            let progress = Rc::new(Progress::new());
            match waited {
                Some(seconds) => progress.wait_anew(now - Duration::from_secs(seconds)),
                None => progress.stop_waiting(),
            }
            let (member, evicts) = crowd.join(number, progress.clone());
            (progress, member, evicts)
        };
        let busy = join(1, None);
        let slow = join(2, Some(5));
        let idle = join(3, Some(3));
        let newest = join(4, Some(0));
        assert!(![&busy, &slow, &idle, &newest].into_iter().any(|one| one.2 || one.0.is_evicted()));
        let (fifth, sixth) = (join(5, Some(0)), join(6, Some(0)));
        assert!(fifth.2 && slow.0.is_evicted(), "waited for the longest");
        assert!(sixth.2 && idle.0.is_evicted(), "who is leaving already is not asked again");
        assert!(![&busy, &newest, &fifth, &sixth].into_iter().any(|one| one.0.is_evicted()));
        drop((busy, slow, idle, newest, fifth, sixth));
        assert!(crowd.members.borrow().is_empty());
    }
}
