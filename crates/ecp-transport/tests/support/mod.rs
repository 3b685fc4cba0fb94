//! A Gate whose answers are scripted.

use std::fmt;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use ecp_core::signature::{self, Place, Rules, SigningKey};
use ecp_core::{PaymentId, ProjectId, SecretKey};
use ecp_transport::{Gate, HttpTransport, TransportError};
use http::{Request, Response};

/// The project's key.
pub(crate) const KEY: &str = "scripted-key";

/// HTTP status and body, or no answer at all.
pub(crate) type Answer = Result<(u16, String), TransportError>;

/// Asks its script for every answer and keeps the requests.
pub(crate) struct Scripted {
    script: Mutex<Box<dyn FnMut() -> Answer + Send>>,
    seen: Mutex<Vec<Request<Bytes>>>,
}

impl Scripted {
    pub(crate) fn new(script: impl FnMut() -> Answer + Send + 'static) -> Arc<Self> {
        Arc::new(Self { script: Mutex::new(Box::new(script)), seen: Mutex::default() })
    }

    /// The requests that were sent so far.
    pub(crate) fn seen(&self) -> Vec<Request<Bytes>> {
        self.seen.lock().unwrap().clone()
    }
}

impl fmt::Debug for Scripted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Scripted")
    }
}

#[async_trait]
impl HttpTransport for Scripted {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        self.seen.lock().unwrap().push(request);
        let (status, body) = (self.script.lock().unwrap())()?;
        Ok(Response::builder().status(status).body(body.into()).unwrap())
    }
}

/// The Gate of project 239.
pub(crate) fn gate(transport: impl HttpTransport + 'static) -> Gate {
    Gate::new(ProjectId::new(239).unwrap(), &SecretKey::new(KEY).unwrap(), transport)
}

/// A Gate that always answers the same.
pub(crate) fn answering(status: u16, body: &str) -> Gate {
    let body = body.to_owned();
    gate(Scripted::new(move || Ok((status, body.clone()))))
}

pub(crate) fn id() -> PaymentId {
    PaymentId::new("P-17").unwrap()
}

pub(crate) fn signing_key() -> SigningKey {
    SigningKey::new(&SecretKey::new(KEY).unwrap())
}

/// The body with the platform's signature.
pub(crate) fn signed(body: &str) -> String {
    let place = Place::Root;
    let bytes =
        signature::sign_document(&signing_key(), body.as_bytes(), place, Rules::private()).unwrap();
    String::from_utf8(bytes).unwrap()
}
