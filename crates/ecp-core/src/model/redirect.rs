//! `redirect_data`: the customer's redirect.

use super::{Extra, FromJson, ModelError, borrows_nothing, model, open_enum};
use crate::Sensitive;
use crate::json::{Kind, RawJson, Value};

model! {
    /// The redirect of the customer's browser: address, HTTP method and fields (sources:
    /// redirects). `redirect_response` of `ecp-transport` makes the HTTP response that performs it.
    ///
    /// ```
    /// use ecp_core::model::{FromJson, RedirectData, RedirectMethod};
    ///
    /// let json = br#"{"method":"POST","url":"https://pay.example/","body":{"TxID":15781000001162}}"#;
    /// let redirect = RedirectData::from_slice(json)?;
    /// assert_eq!(redirect.method, RedirectMethod::Post);
    /// let (name, value) = &redirect.body.fields().unwrap()[0];
    /// assert_eq!((name.as_str(), value.expose().as_str()), ("TxID", "15781000001162"));
    /// # Ok::<(), ecp_core::model::ModelError>(())
    /// ```
    pub struct RedirectData / RedirectDataRef {
        /// HTTP method with which the browser requests the address.
        method: RedirectMethod = decides "method",
        /// The address with its query. It often holds a token, so `Debug` does not print it.
        url: Sensitive<String> = decides "url",
        /// The fields that the browser sends to the address.
        body: RedirectBody = decides "body",
    }
}

open_enum! {
    /// HTTP method with which the customer's browser requests the address of a redirect.
    pub enum RedirectMethod {
        /// GET: a plain redirect.
        Get = "GET",
        /// POST: a form that submits itself.
        Post = "POST",
    }
}

/// The fields that the customer's browser sends to the address of a redirect. `[]`, `{}` and an
/// absent member mean no fields; a number is kept as it is written in the message. Pass the values
/// on unchanged: only the provider of the payment method knows their meaning.
#[derive(Clone, Debug)]
pub enum RedirectBody {
    /// Names and values, in the order of the message.
    Fields(Vec<(String, Sensitive<String>)>),
    /// A value of another kind, unchanged: a list with items, or fields that are neither text nor
    /// numbers. The customer cannot be redirected with it.
    Other(RawJson),
}

impl RedirectBody {
    /// The names and values of the fields, `None` if the body of the redirect is not an object of
    /// texts and numbers.
    pub fn fields(&self) -> Option<&[(String, Sensitive<String>)]> {
        match self {
            Self::Fields(fields) => Some(fields),
            Self::Other(_) => None,
        }
    }
}

impl FromJson for RedirectBody {
    borrows_nothing!();

    fn borrow_from(value: Value<'_>) -> Result<Self, ModelError> {
        let field = |member: Value<'_>| {
            let (Kind::String(text) | Kind::Number(text)) = member.kind() else { return None };
            Some((member.key()?.to_owned(), Sensitive::new(text.to_owned())))
        };
        match value.kind() {
            Kind::Null => Ok(Self::Fields(Vec::new())),
            Kind::Array | Kind::Object => {
                let fields: Option<Vec<_>> = value.children().map(field).collect();
                Ok(fields.map_or_else(|| Self::Other(value.into()), Self::Fields))
            }
            _ => Err(ModelError::expected("an object or an empty list", value)),
        }
    }

    fn absent(_: Value<'_>, _: &str) -> Result<Self, ModelError> {
        Ok(Self::Fields(Vec::new()))
    }
}

/// In one message format the place of the redirect may hold a plain URL instead (sources: callback
/// formats). It is kept as an unknown member rather than refused.
pub(super) fn redirect_in(extra: &Extra, name: &str) -> Option<RedirectData> {
    RedirectData::from_json(extra.get(name)?.document()?.root()).ok()
}
