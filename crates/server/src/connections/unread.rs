//! Closes connections whose request bodies are not read to the end.

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

/// A request's body, shared between its reader and the answer.
struct Shared {
    payload: RefCell<Payload>,
    /// Whether the body was read to its end.
    ended: Cell<bool>,
    progress: Option<Rc<Progress>>,
}

/// Closes the connection after an answer that was given before the request's body was read to its end.
///
/// Actix does so itself if the request declared a length. It reads and discards a body in chunks for as long as
/// anything comes, unless the body's reader still exists when the answer has been sent. So the answer keeps the reader.
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

/// Marks a request as being handled until it is dropped.
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

/// Reads a body that is shared with the answer.
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

/// The body of an answer, together with the request's body.
pub(crate) struct Holding {
    body: BoxBody,
    shared: Rc<Shared>,
}

/// The answer has been sent when this value is dropped.
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
