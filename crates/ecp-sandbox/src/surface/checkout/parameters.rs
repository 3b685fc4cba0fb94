//! The parameters of an opening, checked before anything is shown.

use std::collections::BTreeMap;
use std::time::Duration;

use ecp_core::{Currency, Money, PaymentId, ProjectId, Timestamp};
use serde_json::Value;

use super::problem::Problem;
use super::readings;
use crate::config::Config;
use crate::wire::address::{is_return_address, is_web_address};
use crate::wire::signature;

/// Later times in `best_before` count for nothing, as documented.
const LONGEST_VALIDITY: Duration = Duration::from_hours(30 * 24);

const LONGEST_DESCRIPTION: usize = 255;

/// Parameters of the Payment Page that a merchant has signed.
pub(crate) struct Parameters {
    pub(crate) project: ProjectId,
    pub(crate) payment_id: PaymentId,
    /// The requested amount, counted in minor units; 0 if the customer chooses the amount. For a
    /// method that counts the currency in major units, the same number is major units.
    pub(crate) amount: Money,
    values: BTreeMap<String, String>,
}

impl Parameters {
    /// Checks the parameters of the Payment Page's URL or form: first the signature, then the
    /// values.
    pub(crate) fn check(
        pairs: Vec<(String, String)>,
        config: &Config,
        now: Timestamp,
    ) -> Result<Self, Problem> {
        let values = unique(pairs)?;
        let (project, values) = authenticate(&values, config)?;
        let given = Given(&values);
        if let Some((name, _)) = values.iter().find(|(_, value)| value.contains(';')) {
            return Err(Problem::Separator(name.clone()));
        }
        let guest = (!config.refuse_guests).then_some(CUSTOMER);
        let required = REQUIRED.into_iter().filter(|name| Some(*name) != guest);
        let missing = required.filter(|name| given.get(name).is_none());
        match missing.collect::<Vec<_>>() {
            missing if missing.is_empty() => {}
            missing => return Err(Problem::Missing(missing)),
        }
        let payment_id = PaymentId::new(given.require("payment_id")?)
            .map_err(|_| Problem::Malformed("payment_id".to_owned()))?;
        let amount = given.amount()?;
        given.supported()?;
        given.well_formed()?;
        given.open_at(now)?;
        Ok(Self { project, payment_id, amount, values })
    }

    /// Returns the value of a parameter; `None` if it is missing or empty.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        Given(&self.values).get(name)
    }

    /// Returns a departure from the documents that the page allows, in words for the payment's
    /// history; `None` if there is none.
    pub(crate) fn notice(&self) -> Option<&'static str> {
        self.get(CUSTOMER).is_none().then_some(
            "no customer_id, which the documents require: the customer is a guest. \
             The setting `guests = \"refuse\"` (`Config::refuse_guests`) refuses such addresses",
        )
    }

    /// Returns the signature of the parameters, which is known only to a reader of the page's URL.
    pub(crate) fn signature(&self) -> &str {
        self.get("signature").unwrap_or_default()
    }
}

const CUSTOMER: &str = "customer_id";

const REQUIRED: [&str; 4] = ["payment_id", "payment_amount", "payment_currency", CUSTOMER];

/// No side signs these, and both count.
const UNSIGNED: [&str; 2] = ["frame_mode", "signature"];

/// Parameters before they are checked.
struct Given<'v>(&'v BTreeMap<String, String>);

impl<'v> Given<'v> {
    fn get(&self, name: &str) -> Option<&'v str> {
        self.0.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    fn require(&self, name: &'static str) -> Result<&'v str, Problem> {
        self.get(name).ok_or_else(|| Problem::Missing(vec![name]))
    }

    fn amount(&self) -> Result<Money, Problem> {
        const AMOUNT: &str = "payment_amount";
        let text = self.require(AMOUNT)?;
        let digits = text.bytes().all(|byte| byte.is_ascii_digit());
        let minor = text.parse().ok().filter(|_| digits);
        let minor = minor.ok_or_else(|| Problem::Malformed(AMOUNT.to_owned()))?;
        let currency: Currency =
            self.require("payment_currency")?.parse().map_err(|_| Problem::UnknownCurrency)?;
        Ok(Money::from_minor(minor, currency))
    }

    /// The sandbox sells; it stores no cards.
    fn supported(&self) -> Result<(), Problem> {
        let only =
            [("mode", "purchase"), ("operation_type", "sale"), ("card_operation_type", "sale")];
        for (name, supported) in only {
            if self.get(name).is_some_and(|value| value != supported) {
                return Err(Problem::Unsupported(name));
            }
        }
        Ok(())
    }

    fn well_formed(&self) -> Result<(), Problem> {
        let malformed = |name: &str| Err(Problem::Malformed(name.to_owned()));
        for (name, value) in self.0 {
            let is_address = match name.as_str() {
                "merchant_callback_url" => is_web_address,
                name if name.ends_with("_url") => is_return_address,
                _ => continue,
            };
            if !value.is_empty() && !is_address(value) {
                return malformed(name);
            }
        }
        let description = self.get("payment_description").unwrap_or_default();
        if description.chars().count() > LONGEST_DESCRIPTION {
            return malformed("payment_description");
        }
        Ok(())
    }

    fn open_at(&self, now: Timestamp) -> Result<(), Problem> {
        const BEST_BEFORE: &str = "best_before";
        let Some(text) = self.get(BEST_BEFORE) else { return Ok(()) };
        let end = moment(text).ok_or_else(|| Problem::Malformed(BEST_BEFORE.to_owned()))?;
        let left = end.unix_seconds().saturating_sub(now.unix_seconds());
        let ignored = u64::try_from(left).is_ok_and(|left| left > LONGEST_VALIDITY.as_secs());
        if left <= 0 && !ignored { Err(Problem::Expired) } else { Ok(()) }
    }
}

fn unique(pairs: Vec<(String, String)>) -> Result<BTreeMap<String, String>, Problem> {
    let mut values = BTreeMap::new();
    for (name, value) in pairs {
        if values.contains_key(&name) {
            return Err(Problem::Repeated(name));
        }
        values.insert(name, value);
    }
    Ok(values)
}

/// The project whose key signed the parameters, and the signed values.
fn authenticate(
    values: &BTreeMap<String, String>,
    config: &Config,
) -> Result<(ProjectId, BTreeMap<String, String>), Problem> {
    let given = Given(values);
    let id = given.require("project_id")?;
    let id = id.parse().ok().and_then(|id| ProjectId::new(id).ok());
    let project = id.and_then(|id| config.projects.get(&id)).ok_or(Problem::UnknownProject)?;
    let signature = given.get("signature").ok_or(Problem::NoSignature)?;
    let is_theirs = |document: &Value| signature::sign(&project.key, document) == signature;
    let Some(mut signed) = readings::signed(values, is_theirs) else {
        let text = signature::canonical_string(&readings::plain(values));
        return Err(Problem::BadSignature { signed: text.split(';').map(str::to_owned).collect() });
    };
    for name in UNSIGNED {
        signed
            .extend(values.get_key_value(name).map(|(name, value)| (name.clone(), value.clone())));
    }
    Ok((project.id, signed))
}

/// `2026-11-22T10:00:00.123+03:00`, with or without fractions; without an offset the time is UTC.
fn moment(text: &str) -> Option<Timestamp> {
    let zoned = |text: &str| text.parse::<jiff::Timestamp>();
    let moment = zoned(text).or_else(|_| zoned(&format!("{text}Z"))).ok()?;
    Timestamp::from_unix_seconds(moment.as_second()).ok()
}

#[cfg(test)]
mod tests {
    use ecp_core::Sensitive;
    use serde_json::json;

    use super::*;

    fn now() -> Timestamp {
        "2026-11-22T10:00:00+0000".parse().unwrap()
    }

    fn pairs(more: &[(&str, &str)]) -> Vec<(String, String)> {
        let mut all = BTreeMap::from([
            ("project_id", "1"),
            ("payment_id", "X1"),
            ("payment_amount", "1000"),
            ("payment_currency", "EUR"),
            ("customer_id", "c1"),
        ]);
        all.extend(more.iter().copied());
        let given = all.into_iter().filter(|(_, value)| *value != "-");
        given.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    }

    fn sign(mut pairs: Vec<(String, String)>, key: &Sensitive<String>) -> Vec<(String, String)> {
        let members = pairs.iter().map(|(name, value)| (name.clone(), Value::from(value.as_str())));
        let document = Value::Object(members.collect());
        pairs.push(("signature".to_owned(), signature::sign(key, &document)));
        pairs
    }

    fn check(pairs: Vec<(String, String)>) -> Option<Problem> {
        Parameters::check(pairs, &Config::demo(), now()).err()
    }

    fn check_signed(more: &[(&str, &str)]) -> Option<Problem> {
        check(sign(pairs(more), &Sensitive::new(Config::DEMO_KEY.to_owned())))
    }

    #[test]
    fn what_is_signed_is_held_against_the_documents() {
        let malformed = |name: &str| Some(Problem::Malformed(name.to_owned()));
        let long = "x".repeat(256);
        let table = [
            (&[][..], None),
            (&[("payment_amount", "0")], None),
            (&[("redirect_success_url", "https://shop.example/ok?x=1")], None),
            (&[("best_before", "2026-11-22T13:00:01+03:00")], None),
            (&[("best_before", "2030-01-01T00:00:00+00:00")], None),
            (&[("best_before", "2026-11-22T13:00:00+03:00")], Some(Problem::Expired)),
            (&[("best_before", "2026-11-22T10:00:00")], Some(Problem::Expired)),
            (&[("best_before", "2026-11-22T13:00:01.123456+03:00")], None),
            (&[("best_before", "2026-11-22T10:00:01.123Z")], None),
            (&[("best_before", "2026-11-22T10:00:01.5")], None),
            (&[("best_before", "2026-11-22T10:00:00.999999")], Some(Problem::Expired)),
            (&[("best_before", "tomorrow")], malformed("best_before")),
            (&[("best_before", "2026-11-22")], malformed("best_before")),
            (&[("project_id", "-")], Some(Problem::Missing(vec!["project_id"]))),
            (&[("project_id", "2")], Some(Problem::UnknownProject)),
            (&[("project_id", "x")], Some(Problem::UnknownProject)),
            (
                &[("customer_id", "-"), ("payment_id", "")],
                Some(Problem::Missing(vec!["payment_id"])),
            ),
            (&[("payment_amount", "-1")], malformed("payment_amount")),
            (&[("payment_amount", "+1")], malformed("payment_amount")),
            (&[("payment_amount", "10.00")], malformed("payment_amount")),
            (&[("payment_currency", "EURO")], Some(Problem::UnknownCurrency)),
            (&[("payment_id", &long)], malformed("payment_id")),
            (&[("payment_description", &long)], malformed("payment_description")),
            (&[("redirect_fail_url", "javascript:alert(1)")], malformed("redirect_fail_url")),
            (&[("redirect_fail_url", "shop://failed")], None),
            (&[("merchant_success_url", "https://магазин.рф/спасибо")], None),
            (&[("merchant_callback_url", "shop")], malformed("merchant_callback_url")),
            (&[("merchant_callback_url", "shop://paid")], malformed("merchant_callback_url")),
            (
                &[("payment_description", "a;b")],
                Some(Problem::Separator("payment_description".to_owned())),
            ),
            (&[("mode", "card_verify")], Some(Problem::Unsupported("mode"))),
            (&[("operation_type", "auth")], Some(Problem::Unsupported("operation_type"))),
            (&[("mode", "purchase"), ("operation_type", "sale")], None),
        ];
        for (more, expected) in table {
            assert_eq!(check_signed(more), expected, "{more:?}");
        }
    }

    #[test]
    fn nothing_passes_unsigned() {
        assert_eq!(check(pairs(&[])), Some(Problem::NoSignature));
        let problem = check(pairs(&[("signature", "x")])).unwrap();
        let signed = [
            "customer_id:c1",
            "payment_amount:1000",
            "payment_currency:EUR",
            "payment_id:X1",
            "project_id:1",
        ];
        assert_eq!(problem.signed(), signed);

        let key = Sensitive::new(Config::DEMO_KEY.to_owned());
        let mut changed = sign(pairs(&[]), &key);
        changed[2].1 = "9".to_owned();
        assert!(matches!(check(changed), Some(Problem::BadSignature { .. })));
        let mut more = sign(pairs(&[]), &key);
        more.push(("customer_email".to_owned(), "a@b".to_owned()));
        assert!(matches!(check(more), Some(Problem::BadSignature { .. })));
        let mut twice = sign(pairs(&[]), &key);
        twice.push(twice[0].clone());
        assert_eq!(check(twice), Some(Problem::Repeated("customer_id".to_owned())));
    }

    #[test]
    fn guests_are_let_in_with_a_notice_or_refused() {
        let key = Sensitive::new(Config::DEMO_KEY.to_owned());
        for customer in ["-", ""] {
            let address = || sign(pairs(&[("customer_id", customer)]), &key);
            let guest = Parameters::check(address(), &Config::demo(), now()).ok().unwrap();
            assert!(guest.notice().unwrap().starts_with("no customer_id"));
            let strict = Config::demo().refuse_guests();
            let refused = Parameters::check(address(), &strict, now()).err();
            assert_eq!(refused, Some(Problem::Missing(vec!["customer_id"])));
        }
        let customer = Parameters::check(sign(pairs(&[]), &key), &Config::demo(), now());
        assert_eq!(customer.ok().unwrap().notice(), None);
    }

    /// Address as some side makes it: signed in one form, and sent in another.
    fn address(signed: &Value, sent: &[(&str, &str)]) -> Vec<(String, String)> {
        let mut document = signed.clone();
        for (name, value) in pairs(&[]) {
            document[name] = value.into();
        }
        let key = Sensitive::new(Config::DEMO_KEY.to_owned());
        let signature = signature::sign(&key, &document);
        let mut all = pairs(sent);
        all.push(("signature".to_owned(), signature));
        all
    }

    #[test]
    fn every_sides_way_to_sign_is_read() {
        let table = [
            // Added after the signature, or before.
            (json!({}), &[("frame_mode", "popup")][..]),
            (json!({}), &[("baseUrl", "http://x"), ("_plugin", "1")]),
            (json!({"baseUrl": "http://x"}), &[("baseUrl", "http://x"), ("_plugin", "1")]),
            (json!({"_plugin": "1"}), &[("baseurl", "http://x"), ("_plugin", "1")]),
            (json!({"_plugin": "1", "a": "1"}), &[("_plugin", "1"), ("a", "1")]),
            // Booleans, each in its own form beside texts.
            (json!({"redirect": "1"}), &[("redirect", "1")]),
            (json!({"redirect": "1", "b": "0"}), &[("redirect", "true"), ("b", "false")]),
            (json!({"redirect": "1", "b": "0"}), &[("redirect", "True"), ("b", "False")]),
            (
                json!({"payment_description": "true", "redirect": "1"}),
                &[("payment_description", "true"), ("redirect", "true")],
            ),
            (
                json!({"a": "True", "b": "0", "c": "1", "_d": "false"}),
                &[("a", "True"), ("b", "False"), ("c", "true"), ("_d", "false")],
            ),
            // Lists and maps.
            (
                json!({"a": {"b": "1", "c": ["x", "y"]}, "d": "true"}),
                &[("a[b]", "true"), ("a[c][0]", "x"), ("a[c][1]", "y"), ("d", "true")],
            ),
            (json!({"a[b]": "1"}), &[("a[b]", "1")]),
        ];
        for (signed, sent) in table {
            assert_eq!(check(address(&signed, sent)), None, "{signed} {sent:?}");
            for (name, _) in sent.iter().filter(|(name, _)| *name != "frame_mode") {
                let mut changed = address(&signed, sent);
                let (_, value) = changed.iter_mut().find(|(given, _)| given == name).unwrap();
                value.push('x');
                let is_signed = !matches!(*name, "baseUrl" | "baseurl" | "_plugin")
                    || signed.get(name).is_some();
                let refused = matches!(check(changed), Some(Problem::BadSignature { .. }));
                assert_eq!(refused, is_signed, "{signed} {sent:?}: {name}");
            }
        }
    }

    #[test]
    fn nothing_unsigned_counts() {
        let check = |address| Parameters::check(address, &Config::demo(), now()).ok().unwrap();
        let address = address(&json!({"redirect": "1"}), &[("redirect", "true"), ("_plugin", "1")]);
        let parameters = check(address);
        assert_eq!(parameters.get("redirect"), Some("1"));
        assert_eq!(parameters.get("_plugin"), None);
    }
}
