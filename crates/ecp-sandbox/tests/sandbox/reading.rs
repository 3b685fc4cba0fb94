use std::time::Duration;

use ecp_methods::Operation;
use ecp_sandbox::{Config, Decision, EventKind, Filter, InvalidBody, Paging};
use serde_json::Value;

use crate::local::{Local, START, id, project};
use crate::support::{PAYOUT, SALE};

/// Six payments a minute apart, sales and payouts in turn, every third declined by its amount.
async fn six() -> Local {
    let local = Local::new();
    for number in 1..=6 {
        let amount = if number % 3 == 0 { 40_000 } else { 10_000 };
        let path = if number % 2 == 0 { PAYOUT } else { SALE };
        local.send(path, Local::document(&format!("Order-{number}"), amount)).await;
        let waits = local.choose(&format!("Order-{number}"), Decision::Success);
        assert_eq!(waits, path == SALE, "only a sale waits for the customer");
        local.advance(Duration::from_mins(1)).await;
    }
    local
}

fn found(local: &Local, filter: &Filter) -> String {
    let listed = local.sandbox.payments(filter, Paging::ALL);
    assert_eq!(listed.items.len(), listed.total);
    let number = |payment: &ecp_sandbox::PaymentView| payment.number.to_string();
    listed.items.iter().map(number).collect::<Vec<String>>().join(" ")
}

#[tokio::test]
async fn payments_are_found_by_everything_that_a_filter_names() {
    let local = six().await;
    let all = Filter::new;
    let start = START.parse::<ecp_core::Timestamp>().unwrap().unix_seconds();
    let minute = |number: i64| ecp_core::Timestamp::from_unix_seconds(start + 60 * number).unwrap();
    let table = [
        (all(), "6 5 4 3 2 1"),
        (all().project(Config::DEMO_PROJECT), "6 5 4 3 2 1"),
        (all().project(project(2)), ""),
        (all().text("ORDER-5"), "5"),
        (all().status("decline"), "6 3"),
        (all().kind(Operation::PAYOUT), "6 4 2"),
        (all().method("jeton").kind(Operation::SALE), "5 3 1"),
        (all().method("eco-voucher"), ""),
        (all().from(minute(1)).to(minute(3)), "4 3 2"),
    ];
    for (filter, numbers) in table {
        assert_eq!(found(&local, &filter), numbers, "{filter:?}");
    }
    let page = local.sandbox.payments(&all(), Paging { offset: 4, limit: 5 });
    assert_eq!((page.items[0].number, page.items.len(), page.total), (2, 2, 6));
    let declined = all().status("decline").kind(Operation::SALE);
    let operations = local.sandbox.operations(&declined, Paging::default());
    assert_eq!((operations.total, operations.items[0].kind), (1, "sale"));
}

#[tokio::test]
async fn a_timeline_holds_every_message_of_a_payment_and_explains_its_signatures() {
    let local = six().await;
    let timeline = local.sandbox.timeline(Config::DEMO_PROJECT, &id("Order-1"));
    let names: Vec<&str> = timeline.iter().map(|event| event.kind.name()).collect();
    assert_eq!(
        names,
        [
            "request_received",
            "payment_changed",
            "response_sent",
            "payment_changed",
            "callback_attempted",
            "customer_decided",
            "payment_changed",
            "callback_attempted",
        ]
    );
    for event in &timeline {
        let (EventKind::RequestReceived { body, .. } | EventKind::CallbackAttempted { body, .. }) =
            &event.kind
        else {
            continue;
        };
        let note = local.sandbox.explain(Config::DEMO_PROJECT, body).unwrap();
        assert!(note.matches() && note.canonical.contains("Order-1"));
    }
    let EventKind::CallbackAttempted { reply, .. } = &timeline[4].kind else {
        panic!("{:?}", timeline[4])
    };
    assert_eq!(reply.text(), "OK");
    assert!(local.sandbox.timeline(project(2), &id("Order-1")).is_empty());
}

#[tokio::test]
async fn a_printed_payment_names_no_person() {
    let local = six().await;
    let printed = format!("{:?}", local.payment("Order-2"));
    assert!(printed.contains("Order-2") && !printed.contains("1780597"), "{printed}");
    assert!(!printed.contains("93017949"), "{printed}");
}

#[tokio::test]
async fn a_callback_of_ones_own_making_is_sent_signed_or_as_it_is() {
    let local = six().await;
    local.received();
    let send = |id_: &str, body: &str, signed| {
        local.sandbox.send_callback(Config::DEMO_PROJECT, &id(id_), body.to_owned(), signed)
    };
    let body = r#"{"signature":"old","payment":{"id":"Order-1","status":"refunded"}}"#;
    send("Order-1", body, true).unwrap();
    local.sandbox.settled().await;
    assert_eq!(local.statuses(), ["refunded"]);
    send("Order-1", "no JSON at all", false).unwrap();
    local.sandbox.settled().await;
    assert_eq!(local.received(), ["no JSON at all"]);
    assert_eq!(send("Order-1", "no JSON at all", true), Err(InvalidBody));
    assert_eq!(send("Order-1", "[1]", true), Err(InvalidBody));
    assert_eq!(send("Order-9", body, true), Err(InvalidBody));
    assert_eq!(local.payment("Order-1").callbacks, 4);
}

#[tokio::test]
async fn events_are_lines_of_json_that_can_be_read_back() {
    let local = six().await;
    let mut names = std::collections::BTreeSet::new();
    for event in local.sandbox.events() {
        let line: Value = serde_json::from_str(&event.to_json()).unwrap();
        assert_eq!(line["sequence"], event.sequence);
        assert_eq!(line["event"], event.kind.name());
        names.insert(line["event"].as_str().unwrap().to_owned());
    }
    assert!(names.len() >= 5, "{names:?}");
}
