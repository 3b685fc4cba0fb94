//! Valid openings of the Payment Page, by unguessable ids.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ecp_core::{PaymentId, ProjectId};
use sha2::{Digest, Sha512};

use super::parameters::Parameters;
use crate::surface::i18n::Language;
use crate::surface::visit::{Visit, Visits};

/// Session of one opened Payment Page.
pub(crate) struct Session {
    pub(crate) id: String,
    pub(crate) parameters: Parameters,
    pub(crate) language: Language,
    /// Whether the page is shown in a frame of the merchant's page.
    pub(crate) framed: bool,
}

impl Session {
    pub(crate) fn new(parameters: Parameters, language: Language) -> Self {
        let framed = parameters.get("frame_mode").is_some();
        Self { id: id(&parameters), parameters, language, framed }
    }

    /// Returns the path of the session's page.
    pub(crate) fn path(&self) -> String {
        format!("/payment/{}", self.id)
    }

    fn payment(&self) -> (ProjectId, PaymentId) {
        (self.parameters.project, self.parameters.payment_id.clone())
    }
}

/// A hash of the signature, which only the merchant can make: opening the same parameters
/// again leads to the same session.
fn id(parameters: &Parameters) -> String {
    let hash = Sha512::digest(format!("ecp-sandbox session {}", parameters.signature()));
    hash.iter().take(16).flat_map(|byte| [byte >> 4, byte & 15]).fold(
        String::new(),
        |mut id, digit| {
            id.extend(char::from_digit(digit.into(), 16));
            id
        },
    )
}

/// The latest sessions of the Payment Page. The oldest are removed first.
pub(crate) struct Sessions {
    limit: usize,
    open: Mutex<Open>,
}

#[derive(Default)]
struct Open {
    by_id: HashMap<String, Arc<Session>>,
    /// Id of the session (a customer's visit of the Payment Page) in which each payment was
    /// registered, by project and payment.
    by_payment: HashMap<(ProjectId, PaymentId), String>,
    order: VecDeque<String>,
}

impl Sessions {
    pub(crate) fn new(limit: usize) -> Self {
        Self { limit, open: Mutex::default() }
    }

    /// Stores a session, in place of an earlier one with the same parameters.
    pub(super) fn open(&self, session: Session) -> Arc<Session> {
        let session = Arc::new(session);
        let mut open = self.lock();
        if open.by_id.insert(session.id.clone(), Arc::clone(&session)).is_none() {
            open.order.push_back(session.id.clone());
        }
        while open.order.len() > self.limit {
            let oldest = open.order.pop_front().and_then(|id| open.by_id.remove(&id));
            if let Some(oldest) = oldest {
                open.by_payment.remove(&oldest.payment());
            }
        }
        session
    }

    pub(super) fn get(&self, id: &str) -> Option<Arc<Session>> {
        self.lock().by_id.get(id).cloned()
    }

    /// Records that the payment of the session was registered.
    pub(super) fn begin(&self, session: &Session) {
        self.lock().by_payment.insert(session.payment(), session.id.clone());
    }

    /// Returns the session in which a payment was registered; `None` if the payment began
    /// elsewhere.
    pub(super) fn begun(&self, project: ProjectId, payment_id: &PaymentId) -> Option<Arc<Session>> {
        let open = self.lock();
        open.by_id.get(open.by_payment.get(&(project, payment_id.clone()))?).cloned()
    }

    /// Sessions are whole at any time, so a panic elsewhere does not spoil them.
    fn lock(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Visits for Sessions {
    fn of_payment(&self, project: ProjectId, payment_id: &PaymentId) -> Option<Visit> {
        let session = self.begun(project, payment_id)?;
        Some(Visit { language: session.language, framed: session.framed })
    }
}
