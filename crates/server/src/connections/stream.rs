//! A connection with limits: the peer cannot keep the server waiting for ever, or make it read ahead without end.

use std::{
    future::Future,
    io::{self, ErrorKind},
    mem::MaybeUninit,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, ready},
    time::Duration,
};

use actix_web::rt::{
    net::TcpStream,
    time::{Instant, Sleep, sleep_until},
};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::{Deadlines, progress::Progress};

/// How much is read before the current request is answered or part of its body is used. No request head is larger.
/// Without this limit, actix would parse all requests that come while the client does not take the first answer.
const READ_AHEAD_BYTES: usize = 32 * 1024;
/// How much is read before actix parses it. Actix counts the waiting requests, each of which takes about 5 KiB, only
/// when it parses.
const AT_ONCE_BYTES: usize = 512;
/// The part of an answer that must be sent within the deadline.
const SENT_WITHIN_BYTES: usize = 64 * 1024;
/// Actix answers 408 when the deadline of a connection's first head has passed. Requests for which actix does nothing
/// are ended this much later.
const GRACE: Duration = Duration::from_secs(1);

/// A connection with deadlines.
pub(super) struct DeadlineStream {
    io: TcpStream,
    deadlines: Deadlines,
    progress: Rc<Progress>,
    /// Bytes read since the last answer, or since part of a body was used.
    ahead: usize,
    /// Bytes read since actix last parsed.
    at_once: usize,
    /// When the first byte after the last answer came: a request has begun and is not answered.
    asked_since: Option<Instant>,
    /// The timer that checks `asked_since`. It serves many requests, because most are answered long before it ends.
    asked_timer: Option<Pin<Box<Sleep>>>,
    /// The timer of the write deadline.
    send_timer: Option<Pin<Box<Sleep>>>,
    /// Bytes sent since `send_timer` began.
    sent: usize,
    /// Whether written bytes have not all been sent.
    writing: bool,
}

impl DeadlineStream {
    pub(super) fn new(io: TcpStream, deadlines: Deadlines) -> Self {
        Self {
            io,
            deadlines,
            progress: Rc::new(Progress::new()),
            ahead: 0,
            at_once: 0,
            asked_since: None,
            asked_timer: None,
            send_timer: None,
            sent: 0,
            writing: false,
        }
    }

    pub(super) fn progress(&self) -> Rc<Progress> {
        self.progress.clone()
    }

    /// Returns an error if another connection needs the place.
    fn check_place(&self) -> io::Result<()> {
        if self.progress.is_evicted() {
            return Err(io::Error::new(ErrorKind::ConnectionAborted, "another connection took its place"));
        }
        Ok(())
    }

    /// Ready with an error if a request has been coming for too long. Otherwise wakes the task when it has to be
    /// checked again.
    fn poll_asked(&mut self, cx: &mut Context<'_>) -> Poll<io::Error> {
        if self.deadlines.head.is_zero() {
            return Poll::Pending;
        }
        let patience = self.deadlines.head + GRACE;
        loop {
            let Some(since) = self.asked_since else {
                self.asked_timer = self.asked_timer.take().filter(|timer| !timer.is_elapsed());
                return Poll::Pending;
            };
            let timer = self.asked_timer.get_or_insert_with(|| Box::pin(sleep_until(since + patience)));
            ready!(timer.as_mut().poll(cx));
            let now = Instant::now();
            // Time during which the server handles a request does not count against the peer.
            let since = if self.progress.is_handling() { now } else { since };
            self.asked_since = Some(since);
            if since + patience <= now {
                return Poll::Ready(io::Error::new(ErrorKind::TimedOut, "the request did not end in time"));
            }
            timer.as_mut().reset(since + patience);
        }
    }

    /// Ready with an error if the peer does not take what is sent. Otherwise wakes the task when it has to be checked
    /// again.
    fn poll_unsent(&mut self, cx: &mut Context<'_>) -> Poll<io::Error> {
        if self.deadlines.write.is_zero() {
            return Poll::Pending;
        }
        if self.sent >= SENT_WITHIN_BYTES {
            self.send_timer = None;
        }
        let end = || Instant::now() + self.deadlines.write;
        let timer = match &mut self.send_timer {
            Some(timer) => timer,
            none => {
                self.sent = 0;
                none.insert(Box::pin(sleep_until(end())))
            }
        };
        ready!(timer.as_mut().poll(cx));
        Poll::Ready(io::Error::new(ErrorKind::TimedOut, "the answer was not taken in time"))
    }
}

impl AsyncRead for DeadlineStream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        this.progress.polled_by(cx);
        this.check_place()?;
        if this.progress.take_body_used() {
            this.ahead = 0;
        }
        if this.ahead >= READ_AHEAD_BYTES && !this.progress.discards() {
            return this.poll_asked(cx).map(Err);
        }
        if this.at_once >= AT_ONCE_BYTES {
            this.at_once = 0;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let mut bytes = [const { MaybeUninit::uninit() }; AT_ONCE_BYTES];
        let mut part = ReadBuf::uninit(&mut bytes[..AT_ONCE_BYTES.min(buffer.remaining())]);
        if Pin::new(&mut this.io).poll_read(cx, &mut part)?.is_pending() {
            this.at_once = 0;
            return this.poll_asked(cx).map(Err);
        }
        let count = part.filled().len();
        buffer.put_slice(part.filled());
        this.ahead += count;
        this.at_once += count;
        if count > 0 && this.asked_since.is_none() {
            let now = Instant::now();
            this.asked_since = Some(now);
            this.progress.wait_anew(now);
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for DeadlineStream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.check_place()?;
        this.writing = true;
        this.asked_since = None;
        match Pin::new(&mut this.io).poll_write(cx, bytes)? {
            Poll::Ready(count) => {
                this.sent += count;
                Poll::Ready(Ok(count))
            }
            Poll::Pending => {
                this.progress.polled_by(cx);
                this.progress.wait();
                this.poll_unsent(cx).map(Err)
            }
        }
    }

    /// Actix calls this when all that it wrote was taken.
    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.writing {
            this.writing = false;
            this.send_timer = None;
            if this.ahead >= READ_AHEAD_BYTES {
                // Reading was paused, and nothing else would wake the task.
                cx.waker().wake_by_ref();
            }
            this.ahead = 0;
            this.progress.wait_anew(Instant::now());
        }
        Pin::new(&mut this.io).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().io).poll_shutdown(cx)
    }
}
