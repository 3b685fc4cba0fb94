//! What a customer pays by: QR codes as pictures, and the rest as text.

use qrcode::QrCode;
use qrcode::render::svg;

use crate::payment::Payment;
use crate::wire::steps::display;

/// An item of `display_data`, as the page shows it.
pub(super) enum Item {
    /// A QR code with its title, as an SVG picture.
    Code { title: &'static str, svg: String },
    /// A text with its title, such as an address to pay to.
    Text { title: &'static str, text: String },
    /// A text that is too long for a QR code and is shown as text instead.
    TooLong { text: String },
}

/// Returns the items that the provider's page shows for a payment. `page` is the URL of this page.
pub(super) fn items(payment: &Payment, page: &str) -> Vec<Item> {
    let items = display(payment, page).into_iter();
    let item = items.map(|item| match item.r#type {
        "qr_data" => match picture(&item.data) {
            Some(svg) => Item::Code { title: item.title, svg },
            None => Item::TooLong { text: item.data },
        },
        _ => Item::Text { title: item.title, text: item.data },
    });
    item.collect()
}

/// The picture has a margin of four modules, which readers need, and no prologue, so that it can be
/// a part of a page.
fn picture(text: &str) -> Option<String> {
    let code = QrCode::new(text).ok()?;
    let svg = code.render::<svg::Color<'_>>().min_dimensions(200, 200).build();
    let from = svg.find("<svg")?;
    Some(svg[from..].to_owned())
}
