//! The state that a connection's stream, its requests and the other connections of the thread share.

use std::{
    cell::{Cell, RefCell},
    task::{Context, Waker},
};

use actix_web::rt::time::Instant;

/// The state of one connection. All users are on one thread.
pub(crate) struct Progress {
    /// Requests that have been read but not answered yet.
    handled: Cell<usize>,
    /// Whether the application has read part of a body since this was last asked.
    body_used: Cell<bool>,
    /// Whether incoming bytes belong to a body that nobody reads.
    discards: Cell<bool>,
    /// When the server began to wait for the peer; `None` if it is not waiting.
    waiting_since: Cell<Option<Instant>>,
    /// Whether the connection has to be closed to make room for another.
    evicted: Cell<bool>,
    /// Wakes the connection's task.
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

    /// Whether a request is being handled, so that the peer waits for the server.
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

    /// Notes that the application has read part of a body.
    pub(super) fn use_body(&self) {
        self.body_used.set(true);
        self.wake();
    }

    /// Whether the application has read part of a body since the previous call.
    pub(super) fn take_body_used(&self) -> bool {
        self.body_used.replace(false)
    }

    /// Notes that the rest of a body will not be read. If there is a rest, the connection will be closed, and all bytes
    /// that come before that are discarded.
    pub(super) fn leave_unread(&self) {
        self.discards.set(true);
        self.wake();
    }

    pub(super) fn discards(&self) -> bool {
        self.discards.get()
    }

    /// Notes that the server waits for the peer. Keeps the beginning if it was waiting already.
    pub(super) fn wait(&self) {
        if self.waiting_since.get().is_none() {
            self.wait_anew(Instant::now());
        }
    }

    /// Notes that the peer has done its part and that the server waits for the next part from `now` on.
    pub(super) fn wait_anew(&self, now: Instant) {
        self.waiting_since.set(Some(now));
    }

    /// Notes that the server no longer waits for the peer.
    pub(super) fn stop_waiting(&self) {
        self.waiting_since.set(None);
    }

    /// When the server began to wait for the peer; `None` if it is not waiting or the connection is being closed.
    pub(super) fn waiting_since(&self) -> Option<Instant> {
        self.waiting_since.get().filter(|_| !self.evicted.get())
    }

    /// Closes the connection.
    pub(super) fn evict(&self) {
        self.evicted.set(true);
        self.wake();
    }

    pub(super) fn is_evicted(&self) -> bool {
        self.evicted.get()
    }

    /// Remembers the task that polls the connection.
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
