//! The Data API client against a peer that serves pages as the documents describe them.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fmt;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use ecp_core::signature::{self, Place, Rules, SigningKey};
use ecp_core::{ProjectId, SecretKey, Sensitive};
use ecp_transport::{
    DataApi, DataError, HttpTransport, OperationsQuery, ResponseTooLarge, TransportError,
};
use http::{Request, Response};
use serde_json::{Value, json};

const KEY: &str = "data-key-sentinel";
const TOKEN: &str = "token-sentinel-of-30-characters";

/// What goes wrong with a request, by its place.
type Fault = Box<dyn Fn(usize) -> Option<Result<Response<Bytes>, TransportError>> + Send + Sync>;

/// Has so many operations, and answers with the page that is asked for.
struct Peer {
    operations: usize,
    list: &'static str,
    fault: Fault,
    /// Bytes of the largest answer that is read.
    largest: Option<usize>,
    seen: Mutex<Vec<Value>>,
}

impl Peer {
    fn new(operations: usize) -> Self {
        Self {
            operations,
            list: "operations",
            fault: Box::new(|_| None),
            largest: None,
            seen: Mutex::default(),
        }
    }

    fn seen(&self) -> Vec<Value> {
        self.seen.lock().unwrap().clone()
    }
}

impl fmt::Debug for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Peer")
    }
}

fn key() -> SigningKey {
    SigningKey::new(&SecretKey::new(KEY).unwrap())
}

fn answer(body: &Value) -> Response<Bytes> {
    let body = body.to_string();
    // A list of more than ten is signed as the platform's own SDK does it.
    let rules = Rules::private().allow_ambiguous();
    let signed = signature::sign_document(&key(), body.as_bytes(), Place::Root, rules);
    Response::new(signed.unwrap().into())
}

#[async_trait]
impl HttpTransport for Peer {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        assert_eq!(request.uri().path(), "/v1/operations/get");
        signature::verify(&[key()], request.body()).unwrap();
        let body: Value = serde_json::from_slice(request.body()).unwrap();
        let place = self.seen().len();
        self.seen.lock().unwrap().push(body.clone());
        if let Some(wrong) = (self.fault)(place) {
            return wrong;
        }
        let number = |name: &str| usize::try_from(body[name].as_u64().unwrap()).unwrap();
        let from = number("offset").min(self.operations);
        let to = (from + number("limit")).min(self.operations);
        let page: Vec<Value> = (from..to)
            .map(|id| json!({"operation_id": id, "payment": {"id": format!("P-{id}")}, "ip": null}))
            .collect();
        let answer = answer(&json!({self.list: page, "total": 1}));
        match self.largest.filter(|limit| answer.body().len() > *limit) {
            Some(limit) => Err(TransportError::maybe_sent(ResponseTooLarge { limit })),
            None => Ok(answer),
        }
    }
}

fn api(peer: &Arc<Peer>) -> DataApi {
    DataApi::new(Sensitive::new(TOKEN.to_owned()), &SecretKey::new(KEY).unwrap(), peer.clone())
}

fn query() -> OperationsQuery {
    let projects = [ProjectId::new(183).unwrap()];
    OperationsQuery::new(projects, "2020-01-01 14:53:55", "2020-01-30 13:53:59").unwrap()
}

async fn ids(api: &DataApi, query: OperationsQuery) -> Result<Vec<String>, DataError> {
    let (mut operations, mut ids) = (api.operations(query), Vec::new());
    while let Some(operation) = operations.next().await? {
        ids.push(operation.get("operation_id").unwrap().to_owned());
    }
    Ok(ids)
}

#[tokio::test]
async fn pages_follow_one_another_to_the_end() {
    for (operations, size, pages) in [(0, 3, 1), (2, 3, 1), (3, 3, 2), (7, 3, 3), (1500, 1000, 2)] {
        let peer = Arc::new(Peer::new(operations));
        let ids = ids(&api(&peer), query().page_size(size)).await.unwrap();
        assert_eq!(ids, (0..operations).map(|id| id.to_string()).collect::<Vec<_>>());
        assert_eq!(peer.seen().len(), pages, "{operations}");
    }
}

#[tokio::test]
async fn a_page_that_is_too_large_is_requested_in_halves() {
    // A transport that reads no answer with more than four operations.
    let limit = 300;
    for size in [3, 1000] {
        let peer = Arc::new(Peer { largest: Some(limit), ..Peer::new(11) });
        let ids = ids(&api(&peer), query().page_size(size)).await.unwrap();
        assert_eq!(ids, (0..11).map(|id| id.to_string()).collect::<Vec<_>>(), "{size}");
        let seen = peer.seen();
        let asked = |name: &str| -> Vec<u64> {
            seen.iter().map(|query| query[name].as_u64().unwrap()).collect()
        };
        if size == 1000 {
            let limits = [1000, 500, 250, 125, 62, 31, 15, 7, 3, 3, 3, 3];
            assert_eq!(
                (asked("limit"), asked("offset")[9..].to_vec()),
                (limits.to_vec(), vec![3, 6, 9])
            );
        } else {
            assert_eq!(asked("offset"), [0, 3, 6, 9]);
        }
    }
    // A single operation that is too large is an error, and is not requested again and again.
    let peer = Arc::new(Peer { largest: Some(10), ..Peer::new(11) });
    let error = ids(&api(&peer), query().page_size(2)).await.unwrap_err();
    assert!(error.is_too_large(), "{error}");
    assert_eq!(
        error.to_string(),
        "no response: the response is larger than the 10 bytes that `response_limit` allows"
    );
    assert_eq!(peer.seen().len(), 2);
}

#[tokio::test]
async fn a_query_is_sent_as_the_documents_show_it() {
    let peer = Arc::new(Peer::new(0));
    let asked = query()
        .time_zone("Asia/Singapore")
        .page_size(3)
        .offset(6)
        .fields(["payment_id"])
        .filter("operation_type", ["payout"]);
    ids(&api(&peer), asked).await.unwrap();
    let mut seen = peer.seen().remove(0);
    assert!(seen.as_object_mut().unwrap().remove("signature").is_some());
    assert_eq!(
        seen,
        json!({
            "interval": {"from": "2020-01-01 14:53:55", "to": "2020-01-30 13:53:59"},
            "limit": 3, "offset": 6, "project_id": [183], "token": TOKEN, "tz": "Asia/Singapore",
            "fields": ["payment_id"], "operation_type": ["payout"],
        })
    );
}

#[tokio::test]
async fn values_are_found_by_their_paths_and_not_printed() {
    let peer = Arc::new(Peer::new(1));
    let operation = api(&peer).operations(query()).next().await.unwrap().unwrap();
    let values: Vec<_> = operation.iter().collect();
    assert_eq!(values, [("operation_id", "0"), ("payment.id", "P-0")]);
    assert_eq!(format!("{operation:?}"), r#"["operation_id", "payment.id"]"#);
    let printed = format!("{:?} {:?}", api(&peer), api(&peer).operations(query()));
    assert!(!printed.contains("sentinel"), "{printed}");
}

#[tokio::test]
async fn a_list_of_another_name_counts_where_it_is_the_only_one() {
    let peer = Arc::new(Peer { list: "rows", ..Peer::new(2) });
    assert_eq!(ids(&api(&peer), query()).await.unwrap().len(), 2);
    let two = Box::new(|_| Some(Ok(answer(&json!({"a": [], "b": [{"operation_id": 7}]})))));
    let peer = Arc::new(Peer { fault: two, ..Peer::new(0) });
    let error = ids(&api(&peer), query()).await.unwrap_err();
    assert_eq!(error.to_string(), "the Data API's answer cannot be read: `operations` is missing");
    assert_eq!(ids(&api(&peer).list_name("b"), query()).await.unwrap(), ["7"]);
}

#[tokio::test(start_paused = true)]
async fn temporary_errors_are_retried_and_others_are_returned() {
    let busy = || {
        let response = Response::builder().status(503).header("retry-after", "120");
        Ok(response.body(Bytes::new()).unwrap())
    };
    let start = tokio::time::Instant::now();
    let peer = Arc::new(Peer {
        fault: Box::new(move |place| match place {
            0 => Some(Err(TransportError::maybe_sent("reset"))),
            2 => Some(busy()),
            _ => None,
        }),
        ..Peer::new(4)
    });
    // The first page twice, the second page twice.
    assert_eq!(ids(&api(&peer), query().page_size(3)).await.unwrap().len(), 4);
    assert_eq!(peer.seen().len(), 4);
    assert!(start.elapsed() >= std::time::Duration::from_mins(2));

    let plain = |status: u16, body: &'static str| -> Fault {
        Box::new(move |_| Some(Ok(Response::builder().status(status).body(body.into()).unwrap())))
    };
    // Three pauses of the shortest time that the platform asks for.
    let start = tokio::time::Instant::now();
    let peer = Arc::new(Peer { fault: plain(429, ""), ..Peer::new(1) });
    assert!(ids(&api(&peer), query()).await.is_err());
    assert_eq!((peer.seen().len(), start.elapsed()), (4, std::time::Duration::from_secs(9)));

    let table = [
        (plain(503, ""), 4, "the Data API answered HTTP status 503"),
        (
            plain(403, r#"{"status":"error","code":"3123","message":"Invalid API Key"}"#),
            1,
            "the Data API answered HTTP status 403, code 3123: Invalid API Key",
        ),
        (
            plain(200, r#"{"status":"error","code":702,"message":"Malformed request"}"#),
            1,
            "the Data API answered HTTP status 200, code 702: Malformed request",
        ),
        (
            plain(200, r#"{"operations":[]}"#),
            1,
            "the Data API's answer is not genuine: no signature: neither `signature` nor \
             `general.signature` is there",
        ),
        (
            plain(200, "<html>"),
            1,
            "the Data API's answer cannot be read: JSON document, line 1, column 1: expected a value",
        ),
    ];
    for (fault, asked, message) in table {
        let peer = Arc::new(Peer { fault, ..Peer::new(1) });
        let error = ids(&api(&peer), query()).await.unwrap_err();
        assert_eq!((error.to_string().as_str(), peer.seen().len()), (message, asked));
    }
}

#[tokio::test(start_paused = true)]
async fn an_outage_is_not_made_worse_and_no_pause_outlasts_the_deadline() {
    let busy = |wait: &'static str| -> Fault {
        Box::new(move |_| {
            let response = Response::builder().status(503).header("retry-after", wait);
            Some(Ok(response.body(Bytes::new()).unwrap()))
        })
    };
    let peer = Arc::new(Peer { fault: busy("1"), ..Peer::new(1) });
    let api = api(&peer);
    for _ in 0..1000 {
        assert!(ids(&api, query()).await.is_err());
    }
    let asked = peer.seen().len();
    assert!((1001..=1100).contains(&asked), "{asked}");

    let start = tokio::time::Instant::now();
    let peer = Arc::new(Peer { fault: busy("3600"), ..Peer::new(1) });
    let error = ids(&self::api(&peer), query()).await.unwrap_err();
    assert_eq!(error.to_string(), "the Data API answered HTTP status 503");
    assert_eq!((peer.seen().len(), start.elapsed()), (1, std::time::Duration::ZERO));
}

#[tokio::test]
async fn a_query_that_cannot_be_asked_is_not() {
    let project = [ProjectId::new(183).unwrap()];
    let day = "2020-01-01 00:00:00";
    let table = [
        (
            OperationsQuery::new(project, "2020-01-02 00:00:00", day),
            "invalid Data API query: `interval.to` must not be before `interval.from`",
        ),
        (
            OperationsQuery::new(project, day, "now"),
            "invalid Data API query: `interval.to` must have the form YYYY-MM-DD hh:mm:ss",
        ),
        (
            OperationsQuery::new([], day, day),
            "invalid Data API query: `project_id` must name at least one project",
        ),
    ];
    for (query, message) in table {
        assert_eq!(query.unwrap_err().to_string(), message);
    }
    let peer = Arc::new(Peer::new(0));
    for query in [query().filter("rate", 1.5), query().filter("limit", 5)] {
        let error = ids(&api(&peer), query).await.unwrap_err();
        assert!(matches!(error, DataError::Unsigned(_)), "{error}");
    }
    assert!(peer.seen().is_empty());
}
