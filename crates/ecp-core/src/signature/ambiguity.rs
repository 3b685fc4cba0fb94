//! Checks before signing for members that the official SDKs render differently, or that could be
//! read in two ways once signed.

use std::fmt;

use super::canonical::{CanonicalError, Items, LONGEST_AGREED_LIST, Order, decides, holds_item};
use super::rules::{Rules, Strip, Visibility};
use crate::json::{Document, Kind, Value, printable};

/// Error of signing: a member because of which the official SDKs would make different signatures,
/// or that could be read in two ways once signed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cannot sign the member `{path}`: {reason}")]
pub struct Ambiguity {
    path: String,
    reason: Reason,
}

impl Ambiguity {
    /// Dotted path of the member that cannot be signed safely, as in `payment.description`.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The reason why the member cannot be signed safely.
    pub const fn reason(&self) -> &Reason {
        &self.reason
    }
}

/// Why a member cannot be signed safely: the platform's official SDKs would sign different texts
/// (measured on those for PHP, Python, JavaScript, Java and Go), or one signed text would fit
/// several messages.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reason {
    /// The member's name holds `:`. The PHP, Python and Java SDKs double the `:`, Go does so only
    /// at the top level, JavaScript never. Rename the member.
    ColonInKey,
    /// The member is a number that is not an integer. Every language prints floats in its own way,
    /// and the Go SDK cuts them to integers. Send the number as text.
    Float,
    /// The member is an integer beyond 2^53, where the JavaScript and Go SDKs lose digits. Send it
    /// as text.
    LargeInteger,
    /// The member is a list of more than ten items. From the eleventh item on, some official SDKs
    /// sort `10` before `2`.
    LongList,
    /// The official SDKs sort this member and another one in different orders, because of digits or
    /// spaces in their names, or because one name begins with the other.
    Order {
        /// Dotted path of the other member.
        other: String,
    },
    /// The member's name occurs twice in its object. Parsers disagree on which of the two counts.
    DuplicateKey,
    /// The member is called `signature` but is not the message's own signature. The official SDKs
    /// sign it, but leave it out when they verify.
    DeeperSignature,
    /// The member is called `__proto__`. The JavaScript SDK drops it. Rename the member.
    DroppedKey,
    /// The member's name or text holds a control character, which not every transport and parser
    /// keeps.
    ControlCharacter,
    /// The member's name or text holds `;`, which separates the signed items. The platform's
    /// documents forbid it in parameters of the Payment Page.
    Semicolon,
    /// The member's name holds `;`, which separates the signed items. No name in the platform's
    /// documents holds one.
    SemicolonInKey,
    /// The member is an id, a status, a type, a method, an amount or a currency and holds `;`,
    /// which separates the signed items: a reader could take only the part before it for the value.
    SemicolonInId,
    /// The member's text holds a `;`, a name and a `:`, such as `1;b:2`, which could be read as the
    /// beginning of another member. [`Rules::allow_items_in_texts`] permits it.
    ItemInText,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ColonInKey => f.write_str("a member's name must not hold `:`"),
            Self::Float => f.write_str("a number must be an integer; send fractions as text"),
            Self::LargeInteger => {
                f.write_str("an integer must not exceed 9007199254740992; send it as text")
            }
            Self::LongList => f.write_str(
                "a list must not have more than 10 items: the official SDKs sort longer ones differently",
            ),
            Self::Order { other } => {
                write!(f, "the official SDKs disagree on the order of this member and `{other}`: rename one of them")
            }
            Self::DuplicateKey => f.write_str("the member appears twice; leave one of the two out"),
            Self::DeeperSignature => f.write_str(
                "the official SDKs sign a `signature` here and leave it out when they verify; name \
                 the member differently",
            ),
            Self::DroppedKey => f.write_str("the official JavaScript SDK drops this member; name it differently"),
            Self::ControlCharacter => f.write_str(
                "a member's name or text must not hold control characters, such as line breaks",
            ),
            Self::Semicolon => f.write_str("a name or text must not hold `;` on the Payment Page"),
            Self::SemicolonInKey => f.write_str("a member's name must not hold `;`"),
            Self::SemicolonInId => f.write_str(
                "an id, a status, a type, a method, an amount or a currency must not hold `;`",
            ),
            Self::ItemInText => f.write_str(
                "a text must not hold `;`, a name and `:`, which read as another member; put a \
                 space after the `;`",
            ),
        }
    }
}

/// Reason to stop the collection of items: the document itself, or a member of it.
pub(super) enum Stop {
    Canonical(CanonicalError),
    Ambiguity(Ambiguity),
}

impl From<CanonicalError> for Stop {
    fn from(error: CanonicalError) -> Self {
        Self::Canonical(error)
    }
}

/// The canonical string of a document on which every official SDK agrees.
pub(super) fn agreed_string(document: &Document<'_>, rules: Rules) -> Result<String, Stop> {
    let items =
        Items::collect(document, Strip::Own, |value| match reason(document, value, rules) {
            None => Ok(()),
            Some(reason) => Err(Stop::Ambiguity(Ambiguity { path: value.path(), reason })),
        })?;
    let natural = items.sorted(Order::Natural);
    match items.contested_pair(&natural) {
        None => Ok(items.join(&natural)?),
        Some((one, other)) => {
            let dotted = |path: &str| printable(&path.replace(':', "."));
            let reason = Reason::Order { other: dotted(other) };
            Err(Stop::Ambiguity(Ambiguity { path: dotted(one), reason }))
        }
    }
}

fn reason(document: &Document<'_>, value: Value<'_>, rules: Rules) -> Option<Reason> {
    const LARGEST_INTEGER: u64 = 1 << 53;

    if document.is_duplicate(value) {
        return Some(Reason::DuplicateKey);
    }
    let key = value.key().unwrap_or_default();
    if key == "signature" {
        return Some(Reason::DeeperSignature);
    }
    if key == "__proto__" {
        return Some(Reason::DroppedKey);
    }
    if key.contains(':') {
        return Some(Reason::ColonInKey);
    }
    let text = value.as_str().unwrap_or_default();
    if [key, text].into_iter().any(|text| text.contains(char::is_control)) {
        return Some(Reason::ControlCharacter);
    }
    if key.contains(';') || text.contains(';') {
        match rules.visibility {
            Visibility::Public => return Some(Reason::Semicolon),
            Visibility::Private if key.contains(';') => return Some(Reason::SemicolonInKey),
            Visibility::Private if decides(key) => return Some(Reason::SemicolonInId),
            Visibility::Private if holds_item(text) && !rules.items_in_texts => {
                return Some(Reason::ItemInText);
            }
            Visibility::Private => {}
        }
    }
    match value.kind() {
        Kind::Number(literal) => match literal.parse::<i64>() {
            Ok(number) if number.unsigned_abs() > LARGEST_INTEGER => Some(Reason::LargeInteger),
            Ok(_) => None,
            Err(_) if literal.bytes().all(|b| b == b'-' || b.is_ascii_digit()) => {
                Some(Reason::LargeInteger)
            }
            Err(_) => Some(Reason::Float),
        },
        Kind::Array if value.children().count() > LONGEST_AGREED_LIST => Some(Reason::LongList),
        _ => None,
    }
}
