//! The customer's next step, as text and as JSON.

use std::fmt::{Result, Write};

use ecp_core::model::Step;
use serde::Serialize;

/// What the customer or the merchant has to do next.
#[derive(Serialize)]
pub(crate) struct NextStep {
    /// The kind of step: `clarify`, `display`, `push` or `redirect`.
    step: &'static str,
    /// Items that must be shown to the customer, such as a QR code; empty unless the step is
    /// `display`.
    display: Vec<Shown>,
    /// Fields that the platform asks for, to be answered by `ecp clarify`; empty unless the step is
    /// `clarify`.
    fields: Vec<Asked>,
}

/// An item of `display_data`.
#[derive(Serialize)]
struct Shown {
    r#type: String,
    title: Option<String>,
    data: Option<String>,
}

/// A field of `clarification_fields`.
#[derive(Serialize)]
struct Asked {
    path: String,
    r#type: Option<String>,
    required: bool,
    default: Option<String>,
    message: Option<String>,
}

impl NextStep {
    /// Describes a step. `None` if nothing has to be done.
    pub(crate) fn of(step: &Step) -> Option<Self> {
        let (mut display, mut fields) = (Vec::new(), Vec::new());
        match step {
            Step::Display(items) => display.extend(items.iter().map(|item| Shown {
                r#type: item.kind.to_string(),
                title: item.title.clone(),
                data: item.data.as_ref().map(|data| data.expose().clone()),
            })),
            Step::Clarify(asked) => fields.extend(asked.iter().map(|field| Asked {
                path: field.path.clone(),
                r#type: field.kind.as_ref().map(ToString::to_string),
                required: field.required,
                default: field.default.as_ref().map(|default| default.expose().clone()),
                message: field.message.clone(),
            })),
            Step::Push | Step::Redirect(_) => {}
            _ => return None,
        }
        Some(Self { step: step.as_str(), display, fields })
    }

    /// Returns the paths of the fields that must be answered, empty if all answers are optional.
    /// `None` if the platform asks for no fields.
    pub(crate) fn asked(&self) -> Option<Vec<&str>> {
        let required = self.fields.iter().filter(|field| field.required);
        (self.step == "clarify").then(|| required.map(|field| field.path.as_str()).collect())
    }

    /// Describes a redirect of the customer. Its address is in the callback only.
    pub(crate) const fn redirect() -> Self {
        Self { step: "redirect", display: Vec::new(), fields: Vec::new() }
    }
}

/// Writes the step as indented text, to follow the lines about a payment.
pub(crate) fn write_step(step: &NextStep, output: &mut String) -> Result {
    match step.step {
        "display" => {
            writeln!(output, "  next: show this to the customer, who needs it to pay")?;
            for Shown { r#type: kind, title, data } in &step.display {
                let title = title.as_ref().map(|title| format!(" {title}")).unwrap_or_default();
                writeln!(output, "    {kind}{title}: {}", data.as_deref().unwrap_or("?"))?;
            }
        }
        "clarify" => {
            writeln!(output, "  next: answer these fields, by `ecp clarify`")?;
            for field in &step.fields {
                write!(output, "    {}", field.path)?;
                if let Some(kind) = &field.r#type {
                    write!(output, ", {kind}")?;
                }
                if !field.required {
                    write!(output, ", optional")?;
                }
                if let Some(message) = &field.message {
                    write!(output, ": {message}")?;
                }
                if let Some(default) = &field.default {
                    write!(output, ": `{default}`")?;
                }
                writeln!(output)?;
            }
        }
        "push" => writeln!(
            output,
            "  next: the customer confirms on the phone, or pays with the data that were shown before"
        )?,
        _ => writeln!(output, "  next: redirect the customer, as the callback says")?,
    }
    Ok(())
}
