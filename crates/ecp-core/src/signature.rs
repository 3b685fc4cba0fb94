//! The platform's signature: HMAC-SHA-512 over a canonical string, in Base64.
//!
//! A document is flattened to items `path:to:member:value`, the items are sorted and joined with
//! `;`, and the result is signed with the project's key. Signing and verifying share one
//! canonicaliser over the raw bytes: the signed bytes are the sent bytes, and the verified bytes
//! are the received ones, unknown members included.
//!
//! Where the platform's documents leave room, the official PHP SDK is the reference: the platform
//! is written in PHP and its documents speak of natural order. Two things differ on purpose: keys
//! at the top level that are empty or integers are refused, because PHP renumbers and loses them,
//! and `signature` is omitted when signing too, as the documents say.
//!
//! The scheme has limits that no implementation can lift: values are not escaped, so a document
//! can be rewritten into another one with the same canonical string, and `frame_mode` is never
//! covered. A matching signature proves who made the string, not that it has one reading.
//!
//! ```
//! use ecp_core::SecretKey;
//! use ecp_core::signature::{self, Place, Rules, SigningKey};
//!
//! let key = SigningKey::new(&SecretKey::new("secret")?);
//! let body = br#"{"general":{"project_id":1236,"payment_id":"X03936"}}"#;
//! let signed = signature::sign_document(&key, body, Place::General, Rules::private())?;
//!
//! let found = signature::verify(&[key], &signed)?;
//! assert_eq!((found.key, found.order), (0, signature::Order::Natural));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod ambiguity;
mod canonical;
mod canonical_fast;
mod natural_order;
mod php_number;
mod reading;
mod rules;

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha512;

use self::ambiguity::Stop;
pub use self::ambiguity::{Ambiguity, Reason};
use self::canonical::Items;
pub use self::canonical::{CanonicalError, Order};
use self::canonical_fast::Ground;
pub use self::reading::{Doubts, doubts};
pub use self::rules::{Rules, Strip};
use crate::json::{Document, JsonError, Kind, Limits, Value};
use crate::secret::SecretKey;

/// A project's secret key, prepared once for signing and verifying any number of messages.
///
/// It is never printed, and is wiped when dropped.
#[derive(Clone)]
pub struct SigningKey(Hmac<Sha512>);

impl SigningKey {
    /// Prepares a secret key for signing. The key's text is used unchanged, never decoded from
    /// Base64 or hexadecimal digits (sources: signature).
    pub fn new(secret: &SecretKey) -> Self {
        let keyed = Hmac::new_from_slice(secret.expose()).unwrap_or_else(|_| {
            unreachable!("HMAC takes a key of any length");
        });
        Self(keyed)
    }

    #[inline]
    fn mac(&self, canonical: &[u8]) -> Hmac<Sha512> {
        let mut mac = self.0.clone();
        mac.update(canonical);
        mac
    }

    fn sign(&self, canonical: &[u8]) -> Signature {
        Signature(self.mac(canonical).finalize().into_bytes().into())
    }

    /// Compares in constant time.
    fn fits(&self, canonical: &[u8], signature: &Signature) -> bool {
        self.mac(canonical).verify_slice(&signature.0).is_ok()
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey([secret])")
    }
}

/// The signature of a message: 64 bytes, sent as 88 characters of Base64.
///
/// `==` is for tests and tools; to check a message use [`verify`], which takes constant time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Signature([u8; 64]);

impl Signature {
    /// Parses a signature as it is sent: 88 characters of standard Base64, with padding. Any other
    /// text is [`VerifyError::MalformedSignature`].
    pub fn parse(text: &str) -> Result<Self, VerifyError> {
        // Capacity for the most bytes that 88 characters may decode to.
        let mut bytes = [0; 66];
        match STANDARD.decode_slice(text, &mut bytes) {
            Ok(64) => Ok(Self(*bytes.first_chunk().unwrap_or_else(|| unreachable!("64 of 66")))),
            _ => Err(VerifyError::MalformedSignature),
        }
    }
}

impl Signature {
    fn to_base64(self) -> [u8; 88] {
        let mut text = [0; 88];
        let length = STANDARD.encode_slice(self.0, &mut text);
        debug_assert_eq!(length, Ok(88));
        text
    }
}

impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(std::str::from_utf8(&self.to_base64()).map_err(|_| fmt::Error)?)
    }
}

/// Place of the signature in a message: at the top level or in the object `general` (sources:
/// signature place).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Place {
    /// `signature` at the top level: most callbacks, Payment Page, Data API, and Gate's request for
    /// the status of a request (`/v2/payment/status/request`).
    Root,
    /// `general.signature`: all other Gate requests, and some formats of callbacks.
    General,
}

/// Error of signing: why a document was not signed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SignError {
    /// The document has no canonical string (the text that is signed), for example because it is
    /// not a JSON object.
    #[error(transparent)]
    Canonical(#[from] CanonicalError),
    /// The official SDKs would make different signatures because of a member, or the member could
    /// be read in two ways once signed. [`Rules::allow_ambiguous`] signs it all the same.
    #[error(transparent)]
    Ambiguous(#[from] Ambiguity),
    /// A Gate request has no `general` object, in which its signature belongs.
    #[error(
        "a Gate request needs the object `general` for its signature: `general` is missing or not an object"
    )]
    NoPlace,
    /// The document already has a member `signature`, at its top level or in `general`. Its value
    /// does not matter; it may be empty.
    #[error(
        "the document has a member `signature` already, at its top level or in `general`: remove it before signing"
    )]
    AlreadySigned,
}

impl From<JsonError> for SignError {
    fn from(error: JsonError) -> Self {
        Self::Canonical(error.into())
    }
}

impl From<Stop> for SignError {
    fn from(stop: Stop) -> Self {
        match stop {
            Stop::Canonical(error) => Self::Canonical(error),
            Stop::Ambiguity(ambiguity) => Self::Ambiguous(ambiguity),
        }
    }
}

/// Error of verifying: why a document is not genuine, or cannot be verified.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// The document has no canonical string (the text that is signed), for example because it is
    /// not a JSON object.
    #[error(transparent)]
    Canonical(#[from] CanonicalError),
    /// The document has neither `signature` nor `general.signature`, so anybody may have made it.
    #[error("no signature: neither `signature` nor `general.signature` is there")]
    MissingSignature,
    /// The signature is not a JSON string.
    #[error("the signature `{path}` must be a string, found {found}")]
    WrongType {
        /// Path of the signature: `signature` or `general.signature`.
        path: String,
        /// Kind of the JSON value that was found, such as `a number`.
        found: &'static str,
    },
    /// The signature is not 64 bytes in standard Base64 with padding, which has 88 characters.
    #[error("the signature is not 88 characters of Base64")]
    MalformedSignature,
    /// None of the given keys makes this signature for the document, in any [`Order`]. The document
    /// was changed, or signed with another key or in another order.
    #[error(
        "the signature does not match: the document was signed with a key that is not among the given ones, or was changed since; `ecp explain` looks for the cause"
    )]
    NoMatch,
}

impl From<JsonError> for VerifyError {
    fn from(error: JsonError) -> Self {
        Self::Canonical(error.into())
    }
}

/// How a signature matched: which key made it, how the items of the signed text were sorted, and
/// which members called `signature` were left out of that text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Match {
    /// Index of the matching key among the given keys, from 0.
    pub key: usize,
    /// Order of the items in the signed text. Log any order except [`Order::Natural`], which the
    /// platform's documents describe: another order means that another SDK signed the message.
    pub order: Order,
    /// Which members called `signature` were left out of the signed text: all, or only the
    /// message's own signature.
    pub strip: Strip,
}

/// Builds the canonical string of a JSON document, which is the text that is signed. Compare it
/// with that of another signer if the signatures differ. A document that the rules refuse is an
/// error.
pub fn canonical_string(json: &[u8], rules: Rules) -> Result<String, SignError> {
    let canonical = with_canonical(&rules.read(json)?, rules, <[u8]>::to_vec)?;
    Ok(String::from_utf8(canonical).unwrap_or_else(|_| unreachable!("pieces of UTF-8")))
}

/// Computes the signature of a JSON document. If the document already has a signature, that member
/// is left out of the signed text. A document that the rules refuse is an error.
pub fn sign(key: &SigningKey, json: &[u8], rules: Rules) -> Result<Signature, SignError> {
    with_canonical(&rules.read(json)?, rules, |canonical| key.sign(canonical))
}

/// Returns the JSON document with its signature inserted at the given place; all other bytes are
/// unchanged. It is an error if the document already has a signature, if the rules refuse it, or if
/// [`Place::General`] is given and there is no object `general`.
pub fn sign_document(
    key: &SigningKey,
    json: &[u8],
    place: Place,
    rules: Rules,
) -> Result<Vec<u8>, SignError> {
    let document = rules.read(json)?;
    let signature = with_canonical(&document, rules, |canonical| key.sign(canonical))?;
    let root = document.root();
    if document.may_leave_out() && find(root).is_some() {
        return Err(SignError::AlreadySigned);
    }
    let holder = match place {
        Place::Root => root,
        Place::General => root
            .get("general")
            .filter(|general| matches!(general.kind(), Kind::Object))
            .ok_or(SignError::NoPlace)?,
    };
    let comma: &[u8] = if holder.children().next().is_some() { b"," } else { b"" };
    let (before, after) = json.split_at(holder.end_offset() - 1);
    let parts = [before, comma, b"\"signature\":\"", &signature.to_base64(), b"\"", after];
    Ok(parts.concat())
}

/// Checks that one of the keys made the signature of a JSON document; otherwise it is an error. The
/// size and the depth of the document are limited by the default [`Limits`].
///
/// A match does not say what the document is, or that the platform made it: your own requests and
/// the parameters of the Payment Page, which the customer sees, are signed with the same key. For
/// callbacks use the `Verifier` of `ecp-notify`, and for status answers
/// [`VerifiedStatus`](crate::model::VerifiedStatus).
///
/// The comparison takes constant time. The official SDKs sort the items of the signed text in
/// different orders: PHP's natural order is tried first, then the others. It is also an error if an
/// object has a member twice, or if the signature is missing or not text.
pub fn verify(keys: &[SigningKey], json: &[u8]) -> Result<Match, VerifyError> {
    verify_document(keys, &Document::parse(json, Limits::default())?)
}

/// Checks that one of the keys made the signature of a document that was parsed before; otherwise
/// it is an error. A match does not prove that the platform made the document: use the `Verifier`
/// of `ecp-notify` for callbacks, and [`VerifiedStatus`](crate::model::VerifiedStatus) for status
/// answers.
pub fn verify_document<'k>(
    keys: impl IntoIterator<Item = &'k SigningKey, IntoIter: Clone>,
    document: &Document<'_>,
) -> Result<Match, VerifyError> {
    let keys = keys.into_iter();
    match verify_walking(keys.clone(), document) {
        Some(found) => Ok(found),
        None => verify_exactly(&keys, document),
    }
}

/// The fast path: natural order, as in nearly every genuine document. `None` decides nothing.
fn verify_walking<'k>(
    mut keys: impl Iterator<Item = &'k SigningKey>,
    document: &Document<'_>,
) -> Option<Match> {
    let signature = Signature::parse(find(document.root())?.as_str()?).ok()?;
    let canonical = canonical_fast::canonical_string(document, Ground::Natural)?;
    let key = keys.position(|key| key.fits(canonical.string(), &signature))?;
    Some(Match { key, order: Order::Natural, strip: Strip::Everywhere })
}

/// The slow, exact path: every order, and every reason for a refusal.
fn verify_exactly<'k>(
    keys: &(impl Iterator<Item = &'k SigningKey> + Clone),
    document: &Document<'_>,
) -> Result<Match, VerifyError> {
    // Flattened first: a document that is not an object cannot have a signature.
    let collect = |strip| Items::collect(document, strip, |_| Ok::<_, CanonicalError>(()));
    let items = collect(Strip::Everywhere)?;
    let value = find(document.root()).ok_or(VerifyError::MissingSignature)?;
    let text = value
        .as_str()
        .ok_or_else(|| VerifyError::WrongType { path: value.path(), found: value.kind().name() })?;
    let signature = Signature::parse(text)?;
    let mut tried: Vec<String> = Vec::new();
    let mut attempt = |items: &Items<'_>, strip| {
        for &order in Order::ALL {
            let canonical = items.join(&items.sorted(order))?;
            if tried.contains(&canonical) {
                continue;
            }
            if let Some(key) =
                keys.clone().position(|key| key.fits(canonical.as_bytes(), &signature))
            {
                return Ok(Some(Match { key, order, strip }));
            }
            tried.push(canonical);
        }
        Ok::<_, VerifyError>(None)
    };
    if let Some(found) = attempt(&items, Strip::Everywhere)? {
        return Ok(found);
    }
    let with_deeper = collect(Strip::Own)?;
    if with_deeper.len() == items.len() {
        return Err(VerifyError::NoMatch);
    }
    attempt(&with_deeper, Strip::Own)?.ok_or(VerifyError::NoMatch)
}

fn with_canonical<T>(
    document: &Document<'_>,
    rules: Rules,
    then: impl FnOnce(&[u8]) -> T,
) -> Result<T, SignError> {
    let ground = if rules.allow_ambiguous { Ground::Natural } else { Ground::Agreed };
    // PHP signs a `signature` below the message's own, which a walk leaves out.
    let may_be_walked = !rules.allow_ambiguous || !document.may_leave_out();
    let walked =
        may_be_walked.then(|| canonical_fast::canonical_string(document, ground)).flatten();
    match walked {
        Some(canonical) => Ok(then(canonical.string())),
        None => Ok(then(canonical_exactly(document, rules)?.as_bytes())),
    }
}

/// The slow, exact path.
fn canonical_exactly(document: &Document<'_>, rules: Rules) -> Result<String, SignError> {
    if !rules.allow_ambiguous {
        return Ok(ambiguity::agreed_string(document, rules)?);
    }
    let items = Items::collect(document, Strip::Own, |_| Ok::<_, CanonicalError>(()))?;
    Ok(items.join(&items.sorted(Order::Natural))?)
}

/// The slow signing and verifying that take no shortcut, for tests that compare the usual, fast
/// functions with them.
#[doc(hidden)]
pub mod exact {
    use super::{Document, Limits, Match, Rules, SignError, SigningKey, VerifyError};

    /// Builds the text that is signed, as [`canonical_string`](super::canonical_string) does, but
    /// never by the fast path.
    pub fn canonical_string(json: &[u8], rules: Rules) -> Result<String, SignError> {
        super::canonical_exactly(&rules.read(json)?, rules)
    }

    /// Verifies a signature, as [`verify`](super::verify) does, but never by the fast path.
    pub fn verify(keys: &[SigningKey], json: &[u8]) -> Result<Match, VerifyError> {
        super::verify_exactly(&keys.iter(), &Document::parse(json, Limits::default())?)
    }
}

/// The signature's value: at the root, else in `general` (the official SDKs' order).
fn find(root: Value<'_>) -> Option<Value<'_>> {
    root.get("signature").or_else(|| root.get("general")?.get("signature"))
}
