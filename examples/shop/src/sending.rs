//! From a form to a request that is sent at most once.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::SystemTime;

use ecp_core::{Money, PaymentId};
use ecp_inbox::sqlite::rusqlite::Connection;
use ecp_methods::request::{Field, PayoutRequest, RefundRequest, SaleRequest};
use ecp_methods::{DynMethod, Flow, Operation, Prepared, Refund, Rejection, Rule, prepare_dyn};
use ecp_transport::{Outcome, Wait};

use crate::orders::{self, Begun, Order, PAUSES, State};
use crate::{CUSTOMER, Error, Shop, seconds};

/// Result of a form.
pub(crate) enum Placed {
    /// An order was placed; its page shows more.
    Ordered(PaymentId),
    /// The order did not leave the shop. The same form can be sent again.
    NotSent,
    /// The customer must change something.
    Wrong(String),
}

impl Shop {
    /// Places the order of a form. The id is part of the form, so a form that is sent twice is one
    /// order.
    pub(crate) async fn place(
        &self,
        form: &HashMap<String, String>,
        address: IpAddr,
    ) -> Result<Placed, Error> {
        let (flow, method, id, amount) = match self.read_form(form) {
            Ok(read) => read,
            Err(error) => return Ok(Placed::Wrong(error.to_string())),
        };
        let Some(rule) = method.spec().rule(flow) else {
            return Ok(Placed::Wrong("there is no such offer".to_owned()));
        };
        let now = seconds(SystemTime::now());
        let order = Order {
            id: id.clone(),
            customer: CUSTOMER.to_owned(),
            flow,
            method: method.spec().code().to_owned(),
            amount,
            state: State::Pending,
            reason: None,
            step: None,
            refunds: 0,
            refund_request: None,
            since: now,
            ask_at: now + first_pause(rule),
        };
        let fields = self.fields(rule, &order, form, address);
        if flow == Operation::PAYOUT {
            let request = PayoutRequest::new(id, amount);
            let request = fields.fold(request, |request, (field, text)| request.field(field, text));
            self.begin(order, prepare_dyn(method, request)).await
        } else {
            let request = SaleRequest::new(id, amount);
            let request = fields.fold(request, |request, (field, text)| request.field(field, text));
            self.begin(order, prepare_dyn(method, request)).await
        }
    }

    fn read_form(
        &self,
        form: &HashMap<String, String>,
    ) -> Result<(Operation, &dyn DynMethod, PaymentId, Money), Error> {
        let text = |name: &str| form.get(name).map_or("", |value| value.trim());
        let flow = match text("flow") {
            "payout" => Operation::PAYOUT,
            _ => Operation::SALE,
        };
        let amount = match text("amount") {
            "" => "0", // the customer chooses it later, where the method has that
            amount => amount,
        };
        let amount = Money::from_decimal(amount, text("currency").parse()?)?;
        let method = self.settings.registry.get(text("method"))?;
        Ok((flow, method, PaymentId::new(text("id"))?, amount))
    }

    /// The method's required fields: known ones from the shop, the rest from the form.
    fn fields(
        &self,
        rule: &'static Rule,
        order: &Order,
        form: &HashMap<String, String>,
        address: IpAddr,
    ) -> impl Iterator<Item = (Field, String)> {
        // The customer's return proves nothing about the result.
        let back = format!("{}/orders/{}?back", self.settings.url, order.id);
        rule.needed_fields().iter().filter_map(move |&field| {
            let text = match field {
                Field::CUSTOMER_ID => order.customer.clone(),
                Field::CUSTOMER_IP_ADDRESS => address.to_string(),
                Field::DESCRIPTION => format!("Order {}", order.id),
                Field::RETURN_SUCCESS | Field::RETURN_DECLINE | Field::RETURN_NEUTRAL => {
                    back.clone()
                }
                asked => form.get(asked.path())?.trim().to_owned(),
            };
            Some((field, text))
        })
    }

    /// Stores the order, then sends it.
    async fn begin<F: Flow>(
        &self,
        order: Order,
        prepared: Result<Prepared<F>, Rejection>,
    ) -> Result<Placed, Error> {
        let prepared = match prepared {
            Ok(prepared) => prepared,
            Err(rejection) => return Ok(Placed::Wrong(rejection.to_string())),
        };
        let id = order.id.clone();
        match self.write(move |connection| order.begin(connection)).await? {
            Begun::Send => {}
            Begun::Before => return Ok(Placed::Ordered(id)),
            Begun::NoCredit => return Ok(Placed::Wrong("there is not that much credit".into())),
        }
        // A separate task: a customer who leaves does not stop it half-way.
        let shop = self.clone();
        tokio::spawn(async move { shop.send(prepared).await }).await?
    }

    async fn send<F: Flow>(&self, prepared: Prepared<F>) -> Result<Placed, Error> {
        let id = prepared.payment_id().clone();
        let Err(error) = self.settings.gate.send(&prepared).await else {
            return Ok(Placed::Ordered(id));
        };
        tracing::warn!(order = %id, %error, "a request was not accepted");
        let (state, reason) = match error.outcome() {
            // For example no connection, or a wrong key: the error says which.
            Outcome::NotSent => (State::Unsent, error.to_string()),
            Outcome::Refused { code, message } => (State::Refused, format!("{code} {message}")),
            // It may have arrived: the order stays pending, and its status will be requested.
            Outcome::Unknown => return Ok(Placed::Ordered(id)),
        };
        let change = move |order: &mut Order| {
            if order.state == State::Pending {
                order.go(state, Some(reason.clone()));
            }
        };
        self.change(id.clone(), change).await?;
        Ok(if state == State::Unsent { Placed::NotSent } else { Placed::Ordered(id) })
    }

    /// Refunds a paid sale in full, for methods that can. The order's page shows the result.
    pub(crate) async fn refund(&self, id: PaymentId) -> Result<(), Error> {
        let Some(order) = self.order(id.clone()).await? else { return Ok(()) };
        let method = self.settings.registry.get(&order.method)?;
        let Some(rule) = method.spec().rule(Operation::REFUND) else { return Ok(()) };
        let request = RefundRequest::full(id.clone())
            .with_merchant_refund_id(order.refund_id())
            .description(format!("Refund of order {id}"));
        let prepared = prepare_dyn(method, request)?;
        let now = seconds(SystemTime::now());
        let ask_at = now + first_pause(rule);
        let begun = move |connection: &Connection| {
            let Some(mut stored) = Order::load(connection, &order.id)? else { return Ok(false) };
            let credit = orders::balance(connection, &order.customer, order.amount.currency())?;
            let same_attempt = stored.refund_id() == order.refund_id();
            let paid = stored.flow == Operation::SALE && stored.state == State::Paid;
            if !paid || !same_attempt || credit.minor() < stored.amount.minor() {
                return Ok(false);
            }
            stored.go(State::Refunding, None);
            (stored.since, stored.ask_at) = (now, ask_at);
            stored.save(connection)?;
            Ok(true)
        };
        if self.write(begun).await? {
            let shop = self.clone();
            tokio::spawn(async move { shop.send_refund(prepared).await }).await??;
        }
        Ok(())
    }

    async fn send_refund(&self, prepared: Prepared<Refund>) -> Result<(), Error> {
        let sent = self.settings.gate.send(&prepared).await;
        self.change(prepared.payment_id().clone(), move |order| match &sent {
            // A callback was faster, and there may be another attempt by now.
            _ if order.state != State::Refunding => {}
            _ if prepared.get(Field::MERCHANT_REFUND_ID) != Some(&order.refund_id()) => {}
            Ok(accepted) => order.refund_request = Some(accepted.request_id.clone()),
            Err(error) => match error.outcome() {
                Outcome::Unknown => {}
                // Its id was not used, so the next attempt has the same.
                Outcome::NotSent => order.go(State::Paid, Some("no refund was sent".to_owned())),
                Outcome::Refused { code, .. } => {
                    order.refund_failed(format!("the refund was refused with code {code}"));
                }
            },
        })
        .await
    }
}

/// Whether the shop fills in a field by itself.
pub(crate) fn is_known(field: Field) -> bool {
    matches!(
        field,
        Field::CUSTOMER_ID
            | Field::CUSTOMER_IP_ADDRESS
            | Field::DESCRIPTION
            | Field::RETURN_SUCCESS
            | Field::RETURN_DECLINE
            | Field::RETURN_NEUTRAL
    )
}

/// Time to wait for callbacks before the status is requested, in seconds.
fn first_pause(rule: &Rule) -> i64 {
    Wait::by_rule(rule).first_pause().as_secs().cast_signed().min(PAUSES.1)
}
