//! The answer to a clarification.

use std::time::Duration;

use bytes::Bytes;
use ecp_core::PaymentId;
use ecp_core::RequestId;
use ecp_core::json::{Document, Limits};
use ecp_core::model::{AdditionalData, ClarificationFields, Code, FromJson, StatusResponse};
use ecp_core::signature::{self, Place, VerifyError};
use http::{Response, StatusCode};
use serde::Serialize;

use crate::error::{GateError, UnknownReason};
use crate::gate::answer::{Target, about};
use crate::gate::{Gate, General, to_ask};
use crate::send::retry_after;
use crate::watched::{Watched, request_span, words};

/// Result of [`Gate::clarify`]: the platform accepted the merchant's answer to a clarification,
/// which is the platform's request for further fields before a payment goes on. This does not mean
/// that the payment succeeded, nor that the answer was complete: a callback or a status may ask for
/// fields again.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Clarified {
    /// The merchant's id of the payment, under which its status can be requested.
    pub payment_id: PaymentId,
    /// The platform's id of the request that sent the fields; `None` if the platform gave none. Log
    /// it, or pass it to [`Gate::request_status`].
    pub request_id: Option<RequestId>,
    /// The fields that the platform still asks for, to be sent by another [`Gate::clarify`]; `None`
    /// if its answer does not name any.
    pub asked_again: Option<Box<ClarificationFields>>,
}

impl Gate {
    /// Sends the fields that the platform asked for before a payment goes on
    /// ([`Step::Clarify`](ecp_core::model::Step::Clarify)), once and without a retry.
    /// [`Sender::clarify`](crate::Sender::clarify) also repeats the request if it has not arrived.
    /// After an error whose [`GateError::outcome`] is unknown, request the payment's status: if
    /// fields are still missing, it asks for them again.
    ///
    /// The fields may be incomplete, or none at all: the platform then asks again. It waits 30
    /// minutes from each answer, but never beyond the payment's cut-off time, after which it
    /// declines the payment (sources: clarification).
    pub async fn clarify(
        &self,
        payment_id: &PaymentId,
        data: &AdditionalData,
    ) -> Result<Clarified, GateError> {
        self.clarify_once(payment_id, data).await.0
    }

    /// Sends once and returns the platform's `Retry-After`.
    pub(crate) async fn clarify_once(
        &self,
        payment_id: &PaymentId,
        data: &AdditionalData,
    ) -> (Result<Clarified, GateError>, Option<Duration>) {
        let span = request_span!(
            "ecp.gate.clarify",
            "client",
            self.project(),
            payment_id.as_str(),
            None::<&str>,
            "ecp.request_id",
            "ecp.code",
            "http.response.status_code"
        );
        let watched = Watched::gate(span, self.meter(), "clarify", None);
        let (clarified, retry_after) =
            watched.run(self.post_clarification(payment_id, data, &watched)).await;
        match &clarified {
            Ok(Clarified { request_id, .. }) => {
                watched.record("ecp.request_id", request_id.as_ref().map(RequestId::as_str));
            }
            Err(error) => watched.record("ecp.code", error.code().and_then(Code::number)),
        }
        let (outcome, error) = words(&clarified, "accepted");
        watched.end(outcome, error);
        (clarified, retry_after)
    }

    async fn post_clarification(
        &self,
        payment_id: &PaymentId,
        data: &AdditionalData,
        watched: &Watched,
    ) -> (Result<Clarified, GateError>, Option<Duration>) {
        let general = General { payment_id, project_id: self.project() };
        let body = serde_json::to_vec(&Clarification { general, additional_data: data })
            .expect("texts, numbers and flags always serialise");
        // The payment exists already, so its id may be an old one.
        let rules = to_ask(payment_id.as_str());
        match self.post("/v2/payment/clarification", &body, Place::General, rules, watched).await {
            Ok(response) => {
                (self.read_clarified(&response, payment_id), retry_after(response.headers()))
            }
            Err(error) => (Err(error), None),
        }
    }

    /// A registration, or a message that asks again in the form of a status.
    fn read_clarified(
        &self,
        response: &Response<Bytes>,
        payment_id: &PaymentId,
    ) -> Result<Clarified, GateError> {
        let asked_again = self.asked_again(response, payment_id).map_err(GateError::Unknown)?;
        if let Some((asked, false)) = asked_again {
            let (payment_id, asked) = (payment_id.clone(), Box::new(asked));
            return Ok(Clarified { payment_id, request_id: None, asked_again: Some(asked) });
        }
        let accepted = self.read_registration(response, payment_id, Target::ThatIsThere)?;
        Ok(Clarified {
            payment_id: accepted.payment_id,
            request_id: Some(accepted.request_id),
            asked_again: asked_again.map(|(asked, _)| Box::new(asked)),
        })
    }

    /// What an answer with HTTP 200 asks for, and whether it is a registration too. `None` also for
    /// what is no JSON.
    fn asked_again(
        &self,
        response: &Response<Bytes>,
        payment_id: &PaymentId,
    ) -> Result<Option<(ClarificationFields, bool)>, UnknownReason> {
        if response.status() != StatusCode::OK {
            return Ok(None);
        }
        let Ok(document) = Document::parse(response.body(), Limits::default()) else {
            return Ok(None);
        };
        let Some(asked) = document.root().get("clarification_fields") else { return Ok(None) };
        let Ok(asked) = ClarificationFields::from_json(asked) else { return Ok(None) };
        if document.root().get("status").is_some() {
            return Ok(Some((asked, true)));
        }
        match signature::verify_document([&self.key], &document) {
            Ok(_) | Err(VerifyError::MissingSignature) => {}
            Err(error) => return Err(error.into()),
        }
        let answer = StatusResponse::from_json(document.root())?;
        if answer.project_id().is_some_and(|project| project != self.project()) {
            return Err(UnknownReason::Mismatch("project_id"));
        }
        about(&answer, payment_id)?;
        Ok(Some((asked, false)))
    }
}

#[derive(Serialize)]
struct Clarification<'r> {
    general: General<'r>,
    additional_data: &'r AdditionalData,
}
