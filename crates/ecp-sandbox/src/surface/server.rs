//! The sandbox on a socket.
//!
//! Whether a connection is closed or reset is decided below HTTP, so the loop over connections is
//! written here.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use axum::response::Response;
use http::{Request, StatusCode};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::surface::cut::{Cut, cut_off};
use crate::surface::late::TimedBody;

/// Time limits for the parts of a request to arrive.
#[derive(Clone, Copy)]
pub(crate) struct Deadlines {
    pub(crate) head: Duration,
    pub(crate) body: Duration,
}

/// Serves until the stop signal is true, then answers the requests in progress.
pub(crate) async fn serve(
    router: Router,
    listener: TcpListener,
    deadlines: Deadlines,
    mut stop: watch::Receiver<bool>,
) -> io::Result<()> {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            () = stopped(&mut stop) => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(connection(router.clone(), stream, deadlines, stop.clone()));
                }
                Err(error) => {
                    tracing::warn!(
                        %error,
                        "a connection could not be accepted; the sandbox tries again"
                    );
                    // Most such errors are over at once; want of file handles is not.
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            },
            Some(_) = connections.join_next(), if !connections.is_empty() => {}
        }
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
    Ok(())
}

/// Ends when the signal is true.
async fn stopped(stop: &mut watch::Receiver<bool>) {
    // An error means that the sandbox has been dropped.
    let _ = stop.wait_for(|&stop| stop).await;
}

async fn connection(
    router: Router,
    stream: TcpStream,
    deadlines: Deadlines,
    mut stop: watch::Receiver<bool>,
) {
    // Answers are small, and clients wait for them.
    let _ = stream.set_nodelay(true);
    let is_reset = Arc::new(AtomicBool::new(false));
    let inner = TowerToHyperService::new(router);
    let service = service_fn({
        let is_reset = Arc::clone(&is_reset);
        move |request: Request<Incoming>| {
            let is_late = Arc::new(AtomicBool::new(false));
            let request =
                request.map(|body| TimedBody::new(body, deadlines.body, Arc::clone(&is_late)));
            let (answer, is_reset) = (inner.call(request), Arc::clone(&is_reset));
            async move {
                let Ok(mut response): Result<Response, Infallible> = answer.await;
                // Whatever reads bodies has its own status for one that ends in an error.
                let is_error = response.status().as_u16() >= 400;
                if is_error && is_late.load(Ordering::Relaxed) {
                    *response.status_mut() = StatusCode::REQUEST_TIMEOUT;
                }
                match response.extensions().get::<Cut>() {
                    Some(Cut::Close) => Err(cut_off()),
                    Some(Cut::Reset) => {
                        is_reset.store(true, Ordering::Relaxed);
                        Err(cut_off())
                    }
                    Some(Cut::Status(_) | Cut::Truncate) | None => Ok(response),
                }
            }
        }
    });
    let mut connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(deadlines.head)
        .serve_connection(TokioIo::new(stream), service);
    let mut is_stopping = false;
    loop {
        tokio::select! {
            _ = &mut connection => break,
            () = stopped(&mut stop), if !is_stopping => {
                is_stopping = true;
                Pin::new(&mut connection).graceful_shutdown();
            }
        }
    }
    if is_reset.load(Ordering::Relaxed) {
        let stream = connection.into_parts().io.into_inner();
        // Closing it now sends a reset. Where that cannot be set it is closed all the same.
        let _ = stream.set_zero_linger();
    }
}
