//! The `check_deposit` question: is the amount that the customer chose welcome?
//!
//! It is asked once. Only an answer with a status of success, the number 0 in `code` and the same
//! `payment_id` takes the amount; the documents name no code for the declines of all others, and
//! the two that are used here mean what happened by the platform's own table.

use bytes::Bytes;
use ecp_core::PaymentId;
use http::{StatusCode, Uri};
use serde_json::Value;

use crate::engine::events::{Confirmation, EventKind, RawBody};
use crate::engine::{Engine, outgoing};
use crate::payment::ids::About;

/// More than any answer needs.
const BODY_LIMIT: usize = 64 << 10;

/// A confirmation request (`check_deposit`) that is ready to be sent to the merchant.
pub(crate) struct Question {
    pub(crate) about: About,
    pub(crate) payment_id: PaymentId,
    pub(crate) url: Option<String>,
    pub(crate) body: RawBody,
}

/// Sends a confirmation request to the merchant and returns the result; `None` if the sandbox was
/// shut down meanwhile.
pub(crate) async fn ask(engine: &Engine, question: Question) -> Option<Confirmation> {
    let Question { about, payment_id, url, body } = question;
    let (url, uri) = match engine.target(url.as_deref()) {
        Ok(uri) => (url.unwrap_or_default(), uri),
        Err(reason) => {
            tracing::warn!(
                %reason,
                "did not send a confirmation request: GET /sandbox/events shows it with its payment"
            );
            engine.record(about, EventKind::ConfirmationRefused { url, body, reason });
            return Some(Confirmation::unusable(reason.to_string()));
        }
    };
    let question = body.bytes().clone();
    engine.record(about.clone(), EventKind::ConfirmationAsked { url, body });
    if !engine.is_kept().await {
        return None;
    }
    let answer = tokio::select! {
        () = engine.stopped() => return None,
        answer = send(engine, &uri, question) => answer,
    };
    let (status, body, confirmation) = match answer {
        Ok((status, body)) => {
            let confirmation = judge(status, &body, &payment_id);
            (Some(status.as_u16()), body, confirmation)
        }
        Err(reason) => (None, Bytes::new(), Confirmation::Unusable { reason }),
    };
    tracing::debug!(?status, ?confirmation, "asked for a confirmation");
    let (body, answered) = (RawBody::new(body), confirmation.clone());
    engine.record(about, EventKind::ConfirmationAnswered { status, body, confirmation: answered });
    Some(confirmation)
}

/// The status of the answer, and its body if the status is one of success.
async fn send(engine: &Engine, uri: &Uri, question: Bytes) -> Result<(StatusCode, Bytes), String> {
    let exchange = async {
        let reply = engine.outgoing().post(uri, question, BODY_LIMIT).await?;
        match reply.cut {
            _ if !reply.status.is_success() => Ok((reply.status, Bytes::new())),
            Some(reason) => Err(reason),
            None => Ok((reply.status, reply.body)),
        }
    };
    outgoing::within(engine.config().confirmation_timeout, exchange).await
}

fn judge(status: StatusCode, body: &[u8], payment_id: &PaymentId) -> Confirmation {
    if status.is_client_error() || status.is_server_error() {
        return Confirmation::Refused { code: None };
    }
    if !status.is_success() {
        return Confirmation::unusable(format!("the HTTP status is {}, not 2xx", status.as_u16()));
    }
    let Ok(answer) = serde_json::from_slice::<Value>(body) else {
        return Confirmation::unusable("the merchant's answer is not JSON");
    };
    if answer.get("payment_id").and_then(Value::as_str) != Some(payment_id.as_str()) {
        return Confirmation::unusable(
            "the `payment_id` in the merchant's answer is not that of the confirmation request",
        );
    }
    match answer.get("code").and_then(Value::as_i64) {
        Some(0) => Confirmation::Accepted,
        Some(code) => Confirmation::Refused { code: Some(code) },
        None => Confirmation::unusable("the `code` in the merchant's answer is not a whole number"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_code_0_for_the_same_payment_is_a_yes() {
        let table = [
            (200, r#"{"code":0,"payment_id":"X1"}"#, Ok(())),
            (201, r#"{"payment_id":"X1","code":0,"more":[]}"#, Ok(())),
            (200, r#"{"code":1,"payment_id":"X1"}"#, Err(30_301)),
            (200, r#"{"code":-1,"payment_id":"X1"}"#, Err(30_301)),
            (400, r#"{"code":0,"payment_id":"X1"}"#, Err(30_301)),
            (503, "", Err(30_301)),
            (302, r#"{"code":0,"payment_id":"X1"}"#, Err(30_302)),
            (200, r#"{"code":"0","payment_id":"X1"}"#, Err(30_302)),
            (200, r#"{"code":0.5,"payment_id":"X1"}"#, Err(30_302)),
            (200, r#"{"code":null,"payment_id":"X1"}"#, Err(30_302)),
            (200, r#"{"payment_id":"X1"}"#, Err(30_302)),
            (200, r#"{"code":0}"#, Err(30_302)),
            (200, r#"{"code":0,"payment_id":"X2"}"#, Err(30_302)),
            (200, r#"{"code":1,"payment_id":"X2"}"#, Err(30_302)),
            (200, r#"{"code":0,"payment_id":1}"#, Err(30_302)),
            (200, r#"["code",0]"#, Err(30_302)),
            (200, "OK", Err(30_302)),
            (200, "", Err(30_302)),
        ];
        let payment_id = PaymentId::new("X1").unwrap();
        for (status, body, verdict) in table {
            let status = StatusCode::from_u16(status).unwrap();
            let confirmation = judge(status, body.as_bytes(), &payment_id);
            assert_eq!(confirmation.verdict(), verdict, "{status} {body}");
        }
    }
}
