//! What a connection's stream, its requests and the other connections have to know of each other.

use std::{
    cell::{Cell, RefCell},
    task::{Context, Waker},
};

use actix_web::rt::time::Instant;

/// What goes on with one connection, all on one thread.
pub(crate) struct Progress {
    /// Requests that were understood and have no answer yet.
    handled: Cell<usize>,
    /// Whether part of a body was used since this was last asked.
    body_used: Cell<bool>,
    /// Whether what comes is the rest of a body that nobody reads.
    discards: Cell<bool>,
    /// Since when the server has been waiting for the peer, if it is.
    waiting_since: Cell<Option<Instant>>,
    /// Whether the connection has to make room for another.
    evicted: Cell<bool>,
    /// The connection's task.
    task: RefCell<Option<Waker>>,
}

impl Progress {
    pub(super) fn new() -> Self {
        Self {
            handled: Cell::default(),
            body_used: Cell::default(),
            discards: Cell::default(),
            waiting_since: Cell::new(Some(Instant::now())),
            evicted: Cell::default(),
            task: RefCell::default(),
        }
    }

    /// Whether a request is being handled, so that it is the server for whom the peer waits.
    pub(super) fn is_handling(&self) -> bool {
        self.handled.get() > 0
    }

    pub(super) fn begin(&self) {
        self.discards.set(false);
        self.waiting_since.set(None);
        self.handled.set(self.handled.get() + 1);
    }

    pub(super) fn end(&self) {
        self.handled.set(self.handled.get().saturating_sub(1));
    }

    /// Notes that part of a body was used.
    pub(super) fn use_body(&self) {
        self.body_used.set(true);
        self.wake();
    }

    /// Whether part of a body was used since this was last asked.
    pub(super) fn take_body_used(&self) -> bool {
        self.body_used.replace(false)
    }

    /// Notes that the rest of a body will not be read. If there is any, the connection ends, and what comes until then is
    /// thrown away, however much.
    pub(super) fn leave_unread(&self) {
        self.discards.set(true);
        self.wake();
    }

    pub(super) fn discards(&self) -> bool {
        self.discards.get()
    }

    /// Notes that the peer has to go on; since when, if it already had to.
    pub(super) fn wait(&self) {
        if self.waiting_since.get().is_none() {
            self.wait_anew(Instant::now());
        }
    }

    /// Notes that the peer has done its part, and from `now` on has another.
    pub(super) fn wait_anew(&self, now: Instant) {
        self.waiting_since.set(Some(now));
    }

    /// Notes that the peer has done its part.
    pub(super) fn stop_waiting(&self) {
        self.waiting_since.set(None);
    }

    /// Since when the server has been waiting for the peer, if it is.
    pub(super) fn waiting_since(&self) -> Option<Instant> {
        self.waiting_since.get().filter(|_| !self.evicted.get())
    }

    /// Ends the connection.
    pub(super) fn evict(&self) {
        self.evicted.set(true);
        self.wake();
    }

    pub(super) fn is_evicted(&self) -> bool {
        self.evicted.get()
    }

    /// Remembers the task of which this is polled.
    pub(super) fn polled_by(&self, cx: &Context<'_>) {
        let mut task = self.task.borrow_mut();
        if !task.as_ref().is_some_and(|task| task.will_wake(cx.waker())) {
            *task = Some(cx.waker().clone());
        }
    }

    pub(super) fn wake(&self) {
        if let Some(task) = &*self.task.borrow() {
            task.wake_by_ref();
        }
    }
}
