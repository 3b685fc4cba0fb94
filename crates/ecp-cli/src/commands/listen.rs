//! `ecp listen`

mod confirm;

use std::future::Future;
use std::io::{self, Write};
use std::net::{SocketAddr, TcpListener, ToSocketAddrs, UdpSocket};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context, bail};
use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use clap::Args;
use ecp_core::ProjectId;
use ecp_core::json::Document;
use ecp_core::model::Callback;
use ecp_methods::Registry;
use ecp_notify::{Reading, Server, Verified, Verifier, VerifyError};
use ecp_transport::{HttpTransport, ReqwestTransport};
use http::{Request, Uri};
use serde_json::{Value, json};
use tokio::sync::Notify;
use tokio::time::timeout;

use self::confirm::{Answers, Confirm};
use crate::address::{Target, TargetParser};
use crate::connection::reason;
use crate::duration::duration;
use crate::next::{is_wanted, next, some_method};
use crate::profile::ProfileOptions;
use crate::signals::Signals;

/// Larger than any callback.
const BODY_LIMIT: usize = 2 << 20;

/// Time for a body to arrive.
const BODY_DEADLINE: Duration = Duration::from_secs(10);

/// The error page of a development server can be long, and it is an answer.
const ANSWER_LIMIT: usize = 32 << 20;

/// User agent of a forwarded callback. A listener refuses callbacks with it, so that two listeners
/// which forward to each other do not loop.
const USER_AGENT: &str = concat!("ecp-listen/", env!("CARGO_PKG_VERSION"));

/// Receive callbacks on this machine, verify them, and print them
///
/// A genuine callback is answered with 200. A forwarded one is answered with the answer of that
/// address, or with 502 if there is none. A callback that is genuine but not as documented is
/// answered with 500, and any other one with 400.
/// The question whether an amount is accepted (`check_deposit`, EcoVoucher) is answered too, at the
/// same address: --confirm says how, and without it every amount is refused. With --forward and no
/// --confirm the question is forwarded, and its answer handed back. Personal data is not printed.
///
/// The reading of a callback is `unique`, or `ambiguous` with the members whose text may hold other
/// members that were signed separately: ask Gate before you go by such a callback.
#[derive(Args)]
#[command(
    after_help = "Examples:\n  ecp listen\n  ecp listen --addr 127.0.0.1:3000 --forward http://127.0.0.1:8000/callbacks\n  ecp listen --confirm ask\n  ecp listen --json --count 1 | jq -r .status"
)]
pub(crate) struct Listen {
    /// The address to listen on
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:3000")]
    addr: SocketAddr,

    #[command(flatten)]
    profile: ProfileOptions,

    /// Forward each genuine callback to this address, byte for byte
    #[arg(long, value_name = "URL", value_parser = TargetParser)]
    forward: Option<Target>,

    /// How to answer the question whether an amount is accepted (`check_deposit`)
    #[arg(long, value_name = "ANSWER", value_enum)]
    confirm: Option<Confirm>,

    /// Time for an answer on the terminal, after which the amount is refused: less than the platform
    /// waits, which is 10 s for the sandbox and not documented for the platform
    #[arg(long, value_name = "TIME", value_parser = duration, default_value = "8s")]
    confirm_within: Duration,

    /// End after this many genuine callbacks
    #[arg(long, value_name = "NUMBER")]
    count: Option<u64>,

    /// Print each callback as a line of JSON
    #[arg(long)]
    json: bool,
}

struct Receiver {
    verifier: Verifier,
    answers: Answers,
    forward: Option<(Target, ReqwestTransport)>,
    body_deadline: Duration,
    json: bool,
    left: Option<AtomicU64>,
    done: Notify,
}

/// Result of forwarding a callback: the answer, or the error.
type Forwarded = Result<StatusCode, String>;

/// Whether a body is the question whether an amount is accepted, genuine or not.
fn is_question(verifier: &Verifier, body: &[u8]) -> bool {
    let kind = |document: &Document<'_>| {
        document.root().get("type").is_some_and(|kind| kind.as_str() == Some("check_deposit"))
    };
    verifier.read(body).is_ok_and(|document| kind(&document))
}

impl Listen {
    pub(crate) fn run(&self, registry: &Registry) -> anyhow::Result<ExitCode> {
        let runtime = crate::runtime::start()?;
        runtime.block_on(self.serve(registry))
    }

    async fn serve(&self, registry: &Registry) -> anyhow::Result<ExitCode> {
        let profile = self.profile.load()?;
        let verifier = Verifier::new().key(profile.project, &profile.key);
        let answers = Answers::new(verifier.clone(), self.confirm, self.confirm_within)?;
        let forward = match &self.forward {
            None => None,
            Some(url) => Some((url.clone(), url.transport()?.response_limit(ANSWER_LIMIT))),
        };
        let listener = TcpListener::bind(self.addr).with_context(|| {
            format!("cannot listen on {}; is it in use? --addr names another address", self.addr)
        })?;
        if let Some(url) = &self.forward
            && is_own(url, listener.local_addr()?)
        {
            bail!(
                "--forward: {} is the address that this command listens on; name the address of your \
                 own receiver",
                url.as_str()
            );
        }
        let mut signals = Signals::listen()?;
        note!(
            "listening on http://{} for callbacks of project {}",
            listener.local_addr()?,
            profile.project
        );
        if is_wanted(self.json) {
            self.say_next(listener.local_addr()?, registry);
        }
        let receiver = Arc::new(Receiver {
            verifier,
            answers,
            forward,
            body_deadline: BODY_DEADLINE,
            json: self.json,
            left: self.count.map(AtomicU64::new),
            done: Notify::new(),
        });
        serve(Server::new(), listener, receiver, signals.next()).await?;
        Ok(ExitCode::SUCCESS)
    }
}

impl Listen {
    /// Prints the commands that send callbacks to this listener.
    fn say_next(&self, mut own: SocketAddr, registry: &Registry) {
        if own.ip().is_unspecified() {
            own.set_ip(std::net::Ipv4Addr::LOCALHOST.into());
        }
        let url = format!("http://{own}/callbacks");
        if let Some(method) = some_method(registry) {
            next(format_args!("ecp trigger{} {method} success {url}", self.profile.flags()));
        }
        if self.profile.is_sandbox() {
            next(format_args!("ecp sandbox --callback-url {url}"));
        }
    }
}

/// Whether a post to the address would arrive at this socket.
fn is_own(url: &Target, own: SocketAddr) -> bool {
    let Ok(uri) = url.as_str().parse::<Uri>() else { return false };
    let default = if uri.scheme_str() == Some("https") { 443 } else { 80 };
    let port = uri.port_u16().unwrap_or(default);
    if port != own.port() {
        return false;
    }
    let host = uri.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
    let own = own.ip().to_canonical();
    // A name that cannot be resolved now is reported with each callback.
    (host, port).to_socket_addrs().is_ok_and(|addresses| {
        addresses.map(|address| address.ip().to_canonical()).any(|ip| {
            ip == own
                || (ip.is_unspecified() && own.is_loopback())
                // Only addresses of this machine can be bound.
                || (own.is_unspecified() && UdpSocket::bind((ip, 0)).is_ok())
        })
    })
}

/// Serves until the requested number of callbacks has arrived, or `ended` is ready.
async fn serve(
    server: Server,
    listener: TcpListener,
    receiver: Arc<Receiver>,
    ended: impl Future<Output = ()>,
) -> io::Result<()> {
    let router = Router::new().fallback(receive).with_state(Arc::clone(&receiver));
    let shutdown = async {
        tokio::select! {
            () = receiver.done.notified() => {}
            () = ended => {}
        }
    };
    server.serve(listener, router, shutdown).await
}

async fn receive(
    State(receiver): State<Arc<Receiver>>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    // The platform is not a browser. A page could sign with the sandbox's public key, and have its
    // visitors' browsers post here, to be forwarded.
    if headers.contains_key(header::ORIGIN) || headers.contains_key("sec-fetch-site") {
        receiver.say("a page in a browser sent this request, not the platform");
        return closing(StatusCode::FORBIDDEN);
    }
    if headers
        .get(header::USER_AGENT)
        .is_some_and(|agent| agent.as_bytes().starts_with(b"ecp-listen/"))
    {
        receiver.say(
            "another `ecp listen` forwarded this request; it is refused, so that callbacks do not \
             go in circles",
        );
        return closing(StatusCode::LOOP_DETECTED);
    }
    let body = match timeout(receiver.body_deadline, to_bytes(body, BODY_LIMIT)).await {
        Ok(Ok(body)) => body,
        // The rest of the body is not read.
        Ok(Err(_)) => return closing(StatusCode::PAYLOAD_TOO_LARGE),
        Err(_) => return closing(StatusCode::REQUEST_TIMEOUT),
    };
    if is_question(&receiver.verifier, &body) {
        return answer(&receiver, body).await;
    }
    let verified = receiver.verifier.verify(&body);
    let genuine = matches!(verified, Ok(_) | Err(VerifyError::Unreadable(_)));
    let forwarded = match &receiver.forward {
        Some((url, transport)) if genuine => Some(forward(transport, url, body).await),
        _ => None,
    };
    receiver.print(&verified, forwarded.as_ref());
    let status = match (&verified, forwarded) {
        _ if !genuine => StatusCode::BAD_REQUEST,
        (_, Some(answer)) => answer.unwrap_or(StatusCode::BAD_GATEWAY),
        (Ok(_), None) => StatusCode::OK,
        (Err(_), None) => StatusCode::INTERNAL_SERVER_ERROR,
    };
    if genuine {
        receiver.count();
    }
    status.into_response()
}

/// Answers the question whether an amount is accepted.
async fn answer(receiver: &Receiver, body: Bytes) -> Response {
    let check = match receiver.verifier.verify_deposit_check(&body) {
        Ok(check) => check,
        Err(error) => {
            print_line(&confirm::refused(&error, receiver.json));
            return StatusCode::BAD_REQUEST.into_response();
        }
    };
    if let Some((url, transport)) = &receiver.forward
        && !receiver.answers.is_chosen()
    {
        let (status, body) = match post(transport, url, body).await {
            Ok(answer) => (answer.status(), answer.into_body()),
            Err(reason) => {
                print_line(&format!("[{}] not forwarded: {reason}", check.payment_id.as_str()));
                return StatusCode::BAD_GATEWAY.into_response();
            }
        };
        print_line(&receiver.answers.line(&check, status, &body, receiver.json));
        return (status, [(header::CONTENT_TYPE, "application/json")], body).into_response();
    }
    let reply = receiver.answers.answer(&body).await;
    let status = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::BAD_REQUEST);
    print_line(&receiver.answers.line(&check, status, &reply.body, receiver.json));
    (status, [(header::CONTENT_TYPE, "application/json")], reply.body).into_response()
}

fn closing(status: StatusCode) -> Response {
    (status, [(header::CONNECTION, "close")]).into_response()
}

/// The answer of the address to forward to.
async fn forward(transport: &ReqwestTransport, url: &Target, body: Bytes) -> Forwarded {
    Ok(post(transport, url, body).await?.status())
}

async fn post(
    transport: &ReqwestTransport,
    url: &Target,
    body: Bytes,
) -> Result<http::Response<Bytes>, String> {
    let request = Request::post(url.as_str())
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::USER_AGENT, USER_AGENT)
        .body(body);
    let request = request.map_err(|error| error.to_string())?;
    transport.send(request).await.map_err(|error| reason(&error))
}

impl Receiver {
    /// Counts a genuine callback, and ends after the last requested one.
    fn count(&self) {
        if let Some(left) = &self.left
            && left.fetch_sub(1, Ordering::SeqCst) <= 1
        {
            self.done.notify_one();
        }
    }

    /// Reports a body that is not a callback.
    fn say(&self, words: &str) {
        let line = if self.json {
            json!({"genuine": false, "error": words}).to_string()
        } else {
            format!("not genuine: {words}")
        };
        let _ = writeln!(io::stdout(), "{line}");
    }

    fn print(
        &self,
        verified: &Result<Verified<Callback>, VerifyError>,
        forwarded: Option<&Forwarded>,
    ) {
        let line = if self.json {
            machine_readable(verified, forwarded).to_string()
        } else {
            in_words(verified, forwarded)
        };
        print_line(&line);
    }
}

fn print_line(line: &str) {
    // Standard output may be closed; callbacks are still answered.
    let _ = writeln!(io::stdout(), "{line}");
}

/// `genuine` is true as soon as the signature matches; `error` is any other problem, or why it is
/// not genuine.
fn machine_readable(
    verified: &Result<Verified<Callback>, VerifyError>,
    forwarded: Option<&Forwarded>,
) -> Value {
    let mut line = match verified {
        Ok(callback) => facts(callback),
        Err(VerifyError::Unreadable(error)) => {
            json!({"genuine": true, "error": format!("not as documented: {error}")})
        }
        Err(error) => return json!({"genuine": false, "error": error.to_string()}),
    };
    line["forwarded"] =
        forwarded.and_then(|answer| answer.as_ref().ok()).map(StatusCode::as_u16).into();
    line["forward_error"] = forwarded.and_then(|answer| answer.as_ref().err()).cloned().into();
    line
}

fn facts(callback: &Verified<Callback>) -> Value {
    let (reading, ambiguous) = match callback.reading() {
        Reading::Unique => ("unique", &[][..]),
        Reading::Ambiguous(paths) => ("ambiguous", paths),
    };
    let operation = callback.operation.as_ref();
    let sum = callback.payment.as_ref().and_then(|payment| payment.sum.as_ref());
    json!({
        "genuine": true,
        "reading": reading,
        "ambiguous": ambiguous,
        "payment_id": callback.payment_id().map(ecp_core::PaymentId::as_str),
        "status": callback.payment_status().map(ecp_core::model::PaymentStatus::as_str),
        "amount": sum.map(|sum| sum.amount),
        "currency": sum.map(|sum| &sum.currency),
        "operation": operation.and_then(|operation| operation.kind.as_ref()).map(ToString::to_string),
        "operation_status":
            operation.and_then(|operation| operation.status.as_ref()).map(ToString::to_string),
        "code": operation.and_then(|operation| operation.code.as_ref()).map(ToString::to_string),
        "message": operation.and_then(|operation| operation.message.as_ref()),
        "redirect": callback.redirect().is_some(),
    })
}

/// Says that a message is of a project whose key this command does not have.
fn other_project(id: ProjectId) -> String {
    format!(
        "not verified: it names project {id}, and this command has the key of its profile's project only; \
         if project {id} is yours, name its profile with --profile"
    )
}

fn in_words(
    verified: &Result<Verified<Callback>, VerifyError>,
    forwarded: Option<&Forwarded>,
) -> String {
    let text = match verified {
        Ok(callback) => story(callback),
        // Its text says that it is genuine.
        Err(error @ VerifyError::Unreadable(_)) => error.to_string(),
        Err(VerifyError::UnknownProject(id)) => other_project(*id),
        Err(error) => format!("not genuine: {error}"),
    };
    match forwarded {
        None => text,
        Some(Ok(status)) => format!("{text}; forwarded, answered {}", status.as_u16()),
        Some(Err(reason)) => format!("{text}; forwarded, no answer: {reason}"),
    }
}

fn story(callback: &Verified<Callback>) -> String {
    use std::fmt::Write as _;

    let id = callback.payment_id().map_or("a payment without an id", ecp_core::PaymentId::as_str);
    let mut text = format!("[{}] ", id.escape_debug());
    // Writing to text does not fail.
    if let Some(status) = callback.payment_status() {
        let _ = write!(text, "the payment is `{}`", status.as_str().escape_debug());
    }
    let sum = callback.payment.as_ref().and_then(|payment| payment.sum.as_ref());
    if let Some(Ok(money)) = sum.map(ecp_core::model::Sum::money) {
        let _ = write!(text, ", {money}");
    }
    if let Some(operation) = &callback.operation {
        let word = |text: Option<String>| text.unwrap_or_else(|| "?".to_owned());
        let kind = word(operation.kind.as_ref().map(ToString::to_string));
        let status = word(operation.status.as_ref().map(ToString::to_string));
        let _ = write!(text, "; {} `{}`", kind.escape_debug(), status.escape_debug());
        if let Some(code) = &operation.code {
            let message = operation.message.as_deref().unwrap_or_default();
            let code = code.as_str().escape_debug();
            let _ = write!(text, ", code {code}: {}", message.escape_debug());
        }
    }
    if callback.redirect().is_some() {
        text.push_str("; the customer is to be redirected");
    }
    match callback.reading() {
        Reading::Unique => text.push_str("; reading unique"),
        Reading::Ambiguous(paths) => {
            let _ = write!(text, "; reading ambiguous: {}", paths.join(", "));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::net::TcpStream;
    use std::time::Instant;

    use ecp_core::SecretKey;

    use super::*;

    /// Sends a byte every 20 ms until the other side hangs up; returns the duration and the answer.
    fn drip(address: SocketAddr, head: &str, slowly: &str) -> (Duration, String) {
        let mut stream = TcpStream::connect(address).unwrap();
        let start = Instant::now();
        stream.write_all(head.as_bytes()).unwrap();
        let mut reading = stream.try_clone().unwrap();
        let reader = std::thread::spawn(move || {
            let mut said = String::new();
            // A connection may be reset after its answer.
            let _ = reading.read_to_string(&mut said);
            (start.elapsed(), said)
        });
        for byte in slowly.bytes().cycle() {
            if reader.is_finished() || stream.write_all(&[byte]).is_err() {
                break;
            }
            assert!(start.elapsed() < Duration::from_secs(20), "it waits for ever");
            std::thread::sleep(Duration::from_millis(20));
        }
        reader.join().unwrap()
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_client_that_drips_is_cut_off() {
        const DEADLINE: Duration = Duration::from_millis(300);
        let key = SecretKey::new("key").unwrap();
        let verifier = Verifier::new().key(ProjectId::new(1).unwrap(), &key);
        let answers = Answers::new(verifier.clone(), None, DEADLINE).unwrap();
        let receiver = Arc::new(Receiver {
            verifier,
            answers,
            forward: None,
            body_deadline: DEADLINE,
            json: true,
            left: None,
            done: Notify::new(),
        });
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let server = Server::new().head_deadline(DEADLINE);
        tokio::spawn(serve(server, listener, receiver, std::future::pending()));
        let head = "POST / HTTP/1.1\r\nhost: x\r\n";
        for (name, begun, slowly, said) in [
            ("the head", String::new(), "x", ""),
            ("a length", format!("{head}content-length: 9999\r\n\r\n"), " ", "HTTP/1.1 408"),
            (
                "chunks",
                format!("{head}transfer-encoding: chunked\r\n\r\n"),
                "1\r\n \r\n",
                "HTTP/1.1 408",
            ),
        ] {
            let dripping = tokio::task::spawn_blocking(move || drip(address, &begun, slowly));
            let (took, answer) = dripping.await.unwrap();
            assert!(took >= DEADLINE / 2 && took < DEADLINE * 20, "{name}: {took:?}");
            assert!(answer.starts_with(said) && answer.is_empty() == said.is_empty(), "{answer}");
        }
    }
}
