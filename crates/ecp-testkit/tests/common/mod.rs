//! What the tests of sending send, and how patiently.

use std::time::Duration;

use ecp_core::PaymentId;
use ecp_methods::request::{Account, Customer, PayoutRequest};
use ecp_methods::{Jeton, Payout, Prepared, prepare};
use ecp_transport::{RetryPolicy, SendPolicy};

pub(crate) const SHORT: Duration = Duration::from_millis(200);

pub(crate) fn payout(id: &str) -> Prepared<Payout> {
    let request = PayoutRequest::new(PaymentId::new(id).unwrap(), "300.00 EUR".parse().unwrap())
        .customer(Customer::new().ip_address("192.0.2.1"))
        .account(Account::new().number("93017949"));
    prepare(&Jeton, request).unwrap()
}

pub(crate) fn policy() -> SendPolicy {
    let retry = RetryPolicy::new()
        .deadline(Duration::from_secs(10))
        .pauses(Duration::from_millis(5), Duration::from_millis(20));
    SendPolicy::new().not_found_after(SHORT).retry(retry)
}
