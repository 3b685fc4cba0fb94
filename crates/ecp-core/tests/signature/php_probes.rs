use ecp_core::json::Limits;
use ecp_core::signature::{self, CanonicalError, Rules, SignError};
use serde::Deserialize;

use super::as_php;

/// A document with what the official PHP SDK makes of it.
#[derive(Deserialize)]
struct Probe {
    case: String,
    json: String,
    /// The canonical string, or `error` where PHP reads no document.
    php: String,
    /// Signature of that string with the key `secret`, made by the `hmac` of Python.
    signature: Option<String>,
    /// Whether the Python, JavaScript, Java and Go SDKs do the same.
    agreed: bool,
}

fn probes() -> Vec<Probe> {
    serde_json::from_str(include_str!("../data/php-probes.json")).expect("the file is well formed")
}

/// Where this crate departs from PHP on purpose: keys at the top level that PHP renumbers or
/// loses, with the key that the refusal names.
const TOP_LEVEL_KEYS: [(&str, &str); 10] = [
    ("numeric keys at the top", "10"),
    ("numeric keys at the top, plus object", "2"),
    ("key \"5\" lost", "5"),
    ("top-level key \"0\" with object", "0"),
    ("top-level key \"0\" with list", "0"),
    ("leading zeros", "1"),
    ("negative key", "-5"),
    ("empty key", ""),
    ("empty key with object", ""),
    ("empty key vs space", ""),
];

/// Only objects are signed, although PHP takes a list.
const NOT_AN_OBJECT: [(&str, &str); 3] =
    [("list at the top", "a list"), ("scalar at the top", "a string"), ("null at the top", "null")];

/// `signature` never signs itself, although PHP leaves that to the caller.
const SIGNATURE_LEFT_OUT: (&str, &str) = ("signature key (sign keeps it)", "a:1");

/// What PHP reads as no JSON.
const NO_JSON: [&str; 14] = [
    "lone surrogate",
    "NaN",
    "TRUE (case)",
    "leading zero number 0000",
    "trailing comma",
    "single quotes",
    "BOM",
    "comment",
    "trailing garbage",
    "tab in string",
    "+1",
    ".5",
    "1.",
    "depth 512",
];

fn refusal(case: &str) -> Option<CanonicalError> {
    let row = |table: &[(&'static str, &'static str)]| {
        table.iter().find(|(name, _)| *name == case).map(|&(_, text)| text)
    };
    row(&TOP_LEVEL_KEYS)
        .map(|key| CanonicalError::TopLevelKey { key: key.to_owned() })
        .or_else(|| row(&NOT_AN_OBJECT).map(|found| CanonicalError::NotAnObject { found }))
}

fn nested(depth: usize) -> String {
    format!("{}1{}", "{\"a\":".repeat(depth), "}".repeat(depth))
}

/// The rows of the file and the two that are too long for it.
fn all_probes() -> Vec<Probe> {
    let mut probes = probes();
    for (depth, php) in [(511, format!("{}1", "a:".repeat(511))), (512, "error".to_owned())] {
        let case = format!("depth {depth}");
        let (json, agreed) = (nested(depth), depth == 511);
        probes.push(Probe { case, json, php, signature: None, agreed });
    }
    probes
}

#[test]
fn the_exceptions_name_cases_that_exist_and_differ_from_php() {
    let probes = all_probes();
    let php = |case: &str| {
        let probe = probes.iter().find(|probe| probe.case == case);
        probe.unwrap_or_else(|| panic!("no case {case}")).php.clone()
    };
    for (case, _) in TOP_LEVEL_KEYS {
        assert_ne!(php(case), "error", "{case}");
    }
    for (case, _) in NOT_AN_OBJECT {
        assert_eq!(php(case) == "error", case != "list at the top", "{case}");
    }
    assert_eq!(php(SIGNATURE_LEFT_OUT.0), "a:1;signature:s");
    let errors = probes.iter().filter(|probe| probe.php == "error");
    assert_eq!(errors.count(), NO_JSON.len() + NOT_AN_OBJECT.len() - 1);
    for case in NO_JSON {
        assert_eq!(php(case), "error", "{case}");
    }
}

#[test]
fn every_document_gives_the_string_that_php_signs() {
    for Probe { case, json, php, .. } in all_probes() {
        let string = signature::canonical_string(json.as_bytes(), as_php());
        if let Some(error) = refusal(&case) {
            assert_eq!(string, Err(SignError::Canonical(error)), "{case}");
        } else if NO_JSON.contains(&&*case) {
            let no_json = matches!(string, Err(SignError::Canonical(CanonicalError::Json(_))));
            assert!(no_json, "{case}: {string:?}");
        } else if case == SIGNATURE_LEFT_OUT.0 {
            assert_eq!(string.as_deref(), Ok(SIGNATURE_LEFT_OUT.1), "{case}");
        } else {
            assert_eq!(string, Ok(php), "{case}");
        }
    }
}

#[test]
fn the_signatures_are_those_of_the_strings() {
    let key = signature::SigningKey::new(&ecp_core::SecretKey::new("secret").unwrap());
    let mut compared = 0;
    for Probe { case, json, php, signature, .. } in probes() {
        assert_eq!(signature.is_none(), php == "error", "{case}");
        let signed = signature::sign(&key, json.as_bytes(), as_php());
        if let (Ok(signed), true) = (signed, case != SIGNATURE_LEFT_OUT.0) {
            assert_eq!(Some(signed.to_string()), signature, "{case}");
            compared += 1;
        }
    }
    assert_eq!(compared, 71);
}

#[test]
fn by_default_only_documents_on_which_all_sdks_agree_are_signed() {
    // Java fails on null and signs nothing: the others agree.
    let signed_all_the_same = ["null", "null in array"];
    // The SDKs agree; what stands between them and the platform may not.
    let refused_all_the_same = [
        "duplicate key",
        "duplicate, object then scalar",
        "NUL in value",
        "NUL in key",
        "\";\" in key",
    ];

    for Probe { case, json, php, agreed, .. } in all_probes() {
        let strict = signature::canonical_string(json.as_bytes(), Rules::private());
        let loose = signature::canonical_string(json.as_bytes(), as_php());
        if loose.is_err() {
            assert_eq!(strict, loose, "{case}");
        } else if refused_all_the_same.contains(&&*case)
            || !agreed && !signed_all_the_same.contains(&&*case)
        {
            assert!(matches!(strict, Err(SignError::Ambiguous(_))), "{case}: {strict:?}");
        } else {
            assert_eq!(strict, loose, "{case}: {php}");
        }
    }
}

#[test]
fn depth_511_is_read_and_512_is_refused_with_its_place() {
    let too_deep = "JSON document, line 1, column 2556: nested deeper than the 511 levels that `Limits::depth` allows";
    assert!(signature::canonical_string(nested(511).as_bytes(), Rules::private()).is_ok());
    for rules in [Rules::private(), as_php()] {
        let error = signature::canonical_string(nested(512).as_bytes(), rules).unwrap_err();
        assert_eq!(error.to_string(), too_deep);
    }
    let shallow = Rules::private().limits(Limits::default().depth(1));
    assert_eq!(
        signature::canonical_string(br#"{"a":[]}"#, shallow).unwrap_err().to_string(),
        "JSON document, line 1, column 6: nested deeper than the 1 levels that `Limits::depth` allows"
    );
}
