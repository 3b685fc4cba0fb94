//! What a customer has to do before an order is paid, beyond a redirect.

use std::collections::HashMap;

use ecp_core::PaymentId;
use ecp_core::model::{AdditionalData, ClarificationField, DisplayItem, FieldKind, Step};
use qrcode::QrCode;
use qrcode::render::svg;

use crate::{Error, Shop};

/// What the page of an order asks its customer to do.
pub(crate) enum ToDo {
    /// Fill in a form.
    Answer(Vec<Asked>),
    GoAndPay,
    LookAtPhone,
    Nothing,
    PayBy(Vec<Shown>),
}

/// An item to pay by.
pub(crate) struct Shown {
    pub(crate) title: String,
    pub(crate) text: String,
    /// A QR code as an SVG picture.
    pub(crate) picture: Option<String>,
}

/// A field of the form.
pub(crate) struct Asked {
    pub(crate) path: String,
    pub(crate) label: String,
    pub(crate) is_flag: bool,
    pub(crate) required: bool,
    /// A text to show, which is its own answer.
    pub(crate) shown: Option<String>,
    pub(crate) problem: Option<String>,
}

impl ToDo {
    pub(crate) fn of(step: &Step) -> Self {
        match step {
            Step::Clarify(asked) => Self::Answer(asked.iter().map(Asked::of).collect()),
            Step::Display(items) => Self::PayBy(items.iter().filter_map(Shown::of).collect()),
            Step::Push => Self::LookAtPhone,
            Step::Redirect(_) => Self::GoAndPay,
            _ => Self::Nothing,
        }
    }

    /// Whether the customer is typing something.
    pub(crate) const fn is_form(&self) -> bool {
        matches!(self, Self::Answer(_))
    }
}

impl Shown {
    fn of(item: &DisplayItem) -> Option<Self> {
        let text = item.data.as_ref()?.expose().clone();
        let title = item.title.clone().unwrap_or_default().replace('_', " ");
        let picture = item.qr_text().and_then(|text| picture(text.expose()));
        Some(Self { title, text, picture })
    }
}

impl Asked {
    fn of(field: &ClarificationField) -> Self {
        let default = field.default.as_ref().map(|default| default.expose().clone());
        Self {
            path: field.path.clone(),
            label: field.path.replace(['.', '_'], " "),
            is_flag: field.kind == Some(FieldKind::Boolean),
            required: field.required,
            shown: default,
            problem: field.message.clone(),
        }
    }
}

/// The picture without its prologue, so that it can be a part of a page.
fn picture(text: &str) -> Option<String> {
    let picture =
        QrCode::new(text).ok()?.render::<svg::Color<'_>>().min_dimensions(200, 200).build();
    let from = picture.find("<svg")?;
    Some(picture[from..].to_owned())
}

impl Shop {
    /// Sends the customer's answers. What is missing is asked for again, by a callback.
    pub(crate) async fn answer(
        &self,
        id: PaymentId,
        form: &HashMap<String, String>,
    ) -> Result<(), Error> {
        let Some(order) = self.order(id.clone()).await? else { return Ok(()) };
        let Some(Step::Clarify(asked)) = self.step(&order).await? else { return Ok(()) };
        let mut data = AdditionalData::new();
        for field in asked.iter() {
            let given =
                form.get(&field.path).map(|text| text.trim()).filter(|text| !text.is_empty());
            // A text that was shown is its own answer.
            let shown = || field.default.as_ref().map(|default| default.expose().as_str());
            if let Some(text) = given.or_else(shown) {
                data = data.answer(field, text)?;
            }
        }
        match self.settings.gate.clarify(&id, &data).await {
            Ok(_) => {
                // Until the next callback there is nothing to do; it may have come already.
                let answered = order.step;
                self.change(id, move |order| {
                    if order.step == answered {
                        order.step = None;
                    }
                })
                .await
            }
            Err(error) => {
                // The form is shown until the platform says something else.
                tracing::warn!(order = %id, %error, "an answer was not accepted");
                Ok(())
            }
        }
    }
}
