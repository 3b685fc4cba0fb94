//! The customer's next step, from callbacks and status answers.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use ecp_core::json::{Document, Limits, RawJson};
use ecp_core::model::{
    AdditionalData, Callback, ClarificationFields, DisplayData, DisplayKind, FieldKind, FromJson,
    StatusResponse, Step,
};

const DISPLAY: &str = r#"[{"type":"qr_data","title":"QR code","data":"https://pay.example/1"},
    {"type":"add_info","title":"receiver_account","data":"1122334455667788"}]"#;
const REDIRECT: &str = r#"{"method":"GET","url":"https://pay.example/","body":[]}"#;
const CLARIFY: &str =
    r#"{"customer":{"properties":{"phone":{"type":"string"}},"required":["phone"]}}"#;

fn message(status: &str, members: &str) -> String {
    let status =
        if status.is_empty() { "{}".to_owned() } else { format!(r#"{{"status":"{status}"}}"#) };
    format!(r#"{{"payment":{status}{members}}}"#)
}

fn steps(status: &str, members: &str) -> [&'static str; 2] {
    let json = message(status, members);
    let callback = Callback::from_slice(json.as_bytes()).unwrap();
    let answer = StatusResponse::from_slice(json.as_bytes()).unwrap();
    [callback.next_step().as_str(), answer.next_step().as_str()]
}

#[test]
fn a_status_decides_the_step_and_the_members_do_where_it_leaves_it_open() {
    let display = format!(r#","display_data":{DISPLAY}"#);
    let redirect = format!(r#","redirect_data":{REDIRECT}"#);
    let clarify = format!(r#","clarification_fields":{CLARIFY}"#);
    let all = format!("{display}{redirect}{clarify}");
    let table = [
        ("awaiting redirect result", redirect.as_str(), "redirect"),
        ("awaiting redirect result", "", "wait"),
        ("awaiting customer", display.as_str(), "display"),
        ("awaiting customer action", display.as_str(), "display"),
        ("awaiting customer", redirect.as_str(), "redirect"),
        ("awaiting customer", "", "push"),
        ("awaiting customer", &all, "display"),
        ("awaiting clarification", clarify.as_str(), "clarify"),
        ("awaiting clarify data", &all, "clarify"),
        ("awaiting clarification", "", "clarify"),
        ("processing", "", "wait"),
        ("processing", display.as_str(), "display"),
        ("gone fishing", redirect.as_str(), "redirect"),
        ("gone fishing", "", "wait"),
        ("", redirect.as_str(), "redirect"),
        ("success", &all, "done"),
        ("decline", &all, "done"),
        ("internal error", &all, "done"),
        ("partially refunded", "", "done"),
        ("processing", r#","display_data":[],"clarification_fields":{}"#, "wait"),
        ("awaiting customer", r#","display_data":null"#, "push"),
        // Another form is not understood, and costs nothing but the step.
        ("processing", r#","display_data":"x","clarification_fields":"x""#, "wait"),
    ];
    for (status, members, step) in table {
        assert_eq!(steps(status, members), [step; 2], "{status} {members}");
    }
}

#[test]
fn items_to_display_keep_unknown_types_and_whatever_is_no_item() {
    let json = br#"[{"type":"qr_img","title":"QR code","data":"data:image/png;base64,AA=="},
        {"type":"hologram","title":"h","data":"x","depth":3},{"type":"add_info","title":"lifetime","data":1197},
        {"type":"add_info","title":"list","data":["a"]},{"title":"no type"},7]"#;
    let display = DisplayData::from_slice(json).unwrap();
    let kinds: Vec<&str> = display.iter().map(|item| item.kind.as_str()).collect();
    assert_eq!(kinds, ["qr_img", "hologram", "add_info", "add_info"]);
    assert_eq!(display[1].kind, DisplayKind::from("hologram"));
    assert_eq!(display[1].extra.get("depth").unwrap().as_str(), "3");
    assert_eq!(display.get("lifetime").unwrap().expose(), "1197");
    assert_eq!(display.get("list"), None);
    assert_eq!(display[3].extra.get("data").unwrap().as_str(), r#"["a"]"#);
    let unread: Vec<&str> = display.unread().iter().map(RawJson::as_str).collect();
    assert_eq!(unread, [r#"{"title":"no type"}"#, "7"]);

    // A list with gaps is an object in PHP, and one item may come alone.
    for json in [r#"{"1":{"type":"add_info"},"3":{"type":"qr_url"}}"#, r#"{"type":"qr_url"}"#] {
        let display = DisplayData::from_slice(json.as_bytes()).unwrap();
        assert_eq!(display.last().unwrap().kind, DisplayKind::QrUrl, "{json}");
    }
}

#[test]
fn a_qr_code_is_drawn_from_text_and_not_from_an_image() {
    let json = br#"[{"type":"qr_data","data":"https://pay.example/1"},
        {"type":"qr_data","data":"data:image/png;base64,AA=="},{"type":"qr_url","data":"https://a.example/qr.png"}]"#;
    let display = DisplayData::from_slice(json).unwrap();
    assert!(display.iter().all(|item| item.kind.is_qr()));
    let drawn: Vec<Option<&str>> =
        display.iter().map(|item| Some(item.qr_text()?.expose().as_str())).collect();
    assert_eq!(drawn, [Some("https://pay.example/1"), None, None]);
}

#[test]
fn fields_are_read_by_json_schema_at_any_depth_with_what_was_wrong() {
    let json = r#"{
        "customer": {
            "properties": {
                "psu_consent_text": {"type": "string", "default": "I allow this."},
                "psu_consent": {"type": "boolean"},
                "age": {"type": "integer"},
                "billing": {"type": "object", "properties": {"postal": {"type": "string"}}, "required": ["postal"]},
                "a.b": {"type": "string"}
            },
            "required": ["psu_consent_text", "psu_consent", "phone"],
            "errors": [{"property": "age", "message": "too young", "constraint": "minimum"}]
        },
        "avs_data": ["avs_post_code"]
    }"#;
    let asked = ClarificationFields::from_slice(json.as_bytes()).unwrap();
    let fields: Vec<(&str, bool)> =
        asked.iter().map(|field| (field.path.as_str(), field.required)).collect();
    assert_eq!(
        fields,
        [
            ("customer.psu_consent_text", true),
            ("customer.psu_consent", true),
            ("customer.age", false),
            ("customer.billing.postal", true),
            ("customer.phone", true),
        ]
    );
    assert_eq!(asked.required().count(), 4);
    assert_eq!(asked.consent_text().unwrap().expose(), "I allow this.");
    let age = asked.get("customer.age").unwrap();
    assert_eq!(age.kind, Some(FieldKind::Integer));
    assert_eq!(
        (age.message.as_deref(), age.constraint.as_deref()),
        (Some("too young"), Some("minimum"))
    );
    assert_eq!(asked.get("customer.phone").unwrap().schema.as_str(), "{}");
    let unread: Vec<(&str, &str)> =
        asked.unread().iter().map(|(path, json)| (path.as_str(), json.as_str())).collect();
    assert_eq!(
        unread,
        [("customer.a.b", r#"{"type": "string"}"#), ("avs_data", r#"["avs_post_code"]"#)]
    );

    let deep = (0..20).fold(r#"{"properties":{}}"#.to_owned(), |inner, _| {
        format!(r#"{{"properties":{{"x":{inner}}}}}"#)
    });
    let asked = ClarificationFields::from_slice(format!(r#"{{"a":{deep}}}"#).as_bytes()).unwrap();
    assert!(asked.is_empty() && asked.unread().len() == 1);
}

#[test]
fn answers_have_the_types_that_were_asked_for() {
    let asked =
        br#"{"customer":{"properties":{"age":{"type":"integer"},"agreed":{"type":"boolean"},
        "phone":{"type":"string"}}}}"#;
    let asked = ClarificationFields::from_slice(asked).unwrap();
    let field = |path: &str| asked.get(path).unwrap();
    let data = AdditionalData::new()
        .answer(field("customer.phone"), "020")
        .and_then(|data| data.answer(field("customer.age"), "41"))
        .and_then(|data| data.answer(field("customer.agreed"), "true"))
        .and_then(|data| data.text("avs_data.avs_post_code", "E1"))
        .unwrap();
    assert_eq!(
        serde_json::to_string(&data).unwrap(),
        r#"{"customer":{"phone":"020","age":41,"agreed":true},"avs_data":{"avs_post_code":"E1"}}"#
    );
    assert_eq!(serde_json::to_string(&AdditionalData::new()).unwrap(), "{}");

    let refused = |result: Result<AdditionalData, _>| match result {
        Ok(data) => panic!("taken: {data:?}"),
        Err(error) => format!("{error}"),
    };
    let data = || data.clone();
    let table = [
        (
            data().answer(field("customer.age"), "old"),
            "the value of the field `customer.age` must be a whole number",
        ),
        (
            data().answer(field("customer.agreed"), "yes"),
            "the value of the field `customer.agreed` must be `true` or `false`",
        ),
        (
            data().text("customer.phone", "x"),
            "`customer.phone` cannot be added: the same field, or one that contains it or lies in it (as \
             `customer` contains `customer.phone`), is given already: keep only one of them",
        ),
        (
            data().text("customer", "x"),
            "`customer` cannot be added: the same field, or one that contains it or lies in it (as \
             `customer` contains `customer.phone`), is given already: keep only one of them",
        ),
        (
            data().flag("customer.phone.x", true),
            "`customer.phone.x` cannot be added: the same field, or one that contains it or lies in it (as \
             `customer` contains `customer.phone`), is given already: keep only one of them",
        ),
        (
            data().number("a..b", 1),
            "`a..b` is not a path: write names with `.` between them, as in `customer.phone`",
        ),
    ];
    for (result, text) in table {
        assert_eq!(refused(result), text);
    }
}

/// A message that was read with higher limits than the default ones keeps its long members.
#[test]
fn long_members_are_read_from_messages_that_own_their_texts() {
    let long = "x".repeat(300 << 10);
    let display = DISPLAY.replace("receiver_account", &long);
    let json =
        message("awaiting customer", &format!(r#","display_data":{display},"note":"{long}""#));
    let limits = Limits::default().bytes(1 << 20);
    let document = Document::parse(json.as_bytes(), limits).unwrap();
    let callback = Callback::from_json(document.root()).unwrap();
    assert_eq!(callback.display_data().unwrap()[1].title.as_deref(), Some(long.as_str()));
    assert_eq!(callback.extra.get("note").unwrap().scalar().as_deref(), Some(long.as_str()));
}

#[test]
fn borrowed_messages_have_the_same_parts() {
    let json = message(
        "awaiting customer",
        &format!(r#","display_data":{DISPLAY},"clarification_fields":{CLARIFY}"#),
    );
    let document = Document::parse(json.as_bytes(), Limits::default()).unwrap();
    let callback = Callback::borrow_from(document.root()).unwrap();
    let answer = StatusResponse::borrow_from(document.root()).unwrap();
    for (display, asked) in [
        (callback.display_data().unwrap(), callback.clarification_fields().unwrap()),
        (answer.display_data().unwrap(), answer.clarification_fields().unwrap()),
    ] {
        assert_eq!(display[1].title, Some("receiver_account"));
        assert!(display.unread().is_empty());
        assert_eq!(display.into_owned().get("QR code").unwrap().expose(), "https://pay.example/1");
        assert_eq!(asked[0].path, "customer.phone");
    }
}

#[test]
fn no_step_prints_what_it_shows_or_asks() {
    let clarify = r#"{"customer":{"properties":{"phone":{"type":"string","default":"SECRET"}},"x":"SECRET"}}"#;
    let members = [
        format!(r#","clarification_fields":{clarify}"#),
        r#","display_data":[{"type":"add_info","title":"t","data":"SECRET","more":"SECRET"},"SECRET"]"#.to_owned(),
        r#","redirect_data":{"method":"POST","url":"https://SECRET/","body":{"x":"SECRET"}}"#.to_owned(),
    ];
    for members in members {
        let json = message("processing", &members);
        let callback = Callback::from_slice(json.as_bytes()).unwrap();
        let step = callback.next_step();
        assert!(!matches!(step, Step::Wait), "{json}");
        assert!(!format!("{callback:?} {step:?}").contains("SECRET"), "{step:?}");
    }
    let data = AdditionalData::new().text("customer.phone", "SECRET").unwrap();
    assert_eq!(format!("{data:?}"), r#"{"customer.phone"}"#);
}
