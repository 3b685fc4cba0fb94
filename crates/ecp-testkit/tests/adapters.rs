//! What a sender does after each failure, the same through every way to a platform: over sockets by
//! reqwest, into a tower service whose own work fails, and past a transport that fails.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::convert::Infallible;
use std::error::Error;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use axum::body::Body;
use bytes::Bytes;
use ecp_core::SecretKey;
use ecp_sandbox::{Config, EventKind, Sandbox};
use ecp_testkit::{Fault, FaultServer, FaultTransport};
use ecp_transport::{
    Gate, HttpTransport, Outcome, ReqwestTransport, SendError, SendPolicy, Sender, Sent,
    TowerTransport,
};
use http::{Request, Response, StatusCode};
use http_body::Frame;
use tower::{Service, ServiceExt};

use crate::common::{SHORT, payout, policy};

#[derive(Clone, Copy, Debug, PartialEq)]
enum Adapter {
    /// Over sockets.
    Reqwest,
    /// Into a service that fails.
    Tower,
    /// Past a transport that fails.
    InProcess,
}

/// A sandbox as a tower service, in which the first request goes wrong.
#[derive(Clone)]
struct FailingService {
    platform: axum::Router,
    fault: Arc<Mutex<Fault>>,
    asked: Arc<Mutex<Vec<String>>>,
}

impl<B> Service<Request<B>> for FailingService
where
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    type Response = Response<Body>;
    type Error = Box<dyn Error + Send + Sync>;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let fault = std::mem::replace(&mut *self.fault.lock().unwrap(), Fault::None);
        self.asked.lock().unwrap().push(last(request.uri().path()));
        let platform = self.platform.clone();
        Box::pin(async move {
            let answer = |status: u16, body: &'static str| {
                let mut answer = Response::new(Body::from(body));
                *answer.status_mut() = StatusCode::from_u16(status).unwrap();
                answer
            };
            match fault {
                Fault::ResetBefore => return Err("connection reset".into()),
                Fault::StatusInstead(status, _) => return Ok(answer(status, "<html>")),
                _ => {}
            }
            let done = platform.oneshot(request.map(Body::new)).await;
            let done = done.unwrap_or_else(|never: Infallible| match never {});
            Ok(match fault {
                Fault::ResetAfter => return Err("connection reset".into()),
                Fault::Truncated => {
                    done.map(|_| Body::new(Half(Some(Bytes::from_static(b"{\"sta")))))
                }
                Fault::SlowAnswer(time) => {
                    tokio::time::sleep(time).await;
                    done
                }
                Fault::StatusAfter(status) => answer(status, "<html>"),
                Fault::WrongBody(body) => answer(200, body),
                _ => done,
            })
        })
    }
}

/// A body that breaks off.
struct Half(Option<Bytes>);

impl http_body::Body for Half {
    type Data = Bytes;
    type Error = Box<dyn Error + Send + Sync>;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let broken = || Err("connection reset".into());
        Poll::Ready(Some(self.0.take().map(Frame::data).map_or_else(broken, Ok)))
    }
}

fn last(path: &str) -> String {
    path.rsplit('/').next().unwrap_or_default().to_owned()
}

fn gate(transport: impl HttpTransport + 'static) -> Gate {
    Gate::new(Config::DEMO_PROJECT, &SecretKey::new(Config::DEMO_KEY).unwrap(), transport)
}

/// How a call went whose first request goes wrong so.
struct Went {
    result: Result<Sent, SendError>,
    asked: Vec<String>,
    payments: usize,
    took: Duration,
}

async fn send(adapter: Adapter, policy: SendPolicy, fault: Fault) -> Went {
    let sandbox = Sandbox::new(Config::demo());
    let platform = TowerTransport::new(sandbox.router());
    let first = fault.clone();
    let plan = move |number: usize, _: &str| if number == 0 { first.clone() } else { Fault::None };
    let begun = Instant::now();
    let (result, asked) = match adapter {
        Adapter::Reqwest => {
            let server = FaultServer::start(platform, plan).await.unwrap();
            let gate = gate(ReqwestTransport::plain_http().unwrap()).base_url(&server.url());
            let result = Sender::new(gate.unwrap(), policy).send(&payout("P-17")).await;
            (result, server.exchanges().iter().map(|seen| last(&seen.path)).collect())
        }
        Adapter::InProcess => {
            let faults = Arc::new(FaultTransport::new(platform, plan));
            let result = Sender::new(gate(faults.clone()), policy).send(&payout("P-17")).await;
            (result, faults.exchanges().iter().map(|seen| last(&seen.path)).collect())
        }
        Adapter::Tower => {
            let asked = Arc::<Mutex<Vec<String>>>::default();
            let fault = Arc::new(Mutex::new(fault));
            let service =
                FailingService { platform: sandbox.router(), fault, asked: asked.clone() };
            let gate = gate(TowerTransport::new(service));
            let result = Sender::new(gate, policy).send(&payout("P-17")).await;
            let asked = asked.lock().unwrap().clone();
            (result, asked)
        }
    };
    let begins = |kind: &EventKind| matches!(kind, EventKind::PaymentChanged(status) if status.as_str() == "processing");
    // What was registered begins a moment later.
    sandbox.settled().await;
    let payments = sandbox.events().iter().filter(|event| begins(&event.kind)).count();
    Went { result, asked, payments, took: begun.elapsed() }
}

const ALL: [Adapter; 3] = [Adapter::Reqwest, Adapter::Tower, Adapter::InProcess];

#[tokio::test]
async fn what_was_done_before_the_failure_is_found_and_not_sent_again() {
    for adapter in ALL {
        for fault in [
            Fault::ResetAfter,
            Fault::Truncated,
            Fault::StatusAfter(500),
            Fault::StatusAfter(503),
            Fault::WrongBody("<html>hello</html>"),
            Fault::WrongBody("{}"),
            Fault::WrongBody(""),
        ] {
            let went = send(adapter, policy(), fault.clone()).await;
            assert!(matches!(went.result, Ok(Sent::Found(_))), "{fault:?}: {:?}", went.result);
            assert_eq!(went.asked, ["payout", "status"], "{adapter:?} {fault:?}");
            assert_eq!(went.payments, 1, "{adapter:?} {fault:?}");
        }
    }
}

#[tokio::test]
async fn what_may_have_arrived_and_has_not_is_asked_about_first() {
    for adapter in ALL {
        for fault in [
            Fault::ResetBefore,
            Fault::StatusInstead(429, Some(0)),
            Fault::StatusInstead(502, None),
            Fault::StatusInstead(503, Some(0)),
        ] {
            let went = send(adapter, policy(), fault.clone()).await;
            let result = &went.result;
            assert!(matches!(result, Ok(Sent::Registered(_))), "{adapter:?} {fault:?}: {result:?}");
            assert!(went.took >= SHORT, "{adapter:?} {fault:?}: {:?}", went.took);
            let (last, questions) = went.asked[1..].split_last().unwrap();
            assert!(last == "payout" && !questions.is_empty(), "{adapter:?}: {:?}", went.asked);
            assert!(questions.iter().all(|asked| asked == "status"), "{:?}", went.asked);
            assert_eq!(went.payments, 1, "{adapter:?} {fault:?}");
        }
    }
}

#[tokio::test]
async fn a_status_that_is_said_to_prove_it_is_sent_again_at_once() {
    for adapter in ALL {
        let policy = policy().retryable_statuses([429]);
        let went = send(adapter, policy, Fault::StatusInstead(429, None)).await;
        assert!(matches!(went.result, Ok(Sent::Registered(_))), "{adapter:?}: {:?}", went.result);
        assert_eq!((went.asked.len(), went.payments), (2, 1), "{adapter:?}: {:?}", went.asked);
        assert!(went.asked.iter().all(|asked| asked == "payout"), "{adapter:?}: {:?}", went.asked);
    }
}

#[tokio::test]
async fn an_answer_slower_than_the_deadline_leaves_the_outcome_unknown() {
    for adapter in ALL {
        let policy = policy().deadline(SHORT);
        let went = send(adapter, policy, Fault::SlowAnswer(Duration::from_secs(30))).await;
        let error = went.result.unwrap_err();
        assert_eq!((error.outcome(), went.asked.len()), (Outcome::Unknown, 1), "{adapter:?}");
        assert!(went.took < Duration::from_secs(5), "{adapter:?}: {:?}", went.took);
    }
    // Slow is no failure.
    for adapter in ALL {
        let went = send(adapter, policy(), Fault::SlowAnswer(SHORT)).await;
        assert!(matches!(went.result, Ok(Sent::Registered(_))), "{adapter:?}: {:?}", went.result);
        assert_eq!(went.payments, 1, "{adapter:?}");
    }
}

#[tokio::test]
async fn a_service_that_fails_or_says_too_much_is_not_taken_for_a_refusal() {
    // Nothing shows which of a service's layers failed, and whether one below had passed it on.
    let broken = tower::service_fn(|_: Request<_>| async {
        Err::<Response<Body>, Box<dyn Error + Send + Sync>>("closed".into())
    });
    let error = gate(TowerTransport::new(broken)).send(&payout("P-17")).await.unwrap_err();
    assert_eq!(error.outcome(), Outcome::Unknown, "{error}");

    let endless = tower::service_fn(|_: Request<_>| async {
        let body = Body::from(vec![b' '; 300 * 1024]);
        Ok::<_, Box<dyn Error + Send + Sync>>(Response::new(body))
    });
    let error = gate(TowerTransport::new(endless)).send(&payout("P-17")).await.unwrap_err();
    assert_eq!(error.outcome(), Outcome::Unknown, "{error}");
    assert!(
        error.to_string().contains("larger than the 262144 bytes that `response_limit` allows"),
        "{error}"
    );
}
