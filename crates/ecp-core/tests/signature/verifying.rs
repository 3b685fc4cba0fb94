use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ecp_core::json::{Document, Limits};
use ecp_core::signature::{self, CanonicalError, Match, Order, SigningKey, VerifyError};

use super::{as_php, hmac_of, key, with_signature};

#[test]
fn signatures_made_in_the_orders_of_other_sdks_match_and_say_so() {
    let digits = r#"{"a2":1,"a10":2}"#;
    let prefix = r#"{"address":"x","address2":"y"}"#;
    let long_list = r#"{"l":[0,1,2,3,4,5,6,7,8,9,10]}"#;
    let all = r#"{"b":{"a2":1,"a10":2},"address2":"y","address":"x"}"#;
    let table = [
        (digits, Order::Natural, "a2:1;a10:2"),
        // Whole items sort the same here; the order that is tried first is reported.
        (digits, Order::KeyPath, "a10:2;a2:1"),
        (prefix, Order::Natural, "address:x;address2:y"),
        (prefix, Order::WholeItem, "address2:y;address:x"),
        (
            long_list,
            Order::Natural,
            "l:0:0;l:1:1;l:2:2;l:3:3;l:4:4;l:5:5;l:6:6;l:7:7;l:8:8;l:9:9;l:10:10",
        ),
        (
            long_list,
            Order::KeyPath,
            "l:0:0;l:1:1;l:10:10;l:2:2;l:3:3;l:4:4;l:5:5;l:6:6;l:7:7;l:8:8;l:9:9",
        ),
        (
            long_list,
            Order::WholeItem,
            "l:0:0;l:10:10;l:1:1;l:2:2;l:3:3;l:4:4;l:5:5;l:6:6;l:7:7;l:8:8;l:9:9",
        ),
        (all, Order::Natural, "address:x;address2:y;b:a2:1;b:a10:2"),
        (all, Order::KeyPath, "address:x;address2:y;b:a10:2;b:a2:1"),
        (all, Order::WholeItem, "address2:y;address:x;b:a10:2;b:a2:1"),
    ];
    for (document, order, canonical) in table {
        let body = with_signature(document, &hmac_of("secret", canonical));
        let found = signature::verify(&[key("other"), key("secret")], body.as_bytes());
        assert_eq!(
            found,
            Ok(Match { key: 1, order, strip: ecp_core::signature::Strip::Everywhere }),
            "{canonical}"
        );
    }
    let reversed = with_signature(all, &hmac_of("secret", "b:a10:2;b:a2:1;address2:y;address:x"));
    let found = signature::verify(&[key("secret")], reversed.as_bytes());
    assert_eq!(found, Err(VerifyError::NoMatch));
}

#[test]
fn keys_may_stand_anywhere_and_are_counted_as_they_come() {
    let keys: BTreeMap<&str, Vec<SigningKey>> = BTreeMap::from([
        ("one", vec![key("a"), key("b")]),
        ("three", vec![key("d")]),
        ("two", vec![key("c"), key("b")]),
    ]);
    // The key that signed, its first place among all and among those of `two`.
    for (signer, among_all, in_two) in
        [("a", Some(0), None), ("b", Some(1), Some(1)), ("c", Some(3), Some(0)), ("e", None, None)]
    {
        let body = with_signature(r#"{"a":1}"#, &hmac_of(signer, "a:1"));
        let document = Document::parse(body.as_bytes(), Limits::default()).unwrap();
        let expected = |place: Option<usize>| {
            place
                .map(|key| Match {
                    key,
                    order: Order::Natural,
                    strip: ecp_core::signature::Strip::Everywhere,
                })
                .ok_or(VerifyError::NoMatch)
        };
        let found = signature::verify_document(keys.values().flatten(), &document);
        assert_eq!(found, expected(among_all), "{signer}");
        let two = keys.iter().filter(|(name, _)| **name == "two").flat_map(|(_, keys)| keys);
        assert_eq!(signature::verify_document(two, &document), expected(in_two), "{signer}");
        assert_eq!(signature::verify_document(&keys["two"], &document), expected(in_two));
        let found = signature::verify_document([], &document);
        assert_eq!(found, Err(VerifyError::NoMatch));
    }
    // Each key is tried in one order before any is tried in the next.
    let body = with_signature(r#"{"a2":1,"a10":2}"#, &hmac_of("secret", "a10:2;a2:1"));
    let document = Document::parse(body.as_bytes(), Limits::default()).unwrap();
    let keys = [key("another"), key("secret")];
    let found = signature::verify_document(keys.iter().chain(&keys), &document);
    assert_eq!(
        found,
        Ok(Match { key: 1, order: Order::KeyPath, strip: ecp_core::signature::Strip::Everywhere })
    );
}

#[test]
fn a_signature_is_read_after_its_escapes_are_decoded() {
    let signature = hmac_of("secret", "payment:id:1");
    let escaped = signature.replace('/', "\\/").replace('+', "\\u002b").replace('=', "\\u003D");
    assert_ne!(signature, escaped);
    let body = with_signature(r#"{"payment":{"id":1}}"#, &escaped);
    assert!(signature::verify(&[key("secret")], body.as_bytes()).is_ok());
}

/// Why a body is refused by whoever holds the key `secret`.
fn refusal(body: impl AsRef<[u8]>) -> String {
    match signature::verify(&[key("secret")], body.as_ref()) {
        Ok(found) => format!("{found:?}"),
        Err(error) => error.to_string(),
    }
}

/// The signature that fits `{"a":1}`.
fn good() -> String {
    hmac_of("secret", "a:1")
}

#[test]
fn the_documents_below_are_refused_for_nothing_but_their_flaws() {
    for body in [
        format!(r#"{{"a":1,"signature":"{}"}}"#, good()),
        format!(r#"{{"a":1,"general":{{"signature":"{}"}}}}"#, good()),
    ] {
        assert_eq!(refusal(body), "Match { key: 0, order: Natural, strip: Everywhere }");
    }
}

#[test]
fn a_body_without_a_signature_is_refused() {
    let table = [
        r#"{"a":1}"#.to_owned(),
        "{}".to_owned(),
        r#"{"a":1,"general":{}}"#.to_owned(),
        r#"{"a":1,"general":"signature"}"#.to_owned(),
        format!(r#"{{"a":1,"b":{{"signature":"{}"}}}}"#, good()),
        format!(r#"{{"a":1,"general":[{{"signature":"{}"}}]}}"#, good()),
        format!(r#"{{"a":1,"Signature":"{}"}}"#, good()),
    ];
    for body in table {
        assert_eq!(
            refusal(&body),
            "no signature: neither `signature` nor `general.signature` is there",
            "{body}"
        );
    }
}

/// The place at the root counts as soon as something stands there, whatever `general` holds.
#[test]
fn a_signature_that_is_no_text_is_refused_with_its_place() {
    let good = good();
    let table = [
        (r#""signature":null"#.to_owned(), "`signature`", "null"),
        (format!(r#""signature":null,"general":{{"signature":"{good}"}}"#), "`signature`", "null"),
        (r#""signature":0"#.to_owned(), "`signature`", "a number"),
        (r#""signature":true"#.to_owned(), "`signature`", "a boolean"),
        (format!(r#""signature":["{good}"]"#), "`signature`", "a list"),
        (format!(r#""signature":{{"0":"{good}"}}"#), "`signature`", "an object"),
        (r#""general":{"signature":null}"#.to_owned(), "`general.signature`", "null"),
        (r#""general":{"signature":{}}"#.to_owned(), "`general.signature`", "an object"),
    ];
    for (member, path, found) in table {
        let body = format!("{{\"a\":1,{member}}}");
        assert_eq!(
            refusal(&body),
            format!("the signature {path} must be a string, found {found}"),
            "{body}"
        );
    }
}

#[test]
fn a_signature_in_anything_but_plain_base64_is_refused() {
    let good = good();
    // The last character before the padding holds two bits of the signature and four zeros.
    let (text, last) = good.trim_end_matches('=').split_at(85);
    let unused_bits = format!("{text}{}==", char::from(last.as_bytes()[0] + 1));
    let url_safe = good.replace('+', "-").replace('/', "_");
    let form = good.replace('+', " ");
    assert!(url_safe != good && form != good, "the key is chosen so that these differ");

    let table = [
        ("empty", String::new()),
        ("a character short", good[1..].to_owned()),
        ("63 bytes", STANDARD.encode([0; 63])),
        ("66 bytes", STANDARD.encode([0; 66])),
        ("no padding", good.trim_end_matches('=').to_owned()),
        ("half the padding", good[..87].to_owned()),
        ("too much padding", format!("{good}=")),
        ("bits that must be zero", unused_bits),
        ("a line break at the end", format!("{good}\\n")),
        ("a space before", format!(" {good}")),
        ("a space inside", format!("{} {}", &good[..40], &good[40..])),
        ("spaces for plus signs, as forms have them", form),
        ("the URL alphabet", url_safe),
        ("hexadecimal", "0123456789abcdef".repeat(8)),
        ("a NUL at the end", format!("{good}\\u0000")),
    ];
    for (what, signature) in table {
        let body = with_signature(r#"{"a":1}"#, &signature);
        assert_eq!(refusal(body), "the signature is not 88 characters of Base64", "{what}");
    }
}

#[test]
fn a_member_that_appears_twice_is_refused_with_its_place() {
    let table = [
        (r#"{"a":1,"a":1}"#, "a"),
        (r#"{"a":1,"\u0061":1}"#, "a"),
        (r#"{"a":1,"b":[{},{"c":[],"c":[]}]}"#, "b.1.c"),
        (r#"{"a":1,"frame_mode":1,"frame_mode":2}"#, "frame_mode"),
        (r#"{"a":1,"signature":"second"}"#, "signature"),
        (r#"{"a":1,"general":{"signature":"x","signature":"x"}}"#, "general.signature"),
    ];
    for (document, path) in table {
        let body = with_signature(document, &good());
        assert_eq!(
            refusal(&body),
            format!("`{path}` appears twice; an object may have a member only once"),
            "{body}"
        );
    }
}

#[test]
fn another_document_or_key_does_not_match() {
    let table = [
        with_signature(r#"{"a":2}"#, &good()),
        with_signature(r#"{"a":-1}"#, &good()),
        with_signature(r#"{"A":1}"#, &good()),
        with_signature(r#"{"a":[1]}"#, &good()),
        with_signature(r#"{"a":1,"b":null}"#, &good()),
        with_signature(r#"{"a":1,"general":{"signature":"","id":1}}"#, &good()),
        with_signature(r#"{"a":1}"#, &hmac_of("Secret", "a:1")),
        with_signature(r#"{"a":1}"#, &hmac_of("secret", "a:1;")),
        with_signature(r#"{"a":1}"#, &STANDARD.encode([0; 64])),
    ];
    for body in table {
        assert_eq!(
            refusal(&body),
            "the signature does not match: the document was signed with a key that is not among the given ones, or was changed since; `ecp explain` looks for the cause",
            "{body}"
        );
    }
    let body = with_signature(r#"{"a":1}"#, &good());
    assert_eq!(signature::verify(&[], body.as_bytes()), Err(VerifyError::NoMatch));
}

#[test]
fn a_body_that_is_no_readable_object_is_refused_with_its_reason() {
    let signed = |document: &str| with_signature(document, &good()).into_bytes();
    let object = signed(r#"{"a":1}"#);
    let deep = format!("{{\"a\":{}{}}}", "[".repeat(511), "]".repeat(511));
    let wide = format!(r#"{{"{}":[{}]}}"#, "k".repeat(9000), ["1"; 99].join(","));

    let table: [(Vec<u8>, &str); 13] = [
        (Vec::new(), "JSON document, line 1, column 1: the document ends too early"),
        (b" \n ".to_vec(), "JSON document, line 2, column 2: the document ends too early"),
        (b"null".to_vec(), "the document must be a JSON object, found null"),
        (format!("\"{}\"", good()).into(), "the document must be a JSON object, found a string"),
        ([b"[", &object[..], b"]"].concat(), "the document must be a JSON object, found a list"),
        (
            format!("a=1&signature={}", good()).into(),
            "JSON document, line 1, column 1: expected a value",
        ),
        (
            object.repeat(2),
            "JSON document, line 1, column 111: expected nothing after the document",
        ),
        (
            [b"\xef\xbb\xbf", &object[..]].concat(),
            "JSON document, line 1, column 1: expected a value",
        ),
        (
            b"{\"a\":\"\xff\"}".to_vec(),
            "the document is not UTF-8: its first invalid byte is at offset 6",
        ),
        (
            signed(&deep),
            "JSON document, line 1, column 619: nested deeper than the 511 levels that `Limits::depth` allows",
        ),
        (
            [&object[..], &b" ".repeat(256 * 1024)].concat(),
            "the document has 262254 bytes, more than the 262144 that `Limits::bytes` allows",
        ),
        // Key paths repeat for every item, so the string would outgrow the document by far.
        (
            signed(&wide),
            "the canonical string is longer than 41324 bytes (4 times the document's size plus 4 KiB): shorten the names of objects and lists in it",
        ),
        (
            with_signature(r#"{"0":1}"#, &hmac_of("secret", "0:1")).into(),
            "the top-level member `0` needs another name: a name there must be neither empty nor an integer",
        ),
    ];
    for (body, message) in table {
        assert_eq!(refusal(body), message);
    }
}

/// No documented message comes near it.
#[test]
fn a_canonical_string_may_be_as_long_as_four_documents_and_4_kib() {
    // The length of the key and of the list, whether the string is within bounds.
    let table = [
        ((2, 2000), true),
        ((3, 2000), false),
        ((400, 15), true),
        ((400, 16), false),
        ((4000, 5), true),
        ((4000, 6), false),
        ((100_000, 4), true),
        ((100_000, 5), false),
    ];
    for ((key_length, items), fits) in table {
        let name = "k".repeat(key_length);
        let document = format!(r#"{{"{name}":[{}]}}"#, vec!["1"; items].join(","));
        let string =
            (0..items).map(|place| format!("{name}:{place}:1")).collect::<Vec<_>>().join(";");
        let body = with_signature(&document, &hmac_of("secret", &string));
        assert_eq!(string.len() < body.len() * 4 + 4096, fits, "{key_length} {items}");

        let found = signature::verify(&[key("secret")], body.as_bytes());
        let limit = body.len() * 4 + 4096;
        let expected = if fits {
            Ok(Match {
                key: 0,
                order: Order::Natural,
                strip: ecp_core::signature::Strip::Everywhere,
            })
        } else {
            Err(VerifyError::Canonical(CanonicalError::TooLong { limit }))
        };
        assert_eq!(found, expected, "{key_length} {items}");
        let signed = signature::canonical_string(body.as_bytes(), as_php());
        let expected =
            if fits { Ok(string) } else { Err(CanonicalError::TooLong { limit }.into()) };
        assert_eq!(signed, expected, "{key_length} {items}");
    }
}

/// The scheme's own limits, which callers must know: the same signature fits all of these.
#[test]
fn what_the_scheme_leaves_out_does_not_change_a_signature() {
    let signature = hmac_of("secret", "a:1;b:2");
    let table = [
        r#"{"a":1,"b":2}"#,
        r#"{"b":"2","a":true}"#,
        r#"{"a":"1;b:2"}"#,
        r#"{"a":1,"b":2,"frame_mode":"popup"}"#,
        r#"{"a":1,"b":2,"c":{"frame_mode":{"d":1},"signature":[1.5]}}"#,
        r#"{"a":1,"b":2,"c":[],"d":{"e":[{},{}]}}"#,
    ];
    for document in table {
        let body = with_signature(document, &signature);
        let found = signature::verify(&[key("secret")], body.as_bytes());
        assert_eq!(
            found,
            Ok(Match {
                key: 0,
                order: Order::Natural,
                strip: ecp_core::signature::Strip::Everywhere
            }),
            "{document}"
        );
    }
}
