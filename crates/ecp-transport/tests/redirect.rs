//! Redirect of a customer as a browser receives it.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ecp_core::json::{Document, Limits};
use ecp_core::model::{FromJson, RedirectData};
use ecp_transport::{RedirectError, redirect_response};
use http::{Response, StatusCode};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha512};

fn redirect(method: &str, url: &str, body: &Value) -> Result<Response<String>, RedirectError> {
    let json = json!({"method": method, "url": url, "body": body}).to_string();
    redirect_response(&RedirectData::from_slice(json.as_bytes()).unwrap())
}

fn header<'r>(response: &'r Response<String>, name: &str) -> &'r str {
    response.headers()[name].to_str().unwrap()
}

/// A page as a browser sees it: what it opens, what it sends along, what it runs.
struct Form {
    action: String,
    fields: Vec<(String, String)>,
    script: String,
}

impl Form {
    /// Reads the one form there is, and is strict about everything around it.
    fn read(page: &str) -> Self {
        let page = page
            .strip_prefix(
                "<!doctype html>\n<html><head><meta charset=\"utf-8\"><title>Redirecting</title>\
                 </head>\n<body><form method=\"post\" action=\"",
            )
            .unwrap();
        let (action, mut page) = page.split_once("\">\n").unwrap();
        let mut fields = Vec::new();
        while let Some(field) = page.strip_prefix("<input type=\"hidden\" name=\"") {
            let (name, rest) = field.split_once("\" value=\"").unwrap();
            let (value, rest) = rest.split_once("\">\n").unwrap();
            fields.push((attribute(name), attribute(value)));
            page = rest;
        }
        let script = page
            .strip_prefix("<noscript><button>Continue</button></noscript>\n</form>\n<script>")
            .unwrap()
            .strip_suffix("</script></body></html>\n")
            .unwrap();
        Self { action: attribute(action), fields, script: script.to_owned() }
    }
}

/// The value of an attribute, as HTML reads what stands between its quotes. Line breaks must not
/// stand there as they are, because a browser changes them; NUL it cannot be given at all.
fn attribute(source: &str) -> String {
    assert!(!source.contains(['"', '\'', '<', '>', '\r', '\n', '\0']), "{source:?}");
    let mut parts = source.split('&');
    let mut value = parts.next().unwrap().to_owned();
    for part in parts {
        let (number, rest) = part.strip_prefix('#').unwrap().split_once(';').unwrap();
        value.push(match number.parse().unwrap() {
            0 => char::REPLACEMENT_CHARACTER,
            number => char::from_u32(number).unwrap(),
        });
        value.push_str(rest);
    }
    value
}

#[test]
fn a_get_keeps_the_address_to_the_byte() {
    let table = [
        "https://www.jetoncheckout.com/pay?token=eyJhbGciOiJIUzUxMiJ9.eyJjcmVhdGVkQX",
        "https://pay.example",
        "https://pay.example/?",
        "https://pay.example/?a=1&a=2&b=%2b%2B+;c",
        "https://PAY.example:443/%7euser/../x//y?q=a%20b#part?no",
        "https://pay.example#part",
        "https://pay.example/?next=https://shop.example/@user",
        "https://[2001:db8::1]:8443/x",
        "https://xn--80a.example/",
        "http://127.0.0.1:8080/emulator/P-17",
        "HTTPS://pay.example/",
    ];
    for url in table {
        for body in [json!([]), json!({}), Value::Null] {
            let response = redirect("GET", url, &body).unwrap();
            assert_eq!(response.status(), StatusCode::SEE_OTHER);
            assert_eq!(header(&response, "location"), url);
            assert_eq!(header(&response, "cache-control"), "no-store");
            assert_eq!(header(&response, "referrer-policy"), "no-referrer");
            assert_eq!(response.headers().len(), 3, "{url}");
            assert_eq!(response.body(), "");
        }
    }
}

#[test]
fn fields_of_a_get_join_the_query_before_the_fragment() {
    let fields = json!({"TxID": 15_781_000_001_162_u64, "a b": "ж&=+#"});
    let query = "TxID=15781000001162&a+b=%D0%B6%26%3D%2B%23";
    let table = [
        ("https://pay.example/p", "https://pay.example/p?", ""),
        ("https://pay.example", "https://pay.example?", ""),
        ("https://pay.example/p?x=1", "https://pay.example/p?x=1&", ""),
        ("https://pay.example/p#part", "https://pay.example/p?", "#part"),
        ("https://pay.example/p?x=1#part?y=2#z", "https://pay.example/p?x=1&", "#part?y=2#z"),
    ];
    for (url, before, after) in table {
        let response = redirect("GET", url, &fields).unwrap();
        assert_eq!(header(&response, "location"), format!("{before}{query}{after}"), "{url}");
    }
}

#[test]
fn a_post_is_a_form_that_submits_itself() {
    let response =
        redirect("POST", "https://pay.example/p?a=1&b=2", &json!({"TxID": 15_781_000_001_162_u64}));
    let response = response.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(header(&response, "content-type"), "text/html; charset=utf-8");
    assert_eq!(header(&response, "cache-control"), "no-store");
    assert_eq!(header(&response, "referrer-policy"), "no-referrer");
    assert_eq!(response.headers().len(), 4);
    insta::assert_snapshot!(header(&response, "content-security-policy"), @"default-src 'none'; script-src 'sha512-UOOIX2Y4uo7ozlI5DabuV4btQMljv3BiXvHwWMwMSrm9+8UHQPqoMjqkOWj+jvFzjg2+d1AoYzs3AjaOzCk87w=='; form-action https:; base-uri 'none'; frame-ancestors 'none'");
    insta::assert_snapshot!(response.body(), @r#"
    <!doctype html>
    <html><head><meta charset="utf-8"><title>Redirecting</title></head>
    <body><form method="post" action="https://pay.example/p?a=1&#38;b=2">
    <input type="hidden" name="TxID" value="15781000001162">
    <noscript><button>Continue</button></noscript>
    </form>
    <script>HTMLFormElement.prototype.submit.call(document.forms[0])</script></body></html>
    "#);
}

#[test]
fn the_policy_allows_the_one_script_and_forms_to_the_provider() {
    let table = [
        ("https://pay.example/p", "https:"),
        ("https://pay.example:8443/p", "https:"),
        ("HTTPS://pay.example/p", "https:"),
        ("http://127.0.0.1:8080/p?q=http://x", "http://127.0.0.1:8080"),
        ("http://[::1]:8080#p", "http://[::1]:8080"),
    ];
    for (url, target) in table {
        let response = redirect("POST", url, &json!({})).unwrap();
        let form = Form::read(response.body());
        let hash = STANDARD.encode(Sha512::digest(form.script.as_bytes()));
        let policy = header(&response, "content-security-policy");
        assert_eq!(
            policy.split("; ").collect::<Vec<_>>(),
            [
                "default-src 'none'",
                &format!("script-src 'sha512-{hash}'"),
                &format!("form-action {target}"),
                "base-uri 'none'",
                "frame-ancestors 'none'",
            ]
        );
        assert_eq!(form.action, url);
    }
}

/// A form's fields are its members in scripts: one that is called `submit` hides the method.
#[test]
fn a_field_cannot_stop_the_form_from_submitting_itself() {
    let body = json!({"submit": "x", "action": "y", "0": "z"});
    let response = redirect("POST", "https://pay.example/", &body).unwrap();
    let script = Form::read(response.body()).script;
    assert_eq!(script, "HTMLFormElement.prototype.submit.call(document.forms[0])");
}

#[test]
fn every_name_and_value_arrives_as_it_was() {
    let table = [
        "",
        "plain",
        "\"><script>alert(1)</script>",
        "' onfocus='alert(1)",
        "</form><form action=\"https://evil.example\">",
        "&quot; &#34; &amp;lt; & &&",
        "a\nb\rc\r\nd\te",
        "😀 日本 é e\u{301} \u{2028} \u{feff}",
        "\u{7f}\u{85}\u{1}",
        "javascript:alert(1)",
        " spaces ",
    ];
    let body: Map<String, Value> =
        table.iter().map(|text| (format!("{text}!"), Value::from(*text))).collect();
    let response =
        redirect("POST", "https://pay.example/?a='b'&c=1", &body.clone().into()).unwrap();
    let form = Form::read(response.body());
    assert_eq!(form.action, "https://pay.example/?a='b'&c=1");
    let expected: Vec<(String, String)> = body
        .iter()
        .map(|(name, value)| (name.to_owned(), value.as_str().unwrap().to_owned()))
        .collect();
    assert_eq!(form.fields, expected);
    // A browser would send another character in its place.
    let error = redirect("POST", "https://pay.example/", &json!({"a": "x\0"})).unwrap_err();
    assert_eq!(error, RedirectError::Body);
}

#[test]
fn fields_keep_their_order_and_numbers_their_literal() {
    let json = br#"{"method":"POST","url":"https://pay.example/","body":
        {"z":1,"a":1.50,"m":-0,"big":12345678901234567890,"e":1E+2,"text":"007"}}"#;
    let response = redirect_response(&RedirectData::from_slice(json).unwrap()).unwrap();
    let fields = Form::read(response.body()).fields;
    let fields: Vec<_> = fields.iter().map(|(name, value)| format!("{name}={value}")).collect();
    assert_eq!(fields, ["z=1", "a=1.50", "m=-0", "big=12345678901234567890", "e=1E+2", "text=007"]);
}

#[test]
fn no_fields_can_be_written_in_three_ways() {
    for body in [r#","body":[]"#, r#","body":{}"#, r#","body":null"#, ""] {
        let json = format!(r#"{{"method":"POST","url":"https://pay.example/"{body}}}"#);
        let redirect = RedirectData::from_slice(json.as_bytes()).unwrap();
        let response = redirect_response(&redirect).unwrap();
        assert!(Form::read(response.body()).fields.is_empty(), "{json}");
    }
}

#[test]
fn the_documented_redirects_are_followed() {
    // Status, where the customer goes, number of fields.
    let table = [
        ("eco-voucher-sale", 200, "https://secure.ecopayz.com/", 10),
        ("jeton-sale", 303, "https://www.jetoncheckout.com/pay?token=", 0),
        ("touchngo-sale", 200, "https://www.example.com/pay", 9),
        ("wallet-partner-sale", 200, "https://test.cashfree.com/", 0),
    ];
    for (name, status, target, fields) in table {
        let samples = concat!(env!("CARGO_MANIFEST_DIR"), "/../ecp-core/tests/samples/redirect");
        let sample = std::fs::read(format!("{samples}/{name}.json")).unwrap();
        let document = Document::parse(&sample, Limits::default()).unwrap();
        let data = document.root().get("redirect_data").unwrap();
        let response = redirect_response(&RedirectData::from_json(data).unwrap()).unwrap();
        assert_eq!(response.status(), status, "{name}");
        if status == 303 {
            assert!(header(&response, "location").starts_with(target), "{name}");
        } else {
            let form = Form::read(response.body());
            assert!(form.action.starts_with(target), "{name}");
            assert_eq!(form.fields.len(), fields, "{name}");
        }
    }
}

#[test]
fn what_cannot_be_opened_safely_is_refused() {
    let address = "`redirect_data.url` is not an absolute http or https address, or has a character outside ASCII or an invalid host or port: the customer is not redirected; ask the platform's support";
    let credentials = "`redirect_data.url` holds a user name or password: the customer is not redirected; ask the platform's support";
    let urls = [
        ("", address),
        ("/pay", address),
        ("pay.example", address),
        ("pay.example/pay", address),
        ("?a=1", address),
        ("//pay.example/", address),
        ("\\\\pay.example\\", address),
        ("https:", address),
        ("https:/pay.example", address),
        ("https:pay.example", address),
        ("https://", address),
        ("https:///pay", address),
        ("https://:443/", address),
        ("https://?a=1", address),
        (" https://pay.example/", address),
        ("https://pay.example/ ", address),
        ("https://pay.example/a b", address),
        ("https://pay.example/\r\nSet-Cookie: a=b", address),
        ("https://pay.example\nevil.example/", address),
        ("https://pay .example/", address),
        ("https://pay.example;script-src 'unsafe-inline'/", address),
        ("https://pay.example;x/", address),
        ("https://pay.example,evil.example/", address),
        ("https://pay.example'/", address),
        ("https://pay.example\"/", address),
        ("https://pay.example*/", address),
        ("https://*/", address),
        ("https://pay.example\\@evil.example/", address),
        ("https://pay.example%2f@evil.example/", credentials),
        ("https://user:pass@pay.example/", credentials),
        ("https://user@pay.example/", credentials),
        ("https://@pay.example/", credentials),
        ("https://пример.example/", address),
        ("javascript:alert(1)", address),
        ("JavaScript://pay.example/%0aalert(1)", address),
        ("data:text/html,<script>alert(1)</script>", address),
        ("ftp://pay.example/", address),
        ("file:///etc/passwd", address),
        ("intent://pay.example/#Intent;end", address),
        ("httpss://pay.example/", address),
    ];
    for (url, message) in urls {
        for method in ["GET", "POST"] {
            let found = redirect(method, url, &json!({}))
                .map_or_else(|error| error.to_string(), |response| format!("{response:?}"));
            assert_eq!(found, message, "{method} {url:?}");
        }
    }

    // A form's address may have a fragment of any text; a header may not.
    let error = redirect("GET", "https://pay.example/#\r\nSet-Cookie: a=b", &json!({}));
    assert_eq!(error.unwrap_err().to_string(), address);

    let method = "`redirect_data.method` is neither GET nor POST: the customer is not redirected; ask the platform's support";
    for word in ["PUT", "get", "post", "HEAD", "POST ", ""] {
        let error = redirect(word, "https://pay.example/", &json!({})).unwrap_err();
        assert_eq!(error.to_string(), method, "{word:?}");
    }

    let body = "`redirect_data.body` holds other values than text and numbers, or a NUL character: the customer is not redirected; ask the platform's support";
    let bodies = [
        json!(["a"]),
        json!([{"a": "b"}]),
        json!([[]]),
        json!({"a": {"b": "c"}}),
        json!({"a": []}),
        json!({"a": {}}),
        json!({"a": true}),
        json!({"a": null}),
        json!({"a": "b", "c": ["d"]}),
    ];
    for fields in bodies {
        for method in ["GET", "POST"] {
            let error = redirect(method, "https://pay.example/", &fields).unwrap_err();
            assert_eq!(error.to_string(), body, "{method} {fields}");
        }
    }
}

#[test]
fn a_refusal_does_not_repeat_the_address() {
    let table = ["https://sentinel@pay.example/", "ftp://pay.example/?token=sentinel"];
    for url in table {
        let error = redirect("GET", url, &json!([])).unwrap_err();
        assert!(!format!("{error} {error:?}").contains("sentinel"));
    }
}

fn text() -> impl Strategy<Value = String> {
    let hostile = select(
        &["\"><script>", "</form>", "'", "&#34;", "\r\n", "\0", "<!--", "%0d%0a", ";", "😀"][..],
    );
    let part = prop_oneof![any::<String>(), hostile.prop_map(str::to_owned)];
    vec(part, 0..4).prop_map(|parts| parts.concat())
}

fn url() -> impl Strategy<Value = String> {
    let scheme = select(&["https://", "http://", "HTTPS://", "//", "javascript:", ""][..]);
    let host = prop_oneof![
        4 => select(&["pay.example", "127.0.0.1:8080", "[::1]", "u@pay.example"][..])
            .prop_map(str::to_owned),
        1 => text(),
    ];
    let rest = select(&["", "/", "/p?a=1", "/#", "?"][..]);
    (scheme, host, rest, prop_oneof![Just(String::new()), text()])
        .prop_map(|(scheme, host, rest, tail)| format!("{scheme}{host}{rest}{tail}"))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 1024, ..<_>::default() })]

    #[test]
    fn nothing_in_a_redirect_adds_a_header_or_a_tag(
        method in select(&["GET", "POST"][..]),
        url in url(),
        fields in vec((text(), text()), 0..4),
    ) {
        let body: Map<String, Value> =
            fields.into_iter().map(|(name, value)| (name, value.into())).collect();
        let Ok(response) = redirect(method, &url, &body.clone().into()) else { return Ok(()) };
        for value in response.headers().values() {
            prop_assert!(!value.as_bytes().iter().any(|byte| b"\r\n\0".contains(byte)));
        }
        if method == "GET" {
            prop_assert_eq!(response.status(), StatusCode::SEE_OTHER);
            prop_assert_eq!(response.body(), "");
            let location = std::str::from_utf8(response.headers()["location"].as_bytes()).unwrap();
            let (start, end) = url.split_once('#').unwrap_or((&url, ""));
            prop_assert!(location.starts_with(start) && location.ends_with(end), "{}", location);
        } else {
            let page = response.body();
            prop_assert_eq!(page.to_ascii_lowercase().matches("<script").count(), 1);
            let form = Form::read(page);
            prop_assert_eq!(&form.action, &url);
            let expected: Vec<(String, String)> = body
                .iter()
                .map(|(name, value)| (name.to_owned(), value.as_str().unwrap().to_owned()))
                .collect();
            prop_assert_eq!(form.fields, expected);
            let directives = header(&response, "content-security-policy").split(';').count();
            prop_assert_eq!(directives, 5);
        }
    }
}
