//! What a method's tables have a minus for, no command offers.

use ecp_core::Currency;
use ecp_methods::spec::Interface;
use ecp_methods::{DynMethod, MethodSpec, Operation, Registry};

use crate::support::{ecp, stderr, stdout};

/// The commands send through Gate, and open the Payment Page.
fn offers(spec: &MethodSpec, flow: Operation, interface: Interface) -> bool {
    spec.rule(flow).is_some_and(|rule| rule.interfaces().contains(&interface))
}

#[test]
fn commands_do_what_the_tables_have_and_refuse_the_rest_before_anything_is_sent() {
    let folder = tempfile::tempdir().unwrap();
    let table = [
        (Operation::SALE, "sale", Interface::Gate),
        (Operation::PAYOUT, "payout", Interface::Gate),
        (Operation::REFUND, "refund", Interface::Gate),
        (Operation::SALE, "page-url", Interface::PaymentPage),
    ];
    for method in Registry::builtin().iter() {
        let spec = method.spec();
        for (flow, command, interface) in table {
            let mut arguments = vec![command.to_owned(), spec.code().to_owned(), "X-1".to_owned()];
            if flow != Operation::REFUND {
                let currency = spec.currencies()[0];
                let rule = spec.flows().chain([flow]).filter_map(|flow| spec.rule(flow)).last();
                let rule = rule.unwrap();
                arguments.push(rule.example_amount(currency).to_string());
            }
            let currency = spec.currencies_of(flow).first().copied();
            for (field, example) in spec.example_values(flow, currency, |_| None) {
                arguments.extend(["--field".to_owned(), format!("{field}={example}")]);
            }
            // Nothing listens there.
            arguments.extend(["--gate-url".to_owned(), "http://127.0.0.1:1".to_owned()]);
            let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
            let output = ecp(folder.path(), &arguments).output().unwrap();
            let name = format!("{} {command}: {}", spec.code(), stderr(&output));
            let is_refused = stderr(&output).contains("does not have this operation")
                || stderr(&output).contains("this flow on ");
            assert_eq!(!is_refused, offers(spec, flow, interface), "{name}");
            if !is_refused && command != "page-url" {
                assert!(stdout(&output).contains("not sent: cannot connect"), "{name}");
            }
        }
    }
}

#[test]
fn a_template_has_the_operations_of_the_tables() {
    let folder = tempfile::tempdir().unwrap();
    for method in Registry::builtin().iter() {
        let spec = method.spec();
        let output = ecp(folder.path(), &["payouts", "template", spec.code()]).output().unwrap();
        let flows = [Operation::PAYOUT, Operation::REFUND];
        for flow in flows {
            let has = stdout(&output).contains(&format!("\n{flow};1;"));
            assert_eq!(has, offers(spec, flow, Interface::Gate), "{} {flow}", spec.code());
        }
        let none = flows.iter().all(|&flow| spec.rule(flow).is_none());
        assert_eq!(output.status.code(), Some(i32::from(none)), "{}", stderr(&output));
    }
}

#[test]
fn methods_are_narrowed_by_country_currency_operation_and_certainty() {
    let folder = tempfile::tempdir().unwrap();
    let codes = |arguments: &[&str]| {
        let all = [&["methods", "--json"], arguments].concat();
        let output = ecp(folder.path(), &all).output().unwrap();
        let methods: serde_json::Value = serde_json::from_str(stdout(&output)).unwrap();
        let codes = methods.as_array().unwrap().iter().map(|one| one["code"].to_string());
        codes.collect::<Vec<_>>().join(" ").replace('"', "")
    };
    let registry = Registry::builtin();
    let fitting = |fits: &dyn Fn(&MethodSpec) -> bool| {
        let specs = registry.iter().map(DynMethod::spec).filter(|spec| fits(spec));
        specs.map(MethodSpec::code).collect::<Vec<_>>().join(" ")
    };
    let in_japan = fitting(&|spec| spec.regions().include("JP") == Some(true));
    let in_ringgit = fitting(&|spec| spec.currencies().contains(&Currency::MYR));
    let with_payouts = fitting(&|spec| spec.rule(Operation::PAYOUT).is_some());
    let is_documented =
        |spec: &MethodSpec| spec.certainty().is_some_and(|sure| sure.to_string() == "documents");
    let documented = fitting(&|spec| spec.rule(Operation::PAYOUT).is_some() && is_documented(spec));
    let refunded = fitting(&|spec| {
        spec.regions().include("IN") == Some(true)
            && spec.rule(Operation::REFUND).is_some()
            && spec.currencies().contains(&Currency::INR)
    });
    for (arguments, expected) in [
        (&["--country", "jp"][..], in_japan),
        (&["--currency", "MYR"], in_ringgit),
        (&["--operation", "payout"], with_payouts),
        (&["--country", "IN", "--currency", "INR", "--operation", "refund"], refunded),
        (&["--operation", "payout", "--certainty", "documents"], documented),
    ] {
        assert!(!expected.is_empty());
        assert_eq!(codes(arguments), expected, "{arguments:?}");
    }
    for (arguments, error) in [
        (&["--currency", "CHF"][..], "no method has currency CHF"),
        (&["--operation", "dance"], "no method has operation dance"),
        (
            &["--currency", "MYR", "--operation", "refund"],
            "no method fits all filters; if one filter is left out: 1 method without operation refund, ",
        ),
        (&["--country", "India"], "must be two letters (ISO 3166-1), as in IN"),
    ] {
        let all = [&["methods"], arguments].concat();
        let output = ecp(folder.path(), &all).output().unwrap();
        assert!(!output.status.success() && stderr(&output).contains(error), "{}", stderr(&output));
    }
}
