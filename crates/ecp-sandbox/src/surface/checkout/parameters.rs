//! The parameters of an opening: what is checked before anything is shown.

use std::collections::BTreeMap;
use std::time::Duration;

use ecp_core::{Currency, Money, PaymentId, ProjectId, Timestamp};
use serde_json::{Map, Value};

use super::problem::Problem;
use crate::config::Config;
use crate::wire::address::is_web_address;
use crate::wire::signature;

/// Later times in `best_before` count for nothing, as documented.
const LONGEST_VALIDITY: Duration = Duration::from_hours(30 * 24);

const LONGEST_DESCRIPTION: usize = 255;

/// Parameters that a merchant has signed.
pub(crate) struct Parameters {
    pub(crate) project: ProjectId,
    pub(crate) payment_id: PaymentId,
    /// 0 where the customer chooses the amount.
    pub(crate) amount: Money,
    values: BTreeMap<String, String>,
}

impl Parameters {
    /// Checks parameters as they came in a query or a form: first who signed them, then what they
    /// say.
    pub(crate) fn check(
        pairs: Vec<(String, String)>,
        config: &Config,
        now: Timestamp,
    ) -> Result<Self, Problem> {
        let values = unique(pairs)?;
        let given = Given(&values);
        let project = authenticate(&given, config)?;
        if let Some((name, _)) = values.iter().find(|(_, value)| value.contains(';')) {
            return Err(Problem::Separator(name.clone()));
        }
        let missing = REQUIRED.into_iter().filter(|name| given.get(name).is_none());
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

    /// A parameter that is there and not empty.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        Given(&self.values).get(name)
    }

    /// The signature: knowing it proves that one has seen the address of the page.
    pub(crate) fn signature(&self) -> &str {
        self.get("signature").unwrap_or_default()
    }
}

const REQUIRED: [&str; 4] = ["payment_id", "payment_amount", "payment_currency", "customer_id"];

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
            if name.ends_with("_url") && !value.is_empty() && !is_web_address(value) {
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

/// The project whose key signed the parameters.
fn authenticate(given: &Given<'_>, config: &Config) -> Result<ProjectId, Problem> {
    let id = given.require("project_id")?;
    let id = id.parse().ok().and_then(|id| ProjectId::new(id).ok());
    let project = id.and_then(|id| config.projects.get(&id)).ok_or(Problem::UnknownProject)?;
    let signature = given.get("signature").ok_or(Problem::NoSignature)?;
    let is_theirs = |document: &Value| signature::sign(&project.key, document) == signature;
    if READINGS.iter().any(|reading| is_theirs(&reading.document(given.0))) {
        return Ok(project.id);
    }
    let signed = signature::canonical_string(&READINGS[0].document(given.0));
    Err(Problem::BadSignature { signed: signed.split(';').map(str::to_owned).collect() })
}

/// How merchants' sides differ in what they sign of the same parameters.
struct Reading {
    /// One SDK writes `true` into the address where all of them sign `1`.
    words_for_flags: bool,
    /// Plug-ins leave out names that begin with `_`, and add the widget's address afterwards.
    plug_in: bool,
}

const READINGS: [Reading; 4] = [
    Reading { words_for_flags: false, plug_in: false },
    Reading { words_for_flags: true, plug_in: false },
    Reading { words_for_flags: false, plug_in: true },
    Reading { words_for_flags: true, plug_in: true },
];

impl Reading {
    fn document(&self, values: &BTreeMap<String, String>) -> Value {
        let unsigned = |name: &str| {
            name.starts_with('_') || ["baseUrl", "baseurl", "paymentPageUrl"].contains(&name)
        };
        let signed = values.iter().filter(|(name, _)| !self.plug_in || !unsigned(name));
        let members = signed.map(|(name, value)| {
            let value = match value.as_str() {
                "true" if self.words_for_flags => "1",
                "false" if self.words_for_flags => "0",
                value => value,
            };
            (name.clone(), Value::from(value))
        });
        Value::Object(members.collect::<Map<_, _>>())
    }
}

/// `2026-11-22T10:00:00+03:00`; without an offset the time is UTC.
fn moment(text: &str) -> Option<Timestamp> {
    let (time, offset) = text.split_at_checked(19)?;
    let offset = match offset {
        "" | "Z" => "+0000".to_owned(),
        offset => offset.replace(':', ""),
    };
    format!("{time}{offset}").parse().ok()
}

#[cfg(test)]
mod tests {
    use ecp_core::Sensitive;

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
            (&[("best_before", "tomorrow")], malformed("best_before")),
            (&[("project_id", "-")], Some(Problem::Missing(vec!["project_id"]))),
            (&[("project_id", "2")], Some(Problem::UnknownProject)),
            (&[("project_id", "x")], Some(Problem::UnknownProject)),
            (
                &[("customer_id", "-"), ("payment_id", "")],
                Some(Problem::Missing(vec!["payment_id", "customer_id"])),
            ),
            (&[("payment_amount", "-1")], malformed("payment_amount")),
            (&[("payment_amount", "+1")], malformed("payment_amount")),
            (&[("payment_amount", "10.00")], malformed("payment_amount")),
            (&[("payment_currency", "EURO")], Some(Problem::UnknownCurrency)),
            (&[("payment_id", &long)], malformed("payment_id")),
            (&[("payment_description", &long)], malformed("payment_description")),
            (&[("redirect_fail_url", "javascript:alert(1)")], malformed("redirect_fail_url")),
            (&[("merchant_callback_url", "shop")], malformed("merchant_callback_url")),
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
    fn every_sides_way_to_sign_is_read() {
        let key = Sensitive::new(Config::DEMO_KEY.to_owned());
        let unsigned = [("frame_mode", "popup"), ("baseUrl", "http://x"), ("_plugin", "1")];
        let mut added = sign(pairs(&[]), &key);
        added.extend(unsigned.map(|(name, value)| (name.to_owned(), value.to_owned())));
        assert_eq!(check(added), None);

        let mut flags = sign(pairs(&[("redirect", "1")]), &key);
        for (name, value) in &mut flags {
            if name == "redirect" {
                *value = "true".to_owned();
            }
        }
        assert_eq!(check(flags), None);
    }
}
