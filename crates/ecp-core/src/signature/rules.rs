//! Strictness of signing, and the members that are not signed.

use crate::json::{Document, JsonError, Limits};

/// Audience of the signed document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Visibility {
    Private,
    Public,
}

/// Rules of signing: which documents are refused because their signature could be understood in
/// several ways, and how large and deep a document may be. Begin with [`private`](Self::private)
/// for requests to Gate and the Data API, with [`public`](Self::public) for the Payment Page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "setters return the changed rules"]
pub struct Rules {
    pub(super) visibility: Visibility,
    pub(super) allow_ambiguous: bool,
    pub(super) items_in_texts: bool,
    limits: Limits,
}

impl Rules {
    /// Rules for messages between servers: Gate and the Data API. The platform repeats texts of a
    /// request in messages that it signs. There, a text that holds a `;`, a name and a `:` could be
    /// read as another member, so such a text is refused. Any `;` in a name or an id is refused as
    /// well.
    pub fn private() -> Self {
        let visibility = Visibility::Private;
        let limits = Limits::default();
        Self { visibility, allow_ambiguous: false, items_in_texts: false, limits }
    }

    /// Rules for parameters that pass through a browser, as on the Payment Page. Every `;` is
    /// refused, as the platform's documents demand: `;` separates the values in the signed text, so
    /// anyone who sees the parameters could make one value of two, or two of one, under the same
    /// signature.
    pub fn public() -> Self {
        Self { visibility: Visibility::Public, ..Self::private() }
    }

    /// Allows texts that hold a `;`, a name and a `:`, such as `1;b:2`, which are refused
    /// otherwise. A callback that repeats such a text can be read in more than one way (see
    /// [`doubts`](super::doubts)). Ids and names must still hold no `;`, and
    /// [`public`](Self::public) rules still refuse every `;`.
    pub fn allow_items_in_texts(self) -> Self {
        Self { items_in_texts: true, ..self }
    }

    /// Allows documents that are otherwise refused for a [`Reason`](super::Reason), for example
    /// because the official SDKs would make different signatures. They are signed exactly as the
    /// PHP SDK would sign them.
    pub fn allow_ambiguous(self) -> Self {
        Self { allow_ambiguous: true, ..self }
    }

    /// Sets the limits on the size and the nesting depth of a document, by default 256 KiB and 511
    /// levels ([`Limits::default`]). A document beyond them is an error.
    pub fn limits(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    /// Duplicates are left to the check for ambiguities, which can be set to allow them.
    #[inline]
    pub(super) fn read(self, json: &[u8]) -> Result<Document<'_>, JsonError> {
        Document::parse_with_duplicates(json, self.limits)
    }
}

/// Which members called `signature` are left out of the signed text. The official SDKs differ on
/// members deeper in the message than its own signature, such as a provider's own field in
/// `redirect_data.body` (sources: signature place); a verifier tries both.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Strip {
    /// All members called `signature`, as in the PHP, JavaScript, Python and Go SDKs.
    Everywhere,
    /// Only the message's own signature, at the top level and in `general`. A member called
    /// `signature` anywhere else is signed.
    Own,
}
