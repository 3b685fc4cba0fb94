//! What is marked, and how it gets into requests and callbacks.

use std::sync::Mutex;

use ecp_core::signature::{self, Place, Rules, SigningKey};
use ecp_core::{PaymentId, ProjectId, SecretKey};
use ecp_methods::request::Field;
use ecp_testkit::sentinels::Sentinels;

/// The project's key.
pub(crate) const KEY: &str = "mark-of-the-projects-key";
/// Another one, which does not fit.
pub(crate) const OTHER_KEY: &str = "mark-of-another-key";
/// The Data API's.
pub(crate) const TOKEN: &str = "mark-of-the-data-token";
pub(crate) const WRONG_TOKEN: &str = "mark-of-a-wrong-token";
pub(crate) const DATA_KEY: &str = "mark-of-the-data-key";
/// What no model knows, and what no field may be.
pub(crate) const UNKNOWN: &str = "mark-of-a-member-that-no-model-knows";
pub(crate) const BAD: &str = "mark-of-a-value-that-no-field-takes";
/// What the platform sends of a customer besides the request's own fields.
pub(crate) const REDIRECT: &str = "mark-of-a-redirects-ticket";
pub(crate) const WALLET: &str = "mark-of-the-wallet-of-a-customer";
/// A voucher's code, as a customer types it.
pub(crate) const VOUCHER: &str = "mark-of-a-vouchers-code";

/// What a request has in a field. The merchant's own words are not marked, because they may be shown:
/// ids of payments and refunds, and where callbacks go.
pub(crate) fn value(field: Field) -> &'static str {
    match field {
        Field::ACCOUNT_NUMBER => "88332211770099554",
        Field::CUSTOMER_ADDRESS => "7 Markaddress Street",
        Field::CUSTOMER_CITY => "Markcityville",
        // Two letters say nothing.
        Field::CUSTOMER_COUNTRY => "LV",
        Field::CUSTOMER_DAY_OF_BIRTH => "29-02-1988",
        Field::CUSTOMER_EMAIL => "mark.of.mail@example.com",
        Field::CUSTOMER_FIRST_NAME => "Markfirstname",
        Field::CUSTOMER_ID => "mark-of-the-customers-id",
        Field::CUSTOMER_IP_ADDRESS => "198.51.100.213",
        Field::CUSTOMER_LAST_NAME => "Marklastname",
        Field::CUSTOMER_PHONE => "887766554433221",
        Field::CUSTOMER_STATE => "Markstateshire",
        Field::CUSTOMER_ZIP => "MARK-ZIP-88",
        Field::CALLBACK_URL => "http://127.0.0.1:9/callbacks",
        Field::DESCRIPTION => "mark of a description",
        Field::RETURN_DECLINE => "https://shop.example/no?session=mark-of-a-session-a",
        Field::RETURN_NEUTRAL => "https://shop.example/back?session=mark-of-a-session-b",
        Field::RETURN_SUCCESS => "https://shop.example/yes?session=mark-of-a-session-c",
        _ => "refund-1",
    }
}

/// A request of any flow with every field that a customer fills in. Requests share no trait, so this
/// is a macro.
macro_rules! marked {
    ($request:expr) => {
        ecp_methods::request::Field::KNOWN
            .iter()
            .filter(|field| {
                use ecp_methods::request::Field;
                !matches!(**field, Field::CALLBACK_URL | Field::MERCHANT_REFUND_ID)
            })
            .fold($request, |request, field| request.field(*field, $crate::marks::value(*field)))
    };
}

pub(crate) use marked;

pub(crate) fn sentinels() -> Sentinels {
    let mut sentinels = Sentinels::new();
    for (name, text) in [
        ("the project's key", KEY),
        ("another key", OTHER_KEY),
        ("the token", TOKEN),
        ("a wrong token", WRONG_TOKEN),
        ("the token's key", DATA_KEY),
        ("an unknown member", UNKNOWN),
        ("a bad value", BAD),
        ("a redirect's ticket", REDIRECT),
        ("a wallet", WALLET),
        ("a voucher", VOUCHER),
        ("a session", "mark-of-a-session"),
    ] {
        sentinels.add(name, text);
    }
    for field in Field::KNOWN {
        let unmarked = [Field::CALLBACK_URL, Field::CUSTOMER_COUNTRY, Field::MERCHANT_REFUND_ID];
        if !unmarked.contains(field) {
            sentinels.add(field.path(), value(*field));
        }
    }
    sentinels
}

pub(crate) fn project() -> ProjectId {
    ProjectId::new(1236).unwrap()
}

pub(crate) fn secret(text: &str) -> SecretKey {
    SecretKey::new(text).unwrap()
}

pub(crate) fn id(text: &str) -> PaymentId {
    PaymentId::new(text).unwrap()
}

/// A callback about a payment, with everything that a customer has, where the platform puts it and
/// where it might.
pub(crate) fn callback(payment: &str, status: &str, operation: u64) -> String {
    let member = |field: Field| {
        let name = field.path().rsplit('.').next().unwrap();
        format!("\"{name}\":\"{}\"", value(field))
    };
    let customer: Vec<String> = Field::KNOWN
        .iter()
        .filter(|field| field.path().starts_with("customer."))
        .map(|field| member(*field))
        .collect();
    let customer = customer.join(",");
    format!(
        r#"{{"project_id":1236,
            "customer":{{{customer},"{UNKNOWN}":1,"note":"{UNKNOWN}"}},
            "account":{{"number":"{number}","token":"{WALLET}","holder":"{UNKNOWN}"}},
            "avs_data":{{"avs_post_code":"{UNKNOWN}"}},
            "payment":{{"id":"{payment}","type":"purchase","status":"{status}",
                "method":"A Wallet","sum":{{"amount":10000,"currency":"EUR"}},
                "description":"{description}","voucher":"{VOUCHER}"}},
            "operation":{{"id":{operation},"type":"sale","status":"{status}","code":"0",
                "message":"Success","request_id":"request-1",
                "sum_initial":{{"amount":10000,"currency":"EUR"}},
                "provider":{{"id":1,"payment_id":"{WALLET}"}}}},
            "redirect_data":{{"method":"POST","url":"https://wallet.example/{REDIRECT}",
                "body":{{"TxID":"{REDIRECT}"}},"encrypted":"{UNKNOWN}"}},
            "session":["{UNKNOWN}"]}}"#,
        number = value(Field::ACCOUNT_NUMBER),
        description = value(Field::DESCRIPTION),
    )
    .replace(&format!("\"{UNKNOWN}\":1,"), "")
}

const HEAD: &str = "method,general.payment_id,payment.amount,payment.currency,account.number,\
                    customer.ip_address,customer.email,customer.phone,customer.first_name";

/// A payout file in which every row is good, or every row has something bad.
pub(crate) fn payout_file(bad: bool) -> Vec<u8> {
    let (number, ip) = (value(Field::ACCOUNT_NUMBER), value(Field::CUSTOMER_IP_ADDRESS));
    let (mail, phone) = (value(Field::CUSTOMER_EMAIL), value(Field::CUSTOMER_PHONE));
    let name = value(Field::CUSTOMER_FIRST_NAME);
    let mut file = format!("{HEAD}\n");
    for row in 0..12 {
        // One in ten is declined in the sandbox.
        let amount = if row == 3 { 40_000 } else { 1000 + row };
        let row = match row {
            _ if !bad => {
                format!("jeton,P-{row},{amount},EUR,{number},{ip},{mail},{phone},{name}\n")
            }
            0 => format!("jeton,P-{row},{BAD},EUR,{number},{ip},{mail},{phone},{name}\n"),
            1 => format!("jeton,P-{row},1000,EUR,{number},{BAD},{mail},{phone},{name}\n"),
            2 => format!("jeton,P-{row},1000,EUR,,{ip},{mail}{BAD} x,{phone},{name}\n"),
            3 => format!("jeton,P-{row},1000,EUR,{number},{ip},{mail},{BAD},{name}\n"),
            4 => format!("jeton,P-{row},1000,EUR,{number},{ip},{mail},{phone},\"{BAD}\u{7}\"\n"),
            5 => format!("jeton,P-{row},1000,EUR,{number},{ip},{mail},{phone},{name},{BAD}\n"),
            _ => format!("jeton,P-{row},99999999999,EUR,{number},{ip},{mail},{phone},{name}\n"),
        };
        file.push_str(&row);
    }
    file.into_bytes()
}

static SIGNATURES: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// Signs a body and remembers the signature.
pub(crate) fn sign_with(key: &str, body: &str) -> Vec<u8> {
    let rules = Rules::private().allow_ambiguous();
    let key = SigningKey::new(&secret(key));
    let signed = signature::sign_document(&key, body.as_bytes(), Place::Root, rules).unwrap();
    SIGNATURES.lock().unwrap().extend(signature_of(&signed));
    signed
}

pub(crate) fn sign(body: &str) -> Vec<u8> {
    sign_with(KEY, body)
}

/// The signatures made so far.
pub(crate) fn signatures() -> Vec<String> {
    SIGNATURES.lock().unwrap().clone()
}

/// The signature in a body.
pub(crate) fn signature_of(body: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(body);
    let (_, rest) = text.split_once("\"signature\":\"")?;
    Some(rest.split_once('"')?.0.replace("\\/", "/"))
}
