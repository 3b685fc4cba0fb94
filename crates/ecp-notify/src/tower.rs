//! The receivers as tower services of HTTP requests.

use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

use bytes::{Buf, BufMut, Bytes};
use http::{Request, Response, header};
use http_body::{Body, Frame, SizeHint};
use tokio::time::timeout;
use tower_service::Service;

use crate::intake::{Head, Intake};
use crate::operations_receiver::OperationsReceiver;
use crate::receiver::Receiver;
use crate::reply::Reply;

/// The HTTP body of a [`Reply`], for tower services.
#[derive(Debug, Default)]
pub struct ReplyBody(Bytes);

impl Body for ReplyBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let bytes = std::mem::take(&mut self.get_mut().0);
        Poll::Ready((!bytes.is_empty()).then_some(Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.0.len() as u64)
    }
}

impl From<Reply> for Response<ReplyBody> {
    fn from(reply: Reply) -> Self {
        let headers = reply.headers();
        let mut response = Response::new(ReplyBody(reply.body.into()));
        *response.status_mut() =
            http::StatusCode::from_u16(reply.status).expect("every reply has a status of HTTP");
        for (name, value) in headers {
            let name = header::HeaderName::from_static(name);
            response.headers_mut().insert(name, header::HeaderValue::from_static(value));
        }
        response
    }
}

/// Reads the body within its limit and its deadline, and answers. The path is ignored.
impl<B> Service<Request<B>> for Receiver
where
    B: Body + Send + 'static,
    B::Data: Send,
{
    type Response = Response<ReplyBody>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let receiver = self.clone();
        let begun = receiver.begin();
        let admitted = with_head(&request, |head| receiver.admit(head));
        // Values moved into the future live as long as it does.
        let body = request.into_body();
        Box::pin(async move {
            let read = match admitted {
                Ok(()) => receiver.intake.read(body).await,
                Err(reply) => Err(reply),
            };
            let reply = match read {
                Ok(body) => receiver.receive(&body).await,
                Err(reply) => receiver.tell(begun, reply),
            };
            Ok(reply.into())
        })
    }
}

/// Reads the body within its limit and its deadline, and answers. The path is ignored.
impl<B> Service<Request<B>> for OperationsReceiver
where
    B: Body + Send + 'static,
    B::Data: Send,
{
    type Response = Response<ReplyBody>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let receiver = self.clone();
        let begun = receiver.begin();
        let admitted = with_head(&request, |head| receiver.admit(head));
        let body = request.into_body();
        Box::pin(async move {
            let read = match admitted {
                Ok(place) => receiver.intake.read(body).await.map(|body| (place, body)),
                Err(reply) => Err(reply),
            };
            let reply = match read {
                Ok((place, body)) => receiver.receive(place, body.into()).await,
                Err(reply) => receiver.tell(begun, reply),
            };
            Ok(reply.into())
        })
    }
}

fn with_head<B: Body, T>(request: &Request<B>, admit: impl FnOnce(&Head<'_>) -> T) -> T {
    let encodings = request.headers().get_all(header::CONTENT_ENCODING);
    let encodings: Vec<&[u8]> = encodings.iter().map(header::HeaderValue::as_bytes).collect();
    admit(&Head {
        method: request.method().as_str(),
        content_encoding: &encodings,
        content_length: Some(request.body().size_hint().lower()),
    })
}

impl Intake {
    async fn read<B: Body>(&self, body: B) -> Result<Bytes, Reply> {
        match timeout(self.body_deadline, self.collect(body)).await {
            Ok(read) => read,
            Err(_) => Err(self.refuse(408, "the body did not arrive within `body_deadline`")),
        }
    }

    /// Counts the bytes that arrive instead of trusting the declared length.
    async fn collect<B: Body>(&self, body: B) -> Result<Bytes, Reply> {
        let mut body = pin!(body);
        let mut bytes = Vec::new();
        while let Some(frame) = poll_fn(|context| body.as_mut().poll_frame(context)).await {
            let frame =
                frame.map_err(|_| self.refuse(400, "the connection ended before the body did"))?;
            if let Ok(mut data) = frame.into_data() {
                if data.remaining() > self.body_limit - bytes.len() {
                    return Err(self.too_large());
                }
                if bytes.is_empty() && body.is_end_stream() {
                    // The body came in one piece.
                    return Ok(data.copy_to_bytes(data.remaining()));
                }
                let needed = bytes.len() + data.remaining();
                if needed > bytes.capacity() {
                    // Doubles the capacity, but not beyond the limit.
                    bytes.reserve_exact((2 * needed).min(self.body_limit) - bytes.len());
                }
                bytes.put(data);
            }
        }
        Ok(bytes.into())
    }
}
