//! Interpretation of Gate's answers.

use bytes::Bytes;
use ecp_core::json::{Document, Limits, Value};
use ecp_core::model::{
    Code, FromJson, ModelError, StatusError, StatusResponse, SyncResponse, SyncStatus,
    VerifiedStatus,
};
use ecp_core::signature::{self, VerifyError};
use ecp_core::{PaymentId, RequestId, Sensitive};
use http::{Response, StatusCode};

use super::Gate;
use super::request::{Accepted, Outgoing, Registered, no_request_id};
use crate::error::{GateError, Refusal, UnknownReason};

impl Gate {
    /// Reads the answer to a request, as [`Gate::read_registration`] does, and also returns the
    /// whole body.
    pub(super) fn read_registered(
        &self,
        response: &Response<Bytes>,
        outgoing: &Outgoing<'_>,
        target: Target,
    ) -> Result<Registered, GateError> {
        let request_id = self.read_request_id(response, outgoing.payment_id, target)?;
        if request_id.is_none() && outgoing.needs_request_id {
            return Err(GateError::Unknown(no_request_id()));
        }
        let body = String::from_utf8_lossy(response.body()).into_owned();
        Ok(Registered {
            payment_id: outgoing.payment_id.clone(),
            request_id,
            refund_id: outgoing.refund_id.map(str::to_owned),
            body: Sensitive::new(body),
        })
    }

    pub(crate) fn read_registration(
        &self,
        response: &Response<Bytes>,
        payment_id: &PaymentId,
        target: Target,
    ) -> Result<Accepted, GateError> {
        let request_id = self
            .read_request_id(response, payment_id, target)?
            .ok_or_else(|| GateError::Unknown(no_request_id()))?;
        Ok(Accepted { payment_id: payment_id.clone(), request_id, merchant_refund_id: None })
    }

    /// The request id of an answer that says that the request was accepted; `None` if it has none.
    fn read_request_id(
        &self,
        response: &Response<Bytes>,
        payment_id: &PaymentId,
        target: Target,
    ) -> Result<Option<RequestId>, GateError> {
        let answer = self.read_sync(response).map_err(GateError::Unknown)?;
        let unknown = |reason| Err(GateError::Unknown(reason));
        if answer.project_id.is_some_and(|project| project != self.project) {
            return unknown(UnknownReason::Mismatch("project_id"));
        }
        if answer.payment_id.as_ref().is_some_and(|id| id != payment_id) {
            return unknown(UnknownReason::Mismatch("payment_id"));
        }
        let http_status = response.status();
        let missing = |path: &str| match http_status {
            StatusCode::OK => unknown(ModelError::Missing { path: path.to_owned() }.into()),
            // Another status, such as too many requests: the platform's documents do not mention
            // it.
            other => unknown(UnknownReason::HttpStatus(other.as_u16())),
        };
        match answer.status {
            SyncStatus::Success if http_status == StatusCode::OK => Ok(answer.request_id),
            SyncStatus::Error => match answer.code {
                Some(code) => Err(match error_says(code, target) {
                    Err(reason) => GateError::Unknown(reason),
                    Ok(code) => GateError::Refused(Refusal {
                        message: answer.message.unwrap_or_default(),
                        errors: answer.errors,
                        http_status: http_status.as_u16(),
                        code,
                    }),
                }),
                None => missing("code"),
            },
            _ => unknown(UnknownReason::HttpStatus(http_status.as_u16())),
        }
    }

    /// Registrations are not signed; if one has a signature, it must be right.
    pub(super) fn read_sync(
        &self,
        response: &Response<Bytes>,
    ) -> Result<SyncResponse, UnknownReason> {
        let status = response.status();
        if status.is_redirection() || status.is_server_error() {
            return Err(UnknownReason::HttpStatus(status.as_u16()));
        }
        let unreadable = |error| match status {
            StatusCode::OK => UnknownReason::Unreadable(error),
            // A proxy's page rather than the platform's answer.
            _ => UnknownReason::HttpStatus(status.as_u16()),
        };
        let document = Document::parse(response.body(), Limits::default())
            .map_err(|error| unreadable(error.into()))?;
        let answer = SyncResponse::from_json(document.root()).map_err(unreadable)?;
        match signature::verify_document([&self.key], &document) {
            Ok(_) | Err(VerifyError::MissingSignature) => Ok(answer),
            Err(error) => Err(error.into()),
        }
    }

    pub(super) fn read_status(
        &self,
        response: &Response<Bytes>,
        payment_id: &PaymentId,
    ) -> Result<VerifiedStatus, GateError> {
        let document = match Document::parse(response.body(), Limits::default()) {
            Ok(document) => document,
            Err(_) if response.status() != StatusCode::OK => {
                let status = response.status().as_u16();
                return Err(GateError::Unknown(UnknownReason::HttpStatus(status)));
            }
            Err(error) => return Err(GateError::Unknown(ModelError::from(error).into())),
        };
        let answer = match VerifiedStatus::verify(self.project, [&self.key], &document) {
            // An error answer is not signed. It concerns only the status request.
            Err(StatusError::NotGenuine(VerifyError::MissingSignature)) if is_error(&document) => {
                return Err(
                    match self.read_registration(response, payment_id, Target::ThatIsThere) {
                        Err(error) => error,
                        Ok(_) => GateError::Unknown(VerifyError::MissingSignature.into()),
                    },
                );
            }
            Err(StatusError::NotGenuine(error)) => return Err(GateError::Unknown(error.into())),
            _ if response.status() != StatusCode::OK => {
                let status = response.status().as_u16();
                return Err(GateError::Unknown(UnknownReason::HttpStatus(status)));
            }
            answer => answer.map_err(|error| GateError::Unknown(error.into()))?,
        };
        about(&answer, payment_id).map_err(GateError::Unknown)?;
        Ok(answer)
    }
}

/// Checks that the answer is about the payment, in each place that names it.
pub(crate) fn about(answer: &StatusResponse, payment_id: &PaymentId) -> Result<(), UnknownReason> {
    let ids = [
        answer.payment.as_ref().and_then(|payment| payment.id.as_ref()),
        answer.general.as_ref().and_then(|general| general.payment_id.as_ref()),
    ];
    if ids.into_iter().flatten().any(|id| id != payment_id) {
        return Err(UnknownReason::Mismatch("payment_id"));
    }
    if ids.into_iter().flatten().next().is_none() {
        return Err(ModelError::Missing { path: "payment.id".to_owned() }.into());
    }
    Ok(())
}

fn is_error(document: &Document<'_>) -> bool {
    document.root().get("status").and_then(Value::as_str) == Some("error")
}

/// Target of a request, as far as the meaning of its error codes depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// The request begins a new payment, such as a sale or a payout.
    New,
    /// The request is about a payment that exists, such as its refund or its status.
    ThatIsThere,
}

/// Meaning of an error code for the request. Which codes prove that nothing was registered is not
/// documented as such; these belong to the checks that the documents place before the registration
/// (JSON, required fields, project, method, signature, types and values) or say that the payment
/// cannot be acted upon. No other code counts as proof.
///
/// Codes about an existing payment prove nothing about a new one: the first request may have
/// created it.
fn error_says(code: Code, target: Target) -> Result<Code, UnknownReason> {
    const ALREADY_EXISTS: [u32; 2] = [3041, 3230];
    const REFUSED: [u32; 25] = [
        702, 2003, 2004, 2124, 2154, 2261, 2426, 2442, 2541, 2606, 2609, 2610, 2611, 2641, 3023,
        3024, 3121, 3123, 3124, 3162, 3242, 3243, 3244, 3261, 3262,
    ];
    const REFUSED_OF_WHAT_IS_THERE: [u32; 7] = [3060, 3061, 3283, 3284, 3286, 3287, 3610];
    match code.number() {
        Some(number) if ALREADY_EXISTS.contains(&number) => Err(UnknownReason::AlreadyExists(code)),
        Some(number) if REFUSED.contains(&number) => Ok(code),
        Some(number)
            if target == Target::ThatIsThere && REFUSED_OF_WHAT_IS_THERE.contains(&number) =>
        {
            Ok(code)
        }
        _ => Err(UnknownReason::Inconclusive(code)),
    }
}
