//! The Data API: queries about operations and balances.
//!
//! Requests carry a token at the root and a signature made with that token's own key; answers are
//! signed with it too. Addresses, token, signature, interval, zone, limit, offset and the form of
//! balances are documented (sources: Data API). The names of most of an operation's members are not,
//! nor are errors; both are chosen here, and so is every word of [`operation::Row`] but the dates.
//!
//! Operations can also be sent to an address; no document names the member of the query for it. The
//! query is answered as any other, and the same signed JSON goes to the address, by the schedule of
//! callbacks and to the hosts that callbacks may go to.

mod operation;
mod request;

use axum::Router;
use axum::response::Response;
use axum::routing::post;
use serde_json::{Map, Value, json};

use self::operation::Row;
use self::request::{Asker, ByPayment, Operations};
use crate::engine::Engine;
use crate::engine::pushed::Page;
use crate::engine::view::{Filter, OperationView, Paging};
use crate::surface::exchange::{Call, Done};
use crate::wire::refusal::Refusal;
use crate::wire::tamper;

const OPERATIONS: &str = "/v1/operations/get";

pub(crate) fn routes() -> Router<Engine> {
    Router::new()
        .route("/v1/balance/get", post(balance))
        .route(OPERATIONS, post(operations))
        .route("/v1/operations/get-by-payment", post(by_payment))
}

async fn operations(call: Call) -> Response {
    call.answer(|engine, document| {
        let asker = Asker::of(engine.config(), document)?;
        let wanted = Operations::read(&asker, document)?;
        let all = engine.operations(&Filter::default(), Paging::ALL).items;
        // Oldest first: new operations do not move those that have been read.
        let found = all.iter().rev().filter(|operation| wanted.wants(operation));
        let page = found.skip(wanted.offset).take(wanted.limit);
        let answer = signed_rows(&asker, page.map(|operation| wanted.form.row(operation)));
        let project = wanted.projects.first().filter(|_| wanted.projects.len() == 1);
        let page = wanted.destination.map(|url| Page {
            about: (project.copied(), None),
            path: OPERATIONS,
            url,
            body: answer.clone(),
            key: asker.key.clone(),
        });
        Ok(Done::answered(answer).delivering(page))
    })
    .await
}

async fn by_payment(call: Call) -> Response {
    call.answer(|engine, document| {
        let asker = Asker::of(engine.config(), document)?;
        let wanted = ByPayment::read(&asker, document)?;
        if engine.has_forgotten(wanted.project, &wanted.payment_id) {
            return Ok(Done::forgotten());
        }
        let payment = engine.payment(wanted.project, &wanted.payment_id);
        let payment = payment.ok_or_else(|| Refusal::not_found("payment_id"))?;
        let rows = payment.operations.iter();
        Ok(Done::answered(signed_rows(&asker, rows.map(|operation| wanted.form.row(operation)))))
    })
    .await
}

async fn balance(call: Call) -> Response {
    call.answer(|engine, document| {
        let asker = Asker::of(engine.config(), document)?;
        let mut entries = Vec::new();
        for project in asker.projects(document)? {
            for money in engine.balances(project) {
                let currency = money.currency().code();
                let mut entry = Map::new();
                entry.insert("name".to_owned(), format!("{project}_{currency}").into());
                entry.insert(currency.to_owned(), money.minor().to_string().into());
                entries.push(Value::Object(entry));
            }
        }
        Ok(Done::answered(tamper::signed_again(json!({"balance": entries}), asker.key)))
    })
    .await
}

fn signed_rows(asker: &Asker<'_>, rows: impl Iterator<Item = Value>) -> String {
    let rows: Vec<Value> = rows.collect();
    tamper::signed_again(json!({"operations": rows}), asker.key)
}

impl Operations {
    fn wants(&self, operation: &OperationView) -> bool {
        self.projects.contains(&operation.project_id)
            && self.from.is_none_or(|from| operation.created >= from)
            && self.to.is_none_or(|to| operation.created <= to)
            && self.types.as_ref().is_none_or(|types| types.iter().any(|t| t == operation.kind))
    }
}

impl request::Form {
    fn row(&self, operation: &OperationView) -> Value {
        Row::of(operation, &self.zone).json(self.fields.as_deref())
    }
}
