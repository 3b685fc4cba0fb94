//! The same faults over sockets.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use ecp_transport::HttpTransport;
use http::{Request, Response};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use super::{Exchange, Fault, Script, bare};

/// An HTTP server on this machine that passes requests to a platform in the same process, such as a
/// sandbox, and injects network faults. A function, the plan, chooses the fault of each request.
/// The server supports the part of HTTP/1.1 that a client of Gate (the platform's server API) uses:
/// requests with a `content-length`, several on a connection.
///
/// The server stops when it is dropped.
pub struct FaultServer {
    address: SocketAddr,
    script: Arc<Script>,
    connections: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

impl FaultServer {
    /// Starts a server on a free loopback port, in front of `platform`. It calls `plan` with the
    /// index (from 0) and the path of each request, and injects the fault that `plan` returns. Call
    /// it inside a tokio runtime. It is an error if no port can be opened.
    pub async fn start(
        platform: impl HttpTransport + 'static,
        plan: impl Fn(usize, &str) -> Fault + Send + Sync + 'static,
    ) -> io::Result<Self> {
        Self::serve(platform, Script::new(plan)).await
    }

    /// Starts a server as [`start`](Self::start) does, but records no requests, so that
    /// [`exchanges`](Self::exchanges) stays empty. Use it for many requests, because records take
    /// memory.
    pub async fn start_forgetful(
        platform: impl HttpTransport + 'static,
        plan: impl Fn(usize, &str) -> Fault + Send + Sync + 'static,
    ) -> io::Result<Self> {
        Self::serve(platform, Script { remembers: false, ..Script::new(plan) }).await
    }

    async fn serve(platform: impl HttpTransport + 'static, script: Script) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let script = Arc::new(script);
        let platform: Arc<dyn HttpTransport> = Arc::new(platform);
        let connections = Arc::<AtomicUsize>::default();
        let task = tokio::spawn({
            let (script, connections) = (Arc::clone(&script), Arc::clone(&connections));
            async move {
                while let Ok((stream, _)) = listener.accept().await {
                    connections.fetch_add(1, Ordering::Relaxed);
                    let (platform, script) = (Arc::clone(&platform), Arc::clone(&script));
                    // Failing connections are the purpose of this server.
                    tokio::spawn(async move { serve(stream, &*platform, &script).await.ok() });
                }
            }
        });
        Ok(Self { address, script, connections, task })
    }

    /// The URL of the server, to pass to [`Gate::base_url`](ecp_transport::Gate::base_url).
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The requests that this server has received, each with its fault, in the order of arrival.
    /// Empty for a server from [`start_forgetful`](Self::start_forgetful).
    pub fn exchanges(&self) -> Vec<Exchange> {
        self.script.exchanges()
    }

    /// The number of connections that clients have opened so far.
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }
}

impl fmt::Debug for FaultServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("FaultServer").field(&self.address).finish()
    }
}

impl Drop for FaultServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Answers the requests of one connection.
async fn serve(
    mut stream: TcpStream,
    platform: &dyn HttpTransport,
    script: &Script,
) -> io::Result<()> {
    let mut read = Vec::new();
    loop {
        // The path is in the first line, so the plan can be called before the rest is read.
        let Some(path) = first_line(&mut stream, &mut read).await? else { return Ok(()) };
        let fault = script.next(&path);
        if matches!(fault, Fault::Refused | Fault::ResetBefore) {
            // Without the usual shutdown.
            return stream.set_zero_linger();
        }
        let body = whole(&mut stream, &mut read).await?;
        if let Fault::Slow(time) = fault {
            tokio::time::sleep(time).await;
        }
        let answer = if let Fault::StatusInstead(status, pause) = fault {
            bare(status, pause)
        } else {
            let request = Request::post(format!("http://localhost{path}"));
            let request = request.body(body).map_err(io::Error::other)?;
            platform.send(request).await.map_err(io::Error::other)?
        };
        let answer = match &fault {
            Fault::ResetAfter => return stream.set_zero_linger(),
            Fault::StatusAfter(status) => bare(*status, None),
            Fault::WrongBody(body) => Response::new(Bytes::from_static(body.as_bytes())),
            _ => answer,
        };
        if let Fault::SlowAnswer(time) = fault {
            tokio::time::sleep(time).await;
        }
        let bytes = written(&answer);
        if fault == Fault::Truncated {
            let half = bytes.len() - answer.body().len() / 2 - 1;
            return stream.write_all(&bytes[..half]).await;
        }
        stream.write_all(&bytes).await?;
        if fault == Fault::Stale {
            return Ok(());
        }
    }
}

/// The path of the next request, `None` if the client has closed.
async fn first_line(stream: &mut TcpStream, read: &mut Vec<u8>) -> io::Result<Option<String>> {
    loop {
        if let Some(end) = find(read, b"\r\n") {
            let line = String::from_utf8_lossy(&read[..end]).into_owned();
            return Ok(line.split(' ').nth(1).map(str::to_owned));
        }
        if stream.read_buf(read).await? == 0 {
            return Ok(None);
        }
    }
}

/// The body of the request whose beginning was read. Later bytes stay in the buffer.
async fn whole(stream: &mut TcpStream, read: &mut Vec<u8>) -> io::Result<Bytes> {
    loop {
        if let Some(head) = find(read, b"\r\n\r\n") {
            let lines = String::from_utf8_lossy(&read[..head]).to_ascii_lowercase();
            let length = lines.lines().find_map(|line| line.strip_prefix("content-length:"));
            let length: usize = length.and_then(|text| text.trim().parse().ok()).unwrap_or(0);
            let (from, to) = (head + 4, head + 4 + length);
            if read.len() >= to {
                let body = Bytes::copy_from_slice(&read[from..to]);
                read.drain(..to);
                return Ok(body);
            }
        }
        if stream.read_buf(read).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
}

fn written(answer: &Response<Bytes>) -> Vec<u8> {
    use std::fmt::Write as _;

    let mut head = format!("HTTP/1.1 {}\r\n", answer.status());
    for (name, value) in answer.headers() {
        if name != http::header::CONTENT_LENGTH {
            // Writing to text does not fail.
            let _ = write!(head, "{name}: {}\r\n", value.to_str().unwrap_or_default());
        }
    }
    let _ = write!(head, "content-length: {}\r\n\r\n", answer.body().len());
    [head.as_bytes(), answer.body()].concat()
}

fn find(bytes: &[u8], part: &[u8]) -> Option<usize> {
    bytes.windows(part.len()).position(|window| window == part)
}
