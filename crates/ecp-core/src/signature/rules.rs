//! Strictness of signing, and the members that are not signed.

use crate::json::{Document, JsonError, Limits};

/// Audience of the signed document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Visibility {
    Private,
    Public,
}

/// Rules of signing: which ambiguous documents are refused, and how large and deep a document may
/// be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "setters return the changed rules"]
pub struct Rules {
    pub(super) visibility: Visibility,
    pub(super) allow_ambiguous: bool,
    pub(super) items_in_texts: bool,
    limits: Limits,
}

impl Rules {
    /// Rules for messages between servers: Gate and the Data API. The platform repeats their texts
    /// in messages that it signs, so a text that holds a `;`, a name and a `:` is refused, and so
    /// is any `;` in a name or an id.
    pub fn private() -> Self {
        let visibility = Visibility::Private;
        let limits = Limits::default();
        Self { visibility, allow_ambiguous: false, items_in_texts: false, limits }
    }

    /// Rules for parameters that pass through a browser, as on the Payment Page. Anyone who sees a
    /// signed text could move the borders of its items, so `;` is refused, as the documents demand.
    pub fn public() -> Self {
        Self { visibility: Visibility::Public, ..Self::private() }
    }

    /// Allows texts that hold a `;`, a name and a `:`. A callback that repeats such a text can be
    /// read in more than one way (see [`doubts`](super::doubts)). Ids and names must still hold no
    /// `;`, and [`public`](Self::public) rules still refuse every `;`.
    pub fn allow_items_in_texts(self) -> Self {
        Self { items_in_texts: true, ..self }
    }

    /// Allows documents that the official SDKs would sign differently; they are signed exactly as
    /// the PHP SDK would sign them.
    pub fn allow_ambiguous(self) -> Self {
        Self { allow_ambiguous: true, ..self }
    }

    /// Sets the limits on the document's size and depth; [`Limits::default`] otherwise.
    pub fn limits(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    /// Duplicates are left to the check for ambiguities, which can be set to allow them.
    #[inline]
    pub(super) fn read(self, json: &[u8]) -> Result<Document<'_>, JsonError> {
        Document::parse_with_duplicates(json, self.limits)
    }
}

/// Which members called `signature` are not signed. The official SDKs differ on members below the
/// message's own signature, such as a provider's own field in `redirect_data.body` (sources:
/// signature place).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Strip {
    /// All members called `signature`, as in the PHP, JavaScript, Python and Go SDKs.
    Everywhere,
    /// Only the message's own signature, at the root and in `general`.
    Own,
}
