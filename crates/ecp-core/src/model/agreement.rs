//! Checks that members of a message that repeat the same fact agree.
//!
//! The formats have their ids in different places, and a message of one format can be cut so that
//! it also has the members of another. No place takes precedence, so they must agree.

use super::borrowed::{CallbackRef, OperationRef, StatusResponseRef};
use super::{FromJson, ModelError, RedirectData};

impl CallbackRef<'_> {
    pub(super) fn agree(&self) -> Result<(), ModelError> {
        let general = self.general.as_ref();
        let ids = general.map(|general| (general.project_id, general.payment_id));
        if let Some((project, payment)) = ids {
            let in_payment = self.payment.as_ref().and_then(|payment| payment.id);
            same(self.root_project_id, project, PROJECT)?;
            same(in_payment, payment, PAYMENT)?;
        }
        if let Some(operation) = &self.operation {
            self.operation_agrees(operation)?;
        }
        if let (Some(request), Some(root)) = (&self.request, self.request_id) {
            same(Some(root), request.id, ["request_id", "request.id"])?;
        }
        if self.redirect_data.is_some() {
            self.redirects_agree()?;
        }
        Ok(())
    }

    /// `return_url` is an object with redirect data in one format and a plain address in others.
    fn redirects_agree(&self) -> Result<(), ModelError> {
        let Some(other) = self.extra.get("return_url") else { return Ok(()) };
        let named = |name| self.extra.object?.get(name).filter(|value| !value.is_nothing());
        let redirect = named("redirect_data").or_else(|| named("redirectData"));
        match redirect {
            Some(redirect)
                if RedirectData::borrow_from(other).is_ok() && !redirect.says_the_same(other) =>
            {
                Err(ModelError::contradiction(redirect.path(), "return_url"))
            }
            _ => Ok(()),
        }
    }

    #[inline]
    fn operation_agrees(&self, operation: &OperationRef<'_>) -> Result<(), ModelError> {
        if let Some(transaction) = &self.transaction {
            same(operation.id, transaction.id, ["operation.id", "transaction.id"])?;
            let kinds = (operation.kind.as_ref(), transaction.kind.as_ref());
            same(kinds.0, kinds.1, ["operation.type", "transaction.type"])?;
        }
        if !self.operations.is_empty() {
            self.is_one_of_the_operations(operation)?;
        }
        Ok(())
    }

    /// `operations` lists all operations of the payment, so it must contain the current one.
    #[cold]
    fn is_one_of_the_operations(&self, operation: &OperationRef<'_>) -> Result<(), ModelError> {
        let listed = self.operations.iter().enumerate().find(|(_, one)| one.id == operation.id);
        let Some((place, listed)) = listed else {
            return Err(ModelError::contradiction("operation", "operations"));
        };
        let check = |name: &str, agree: bool| {
            let contradiction = || {
                ModelError::contradiction(
                    format!("operation.{name}"),
                    format!("operations.{place}.{name}"),
                )
            };
            if agree { Ok(()) } else { Err(contradiction()) }
        };
        check("type", agree(operation.kind.as_ref(), listed.kind.as_ref()))?;
        check("status", agree(operation.status.as_ref(), listed.status.as_ref()))?;
        let sum = |one: &OperationRef<'_>| {
            one.sum_initial.as_ref().map(|sum| (sum.amount, sum.currency.to_owned()))
        };
        check("sum", agree(sum(operation), sum(listed)))
    }
}

impl StatusResponseRef<'_> {
    /// Callbacks are signed with the same key, and have members that status answers never have.
    pub(super) fn agree(&self) -> Result<(), ModelError> {
        for name in ["operation", "transaction"] {
            if let Some(value) = self.extra.get(name).filter(|value| !value.is_nothing()) {
                return Err(ModelError::value(
                    value,
                    "is a member of callbacks, not of status answers",
                ));
            }
        }
        let Some(general) = &self.general else { return Ok(()) };
        let in_payment = self.payment.as_ref().and_then(|payment| payment.id);
        same(self.root_project_id, general.project_id, PROJECT)?;
        same(in_payment, general.payment_id, PAYMENT)
    }
}

const PROJECT: [&str; 2] = ["project_id", "general.project_id"];
const PAYMENT: [&str; 2] = ["payment.id", "general.payment_id"];

fn same<T: PartialEq>(
    one: Option<T>,
    other: Option<T>,
    paths: [&'static str; 2],
) -> Result<(), ModelError> {
    if agree(one, other) { Ok(()) } else { Err(ModelError::contradiction(paths[0], paths[1])) }
}

/// Whether two values agree: they do unless both are present and differ.
fn agree<T: PartialEq>(one: Option<T>, other: Option<T>) -> bool {
    match (one, other) {
        (Some(one), Some(other)) => one == other,
        _ => true,
    }
}
