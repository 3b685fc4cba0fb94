use ecp_core::signature::{self, Place, Reason, Rules, SignError, Signature};

use super::{as_php, hmac_of, key, with_signature};

#[test]
#[expect(clippy::too_many_lines, reason = "a table of documents")]
fn what_sdks_render_differently_is_refused_unless_php_is_asked_for() {
    const FLOAT: &str =
        "cannot sign the member `a`: a number must be an integer; send fractions as text";
    const LARGE: &str =
        "cannot sign the member `a`: an integer must not exceed 9007199254740992; send it as text";

    // Document, refusal, what PHP signs.
    let table = [
        (
            r#"{"a:b":1}"#,
            "cannot sign the member `a:b`: a member's name must not hold `:`",
            "a::b:1",
        ),
        (
            r#"{"x":{"a:b":1}}"#,
            "cannot sign the member `x.a:b`: a member's name must not hold `:`",
            "x:a::b:1",
        ),
        (
            r#"{"x":[{":":{}}]}"#,
            "cannot sign the member `x.0.:`: a member's name must not hold `:`",
            "",
        ),
        (r#"{"a":1.5}"#, FLOAT, "a:1.5"),
        (r#"{"a":1.0}"#, FLOAT, "a:1"),
        (r#"{"a":1e2}"#, FLOAT, "a:100"),
        (r#"{"a":-0.0}"#, FLOAT, "a:-0"),
        (r#"{"a":1e309}"#, FLOAT, "a:INF"),
        (
            r#"{"p":{"l":[0,{"sum":100.50}]}}"#,
            "cannot sign the member `p.l.1.sum`: a number must be an integer; send fractions as text",
            "p:l:0:0;p:l:1:sum:100.5",
        ),
        (r#"{"a":9007199254740993}"#, LARGE, "a:9007199254740993"),
        (r#"{"a":-9007199254740993}"#, LARGE, "a:-9007199254740993"),
        (r#"{"a":-9223372036854775808}"#, LARGE, "a:-9223372036854775808"),
        (r#"{"a":9223372036854775808}"#, LARGE, "a:9.2233720368548E+18"),
        (r#"{"a":18446744073709551615}"#, LARGE, "a:1.844674407371E+19"),
        (r#"{"a":10000000000000000000000000}"#, LARGE, "a:1.0E+25"),
        (
            r#"{"a":[0,1,2,3,4,5,6,7,8,9,10]}"#,
            "cannot sign the member `a`: a list must not have more than 10 items: the official SDKs sort longer ones differently",
            "a:0:0;a:1:1;a:2:2;a:3:3;a:4:4;a:5:5;a:6:6;a:7:7;a:8:8;a:9:9;a:10:10",
        ),
        (
            r#"{"a10":1,"a2":2}"#,
            "cannot sign the member `a2`: the official SDKs disagree on the order of this member and `a10`: rename one of them",
            "a2:2;a10:1",
        ),
        (
            r#"{"k":{"10":1,"9":2}}"#,
            "cannot sign the member `k.9`: the official SDKs disagree on the order of this member and `k.10`: rename one of them",
            "k:9:2;k:10:1",
        ),
        (
            r#"{"address":"x","address2":"y"}"#,
            "cannot sign the member `address`: the official SDKs disagree on the order of this member and `address2`: rename one of them",
            "address:x;address2:y",
        ),
        (
            r#"{"a":{"x":1},"a-b":2}"#,
            "cannot sign the member `a-b`: the official SDKs disagree on the order of this member and `a.x`: rename one of them",
            "a-b:2;a:x:1",
        ),
        (
            r#"{"a":1," b":2}"#,
            "cannot sign the member `a`: the official SDKs disagree on the order of this member and ` b`: rename one of them",
            "a:1; b:2",
        ),
        (
            "{\"\\ud83d\\ude00\":1,\"\\ue000\":2}",
            "cannot sign the member `\\u{e000}`: the official SDKs disagree on the order of this member and `😀`: rename one of them",
            "\u{e000}:2;😀:1",
        ),
        (
            r#"{"a":1,"b":2,"a":3}"#,
            "cannot sign the member `a`: the member appears twice; leave one of the two out",
            "a:3;b:2",
        ),
        (
            r#"{"x":{"a":{"x":1},"a":2}}"#,
            "cannot sign the member `x.a`: the member appears twice; leave one of the two out",
            "x:a:2",
        ),
        (
            r#"{"__proto__":1,"a":2}"#,
            "cannot sign the member `__proto__`: the official JavaScript SDK drops this member; name it differently",
            "__proto__:1;a:2",
        ),
        (
            r#"{"a":[{"\u005f_proto__":{}}]}"#,
            "cannot sign the member `a.0.__proto__`: the official JavaScript SDK drops this member; name it differently",
            "",
        ),
        (
            r#"{"a\u0000b":1}"#,
            "cannot sign the member `a\\0b`: a member's name or text must not hold control characters, such as line breaks",
            "a\0b:1",
        ),
        (
            r#"{"a":"x\u0000y"}"#,
            "cannot sign the member `a`: a member's name or text must not hold control characters, such as line breaks",
            "a:x\0y",
        ),
        (
            r#"{"a":["x\ny"]}"#,
            "cannot sign the member `a.0`: a member's name or text must not hold control characters, such as line breaks",
            "a:0:x\ny",
        ),
    ];
    for (document, message, php) in table {
        let json = document.as_bytes();
        for rules in [Rules::private(), Rules::public()] {
            let error = signature::sign(&key("secret"), json, rules).unwrap_err();
            assert_eq!(error.to_string(), message, "{document}");
        }
        for rules in [Rules::private(), Rules::public()].map(Rules::allow_ambiguous) {
            assert_eq!(signature::canonical_string(json, rules).as_deref(), Ok(php));
            let signature = signature::sign(&key("secret"), json, rules).unwrap();
            assert_eq!(signature.to_string(), hmac_of("secret", php), "{document}");
        }
    }
}

/// An object of JavaScript lists keys such as `2` first, but `01` and `+1` are no such keys.
#[test]
fn keys_that_only_look_like_positions_are_refused_beside_real_ones() {
    let table = [
        (r#"{"k":{"01":1,"1":2}}"#, "`k.01`", "`k.1`", "k:01:1;k:1:2"),
        (r#"{"k":{"01":1,"2":2}}"#, "`k.01`", "`k.2`", "k:01:1;k:2:2"),
        (r#"{"k":{"00":1,"10":2}}"#, "`k.00`", "`k.10`", "k:00:1;k:10:2"),
        (r#"{"k":{"+1":1,"2":2}}"#, "`k.+1`", "`k.2`", "k:+1:1;k:2:2"),
        (r#"{"k":{"01":1,"":[2]}}"#, "`k.01`", "`k..0`", "k:01:1;k::0:2"),
        (r#"{"k":{"+1":1,"4294967294":2}}"#, "`k.+1`", "`k.4294967294`", "k:+1:1;k:4294967294:2"),
    ];
    for (document, one, other, php) in table {
        let json = document.as_bytes();
        let error = signature::canonical_string(json, Rules::private()).map_err(|e| e.to_string());
        let message = format!(
            "cannot sign the member {one}: the official SDKs disagree on the order of this member and {other}: rename one of them"
        );
        assert_eq!(error, Err(message), "{document}");
        assert_eq!(signature::canonical_string(json, as_php()).as_deref(), Ok(php));
    }
}

#[test]
fn the_largest_values_that_every_sdk_agrees_on_are_signed() {
    let table = [
        (r#"{"a":9007199254740992}"#, "a:9007199254740992"),
        (r#"{"a":-9007199254740992}"#, "a:-9007199254740992"),
        (r#"{"a":-0}"#, "a:0"),
        (
            r#"{"a":[0,1,2,3,4,5,6,7,8,9]}"#,
            "a:0:0;a:1:1;a:2:2;a:3:3;a:4:4;a:5:5;a:6:6;a:7:7;a:8:8;a:9:9",
        ),
        (
            r#"{"amount":"100.50","code":"18446744073709551615"}"#,
            "amount:100.50;code:18446744073709551615",
        ),
        (r#"{"url":"http:\/\/a.b\/?c=1:2"}"#, "url:http://a.b/?c=1:2"),
        // Keys that only look like list positions, and the first number that is none.
        (r#"{"k":{"01":1,"02":2}}"#, "k:01:1;k:02:2"),
        (r#"{"k":{"+1":1,"4294967295":2}}"#, "k:+1:1;k:4294967295:2"),
        // The name is dropped as a member's, not as a text or a part of another name.
        (r#"{"a":"__proto__","b":{"__proto":1},"proto":2}"#, "a:__proto__;b:__proto:1;proto:2"),
    ];
    for (document, string) in table {
        for rules in [Rules::private(), Rules::public()] {
            let found = signature::canonical_string(document.as_bytes(), rules);
            assert_eq!(found.as_deref(), Ok(string));
        }
    }
}

#[test]
fn semicolons_are_refused_where_they_could_divide_an_item() {
    const TEXT: &str = "a text must not hold `;`, a name and `:`, which read as another member; put \
                        a space after the `;`";
    const KEY: &str = "a member's name must not hold `;`";
    const ID: &str = "an id, a status, a type, a method, an amount or a currency must not hold `;`";

    // Document, path, what is wrong with it between servers, what PHP signs.
    let table = [
        (r#"{"a":"b:c;d"}"#, "`a`", None, "a:b:c;d"),
        (r#"{"a":"size: M; colour: red"}"#, "`a`", None, "a:size: M; colour: red"),
        (r#"{"a":"x\u003b"}"#, "`a`", None, "a:x;"),
        (r#"{"ids":"1;2"}"#, "`ids`", None, "ids:1;2"),
        (r#"{"a":"Жз; x"}"#, "`a`", None, "a:Жз; x"),
        (r#"{"a":["x;b:1"]}"#, "`a.0`", Some(TEXT), "a:0:x;b:1"),
        (r#"{"a":"x\u003bb\u003a"}"#, "`a`", Some(TEXT), "a:x;b:"),
        (r#"{"a":"Ж;payment_id:1"}"#, "`a`", Some(TEXT), "a:Ж;payment_id:1"),
        (r#"{"a;b":1}"#, "`a;b`", Some(KEY), "a;b:1"),
        (r#"{"a":[{"b;":{}}]}"#, "`a.0.b;`", Some(KEY), ""),
        (
            r#"{"general":{"payment_id":"1;2"}}"#,
            "`general.payment_id`",
            Some(ID),
            "general:payment_id:1;2",
        ),
        (r#"{"customer":{"id":";"}}"#, "`customer.id`", Some(ID), "customer:id:;"),
    ];
    for (document, path, problem, string) in table {
        let json = document.as_bytes();
        let error = signature::canonical_string(json, Rules::public()).unwrap_err();
        let message = format!(
            "cannot sign the member {path}: a name or text must not hold `;` on the Payment Page"
        );
        assert_eq!(error.to_string(), message);
        let allowed = Rules::public().allow_items_in_texts();
        assert_eq!(signature::canonical_string(json, allowed).unwrap_err().to_string(), message);

        let private =
            |rules| signature::canonical_string(json, rules).map_err(|error| error.to_string());
        let refused = |problem: &str| Err(format!("cannot sign the member {path}: {problem}"));
        let signed = Ok(string.to_owned());
        let expected = problem.map_or(signed.clone(), refused);
        assert_eq!(private(Rules::private()), expected);
        // The setting is for texts alone.
        let expected = if problem == Some(TEXT) { signed.clone() } else { expected };
        assert_eq!(private(Rules::private().allow_items_in_texts()), expected);
        for rules in [Rules::private(), Rules::public()].map(Rules::allow_ambiguous) {
            assert_eq!(private(rules), signed);
        }
    }
}

#[test]
fn an_ambiguity_can_be_inspected_without_reading_its_text() {
    let error = signature::canonical_string(br#"{"p":{"sum":1.5}}"#, Rules::private());
    let Err(SignError::Ambiguous(ambiguity)) = error else { panic!("{error:?}") };
    assert_eq!(ambiguity.path(), "p.sum");
    assert_eq!(*ambiguity.reason(), Reason::Float);
}

#[test]
fn the_signature_is_put_last_and_every_other_byte_is_kept() {
    // `*` stands for the signature.
    let table = [
        (Place::Root, "{}", "{\"signature\":\"*\"}", ""),
        (Place::Root, "{ }", "{ \"signature\":\"*\"}", ""),
        (Place::Root, "{\"a\":{}}", "{\"a\":{},\"signature\":\"*\"}", ""),
        (
            Place::Root,
            " {\r\n\t\"b\" : \"\\u0416\\/\" ,\n \"a\":[ 1 ]\n}\n",
            " {\r\n\t\"b\" : \"\\u0416\\/\" ,\n \"a\":[ 1 ]\n,\"signature\":\"*\"}\n",
            "a:0:1;b:Ж/",
        ),
        (
            Place::Root,
            "{\"general\":{\"id\":1}}",
            "{\"general\":{\"id\":1},\"signature\":\"*\"}",
            "general:id:1",
        ),
        (Place::General, "{\"general\":{}}", "{\"general\":{\"signature\":\"*\"}}", ""),
        (
            Place::General,
            "{\"x\":{\"general\":{}},\n\"general\" : { \"id\" : 1 } , \"z\":\"}\"}",
            "{\"x\":{\"general\":{}},\n\"general\" : { \"id\" : 1 ,\"signature\":\"*\"} , \"z\":\"}\"}",
            "general:id:1;z:}",
        ),
        (
            Place::Root,
            "{\"body\":{\"Signature\":\"theirs\"}}",
            "{\"body\":{\"Signature\":\"theirs\"},\"signature\":\"*\"}",
            "body:Signature:theirs",
        ),
    ];
    for (place, document, expected, canonical) in table {
        let signed =
            signature::sign_document(&key("secret"), document.as_bytes(), place, Rules::private());
        let signed = String::from_utf8(signed.unwrap()).unwrap();
        assert_eq!(signed, expected.replace('*', &hmac_of("secret", canonical)));
        assert!(signature::verify(&[key("secret")], signed.as_bytes()).is_ok(), "{signed}");
    }
}

/// The SDKs sign it, and leave it out when they verify.
#[test]
fn a_signature_below_the_message_s_own_is_refused_or_signed_as_by_php() {
    for (document, path, as_php) in [
        (
            r#"{"body":{"signature":"theirs","b":1}}"#,
            "body.signature",
            "body:b:1;body:signature:theirs",
        ),
        (r#"{"a":[{"signature":1}],"signature":"own"}"#, "a.0.signature", "a:0:signature:1"),
        (
            r#"{"general":{"signature":"own","x":{"signature":2}}}"#,
            "general.x.signature",
            "general:x:signature:2",
        ),
        (r#"{"x":{"general":{"signature":3}}}"#, "x.general.signature", "x:general:signature:3"),
    ] {
        let error = signature::canonical_string(document.as_bytes(), Rules::private()).unwrap_err();
        let SignError::Ambiguous(ambiguity) = &error else { panic!("{document}: {error}") };
        assert_eq!((ambiguity.path(), ambiguity.reason()), (path, &Reason::DeeperSignature));
        let allowed = Rules::private().allow_ambiguous();
        let string = signature::canonical_string(document.as_bytes(), allowed);
        assert_eq!(string.as_deref(), Ok(as_php), "{document}");
        let body = with_signature(document, &hmac_of("secret", as_php));
        if !document.contains("own") {
            assert!(signature::verify(&[key("secret")], body.as_bytes()).is_ok(), "{body}");
        }
    }
    let own = r#"{"a":1,"general":{"signature":"x"},"signature":"y"}"#;
    assert_eq!(signature::canonical_string(own.as_bytes(), Rules::private()).as_deref(), Ok("a:1"));
}

#[test]
fn a_document_without_room_for_a_signature_is_refused() {
    const NO_PLACE: &str = "a Gate request needs the object `general` for its signature: `general` is missing or not an object";
    const SIGNED: &str = "the document has a member `signature` already, at its top level or in `general`: remove it before signing";
    let table = [
        (Place::General, r#"{"a":1}"#, NO_PLACE),
        (Place::General, r#"{"general":[]}"#, NO_PLACE),
        (Place::General, r#"{"general":"x"}"#, NO_PLACE),
        (Place::General, r#"{"general":null}"#, NO_PLACE),
        (Place::General, r#"{"a":{"general":{}}}"#, NO_PLACE),
        (Place::Root, r#"{"signature":"x"}"#, SIGNED),
        (Place::Root, r#"{"signature":null}"#, SIGNED),
        (Place::Root, r#"{"general":{"signature":"x"}}"#, SIGNED),
        (Place::General, r#"{"general":{},"signature":""}"#, SIGNED),
        (Place::General, r#"{"general":{"signature":"x"}}"#, SIGNED),
        (Place::Root, "[]", "the document must be a JSON object, found a list"),
        (
            Place::Root,
            "{",
            "JSON document, line 1, column 2: expected a member's name in double quotes",
        ),
    ];
    for (place, document, message) in table {
        for rules in [Rules::private(), as_php()] {
            let json = document.as_bytes();
            let error = signature::sign_document(&key("secret"), json, place, rules).unwrap_err();
            assert_eq!(error.to_string(), message, "{document}");
        }
    }
}

/// As in PHP, where the last of two members is the only one.
#[test]
fn of_two_generals_the_last_holds_the_signature() {
    // `*` stands for the signature.
    let table = [
        (
            r#"{"general":{"a":1},"general":{"b":2}}"#,
            Ok((r#"{"general":{"a":1},"general":{"b":2,"signature":"*"}}"#, "general:b:2")),
        ),
        (r#"{"general":{},"general":{"signature":"x"}}"#, Err(SignError::AlreadySigned)),
        (
            r#"{"general":{"signature":"x"},"general":{}}"#,
            Ok((r#"{"general":{"signature":"x"},"general":{"signature":"*"}}"#, "")),
        ),
        (
            r#"{"general":[],"general":{}}"#,
            Ok((r#"{"general":[],"general":{"signature":"*"}}"#, "")),
        ),
        (r#"{"general":{},"general":[]}"#, Err(SignError::NoPlace)),
    ];
    for (document, expected) in table {
        let json = document.as_bytes();
        let sign = |rules| signature::sign_document(&key("secret"), json, Place::General, rules);
        let expected = expected.map(|(signed, canonical)| {
            signed.replace('*', &hmac_of("secret", canonical)).into_bytes()
        });
        assert_eq!(sign(as_php()), expected, "{document}");
        let error = sign(Rules::private()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "cannot sign the member `general`: the member appears twice; leave one of the two out",
            "{document}"
        );
    }
}

#[test]
fn a_signed_document_gives_its_signature_again() {
    let json = br#"{"general":{"project_id":1236,"payment_id":"X03936"}}"#;
    let once = signature::sign(&key("secret"), json, Rules::private()).unwrap();
    let signed =
        signature::sign_document(&key("secret"), json, Place::General, Rules::private()).unwrap();
    assert_eq!(signature::sign(&key("secret"), &signed, Rules::private()), Ok(once));
    assert_eq!(Signature::parse(&once.to_string()), Ok(once));
}
