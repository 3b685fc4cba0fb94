//! An HTTP/1 server for an endpoint on the open network.

mod peers;

use std::convert::Infallible;
use std::error::Error;
use std::fmt;
use std::future::{Future, poll_fn};
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::time::{sleep, timeout};
use tower_service::Service;

use self::peers::{Peers, Place, TooMany};

/// An HTTP/1 server for the open network: it closes slow connections at a deadline, and limits the
/// number of open connections.
///
/// ```no_run
/// use std::net::TcpListener;
///
/// # async fn run(receiver: ecp_notify::Receiver) -> std::io::Result<()> {
/// let shutdown = std::future::pending(); // or your signal
/// ecp_notify::Server::new().serve(TcpListener::bind("[::]:8080")?, receiver, shutdown).await
/// # }
/// ```
///
/// It serves any tower service that answers `http::Request`, such as an `axum::Router`. TLS is left
/// to a proxy in front of it. The deadline for bodies is that of the [`Receiver`](crate::Receiver);
/// a service of your own needs a deadline too.
///
/// Connections with full buffers take about `connections × (body limit + 32 KiB)` of memory, 290
/// MiB by default. Verifying takes several times the body limit in addition, for each thread.
#[derive(Clone, Debug)]
pub struct Server {
    connections: usize,
    connections_per_peer: usize,
    head_deadline: Duration,
    lifetime: Duration,
    grace: Duration,
}

impl Server {
    /// Size of the buffer for a head. Heads that do not fit are answered with 431.
    const HEAD_LIMIT: usize = 16 * 1024;

    /// More than the number of ports, and within the capacity of a semaphore on every platform.
    const MOST_CONNECTIONS: usize = 1 << 20;

    /// Creates a server with the default limits, which the method of each limit documents.
    pub fn new() -> Self {
        Self {
            connections: 1024,
            connections_per_peer: 0,
            head_deadline: Duration::from_secs(10),
            lifetime: Duration::from_mins(10),
            grace: Duration::from_secs(20),
        }
    }

    /// Sets the maximum number of open connections: 1024 by default, at least 1; keep it below the
    /// process's limit of open files. Further connections wait until one is closed. Idle
    /// connections are closed after [`head_deadline`](Self::head_deadline).
    pub fn connections(self, connections: usize) -> Self {
        Self { connections: connections.clamp(1, Self::MOST_CONNECTIONS), ..self }
    }

    /// Sets the maximum number of open connections per peer, so that one host cannot occupy all
    /// connections of the server; 0, the default, sets no limit. A peer is an IPv4 address or an
    /// IPv6 network of 64 bits. A connection above the limit is closed at once, without a reply.
    ///
    /// Set a limit if clients connect to this server directly: the platform needs only a few
    /// connections, and 32 is plenty. Behind a proxy or a load balancer all connections have the
    /// same peer, so the limit would apply to all clients together; use the proxy's own limit per
    /// client there.
    pub fn connections_per_peer(self, connections: usize) -> Self {
        Self { connections_per_peer: connections, ..self }
    }

    /// Sets the maximum time for the head of a request to arrive, 10 seconds by default. This time
    /// is counted from the opening of the connection or from the previous reply, so it also limits
    /// how long a connection can be idle.
    pub fn head_deadline(self, head_deadline: Duration) -> Self {
        Self { head_deadline, ..self }
    }

    /// Sets the maximum lifetime of a connection, even a busy one, 10 minutes by default. The
    /// connection is then closed when the request in progress is answered, or after the additional
    /// [`grace`](Self::grace) period.
    pub fn lifetime(self, lifetime: Duration) -> Self {
        Self { lifetime, ..self }
    }

    /// Sets the grace period: how long requests in progress may still take when the server stops or
    /// their connection reaches its [`lifetime`](Self::lifetime), 20 seconds by default; later
    /// their connections are cut off without a reply. That is enough for a
    /// [`Receiver`](crate::Receiver), whose default deadlines for a body and for its store are 15
    /// seconds together. For an [`OperationsReceiver`](crate::OperationsReceiver) they are 60
    /// seconds: set more than that.
    pub fn grace(self, grace: Duration) -> Self {
        Self { grace, ..self }
    }

    /// Answers the requests on `listener` by `service` until the future `shutdown` is ready. Then
    /// accepts no more connections, and returns when the requests in progress are answered or the
    /// grace period is over. It needs a tokio runtime. An error means that tokio cannot use the
    /// listener; errors of connections do not end the server.
    pub async fn serve<S, B>(
        self,
        listener: std::net::TcpListener,
        service: S,
        shutdown: impl Future<Output = ()>,
    ) -> io::Result<()>
    where
        S: Service<Request<RequestBody>, Response = Response<B>, Error = Infallible>
            + Clone
            + Send
            + 'static,
        S::Future: Send,
        B: Body + Send + 'static,
        B::Data: Send,
        B::Error: Into<Box<dyn Error + Send + Sync>>,
    {
        listener.set_nonblocking(true)?;
        let listener = TcpListener::from_std(listener)?;
        let slots = Arc::new(Semaphore::new(self.connections));
        let peers = Peers::new(self.connections_per_peer);
        let (server, _) = watch::channel(());
        let mut shutdown = pin!(shutdown);
        loop {
            let next = async {
                let slot = Arc::clone(&slots).acquire_owned().await;
                (slot, accept(&listener, &peers).await)
            };
            let (slot, (stream, place)) = tokio::select! {
                () = &mut shutdown => break,
                next = next => next,
            };
            let (settings, service, server) = (self.clone(), service.clone(), server.subscribe());
            tokio::spawn(async move {
                settings.connection(stream, service, server).await;
                drop((slot, place));
            });
        }
        drop((listener, server));
        // Each connection gives its slot back when it ends.
        let all = u32::try_from(self.connections).unwrap_or(u32::MAX);
        let _ = slots.acquire_many(all).await;
        Ok(())
    }

    async fn connection<S, B>(self, stream: TcpStream, service: S, mut server: watch::Receiver<()>)
    where
        S: Service<Request<RequestBody>, Response = Response<B>, Error = Infallible>
            + Clone
            + Send
            + 'static,
        S::Future: Send,
        B: Body + Send + 'static,
        B::Data: Send,
        B::Error: Into<Box<dyn Error + Send + Sync>>,
    {
        let service = service_fn(move |request: Request<Incoming>| {
            let mut service = service.clone();
            async move {
                poll_fn(|context| service.poll_ready(context)).await?;
                service.call(request.map(RequestBody)).await
            }
        });
        let mut connection = pin!(
            http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(self.head_deadline)
                .max_buf_size(Self::HEAD_LIMIT)
                .serve_connection(TokioIo::new(stream), service)
        );
        // The connection's errors are logged by its requests.
        tokio::select! {
            _ = connection.as_mut() => return,
            _ = timeout(self.lifetime, server.changed()) => connection.as_mut().graceful_shutdown(),
        }
        if timeout(self.grace, connection).await.is_err() {
            tracing::warn!("a connection was cut off: it did not end within `Server::grace`");
        }
    }
}

impl Default for Server {
    fn default() -> Self {
        Self::new()
    }
}

/// The next connection of a peer below its limit. Pauses when there are too many open files.
async fn accept(listener: &TcpListener, peers: &Peers) -> (TcpStream, Option<Place>) {
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => match peers.enter(peer.ip()) {
                Ok(place) => {
                    // Answers are small; without this they would wait for more data.
                    let _ = stream.set_nodelay(true);
                    return (stream, place);
                }
                Err(TooMany) => {
                    tracing::debug!(peer = %peer.ip(), "too many connections of a peer");
                }
            },
            Err(error) => {
                tracing::error!("error.message" = %error, "cannot accept a connection");
                sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

/// The body of an HTTP request, as a [`Server`] passes it to its service.
pub struct RequestBody(Incoming);

impl Body for RequestBody {
    type Data = Bytes;
    type Error = Box<dyn Error + Send + Sync>;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        Pin::new(&mut self.0).poll_frame(context).map_err(Into::into)
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.0.size_hint()
    }
}

impl fmt::Debug for RequestBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RequestBody").finish_non_exhaustive()
    }
}
