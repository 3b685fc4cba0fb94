//! A Data API that answers with given operations, signed with the sandbox's token key.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use ecp_core::SecretKey;
use ecp_core::signature::{self, Place, Rules, SigningKey};
use serde_json::{Value, json};

const TOKEN_KEY: &str = "sandbox-token-key-not-a-secret";

/// It serves until the process ends.
pub(crate) struct DataApi {
    pub(crate) url: String,
    queries: Arc<Mutex<Vec<Value>>>,
}

impl DataApi {
    pub(crate) fn start(operations: Vec<Value>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let queries = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&queries);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                answer(&mut stream.unwrap(), &operations, &seen);
            }
        });
        Self { url, queries }
    }

    /// What it was asked.
    pub(crate) fn queries(&self) -> Vec<Value> {
        self.queries.lock().unwrap().clone()
    }
}

/// An operation with members of its own besides or instead.
pub(crate) fn operation(number: u64, more: &Value) -> Value {
    let mut operation = json!({
        "project_id": 1, "payment_id": format!("M-{number}"), "operation_id": 1000 + number,
        "operation_type": "payout", "operation_status": "success",
        "operation_created_at": "2026-11-01 00:00:00",
        "sum_initial": {"amount": 30000, "currency": "EUR"},
    });
    let members = operation.as_object_mut().unwrap();
    members.extend(more.as_object().unwrap().clone());
    operation
}

fn answer(stream: &mut TcpStream, operations: &[Value], queries: &Mutex<Vec<Value>>) {
    let query = query(stream);
    let number = |name: &str| usize::try_from(query[name].as_u64().unwrap()).unwrap();
    let (offset, limit) = (number("offset"), number("limit"));
    let page: Vec<&Value> = operations.iter().skip(offset).take(limit).collect();
    queries.lock().unwrap().push(query.clone());
    let body = json!({ "operations": page }).to_string();
    let key = SigningKey::new(&SecretKey::new(TOKEN_KEY).unwrap());
    let signed = signature::sign_document(
        &key,
        body.as_bytes(),
        Place::Root,
        Rules::private().allow_ambiguous(),
    )
    .unwrap();
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        signed.len()
    );
    stream.write_all(&[head.as_bytes(), &signed].concat()).unwrap();
}

fn query(stream: &mut TcpStream) -> Value {
    let mut bytes = Vec::new();
    let mut part = [0; 4096];
    loop {
        let length = stream.read(&mut part).unwrap();
        assert!(length > 0, "the request ends early");
        bytes.extend_from_slice(&part[..length]);
        let text = String::from_utf8_lossy(&bytes);
        let Some((_, body)) = text.split_once("\r\n\r\n") else { continue };
        if let Ok(query) = serde_json::from_str(body) {
            return query;
        }
    }
}
