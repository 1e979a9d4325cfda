//! A connection whose peer cannot keep the server waiting for ever, nor make it read ahead without end.

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

/// What is read before a request that has come has its answer, or a part of a body was used: no head is larger. Without
/// a limit, actix makes requests of all that comes, while the answer to the first is not taken.
const READ_AHEAD_BYTES: usize = 32 * 1024;
/// What is read before what was read is looked at: only then does actix count the requests that wait, each of which takes
/// some 5 KiB.
const AT_ONCE_BYTES: usize = 512;
/// As much of an answer as has to go out within the deadline.
const SENT_WITHIN_BYTES: usize = 64 * 1024;
/// Actix answers 408 when the deadline of a first head has passed; what it does not see to ends this much later.
const GRACE: Duration = Duration::from_secs(1);

/// A connection with deadlines.
pub(super) struct DeadlineStream {
    io: TcpStream,
    deadlines: Deadlines,
    progress: Rc<Progress>,
    /// Bytes read since reading was last found to lead anywhere.
    ahead: usize,
    /// Bytes read since what was read was last looked at.
    at_once: usize,
    /// When the first byte came after the last answer: a request has begun, and nobody has answered it.
    asked_since: Option<Instant>,
    /// Looks at `asked_since` when it ends. One for many requests, because most are answered long before.
    asked_timer: Option<Pin<Box<Sleep>>>,
    /// Ends when the peer has not taken what is to be sent.
    send_timer: Option<Pin<Box<Sleep>>>,
    /// Bytes that have gone out since `send_timer` began.
    sent: usize,
    /// Whether anything was written that has not wholly gone out.
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

    /// An error when another connection needs the place.
    fn check_place(&self) -> io::Result<()> {
        if self.progress.is_evicted() {
            return Err(io::Error::new(ErrorKind::ConnectionAborted, "another connection took its place"));
        }
        Ok(())
    }

    /// An error when a request has been coming for too long. Wakes the task to look again.
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
            // The server's own time is not the peer's.
            let since = if self.progress.is_handling() { now } else { since };
            self.asked_since = Some(since);
            if since + patience <= now {
                return Poll::Ready(io::Error::new(ErrorKind::TimedOut, "the request did not end in time"));
            }
            timer.as_mut().reset(since + patience);
        }
    }

    /// An error when what is to be sent is not taken. Wakes the task to look again.
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

    /// Asked by actix when all that it wrote was taken.
    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.writing {
            this.writing = false;
            this.send_timer = None;
            if this.ahead >= READ_AHEAD_BYTES {
                // Nothing else would: reading was put off.
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
