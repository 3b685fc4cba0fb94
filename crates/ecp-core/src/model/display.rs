//! `display_data`: what the customer is shown to pay by.

use super::{FromJson, ModelError, model, open_enum};
use crate::Sensitive;
use crate::json::{Kind, RawJson, Value};

model! {
    /// One item of `display_data`: something to show to the customer, such as an account number or
    /// a QR code (sources: display).
    pub struct DisplayItem / DisplayItemRef {
        /// Type of the item: a text, or one of several forms of a QR code.
        kind: DisplayKind = decides "type",
        /// The item's name, often a word for programs rather than for people, such as
        /// `receiver_account`. `None` if the item has none.
        title: Option<String> = describes "title",
        /// The text to show or to draw. `None` if the item has none, or a value that is neither
        /// text nor a number, which is then in `extra`.
        data: Option<Sensitive<String>> = describes "data",
    }
}

open_enum! {
    /// Type of an item of `display_data`, which is something to show to the customer.
    pub enum DisplayKind {
        /// Text to show: an account, a reference, an amount, an expiry.
        AddInfo = "add_info",
        /// Text to draw as a QR code. Some samples have an image as a `data:` address instead;
        /// [`DisplayItem::qr_text`] returns only text that is to be drawn.
        QrData = "qr_data",
        /// An image of a QR code: a `data:` address in most samples.
        QrImg = "qr_img",
        /// An address: of an image of a QR code, or one to open or draw, depending on the method.
        QrUrl = "qr_url",
    }
}

impl DisplayKind {
    /// Whether the item is a QR code in any form: a text to draw, an image or an address.
    pub const fn is_qr(&self) -> bool {
        matches!(self, Self::QrData | Self::QrImg | Self::QrUrl)
    }
}

impl DisplayItem {
    /// The text that the shop has to draw as a QR code: the data of an item of type `qr_data`,
    /// unless the data are an image already. `None` for any other item.
    pub fn qr_text(&self) -> Option<&Sensitive<String>> {
        let data = self.data.as_ref().filter(|data| !data.expose().starts_with("data:"));
        data.filter(|_| self.kind == DisplayKind::QrData)
    }
}

/// `display_data`: a list of items to show to the customer, each with a type, a title and data
/// (sources: display). Items of unknown types are included; values without a `type` are in
/// [`unread`](Self::unread).
///
/// ```
/// use ecp_core::model::{DisplayData, DisplayKind, FromJson};
///
/// let json = br#"[{"type":"qr_data","title":"QR code","data":"https://pay.example/1"},
///     {"type":"add_info","title":"lifetime","data":1197}]"#;
/// let display = DisplayData::from_slice(json)?;
/// assert_eq!(display[0].kind, DisplayKind::QrData);
/// assert_eq!(display.get("lifetime").unwrap().expose(), "1197");
/// # Ok::<(), ecp_core::model::ModelError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct DisplayData {
    items: Vec<DisplayItem>,
    unread: Vec<RawJson>,
}

impl DisplayData {
    /// The data of the first item that has this title and data; `None` if there is no such item.
    pub fn get(&self, title: &str) -> Option<&Sensitive<String>> {
        let mut titled = self.items.iter().filter(|item| item.title.as_deref() == Some(title));
        titled.find_map(|item| item.data.as_ref())
    }

    /// Items of `display_data` without the member `type`, as they are in the message.
    pub fn unread(&self) -> &[RawJson] {
        &self.unread
    }
}

impl std::ops::Deref for DisplayData {
    type Target = [DisplayItem];

    fn deref(&self) -> &[DisplayItem] {
        &self.items
    }
}

/// `display_data`: a list of items to show to the customer, with its texts borrowed from the JSON
/// document. Use it like a slice of items; [`into_owned`](Self::into_owned) copies it into a
/// [`DisplayData`].
#[derive(Clone, Debug, Default)]
pub struct DisplayDataRef<'d> {
    items: Vec<DisplayItemRef<'d>>,
    unread: Vec<Value<'d>>,
}

impl<'d> DisplayDataRef<'d> {
    /// Items of `display_data` without the member `type`, as they are in the message.
    pub fn unread(&self) -> &[Value<'d>] {
        &self.unread
    }

    /// Copies the items, so that they no longer borrow from the JSON document of the message.
    pub fn into_owned(self) -> DisplayData {
        DisplayData::from_borrowed(self)
    }
}

impl<'d> std::ops::Deref for DisplayDataRef<'d> {
    type Target = [DisplayItemRef<'d>];

    fn deref(&self) -> &[DisplayItemRef<'d>] {
        &self.items
    }
}

/// PHP writes a list whose numbers have gaps as an object, and one item alone may come as itself.
impl FromJson for DisplayData {
    type Borrowed<'d> = DisplayDataRef<'d>;

    fn borrow_from(value: Value<'_>) -> Result<DisplayDataRef<'_>, ModelError> {
        let mut display = DisplayDataRef::default();
        let mut add = |item| match DisplayItem::borrow_from(item) {
            Ok(item) => display.items.push(item),
            Err(_) => display.unread.push(item),
        };
        match value.kind() {
            Kind::Object if value.get("type").is_some() => add(value),
            Kind::Array | Kind::Object => value.children().for_each(add),
            _ => return Err(ModelError::expected("a list of items", value)),
        }
        Ok(display)
    }

    fn from_borrowed(borrowed: DisplayDataRef<'_>) -> Self {
        Self {
            items: borrowed.items.into_iter().map(DisplayItemRef::into_owned).collect(),
            unread: borrowed.unread.into_iter().map(RawJson::from).collect(),
        }
    }

    fn is_blank(value: Value<'_>) -> bool {
        value.is_nothing()
    }
}
