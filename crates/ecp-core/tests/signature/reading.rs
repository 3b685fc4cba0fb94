//! One string, one reading: what a matching signature leaves open is found.

use ecp_core::json::{Document, Limits};
use ecp_core::signature::{self, Doubts, Match, Order, Rules, Strip};
use proptest::prelude::*;

use super::key;

fn doubts(json: &str, order: Order, strip: Strip) -> Doubts {
    let document =
        Document::parse(json.as_bytes(), Limits::default()).expect("the document is JSON");
    let found = Match { key: 0, order, strip };
    signature::doubts(&document, &found).expect("the document can be flattened")
}

fn ambiguous(json: &str) -> Vec<String> {
    doubts(json, Order::Natural, Strip::Everywhere).ambiguous
}

fn canonical(json: &str) -> String {
    let rules = Rules::private().allow_ambiguous();
    signature::canonical_string(json.as_bytes(), rules).expect("the document is signed")
}

/// The classes of collision that values can bring about, each as two documents of one string.
#[test]
fn of_two_documents_with_one_string_the_joined_one_is_in_doubt() {
    let table = [
        // An item swallowed by the text before it.
        (r#"{"a":"1","b":"2"}"#, r#"{"a":"1;b:2"}"#, "a"),
        // Several of them.
        (r#"{"a":"1","b":"2","c":"3"}"#, r#"{"a":"1;b:2;c:3"}"#, "a"),
        (r#"{"a":"1","b":"2","c":"3"}"#, r#"{"a":"1","b":"2;c:3"}"#, "b"),
        // A status out of a description, where the order allows it.
        (
            r#"{"payment":{"description":"d","status":"success"}}"#,
            r#"{"payment":{"description":"d;payment:status:success"}}"#,
            "payment.description",
        ),
        // From one object into another.
        (
            r#"{"account":{"number":"1"},"customer":{"id":"2"}}"#,
            r#"{"account":{"number":"1;customer:id:2"}}"#,
            "account.number",
        ),
        // Items of a list, and a value that is empty.
        (r#"{"l":["x","y"]}"#, r#"{"l":["x;l:1:y"]}"#, "l.0"),
        (r#"{"a":"","b":null}"#, r#"{"a":";b:"}"#, "a"),
        // A value that holds both separators stays whole in one reading and is cut in another.
        (r#"{"a":"1","b":"2;x"}"#, r#"{"a":"1;b:2;x"}"#, "a"),
        // A name that swallowed the item before.
        (r#"{"a":"x","b":"1"}"#, r#"{"a":{"x;b":"1"}}"#, "a.x;b"),
    ];
    for (split, joined, path) in table {
        assert_eq!(canonical(split), canonical(joined));
        assert_eq!(ambiguous(split), [""; 0], "{split}");
        assert_eq!(ambiguous(joined), [path], "{joined}");
    }
}

#[test]
fn a_separator_that_cannot_begin_an_item_leaves_no_doubt() {
    let table = [
        // No name and `:` follow at once.
        r#"{"a":"1;2","b":"3"}"#,
        r#"{"a":"x;","b":"1"}"#,
        r#"{"a":";","b":";;"}"#,
        r#"{"a":"1;:2"}"#,
        r#"{"m":"first; and a:second","z":"1"}"#,
        r#"{"payment":{"description":"Order 5; thank you","id":"X"}}"#,
        r#"{"payment":{"description":"Order 5; phone: 123","id":"X"}}"#,
        r#"{"payment":{"description":"size: M; colour: red","id":"X"}}"#,
        r#"{"a":"x;y z:1","b":"1"}"#,
        r#"{"a":"1:2:3","b":"http://x/?q=1"}"#,
        // A name that ends with the word of one that decides, and one that does not decide.
        r#"{"payment":{"idea":"1;2","grid":"1;2","statuses":"1;2","description":"1;2"}}"#,
    ];
    for json in table {
        assert_eq!(ambiguous(json), [""; 0], "{json}");
    }
    // Where it could stand there, it is in doubt, whatever it was meant for.
    assert_eq!(ambiguous(r#"{"a":"Declined; reason:funds","z":"1"}"#), ["a"]);
}

/// An item that was swallowed may belong before the text that swallowed it.
#[test]
fn an_item_inside_a_text_is_in_doubt_in_whatever_order_it_would_stand() {
    let table = [
        (r#"{"b":"1;a:2"}"#, "b"),
        (r#"{"zz":"x;payment:id:V"}"#, "zz"),
        (r#"{"payment":{"stz":";payment:id:V"}}"#, "payment.stz"),
        (r#"{"l":["x",{"m":"1;2;a:3"}]}"#, "l.1.m"),
        (r#"{"b":"x\u003ba:2"}"#, "b"),
        (r#"{"b":"x\u003ba\u003a2"}"#, "b"),
        (r#"{"b":";A9_.-:"}"#, "b"),
        (r#"{"b":";a::b:2"}"#, "b"),
        (r#"{"b:c":"1;a:2"}"#, "b..c"),
        (r#"{"b;a":"1"}"#, "b;a"),
        (r#"{"b":{"\u003b":1}}"#, "b.;"),
        // What the order alone finds: a name of other characters.
        (r#"{"a":"1;größe:2"}"#, "a"),
        (r#"{"a":"1;b c:2"}"#, "a"),
    ];
    for (json, path) in table {
        for &order in Order::ALL {
            for strip in [Strip::Everywhere, Strip::Own] {
                assert_eq!(doubts(json, order, strip).ambiguous, [path], "{json}");
            }
        }
    }
}

#[test]
fn a_member_that_decides_holds_no_separator() {
    let names = ["id", "status", "type", "method", "amount", "currency", "payment_id", "sum_type"];
    for name in names {
        let json = format!(r#"{{"payment":{{"{name}":"VICTIM;"}},"z":"1;2"}}"#);
        assert_eq!(ambiguous(&json), [format!("payment.{name}")], "{json}");
    }
}

/// Each of them would be compared as far as the next, which could take very long.
#[test]
fn a_text_with_more_separators_than_any_path_has_is_in_doubt() {
    // `+` cannot stand after `b`, and is no name.
    let text = |colons: usize| format!(r#"{{"b":"x;{}"}}"#, "+:".repeat(colons));
    assert_eq!(ambiguous(&text(64)), [""; 0]);
    assert_eq!(ambiguous(&text(65)), ["b"]);
}

#[test]
fn members_that_no_signature_covers_are_listed() {
    let json = r#"{"signature":"s","general":{"signature":"s"},"frame_mode":"popup",
        "redirect_data":{"body":{"signature":"p"}},"payment":{"frame_mode":1,"id":"x"}}"#;
    let mut found = doubts(json, Order::Natural, Strip::Everywhere).uncovered;
    found.sort_unstable();
    // The signature that is checked is the root's.
    let own = ["frame_mode", "general.signature", "payment.frame_mode"];
    assert_eq!(found, [&own[..], &["redirect_data.body.signature"]].concat());
    let mut found = doubts(json, Order::Natural, Strip::Own).uncovered;
    found.sort_unstable();
    assert_eq!(found, own);
}

/// However its name is written, and wherever it stands: at the very end of the document too.
#[test]
fn one_member_that_no_signature_covers_is_found() {
    let table = [
        (r#"{"signature":"s","a":{"frame_mode":1}}"#, "a.frame_mode"),
        (r#"{"signature":"s","a":{"frame\u005fmode":1}}"#, "a.frame_mode"),
        (r#"{"signature":"s","a":{"signature":1}}"#, "a.signature"),
        (r#"{"signature":"s","a":{"\u0073ignature":1}}"#, "a.signature"),
        (r#"{"\u0073ignature":"s","a":[{"signatur\u0065":1}]}"#, "a.0.signature"),
        (r#"{"a":"s","frame_mode":1}"#, "frame_mode"),
    ];
    for (json, path) in table {
        assert_eq!(doubts(json, Order::Natural, Strip::Everywhere).uncovered, [path], "{json}");
    }
    for json in [r#"{"signature":"s","signatures":1}"#, r#"{"general":{"signature":"s"}}"#] {
        assert_eq!(doubts(json, Order::Natural, Strip::Everywhere).uncovered, [""; 0], "{json}");
    }
}

#[test]
fn however_many_members_are_not_covered_some_are_enough() {
    let many: Vec<String> =
        (0..5000).map(|number| format!(r#""k{number}":{{"frame_mode":1}}"#)).collect();
    let json = format!("{{{}}}", many.join(","));
    assert_eq!(doubts(&json, Order::Natural, Strip::Everywhere).uncovered.len(), 16);
}

#[test]
fn of_two_signatures_the_one_in_general_is_not_covered() {
    let table = [
        (r#"{"signature":"s","general":{"signature":"g"}}"#, &["general.signature"][..]),
        (r#"{"general":{"signature":"g"},"signature":"s"}"#, &["general.signature"]),
        (r#"{"general":{"signature":"g"}}"#, &[]),
        (r#"{"signature":"s","general":{}}"#, &[]),
        (r#"{"signature":"s","x":{"general":{"signature":"g"}}}"#, &["x.general.signature"]),
        (
            r#"{"general":{"signature":"g","general":{"signature":1}}}"#,
            &["general.general.signature"],
        ),
    ];
    for (json, uncovered) in table {
        let found = doubts(json, Order::Natural, Strip::Everywhere).uncovered;
        assert_eq!(found, uncovered, "{json}");
    }
}

#[test]
fn a_deeper_signature_may_be_signed_or_not() {
    let body = r#"{"payment":{"id":"1"},"redirect_data":{"body":{"signature":"provider"}}"#;
    let without = format!(r#"{body},"signature":"{}"}}"#, sign("payment:id:1"));
    let found = signature::verify(&[key("reading")], without.as_bytes()).unwrap();
    assert_eq!(found.strip, Strip::Everywhere);
    let with = sign("payment:id:1;redirect_data:body:signature:provider");
    let with = format!(r#"{body},"signature":"{with}"}}"#);
    let found = signature::verify(&[key("reading")], with.as_bytes()).unwrap();
    assert_eq!(found.strip, Strip::Own);
    let forged = with.replace("provider", "another");
    assert!(signature::verify(&[key("reading")], forged.as_bytes()).is_err());
}

fn sign(canonical: &str) -> String {
    super::hmac_of("reading", canonical)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..<_>::default() })]

    /// Whatever two neighbours are joined, the result is in doubt; and before it was not.
    #[test]
    fn joining_any_two_neighbours_is_found(
        members in proptest::collection::btree_map("[a-z]{1,4}", "[a-z0-9: ]{0,6}", 2..8),
        at in any::<prop::sample::Index>(),
    ) {
        let members: Vec<(String, String)> = members.into_iter().collect();
        let json = |members: &[(String, String)]| {
            let map: serde_json::Map<String, serde_json::Value> =
                members.iter().map(|(name, text)| (name.clone(), text.clone().into())).collect();
            serde_json::to_string(&map).unwrap()
        };
        prop_assert!(ambiguous(&json(&members)).is_empty());

        let at = at.index(members.len() - 1);
        let mut joined = members.clone();
        let (name, text) = joined.remove(at + 1);
        joined[at].1 = [&joined[at].1, ";", &name, ":", &text].concat();
        prop_assert_eq!(canonical(&json(&members)), canonical(&json(&joined)));
        prop_assert_eq!(ambiguous(&json(&joined)), [members[at].0.clone()]);
    }
}
