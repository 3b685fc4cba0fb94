//! Messages that no document prints: other formats, other shapes, and mistakes, which a model
//! must name by their place.

use ecp_core::json::RawJson;
use ecp_core::model::{
    Callback, CallbackFormat, ConfirmationAnswer, DepositCheck, FromJson, GateRequest, ModelError,
    PageParameters, ProviderId, RedirectBody, RedirectData, RedirectMethod, StatusResponse,
    SyncResponse, SyncStatus,
};
use ecp_core::{Sensitive, Timestamp};

/// Why a body is not the message it should be.
fn refusal<T: FromJson>(json: &str) -> String {
    match T::from_slice(json.as_bytes()) {
        Ok(_) => "none".to_owned(),
        Err(error) => error.to_string(),
    }
}

#[test]
fn a_callback_with_a_wrong_member_that_decides_is_refused_with_its_path() {
    let table = [
        ("", "JSON document, line 1, column 1: the document ends too early"),
        (
            r#"{"payment":{"status":"success","status":"decline"}}"#,
            "`payment.status` appears twice; an object may have a member only once",
        ),
        (r#"{"project_id":"1236"}"#, "`project_id`: expected an integer, found a string"),
        (r#"{"project_id":"0"}"#, "`project_id`: expected an integer, found a string"),
        (r#"{"project_id":""}"#, "`project_id`: expected an integer, found a string"),
        (r#"{"project_id":0.0}"#, "`project_id`: expected an integer from 1 to 9007199254740992"),
        (r#"{"project_id":-1}"#, "`project_id`: expected an integer from 1 to 9007199254740992"),
        (
            r#"{"project_id":1236.0}"#,
            "`project_id`: expected an integer from 1 to 9007199254740992",
        ),
        (
            r#"{"project_id":9007199254740993}"#,
            "`project_id`: the project id must be a number from 1 to 9007199254740992",
        ),
        (
            r#"{"general":{"project_id":true}}"#,
            "`general.project_id`: expected an integer, found a boolean",
        ),
        (r#""X1""#, "the message: expected an object, found a string"),
        ("null", "the message: expected an object, found null"),
        (r#"{"payment":""}"#, "`payment`: expected an object, found a string"),
        (r#"{"payment":{"id":1}}"#, "`payment.id`: expected a string, found a number"),
        (r#"{"payment":{"id":0}}"#, "`payment.id`: expected a string, found a number"),
        (r#"{"payment":{"status":0}}"#, "`payment.status`: expected a string, found a number"),
        (
            r#"{"payment":{"status":["success"]}}"#,
            "`payment.status`: expected a string, found a list",
        ),
        (r#"{"payment":{"type":{}}}"#, "`payment.type`: expected a string, found an object"),
        (r#"{"payment":{"sum":100}}"#, "`payment.sum`: expected an object, found a number"),
        (r#"{"payment":{"sum":{"amount":10000}}}"#, "`payment.sum.currency` is missing"),
        (r#"{"payment":{"sum":{"currency":"EUR"}}}"#, "`payment.sum.amount` is missing"),
        (
            r#"{"payment":{"sum":{"amount":"10000","currency":"EUR"}}}"#,
            "`payment.sum.amount`: expected an integer, found a string",
        ),
        (
            r#"{"payment":{"sum":{"amount":null,"currency":"EUR"}}}"#,
            "`payment.sum.amount`: expected an integer, found null",
        ),
        (
            r#"{"payment":{"sum":{"amount":100.00,"currency":"EUR"}}}"#,
            "`payment.sum.amount`: expected an integer from -9223372036854775808 to 9223372036854775807",
        ),
        (
            r#"{"payment":{"sum":{"amount":1e4,"currency":"EUR"}}}"#,
            "`payment.sum.amount`: expected an integer from -9223372036854775808 to 9223372036854775807",
        ),
        (
            r#"{"payment":{"sum":{"amount":9223372036854775808,"currency":"EUR"}}}"#,
            "`payment.sum.amount`: expected an integer from -9223372036854775808 to 9223372036854775807",
        ),
        (
            r#"{"payment":{"sum":{"amount":10000,"currency":978}}}"#,
            "`payment.sum.currency`: expected a string, found a number",
        ),
        (r#"{"operation":{"id":"29"}}"#, "`operation.id`: expected an integer, found a string"),
        (
            r#"{"operation":{"id":-29}}"#,
            "`operation.id`: expected an integer from 0 to 18446744073709551615",
        ),
        (
            r#"{"operation":{"status":true}}"#,
            "`operation.status`: expected a string, found a boolean",
        ),
        (
            r#"{"operation":{"sum_initial":{"amount":1,"currency":null}}}"#,
            "`operation.sum_initial.currency`: expected a string, found null",
        ),
        (r#"{"operations":{"0":{}}}"#, "`operations`: expected a list, found an object"),
        (
            r#"{"operations":[{},{"sum":{"amount":"1"}}]}"#,
            "`operations.1.sum.amount`: expected an integer, found a string",
        ),
    ];
    for (json, message) in table {
        assert_eq!(refusal::<Callback>(json), message, "{json}");
    }
}

/// A document with one member, at the end of a dotted path. A `0` stands for a list.
fn nested(path: &str, value: &str) -> String {
    path.rsplit('.').fold(value.to_owned(), |inner, name| match name {
        "0" => format!("[{inner}]"),
        name => format!("{{\"{name}\":{inner}}}"),
    })
}

#[test]
fn every_member_that_decides_has_its_documented_type() {
    type Reader = fn(&str) -> String;
    let messages: [(Reader, &str, &[&str]); 5] = [
        (
            refusal::<Callback>,
            "",
            &[
                "project_id: an integer",
                "general: an object",
                "general.project_id: an integer",
                "general.payment_id: a string",
                "payment: an object",
                "payment.id: a string",
                "payment.type: a string",
                "payment.status: a string",
                "payment.method: a string",
                "payment.sum: an object",
                "operation: an object",
                "operation.id: an integer",
                "operation.type: a string",
                "operation.status: a string",
                "operation.sum_initial: an object",
                "operation.sum: an object",
                "operations: a list",
                "operations.0: an object",
                "operations.0.id: an integer",
                "operations.0.sum: an object",
                "transaction: an object",
                "transaction.id: an integer",
                "transaction.type: a string",
            ],
        ),
        (
            refusal::<StatusResponse>,
            "",
            &[
                "project_id: an integer",
                "general: an object",
                "general.payment_id: a string",
                "payment: an object",
                "payment.status: a string",
                "operations: a list",
                "operations.0.status: a string",
            ],
        ),
        (
            refusal::<SyncResponse>,
            r#""status":"error","#,
            &["project_id: an integer", "payment_id: a string"],
        ),
        (
            refusal::<GateRequest>,
            r#""general":{"project_id":1},"#,
            &[
                "payment: an object",
                "payment.amount: an integer",
                "payment.currency: a string",
                "payment.description: a string",
                "payment.merchant_refund_id: a string",
                "customer: an object",
                "account: an object",
                "return_url: an object",
                "return_url.success: a string",
                "return_url.decline: a string",
                "return_url.return: a string",
            ],
        ),
        (refusal::<RedirectData>, r#""method":"GET","#, &["url: a string"]),
    ];
    for (refusal, before, members) in messages {
        for (path, kind) in members.iter().map(|row| row.split_once(": ").unwrap()) {
            let json = nested(path, "true").replacen('{', &format!("{{{before}"), 1);
            let expected = format!("`{path}`: expected {kind}, found a boolean");
            assert_eq!(refusal(&json), expected, "{json}");
        }
    }
}

/// With another type such a member is no other than one that nobody has heard of.
#[test]
fn a_member_that_only_describes_never_costs_the_message() {
    type Printer = fn(&str) -> String;
    fn printed<T: FromJson + std::fmt::Debug>(json: &str) -> String {
        match T::from_slice(json.as_bytes()) {
            Ok(message) => format!("{message:?}"),
            Err(error) => panic!("{json}: {error}"),
        }
    }
    let messages: [(Printer, &str, &[&str]); 3] = [
        (
            printed::<Callback>,
            "",
            &[
                "account",
                "account.number",
                "account.token",
                "customer",
                "customer.id",
                "customer.ip_address",
                "customer.first_name",
                "customer.last_name",
                "customer.phone",
                "customer.email",
                "errors.0.code",
                "errors.0.message",
                "errors.0.description",
                "errors.0.field",
                "redirect_data",
                "redirectData",
                "request",
                "request.action",
                "request_id",
                "sum_request",
                "sum_real",
                "sum_refund",
                "signature",
                "general.signature",
                "payment.date",
                "payment.description",
                "payment.merchant_refund_id",
                "operation.date",
                "operation.created_date",
                "operation.request_id",
                "operation.sum_converted",
                "operation.code",
                "operation.message",
                "operation.provider",
                "operation.provider.id",
                "operation.provider.payment_id",
                "operation.provider.auth_code",
                "operation.provider.date",
                "operations.0.date",
                "transaction.date",
            ],
        ),
        (
            printed::<StatusResponse>,
            "",
            &["account", "customer", "customer.phone", "signature", "operations.0.code"],
        ),
        (
            printed::<SyncResponse>,
            r#""status":"error","#,
            &["request_id", "code", "message", "signature", "errors.0.message"],
        ),
    ];
    for (printed, before, members) in messages {
        for &path in members {
            let name = path.rsplit('.').next().unwrap();
            let unheard = format!("{}unheard", path.strip_suffix(name).unwrap());
            for value in ["true", "[0]"] {
                let json = |path| nested(path, value).replacen('{', &format!("{{{before}"), 1);
                let found = printed(&json(path));
                let expected = printed(&json(&unheard));
                assert!(found.contains(&format!("\"{name}\"")), "{path}: {found}");
                let found = found.replace(&format!("\"{name}\""), "\"unheard\"");
                assert_eq!(found, expected, "{path}");
            }
        }
    }
}

#[test]
fn what_was_not_read_is_kept_as_it_came() {
    let callback = Callback::from_slice(
        br#"{"payment":{"id":"X1","date":1555345904},"customer":"C-1","request":{"id":[ 1 ]},
            "sum_real":{"amount":"1","currency":"EUR"},"redirect_data":{"url":"https:\/\/a"},
            "operation":{"code":[0],"sum_converted":[{}],"provider":[[]]},
            "account":{"number":false,"token":"t"},"errors":[{"code":{},"field":"f"}]}"#,
    )
    .unwrap();
    let kept = |name: &str| callback.extra.get(name).map(RawJson::as_str);
    assert_eq!(kept("customer"), Some("\"C-1\""));
    assert_eq!(kept("request"), Some(r#"{"id":[ 1 ]}"#));
    assert_eq!(kept("sum_real"), Some(r#"{"amount":"1","currency":"EUR"}"#));
    assert_eq!(kept("redirect_data"), Some(r#"{"url":"https:\/\/a"}"#));
    assert_eq!(callback.extra.iter().count(), 4);
    assert!(callback.customer.is_none() && callback.request.is_none());
    assert!(callback.sum_real.is_none() && callback.redirect().is_none());

    let payment = callback.payment.as_ref().unwrap();
    assert_eq!(payment.extra.get("date").unwrap().as_str(), "1555345904");
    assert_eq!((payment.id.as_ref().unwrap().as_str(), payment.date), ("X1", None));
    let operation = callback.operation.as_ref().unwrap();
    let kept = ["code", "sum_converted", "provider"]
        .map(|name| operation.extra.get(name).map(RawJson::as_str));
    assert_eq!(kept, [Some("[0]"), Some("[{}]"), Some("[[]]")]);
    let account = callback.account.as_ref().unwrap();
    assert_eq!(account.extra.get("number").unwrap().as_str(), "false");
    assert_eq!(account.token, Some("t".to_owned().into()));
    let [error] = &callback.errors[..] else { panic!("{:?}", callback.errors) };
    assert_eq!(error.extra.get("code").unwrap().as_str(), "{}");
    assert_eq!((&error.code, error.field.as_deref()), (&None, Some("f")));
}

#[test]
fn only_the_exact_form_of_a_time_is_read() {
    let table = [
        ("2019-04-15T16:31:44+0000", Some("2019-04-15T16:31:44+0000")),
        ("2019-04-15T19:31:44+0300", Some("2019-04-15T16:31:44+0000")),
        ("", None),
        ("+44 20 8123 4567", None),
        ("2019-04-15 16:31:44", None),
        ("2019-04-15T16:31:44", None),
        ("2019-04-15T16:31:44Z", None),
        ("2019-04-15T16:31:44+00:00", None),
        ("2019-04-15T16:31:44 0000", None),
        ("2019-04-15t16:31:44+0000", None),
        ("2019-4-15T16:31:44+0000", None),
        (" 2019-4-15T16:31:44+0000", None),
        ("2019-04-15T16:31:44+0000 ", None),
        ("2019-02-30T16:31:44+0000", None),
    ];
    for (text, expected) in table {
        let json = format!(r#"{{"payment":{{"date":"{text}"}}}}"#);
        let payment = Callback::from_slice(json.as_bytes()).unwrap().payment.unwrap();
        assert_eq!(payment.date.map(|date| date.to_string()).as_deref(), expected, "{text}");
        // An empty one is none. Any other that is not read is kept.
        let kept = payment.extra.get("date").map(RawJson::as_str);
        let unread = (expected.is_none() && !text.is_empty()).then(|| format!("\"{text}\""));
        assert_eq!(kept, unread.as_deref(), "{text}");
        // What is no time may be personal, so the refusal does not repeat it.
        let refusal = refusal::<Timestamp>(&format!("\"{text}\""));
        let form = "the message: expected a time such as `2019-04-15T16:31:44+0000`, of the years 0000 to 9999";
        assert_eq!(refusal, if expected.is_some() { "none" } else { form }, "{text}");
    }
    assert_eq!(refusal::<Timestamp>("1555345904"), "the message: expected a time, found a number");
}

#[test]
fn an_empty_list_or_object_stands_for_nothing_where_an_object_is_optional() {
    // A callback with a list or an object in its place, the name of the place, what happens to an
    // empty list and to a list with items.
    let table = [
        ("*", "the message", "refused", "refused"),
        (r#"{"operations":[{},*]}"#, "`operations.1`", "refused", "refused"),
        (r#"{"general":*}"#, "`general`", "absent", "refused"),
        (r#"{"payment":*}"#, "`payment`", "absent", "refused"),
        (r#"{"payment":{"sum":*}}"#, "`payment.sum`", "absent", "refused"),
        (r#"{"operation":*}"#, "`operation`", "absent", "refused"),
        (r#"{"operation":{"sum_initial":*}}"#, "`operation.sum_initial`", "absent", "refused"),
        (r#"{"transaction":*}"#, "`transaction`", "absent", "refused"),
        (r#"{"redirect_data":*}"#, "`redirect_data`", "absent", "kept"),
        (r#"{"account":*}"#, "`account`", "absent", "kept"),
        (r#"{"customer":*}"#, "`customer`", "absent", "kept"),
        (r#"{"request":*}"#, "`request`", "absent", "kept"),
        (r#"{"sum_request":*}"#, "`sum_request`", "absent", "kept"),
        (r#"{"operation":{"provider":*}}"#, "`operation.provider`", "absent", "kept"),
    ];
    for (json, place, empty, filled) in table {
        let found = |value: &str| {
            let json = json.replace('*', value);
            match Callback::from_slice(json.as_bytes()) {
                Ok(callback) if format!("{callback:?}").contains("RawJson") => "kept".to_owned(),
                Ok(callback) => {
                    let absent = Callback::from_slice(
                        json.replace(&format!(":{value}"), ":null").as_bytes(),
                    );
                    assert_eq!(format!("{callback:?}"), format!("{:?}", absent.unwrap()), "{json}");
                    "absent".to_owned()
                }
                Err(error) => error.to_string(),
            }
        };
        let expected = |outcome: &str| match outcome {
            "refused" => format!("{place}: expected an object, found a list"),
            other => other.to_owned(),
        };
        assert_eq!(found("[]"), expected(empty), "{json}");
        for list in ["[{}]", "[[]]", "[null]", "[0]"] {
            assert_eq!(found(list), expected(filled), "{json}");
        }
        if empty == "absent" {
            assert_eq!(found("{}"), "absent", "{json}");
            assert_eq!(found("{ }"), "absent", "{json}");
        }
    }
}

#[test]
fn the_path_of_a_mistake_can_be_read_without_the_message() {
    let path = |json: &[u8]| Callback::from_slice(json).unwrap_err().path().map(str::to_owned);
    assert_eq!(
        path(br#"{"payment":{"sum":{"amount":"1"}}}"#).as_deref(),
        Some("payment.sum.amount")
    );
    assert_eq!(
        path(br#"{"payment":{"sum":{"amount":1}}}"#).as_deref(),
        Some("payment.sum.currency")
    );
    assert_eq!(path(br#"{"payment":{"id":[]}}"#).as_deref(), Some("payment.id"));
    assert_eq!(path(b"[{}]").as_deref(), Some(""));
    assert_eq!(path(b"["), None);
}

#[test]
fn other_messages_name_what_they_miss() {
    type Reader = fn(&str) -> String;
    let check = r#"{"type":"check_deposit","project_id":258,"payment_id":"X1","customer_id":"1","amount":0,"currency":"EUR","payment_method":"eco-voucher"}"#;
    let page = r#"{"project_id":1,"payment_id":"X1","payment_amount":0,"payment_currency":"EUR","customer_id":"1"}"#;
    // The message, what is replaced in it by what, and the refusal.
    let table: [(Reader, &str, &str, &str, &str); 22] = [
        (refusal::<DepositCheck>, check, "", "", "none"),
        (
            refusal::<DepositCheck>,
            check,
            "check_deposit",
            "check",
            "`type`: expected `check_deposit`",
        ),
        (refusal::<DepositCheck>, check, "\"type\"", "\"kind\"", "`type` is missing"),
        (
            refusal::<DepositCheck>,
            check,
            ":0",
            ":\"0\"",
            "`amount`: expected an integer, found a string",
        ),
        (refusal::<DepositCheck>, check, "customer_id", "customer", "`customer_id` is missing"),
        (
            refusal::<DepositCheck>,
            check,
            "\"X1\"",
            "null",
            "`payment_id`: expected a string, found null",
        ),
        (refusal::<DepositCheck>, "[]", "", "", "the message: expected an object, found a list"),
        (refusal::<PageParameters>, page, "", "", "none"),
        (
            refusal::<PageParameters>,
            page,
            "payment_amount",
            "amount",
            "`payment_amount` is missing",
        ),
        (
            refusal::<PageParameters>,
            page,
            "\"project_id\":1",
            "\"project_id\":\"1\"",
            "`project_id`: expected an integer, found a string",
        ),
        (refusal::<GateRequest>, r#"{"payment":{}}"#, "", "", "`general` is missing"),
        (refusal::<GateRequest>, r#"{"general":{}}"#, "", "", "`general.project_id` is missing"),
        (
            refusal::<GateRequest>,
            r#"{"general":[]}"#,
            "",
            "",
            "`general`: expected an object, found a list",
        ),
        (
            refusal::<GateRequest>,
            r#"{"general":{"project_id":1},"payment":{"amount":"1"}}"#,
            "",
            "",
            "`payment.amount`: expected an integer, found a string",
        ),
        (refusal::<ConfirmationAnswer>, r#"{"payment_id":"X1"}"#, "", "", "`code` is missing"),
        (refusal::<ConfirmationAnswer>, r#"{"code":0}"#, "", "", "`payment_id` is missing"),
        (
            refusal::<ConfirmationAnswer>,
            r#"{"code":"0","payment_id":"X1"}"#,
            "",
            "",
            "`code`: expected an integer, found a string",
        ),
        (
            refusal::<GateRequest>,
            r#"{"general":{"project_id":1,"signature":[]}}"#,
            "",
            "",
            "`general.signature`: expected a string, found a list",
        ),
        (refusal::<DepositCheck>, check, "{", "{\"signature\":null,", "none"),
        (refusal::<SyncResponse>, "{}", "", "", "`status` is missing"),
        (
            refusal::<SyncResponse>,
            r#"{"status":200}"#,
            "",
            "",
            "`status`: expected a string, found a number",
        ),
        (
            refusal::<StatusResponse>,
            r#"{"operations":[{"status":0}]}"#,
            "",
            "",
            "`operations.0.status`: expected a string, found a number",
        ),
    ];
    for (refusal, json, from, to, message) in table {
        let json = if from.is_empty() { json.to_owned() } else { json.replacen(from, to, 1) };
        assert_eq!(refusal(&json), message, "{json}");
    }
}

#[test]
fn a_redirect_that_cannot_be_read_is_none_and_says_why_by_itself() {
    let table = [
        (r#"{"method":"GET","url":"u"}"#, "none"),
        (r#"{"url":"u"}"#, "`method` is missing"),
        (r#"{"method":"GET"}"#, "`url` is missing"),
        (r#"{"method":0,"url":"u"}"#, "`method`: expected a string, found a number"),
        (
            r#"{"method":"GET","url":"u","body":"a=b"}"#,
            "`body`: expected an object or an empty list, found a string",
        ),
    ];
    for (redirect, message) in table {
        assert_eq!(refusal::<RedirectData>(redirect), message, "{redirect}");
        for name in ["redirect_data", "redirectData", "return_url"] {
            let json = format!("{{\"{name}\":{redirect}}}");
            let callback = Callback::from_slice(json.as_bytes()).unwrap();
            assert_eq!(callback.redirect().is_some(), message == "none", "{json}");
        }
    }
}

#[test]
fn each_format_of_a_callback_is_recognized_by_its_members() {
    // The body, its format, its project and payment, where it redirects to.
    let table = [
        (
            r#"{"general":{"signature":"x"},"project_id":2,"payment":{"id":"p1","status":"success"},
                "recurring":{"id":100},"operation":{"id":192,"status":"success"}}"#,
            CallbackFormat::Operation,
            "2 p1",
            None,
        ),
        (
            r#"{"general":{"project_id":43,"payment_id":"p2","signature":"x"},"request_id":"r",
                "transaction":{"id":1,"date":"2020-08-24T09:36:01+0000","type":"sale"},
                "payment":{"status":"awaiting redirect result","method":"card","result_code":"0"},
                "sum_request":{"amount":1,"currency":"EUR"},"sum_real":{"amount":2,"currency":"EUR"},
                "sum_refund":{"amount":0,"currency":"EUR"},"errors":[],
                "return_url":{"method":"GET","url":"https://a.example/","body":[]}}"#,
            CallbackFormat::Transaction,
            "43 p2",
            Some("https://a.example/"),
        ),
        (
            r#"{"general":{"project_id":43,"payment_id":"p3"},"transaction":{"id":1},"payment":{},
                "return_url":"https:\/\/b.example\/"}"#,
            CallbackFormat::Transaction,
            "43 p3",
            None,
        ),
        (
            r#"{"general":{"project_id":2,"signature":"x"},"request":{"id":"r","action":"create",
                "status":"success","errors":[]},"customer":{"id":"c"},"card":{"number":"4242"},
                "token":"t","token_status":"active","token_created_at":"2020-08-24"}"#,
            CallbackFormat::Token,
            "2 -",
            None,
        ),
        (
            r#"{"general":{"signature":"x"},"project_id":2,
                "recurring":{"id":1,"status":"active","type":"R"}}"#,
            CallbackFormat::Subscription,
            "2 -",
            None,
        ),
        (
            r#"{"general":{"signature":"x"},"payment":{"id":"p6"},
                "redirectData":{"method":"GET","body":[],"encrypted":[],"url":"https://c.example/"}}"#,
            CallbackFormat::Redirect,
            "- p6",
            Some("https://c.example/"),
        ),
        (
            r#"{"payment":{"id":"p7"},
                "redirect_data":{"method":"POST","body":{},"url":"https://d.example/"}}"#,
            CallbackFormat::Redirect,
            "- p7",
            Some("https://d.example/"),
        ),
        (
            r#"{"payment":{"id":"p8"},"return_url":{"method":"GET","url":"https://e.example/"}}"#,
            CallbackFormat::Redirect,
            "- p8",
            Some("https://e.example/"),
        ),
        (
            r#"{"payment":{"id":"p9"},"return_url":"https://f.example/"}"#,
            CallbackFormat::Unknown,
            "- p9",
            None,
        ),
        (r#"{"project_id":7,"news":"none"}"#, CallbackFormat::Unknown, "7 -", None),
        // An operation without members is none, so it does not tell the format.
        (r#"{"payment":{"id":"p10"},"operation":{}}"#, CallbackFormat::Unknown, "- p10", None),
        (r#"{"operation":[],"transaction":{}}"#, CallbackFormat::Unknown, "- -", None),
        (r#"{"operation":{},"transaction":{"id":1}}"#, CallbackFormat::Transaction, "- -", None),
        (
            r#"{"operation":{},"redirect_data":{"method":"GET","url":"https://g.example/"}}"#,
            CallbackFormat::Redirect,
            "- -",
            Some("https://g.example/"),
        ),
        // A redirect that cannot be read is none either.
        (r#"{"redirect_data":{"url":"https://h.example/"}}"#, CallbackFormat::Unknown, "- -", None),
        (
            r#"{"redirect_data":"https://h.example/",
                "return_url":{"method":"GET","url":"https://i.example/"}}"#,
            CallbackFormat::Redirect,
            "- -",
            Some("https://i.example/"),
        ),
    ];
    for (json, format, ids, url) in table {
        let callback = Callback::from_slice(json.as_bytes()).unwrap();
        assert_eq!(callback.format(), format, "{json}");
        let project = callback.project_id().map_or("-".to_owned(), |id| id.to_string());
        let payment = callback.payment_id().map_or("-", |id| id.as_str());
        assert_eq!(format!("{project} {payment}"), ids);
        let found = callback.redirect().map(|redirect| redirect.url.expose().clone());
        assert_eq!(found.as_deref(), url, "{json}");
    }
}

#[test]
fn the_transaction_format_keeps_its_sums_and_the_token_format_its_request() {
    let callback = Callback::from_slice(
        br#"{"general":{"project_id":43,"payment_id":"p"},"request_id":"r-1",
            "transaction":{"id":5048925000004552,"date":"2020-08-24T06:06:01-0330","type":"sale"},
            "operations":[{"id":1,"type":"sale","status":"success","processing_time":"x",
            "sum":{"amount":100,"currency":"JPY"},"code":0}],
            "sum_request":{"amount":1,"currency":"EUR"},"sum_real":{"amount":2,"currency":"USD"},
            "sum_refund":{"amount":3,"currency":"BHD"}}"#,
    )
    .unwrap();
    let transaction = callback.transaction.unwrap();
    assert_eq!(transaction.id.unwrap().get(), 5_048_925_000_004_552);
    assert_eq!(transaction.date.unwrap().to_string(), "2020-08-24T09:36:01+0000");
    assert_eq!(transaction.kind.unwrap().as_str(), "sale");
    assert_eq!(callback.request_id.unwrap().as_str(), "r-1");
    let sums = [callback.sum_request, callback.sum_real, callback.sum_refund]
        .map(|sum| sum.unwrap().money().unwrap().to_string());
    assert_eq!(sums, ["0.01 EUR", "0.02 USD", "0.003 BHD"]);
    let [operation] = &callback.operations[..] else { panic!("{:?}", callback.operations) };
    assert_eq!(operation.sum_initial.as_ref().unwrap().money().unwrap().to_string(), "100 JPY");
    assert!(operation.code.as_ref().unwrap().is_success());
    assert_eq!(operation.extra.get("processing_time").unwrap().as_str(), "\"x\"");

    let callback = Callback::from_slice(
        br#"{"request":{"id":"r-2","action":"create","status":"decline"},"token":"t"}"#,
    )
    .unwrap();
    let request = callback.request.unwrap();
    assert_eq!(request.id.unwrap().as_str(), "r-2");
    assert_eq!(
        (request.action.as_deref(), request.status.as_deref()),
        (Some("create"), Some("decline"))
    );
    assert_eq!(callback.extra.get("token").unwrap().scalar().as_deref(), Some("t"));
}

/// The order of members is not signed, so it must not choose between two names of one.
#[test]
fn two_names_of_one_member_say_the_same() {
    let one = r#""redirect_data":{"method":"GET","url":"https://a.example/"}"#;
    let other = r#""redirectData":{"url":"https://a.example/","method":"GET"}"#;
    for json in [format!("{{{one},{other}}}"), format!("{{{other},{one}}}")] {
        let callback = Callback::from_slice(json.as_bytes()).unwrap();
        assert_eq!(callback.redirect().unwrap().url.expose(), "https://a.example/", "{json}");
        let kept: Vec<_> = callback.extra.iter().map(|(name, raw)| (name, raw.as_str())).collect();
        assert_eq!(kept, [other.split_once(':').map(|(_, raw)| ("redirectData", raw)).unwrap()]);
    }

    // Nothing stands for nothing, and anything else that differs is refused, in either order.
    let sum = r#""sum_initial":{"amount":1,"currency":"EUR"}"#;
    let message = "`operation.sum_initial` and `operation.sum` contradict each other";
    let table = [
        (r#""sum":{"amount":1,"currency":"EUR"}"#, "none"),
        (r#""sum":{"currency":"EUR","amount":1}"#, "none"),
        (r#""sum":{}"#, "none"),
        (r#""sum":null"#, "none"),
        (r#""sum":{"amount":2,"currency":"EUR"}"#, message),
        (r#""sum":{"amount":1,"currency":"USD"}"#, message),
        (r#""sum":{"amount":1.0,"currency":"EUR"}"#, message),
        (r#""sum":{"amount":"1","currency":"EUR"}"#, message),
        (r#""sum":{"amount":1,"currency":"EUR","x":1}"#, message),
        (r#""sum":0"#, message),
        (r#""sum":[1]"#, message),
    ];
    for (other, expected) in table {
        for members in [format!("{sum},{other}"), format!("{other},{sum}")] {
            assert_eq!(refusal::<Callback>(&format!(r#"{{"operation":{{{members}}}}}"#)), expected);
            let in_list = expected.replace("operation.", "operations.0.");
            for json in [
                format!(r#"{{"operations":[{{{members}}}]}}"#),
                format!(r#"{{"general":{{}},"operations":[{{{members}}}]}}"#),
            ] {
                assert_eq!(refusal::<Callback>(&json), in_list, "{json}");
                assert_eq!(refusal::<StatusResponse>(&json), in_list, "{json}");
            }
        }
    }
}

/// A message of one format can be cut so that it has members of another one as well.
#[test]
fn what_a_message_says_twice_it_says_alike() {
    let table = [
        // Each alone, and both alike.
        (r#"{"payment":{"id":"A"}}"#, "none"),
        (r#"{"general":{"payment_id":"A","project_id":1}}"#, "none"),
        (
            r#"{"project_id":1,"general":{"payment_id":"A","project_id":1},"payment":{"id":"A"}}"#,
            "none",
        ),
        (r#"{"general":{"payment_id":""},"payment":{"id":"A"}}"#, "none"),
        // Not alike.
        (
            r#"{"general":{"payment_id":"A"},"payment":{"id":"B"}}"#,
            "`payment.id` and `general.payment_id` contradict each other",
        ),
        (
            r#"{"project_id":2,"general":{"project_id":1}}"#,
            "`project_id` and `general.project_id` contradict each other",
        ),
    ];
    for (json, expected) in table {
        assert_eq!(refusal::<Callback>(json), expected, "{json}");
        assert_eq!(refusal::<StatusResponse>(json), expected, "{json}");
    }
    let operation = r#"{"operation":{"id":1,"type":"sale","status":"success",
        "sum_initial":{"amount":1,"currency":"EUR"}},"#;
    let table = [
        (r#""transaction":{"id":1,"type":"sale"}}"#, "none"),
        (r#""transaction":{"id":1}}"#, "none"),
        (r#""transaction":{"id":2}}"#, "`operation.id` and `transaction.id` contradict each other"),
        (
            r#""transaction":{"id":1,"type":"payout"}}"#,
            "`operation.type` and `transaction.type` contradict each other",
        ),
        // The operation that a callback is about is one of all of them.
        (r#""operations":[]}"#, "none"),
        (r#""operations":[{"id":2,"status":"decline"},{"id":1,"status":"success"}]}"#, "none"),
        (r#""operations":[{"id":1,"type":"sale","sum":{"amount":1,"currency":"EUR"}}]}"#, "none"),
        (r#""operations":[{"id":2}]}"#, "`operation` and `operations` contradict each other"),
        (
            r#""operations":[{"type":"sale"}]}"#,
            "`operation` and `operations` contradict each other",
        ),
        (
            r#""operations":[{"id":2},{"id":1,"status":"decline"}]}"#,
            "`operation.status` and `operations.1.status` contradict each other",
        ),
        (
            r#""operations":[{"id":1,"type":"refund"}]}"#,
            "`operation.type` and `operations.0.type` contradict each other",
        ),
        (
            r#""operations":[{"id":1,"sum":{"amount":2,"currency":"EUR"}}]}"#,
            "`operation.sum` and `operations.0.sum` contradict each other",
        ),
    ];
    for (members, expected) in table {
        assert_eq!(refusal::<Callback>(&format!("{operation}{members}")), expected, "{members}");
    }
    let table = [
        (r#"{"request_id":"r","request":{"id":"r"}}"#, "none"),
        (
            r#"{"request_id":"r","request":{"id":"s"}}"#,
            "`request_id` and `request.id` contradict each other",
        ),
        (
            r#"{"redirectData":{"method":"GET","url":"https://a.example/"},
                "return_url":{"url":"https://a.example/","method":"GET"}}"#,
            "none",
        ),
        (
            r#"{"redirect_data":{"method":"GET","url":"https://a.example/"},
                "return_url":"https://b.example/"}"#,
            "none",
        ),
        (
            r#"{"redirectData":{"method":"GET","url":"https://a.example/"},
                "return_url":{"method":"GET","url":"https://b.example/"}}"#,
            "`redirectData` and `return_url` contradict each other",
        ),
        (
            r#"{"redirect_data":[],"redirectData":{"method":"GET","url":"https://a.example/"},
                "return_url":{"method":"GET","url":"https://b.example/"}}"#,
            "`redirectData` and `return_url` contradict each other",
        ),
    ];
    for (json, expected) in table {
        assert_eq!(refusal::<Callback>(json), expected, "{json}");
    }
}

/// The signature is a member that the models know, so it is no reason to look into `extra`.
#[test]
fn a_signature_is_read_where_it_stands() {
    // The body, the signature at its top level, the one in `general`.
    let table = [
        ("{}", None, None),
        (r#"{"signature":"x\/="}"#, Some("x/="), None),
        (r#"{"general":{"signature":"x"}}"#, None, Some("x")),
        (r#"{"general":{"signature":"x"},"signature":"y"}"#, Some("y"), Some("x")),
        (r#"{"general":[],"signature":null}"#, None, None),
        // Not proven and not even looked at.
        (r#"{"general":{"signature":""},"signature":0}"#, Some("0"), Some("")),
    ];
    for (json, root, in_general) in table {
        let callback = Callback::from_slice(json.as_bytes()).unwrap();
        let answer = StatusResponse::from_slice(json.as_bytes()).unwrap();
        assert!(callback.extra.is_empty() && answer.extra.is_empty(), "{json}");
        for (signature, general) in
            [(callback.signature, callback.general), (answer.signature, answer.general)]
        {
            assert_eq!(signature, root.map(|text| text.to_owned().into()), "{json}");
            assert!(general.as_ref().is_none_or(|general| general.extra.is_empty()), "{json}");
            let signature = general.and_then(|general| general.signature);
            assert_eq!(signature, in_general.map(|text| text.to_owned().into()), "{json}");
        }
    }
}

#[test]
fn what_is_absent_or_null_or_new_does_not_stop_a_callback() {
    let callback = Callback::from_slice(
        br#"{"project_id":null,"payment":{"id":null,"status":"gone fishing","type":null,"sum":null,
            "tip":{"amount":1}},"operation":{"status":null,"code":"x1","provider":null},
            "customer":null,"errors":null,"operations":null,"account":{}}"#,
    )
    .unwrap();
    assert_eq!(callback.project_id(), None);
    assert_eq!(callback.payment_id(), None);
    let status = callback.payment_status().unwrap();
    assert_eq!(status.as_str(), "gone fishing");
    assert!(!status.is_final() && !status.is_success());
    assert_eq!(callback.operation_status(), None);
    assert!(callback.account.is_none() && callback.extra.is_empty());
    assert!(callback.errors.is_empty() && callback.operations.is_empty());
    assert_eq!(callback.payment.unwrap().extra.get("tip").unwrap().as_str(), r#"{"amount":1}"#);
    let code = callback.operation.unwrap().code.unwrap();
    assert_eq!((code.as_str(), code.number(), code.is_success()), ("x1", None, false));

    let empty = Callback::from_slice(b"{}").unwrap();
    assert_eq!(empty.format(), CallbackFormat::Unknown);
    assert_eq!((empty.payment_status(), empty.operation_status()), (None, None));
}

/// What PHP writes for an id, a time or an object that it does not have.
#[test]
fn what_is_blank_counts_as_absent() {
    let callback = Callback::from_slice(
        br#"{"project_id":0,"general":{"project_id":0,"payment_id":""},"request_id":"",
            "payment":{"id":"","date":"","description":"","sum":{}},"account":[],"customer":{},
            "operation":{"date":"","created_date":"","request_id":"","provider":[],"sum":[]},
            "transaction":[],"request":{"id":""},"errors":[],"operations":[{}],
            "sum_request":{},"redirect_data":{}}"#,
    )
    .unwrap();
    assert_eq!((callback.project_id(), callback.payment_id()), (None, None));
    assert!(callback.request_id.is_none() && callback.request.unwrap().id.is_none());
    let payment = callback.payment.unwrap();
    assert!(payment.id.is_none() && payment.date.is_none() && payment.sum.is_none());
    assert_eq!(payment.description.unwrap().expose(), "");
    assert!(payment.extra.is_empty());
    let operation = callback.operation.unwrap();
    assert!(operation.date.is_none() && operation.created_date.is_none());
    assert!(operation.request_id.is_none() && operation.sum_initial.is_none());
    assert!(operation.provider.is_none() && operation.extra.is_empty());
    assert!(callback.account.is_none() && callback.customer.is_none());
    assert!(callback.transaction.is_none() && callback.sum_request.is_none());
    assert!(callback.redirect_data.is_none());
    let [operation] = &callback.operations[..] else { panic!("{:?}", callback.operations) };
    assert!(operation.id.is_none() && operation.extra.is_empty());
    assert!(callback.errors.is_empty() && callback.errors.unread().is_none());
    assert!(callback.extra.is_empty());

    // A blank id does not stand in the way of the one in the other place.
    let json =
        br#"{"project_id":0,"payment":{"id":""},"general":{"project_id":43,"payment_id":"p"}}"#;
    let callback = Callback::from_slice(json).unwrap();
    assert_eq!(callback.project_id().unwrap().get(), 43);
    assert_eq!(callback.payment_id().unwrap().as_str(), "p");
    let answer = StatusResponse::from_slice(json).unwrap();
    assert_eq!(answer.project_id().unwrap().get(), 43);
    assert_eq!(answer.payment_id().unwrap().as_str(), "p");

    let json = br#"{"status":"error","request_id":"","project_id":0,"payment_id":""}"#;
    let refused = SyncResponse::from_slice(json).unwrap();
    assert!(refused.request_id.is_none() && refused.payment_id.is_none());
    assert!(refused.project_id.is_none() && refused.extra.is_empty());
}

#[test]
fn a_blank_id_is_refused_where_one_is_required() {
    const PAYMENT: &str = "`payment_id`: must not be empty";
    const PROJECT: &str =
        "`project_id`: the project id must be a number from 1 to 9007199254740992";
    let found = [
        refusal::<DepositCheck>(r#"{"type":"check_deposit","project_id":0}"#),
        refusal::<DepositCheck>(r#"{"type":"check_deposit","project_id":1,"payment_id":""}"#),
        refusal::<PageParameters>(r#"{"project_id":0}"#),
        refusal::<PageParameters>(r#"{"project_id":1,"payment_id":""}"#),
        refusal::<ConfirmationAnswer>(r#"{"code":0,"payment_id":""}"#),
        refusal::<GateRequest>(r#"{"general":{"project_id":0}}"#),
    ];
    let general =
        "`general.project_id`: the project id must be a number from 1 to 9007199254740992";
    assert_eq!(found, [PROJECT, PAYMENT, PROJECT, PAYMENT, PAYMENT, general]);
    // In a Gate request only the project must be there.
    let json = r#"{"general":{"project_id":1,"payment_id":"","request_id":"r"}}"#;
    let general = GateRequest::from_slice(json.as_bytes()).unwrap().general;
    assert!(general.payment_id.is_none());
    assert_eq!(general.extra.get("request_id").unwrap().as_str(), "\"r\"");
}

/// The rules for ids are those for making them; the platform's are taken as they come.
#[test]
fn any_text_that_is_not_empty_is_an_id_when_the_platform_sends_it() {
    let long = "ж".repeat(300);
    for id in [" ", " X 1 ", "a;b:c", "\u{a0}", "a\tb\n", "a\"b\\c", "\0", "😀", &long] {
        let id_json = serde_json::to_string(id).unwrap();
        let json = r#"{"project_id":1,"payment":{"id":*},"general":{"payment_id":*},
            "request_id":*,"operation":{"request_id":*},"request":{"id":*}}"#;
        let callback = Callback::from_slice(json.replace('*', &id_json).as_bytes()).unwrap();
        assert_eq!(callback.payment_id().unwrap().as_str(), id);
        assert_eq!(callback.general.unwrap().payment_id.unwrap().as_str(), id);
        assert_eq!(callback.request_id.unwrap().as_str(), id);
        assert_eq!(callback.operation.unwrap().request_id.unwrap().as_str(), id);
        assert_eq!(callback.request.unwrap().id.unwrap().as_str(), id);

        let json = r#"{"status":"success","request_id":*,"payment_id":*}"#;
        let answer = SyncResponse::from_slice(json.replace('*', &id_json).as_bytes()).unwrap();
        assert_eq!(answer.request_id.unwrap().as_str(), id);
        assert_eq!(answer.payment_id.unwrap().as_str(), id);

        let json = format!(r#"{{"code":0,"payment_id":{id_json}}}"#);
        let answer = ConfirmationAnswer::from_slice(json.as_bytes()).unwrap();
        assert_eq!(answer.payment_id.as_str(), id);
    }
}

#[test]
fn an_answer_to_a_question_is_written_as_documented_and_reads_back() {
    // The code, the id and how it is written. Received ids follow no rules.
    let table = [
        (0, "X03936", "X03936"),
        (-1, " ж ", " ж "),
        (i64::MAX, r"\/", r"\\/"),
        (1, r#"","code":0,"x":""#, r#"\",\"code\":0,\"x\":\""#),
        (1, r#"\""#, r#"\\\""#),
    ];
    for (code, id, written) in table {
        let value = serde_json::json!({ "code": code, "payment_id": id });
        let answer = ConfirmationAnswer::from_slice(value.to_string().as_bytes()).unwrap();
        assert_eq!((answer.code, answer.payment_id.as_str()), (code, id));
        let json = String::from_utf8(answer.to_json()).unwrap();
        assert_eq!(json, format!(r#"{{"code":{code},"payment_id":"{written}"}}"#));
        assert_eq!(serde_json::from_str::<serde_json::Value>(&json).unwrap(), value);
        assert_eq!(ConfirmationAnswer::from_slice(json.as_bytes()), Ok(answer));
    }
}

#[test]
fn errors_never_refuse_a_message() {
    // What stands in `errors`, how many of them are read, whether it is kept unread.
    let table = [
        ("null", 0, false),
        ("[]", 0, false),
        ("[{}]", 1, false),
        ("[[]]", 0, true),
        (r#"[{"code":"1"},{"code":2,"news":true}]"#, 2, false),
        (r#"[{"code":"1"},"2"]"#, 0, true),
        (r#"[{"code":{}}]"#, 1, false),
        (r#"[{"message":3061}]"#, 1, false),
        ("{}", 0, true),
        (r#"{"0":{"code":"1"}}"#, 0, true),
        (r#""none""#, 0, true),
        ("0", 0, true),
        ("false", 0, true),
    ];
    for (errors, read, unread) in table {
        let json = format!(r#"{{"status":"error","errors":{errors}}}"#);
        let found = [
            Callback::from_slice(json.as_bytes()).unwrap().errors,
            SyncResponse::from_slice(json.as_bytes()).unwrap().errors,
            StatusResponse::from_slice(json.as_bytes()).unwrap().errors,
        ];
        for found in found {
            assert_eq!(found.len(), read, "{errors}");
            let kept = found.unread().map(RawJson::as_str);
            assert_eq!(kept, unread.then_some(errors), "{errors}");
        }
    }
}

#[test]
fn the_id_of_a_provider_is_text_or_a_number() {
    let table = [
        ("6", Some("6")),
        ("0", Some("0")),
        ("-1.50", Some("-1.50")),
        (r#""6""#, Some("6")),
        (r#""0006""#, Some("0006")),
        (r#""wallet\/1""#, Some("wallet/1")),
        ("\"\"", Some("")),
        ("null", None),
        ("true", None),
        ("[6]", None),
        ("{}", None),
    ];
    for (id, expected) in table {
        let json = format!(r#"{{"operation":{{"provider":{{"id":{id}}}}}}}"#);
        let callback = Callback::from_slice(json.as_bytes()).unwrap();
        let provider = callback.operation.unwrap().provider.unwrap();
        assert_eq!(provider.id.as_ref().map(ProviderId::as_str), expected, "{id}");
        let unread = expected.is_none() && id != "null";
        assert_eq!(provider.extra.get("id").map(RawJson::as_str), unread.then_some(id));
    }
}

#[test]
fn a_sum_in_an_unknown_currency_is_read_but_is_no_money() {
    let json = br#"{"payment":{"sum":{"amount":100,"currency":"XQQ"}}}"#;
    let sum = Callback::from_slice(json).unwrap().payment.unwrap().sum.unwrap();
    assert_eq!((sum.amount, sum.currency.as_str()), (100, "XQQ"));
    assert_eq!(
        sum.money().unwrap_err().to_string(),
        "`XQQ` is not the ISO 4217 code of a currency with known decimals, such as `EUR`"
    );
}

#[test]
fn a_redirect_body_is_fields_or_is_kept_as_it_came() {
    // `None` stands for a body that is no list of fields.
    let table = [
        ("", Some("")),
        (r#","body":null"#, Some("")),
        (r#","body":[]"#, Some("")),
        (r#","body":{}"#, Some("")),
        (r#","body":{"a":"1","b":2.50,"c":"\u0416"}"#, Some("a=1;b=2.50;c=Ж;")),
        (r#","body":{"":""}"#, Some("=;")),
        (r#","body":["x"]"#, None),
        (r#","body":{"a":{"b":"c"}}"#, None),
        (r#","body":{"a":"1","b":true}"#, None),
    ];
    for (body, expected) in table {
        let json = format!(r#"{{"redirect_data":{{"url":"u","method":"PUT"{body}}}}}"#);
        let redirect = Callback::from_slice(json.as_bytes()).unwrap().redirect().unwrap();
        assert_eq!(redirect.method, RedirectMethod::Other("PUT".into()));
        let found = match &redirect.body {
            RedirectBody::Fields(fields) => {
                let field = |(name, value): &(String, Sensitive<String>)| {
                    [name, "=", value.expose(), ";"].concat()
                };
                Some(fields.iter().map(field).collect::<String>())
            }
            RedirectBody::Other(raw) => {
                assert_eq!(format!(r#","body":{}"#, raw.as_str()), body);
                None
            }
        };
        assert_eq!(found.as_deref(), expected, "{body}");
        assert_eq!(redirect.body.fields().is_some(), expected.is_some(), "{body}");
    }
}

#[test]
fn a_synchronous_answer_speaks_about_the_request() {
    let registered = SyncResponse::from_slice(
        br#"{"status":"success","request_id":"c3dbddac-00018322","project_id":1236,"payment_id":"X1"}"#,
    )
    .unwrap();
    assert_eq!(registered.status, SyncStatus::Success);
    assert_eq!(registered.request_id.unwrap().as_str(), "c3dbddac-00018322");
    assert_eq!(registered.project_id.unwrap().get(), 1236);
    assert_eq!(registered.payment_id.unwrap().as_str(), "X1");
    assert!(registered.code.is_none() && registered.errors.is_empty());
    assert!(registered.extra.is_empty());

    for code in ["\"3041\"", "3041"] {
        let json = format!(
            r#"{{"status":"error","code":{code},"message":"Payment ID already exists","errors":
            [{{"code":{code},"message":"m","description":"d","field":"general.payment_id"}}],"more":[]}}"#
        );
        let refused = SyncResponse::from_slice(json.as_bytes()).unwrap();
        assert_eq!(refused.status, SyncStatus::Error);
        let found = refused.code.unwrap();
        assert_eq!((found.as_str(), found.number()), ("3041", Some(3041)));
        assert_eq!(found.info().map(|info| info.message), refused.message.as_deref());
        assert_eq!(refused.errors[0].code.as_ref(), Some(&found));
        assert_eq!(refused.errors[0].field.as_deref(), Some("general.payment_id"));
        assert_eq!(refused.extra.get("more").unwrap().as_str(), "[]");
    }

    let other = SyncResponse::from_slice(br#"{"status":"delayed"}"#).unwrap();
    assert_eq!(other.status, SyncStatus::Other("delayed".into()));
}

#[test]
fn a_status_answer_lists_every_operation() {
    let answer = StatusResponse::from_slice(
        br#"{"general":{"project_id":197,"payment_id":"X1"},
            "payment":{"id":"X1","status":"partially refunded","sum":{"amount":5000,"currency":"INR"}},
            "account":{"number":"1"},"customer":{"id":"2"},"errors":{},
            "operations":[
            {"id":1,"type":"sale","status":"success","sum":{"amount":15000,"currency":"INR"},"code":"0",
             "provider":{"id":1731,"payment_id":201738090}},
            {"id":2,"type":"refund","status":"success","sum_initial":{"amount":10000,"currency":"INR"},"code":0},
            {"id":3,"type":"refund","status":"decline","code":3283,"message":"m"}]}"#,
    )
    .unwrap();
    assert_eq!(answer.project_id().unwrap().get(), 197);
    assert_eq!(answer.payment_id().unwrap().as_str(), "X1");
    assert_eq!(answer.payment_status().unwrap().as_str(), "partially refunded");
    assert!(!answer.is_unknown_payment());
    let operations: Vec<String> = answer
        .operations
        .iter()
        .map(|operation| {
            let sum = operation.sum_initial.as_ref().map_or(0, |sum| sum.amount);
            format!(
                "{} {} {} {} {sum}",
                operation.id.unwrap(),
                operation.kind.as_ref().unwrap(),
                operation.status.as_ref().unwrap(),
                operation.code.as_ref().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        operations,
        ["1 sale success 0 15000", "2 refund success 0 10000", "3 refund decline 3283 0"]
    );
    let provider = answer.operations[0].provider.as_ref().unwrap();
    assert_eq!(provider.payment_id.as_ref().unwrap().expose(), "201738090");
}

#[test]
fn only_an_error_with_code_3061_says_that_there_is_no_such_payment() {
    let table = [
        (r#"{"payment":{"status":"error"},"errors":[{"code":"3061"}]}"#, true),
        (r#"{"payment":{"status":"error"},"errors":[{"code":2004},{"code":3061}]}"#, true),
        (r#"{"payment":{"status":"error"},"errors":[{"code":"2004"}]}"#, false),
        (r#"{"payment":{"status":"error"},"errors":[]}"#, false),
        (
            r#"{"payment":{"id":"X1","status":"error"},"operations":[],"errors":[{"code":"3061"}]}"#,
            true,
        ),
        // What only a payment has.
        (r#"{"payment":{"status":"error","type":"payout"},"errors":[{"code":"3061"}]}"#, false),
        (
            r#"{"payment":{"status":"error","sum":{"amount":1,"currency":"EUR"}},
                "errors":[{"code":"3061"}]}"#,
            false,
        ),
        (
            r#"{"payment":{"status":"error"},"errors":[{"code":"3061"}],
                "operations":[{"id":1,"type":"payout","status":"success"}]}"#,
            false,
        ),
        (r#"{"payment":{"status":"error"},"errors":{"code":"3061"}}"#, false),
        (r#"{"payment":{"status":"error"},"errors":[{"code":"3061"},"3061"]}"#, false),
        (r#"{"payment":{"status":"error"},"errors":[{"code":[3061]}]}"#, false),
        (r#"{"payment":{"status":"error"},"errors":[{"message":1},{"code":"3061"}]}"#, true),
        (r#"{"payment":{"status":"error"}}"#, false),
        (r#"{"payment":{"status":"decline"},"errors":[{"code":"3061"}]}"#, false),
        (r#"{"payment":{},"errors":[{"code":"3061"}]}"#, false),
        (r#"{"errors":[{"code":"3061"}]}"#, false),
        ("{}", false),
    ];
    for (json, unknown) in table {
        let answer = StatusResponse::from_slice(json.as_bytes()).unwrap();
        assert_eq!(answer.is_unknown_payment(), unknown, "{json}");
    }
}

#[test]
fn bodies_that_are_no_objects_are_refused_by_every_model() {
    let found = [
        Callback::from_slice(b"[{}]").map(drop),
        StatusResponse::from_slice(b"[{}]").map(drop),
        SyncResponse::from_slice(b"[{}]").map(drop),
        GateRequest::from_slice(b"[{}]").map(drop),
        PageParameters::from_slice(b"[{}]").map(drop),
        DepositCheck::from_slice(b"[{}]").map(drop),
        RedirectData::from_slice(b"[{}]").map(drop),
    ];
    for found in found {
        let error = found.unwrap_err();
        assert!(matches!(
            error,
            ModelError::Type { ref path, expected: "an object", found: "a list" } if path.is_empty()
        ));
        assert_eq!(error.to_string(), "the message: expected an object, found a list");
    }
    assert!(ConfirmationAnswer::from_slice(b"[{}]").is_err());
}

#[test]
fn what_is_empty_hides_no_member_of_another_name() {
    // Empty lists and objects are not signed: anybody could have put them there.
    let json = br#"{"operation":{"type":"refund","status":"success","sum_initial":{},
            "sum":{"amount":1,"currency":"EUR"}},
        "redirect_data":[],"redirectData":{"method":"GET","url":"https://p.example"},"token":[]}"#;
    let callback = Callback::from_slice(json).unwrap();
    assert_eq!(callback.refund().unwrap().sum.unwrap().amount, 1);
    assert_eq!(callback.redirect().unwrap().url.expose(), "https://p.example");
    let token = br#"{"payment":{"id":"X"},"token":[]}"#;
    assert_eq!(Callback::from_slice(token).unwrap().format(), CallbackFormat::Unknown);
}

#[test]
fn unknown_members_keep_their_order() {
    let callback = Callback::from_slice(br#"{"customer":1,"news":2,"errors":[],"x":3}"#).unwrap();
    let names: Vec<&str> = callback.extra.iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["customer", "news", "x"]);
}

#[test]
fn an_id_that_holds_anything_is_answered_and_printed_safely() {
    let json = br#"{"code":0,"payment_id":"a\n\u0000\"\\ b"}"#;
    let answer = ConfirmationAnswer::from_slice(json).unwrap();
    let again = ConfirmationAnswer::from_slice(&answer.to_json()).unwrap();
    assert_eq!(again, answer);
    assert!(!format!("{answer:?} {}", answer.payment_id).contains(['\n', '\0']));
}
