//! Bodies that nobody reads.

use std::{
    cell::{Cell, RefCell},
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
};

use actix_web::{
    Error, HttpMessage as _,
    body::{BodySize, BoxBody, EitherBody, MessageBody},
    dev::{Payload, ServiceRequest, ServiceResponse},
    error::PayloadError,
    middleware::Next,
    web::Bytes,
};
use futures_core::Stream;

use super::progress::Progress;

/// A request's body, for who reads it and for the answer.
struct Shared {
    payload: RefCell<Payload>,
    /// Whether it was read to its end.
    ended: Cell<bool>,
    progress: Option<Rc<Progress>>,
}

/// Ends the connection after an answer that was given before its request's body was read to the end.
///
/// Actix does so by itself where a length was declared. A body in chunks, which nobody reads, it takes and throws away
/// for as long as any comes; unless the body's reader is still there when the answer has gone out. So the answer holds
/// the reader.
pub(crate) async fn close_after_unread_body<B: MessageBody + 'static>(
    mut request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B, Holding>>, Error> {
    let progress = request.conn_data::<Rc<Progress>>().cloned();
    let _handling = progress.clone().map(Handling::begin);
    match request.take_payload() {
        Payload::None => Ok(next.call(request).await?.map_into_left_body()),
        payload => {
            let shared =
                Rc::new(Shared { payload: RefCell::new(payload), ended: Cell::new(false), progress });
            request.set_payload(Payload::Stream { payload: Box::pin(Reader(shared.clone())) });
            let response = next.call(request).await?.map_into_boxed_body();
            Ok(response.map_body(|_, body| EitherBody::right(Holding { body, shared })))
        }
    }
}

/// A request is being handled, until this is dropped.
struct Handling(Rc<Progress>);

impl Handling {
    fn begin(progress: Rc<Progress>) -> Self {
        progress.begin();
        Self(progress)
    }
}

impl Drop for Handling {
    fn drop(&mut self) {
        self.0.end();
    }
}

/// Reads a body that the answer will hold, too.
struct Reader(Rc<Shared>);

impl Stream for Reader {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Shared { payload, ended, progress } = &*self.0;
        let read = Pin::new(&mut *payload.borrow_mut()).poll_next(cx);
        ended.set(matches!(&read, Poll::Ready(None | Some(Err(_)))));
        if let Some(progress) = progress {
            match &read {
                Poll::Ready(Some(Ok(_))) => progress.use_body(),
                Poll::Ready(_) => progress.stop_waiting(),
                Poll::Pending => progress.wait(),
            }
        }
        read
    }
}

/// The body of an answer, and the reader of its request's body.
pub(crate) struct Holding {
    body: BoxBody,
    shared: Rc<Shared>,
}

/// The answer has gone out.
impl Drop for Holding {
    fn drop(&mut self) {
        if let (false, Some(progress)) = (self.shared.ended.get(), &self.shared.progress) {
            progress.leave_unread();
        }
    }
}

impl MessageBody for Holding {
    type Error = <BoxBody as MessageBody>::Error;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        Pin::new(&mut self.body).poll_next(cx)
    }
}
