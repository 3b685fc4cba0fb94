//! Whatever people do and whatever goes wrong, some things hold.

use std::collections::HashMap;
use std::time::Duration;

use ecp_core::model::PaymentStatus;
use ecp_methods::Operation;
use ecp_sandbox::{Config, Decision, EventKind, Fault, FaultRule, Filter, Paging};
use http::StatusCode;
use proptest::prelude::*;

use crate::local::{Local, id};
use crate::support::{PAYOUT, SALE, signed, verify};

#[derive(Clone, Debug)]
enum Act {
    Sale(u8, i64),
    Payout(u8, i64),
    Decide(u8, bool),
    Release(u8),
    Resend(u8, u32),
    Advance(u64),
    Answer(bool),
    Fault(u8),
}

fn act() -> impl Strategy<Value = Act> {
    let payment = 0_u8..6;
    let amount = prop_oneof![Just(10_000), Just(40_000), Just(1), 100..2_000_i64];
    prop_oneof![
        3 => (payment.clone(), amount.clone()).prop_map(|(payment, amount)| Act::Sale(payment, amount)),
        2 => (payment.clone(), amount).prop_map(|(payment, amount)| Act::Payout(payment, amount)),
        4 => (payment.clone(), any::<bool>()).prop_map(|(payment, yes)| Act::Decide(payment, yes)),
        1 => payment.clone().prop_map(Act::Release),
        1 => (payment, 1_u32..4).prop_map(|(payment, callback)| Act::Resend(payment, callback)),
        2 => (0_u64..5_000).prop_map(Act::Advance),
        1 => any::<bool>().prop_map(Act::Answer),
        1 => (0_u8..8).prop_map(Act::Fault),
    ]
}

fn fault(number: u8) -> FaultRule {
    let second = Duration::from_secs(1);
    FaultRule::new(match number {
        0 => Fault::DelayCallback(90 * second),
        1 => Fault::DropAnswer { registered: true },
        2 => Fault::DropAnswer { registered: false },
        3 => Fault::DuplicateCallback { copies: 2 },
        4 => Fault::LoseCallback,
        5 => Fault::ReorderCallback,
        6 => Fault::ServerError { status: 503, registered: true },
        _ => Fault::StalePayment,
    })
    .percent(50)
    .times(3)
}

async fn live(acts: &[Act]) -> Local {
    let local = Local::new();
    let name = |payment: u8| format!("X{payment}");
    for act in acts {
        match act {
            Act::Sale(payment, amount) | Act::Payout(payment, amount) => {
                let path = if matches!(act, Act::Sale(..)) { SALE } else { PAYOUT };
                let request = signed(Local::document(&name(*payment), *amount)).to_string();
                let _ = local.call("POST", path, &request).await;
            }
            Act::Decide(payment, yes) => {
                let decision = if *yes { Decision::Success } else { Decision::Decline };
                let _ = local.choose(&name(*payment), decision);
            }
            Act::Release(payment) => {
                let _ = local.sandbox.release(Config::DEMO_PROJECT, &id(&name(*payment)));
            }
            Act::Resend(payment, callback) => {
                let payment = id(&name(*payment));
                let _ = local.sandbox.resend_callback(Config::DEMO_PROJECT, &payment, *callback);
            }
            Act::Advance(seconds) => local.advance(Duration::from_secs(*seconds)).await,
            Act::Answer(well) => {
                local.answer(if *well { StatusCode::OK } else { StatusCode::BAD_GATEWAY });
            }
            Act::Fault(number) => {
                local.sandbox.add_fault(fault(*number));
            }
        }
        local.sandbox.settled().await;
    }
    local.advance(Duration::from_hours(12 * 24)).await;
    local
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, ..ProptestConfig::default() })]

    #[test]
    fn ends_are_final_money_adds_up_and_every_callback_is_genuine(
        acts in proptest::collection::vec(act(), 1..40),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let local = runtime.block_on(live(&acts));
        for body in local.received() {
            verify(&body);
        }
        let mut last: HashMap<_, PaymentStatus> = HashMap::new();
        for event in local.sandbox.events() {
            let EventKind::PaymentChanged(status) = event.kind else { continue };
            let before = last.insert(event.payment_id.unwrap(), status);
            prop_assert!(before.is_none_or(|before| !before.is_final()));
        }
        let mut balance = 1_000_000_000;
        let payments = local.sandbox.payments(&Filter::default(), Paging::ALL).items;
        for payment in &payments {
            // After twelve days everything that is not held was paid, declined or cut off.
            prop_assert_eq!(payment.ended.is_some(), !payment.held);
            prop_assert_eq!(&last[&payment.payment_id], &payment.status);
            if payment.status == PaymentStatus::Success {
                let minor = payment.amount.minor();
                balance += if payment.kind == Operation::SALE { minor } else { -minor };
            }
        }
        let balances = local.sandbox.balances(Config::DEMO_PROJECT);
        prop_assert!(balances.first().is_none_or(|money| money.minor() == balance));
        prop_assert_eq!(balances.is_empty(), payments.is_empty());
    }
}
