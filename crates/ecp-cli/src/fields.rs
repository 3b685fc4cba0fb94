//! Fields of a request on the command line.

use clap::Args;
use ecp_methods::request::Field;
use ecp_methods::{DynMethod, Registry};

use crate::address;

/// Fields by their paths.
#[derive(Args)]
pub(crate) struct Fields {
    /// A field of the request by its Gate path, as in customer.id=7. May be repeated
    #[arg(long = "field", value_name = "PATH=VALUE", value_parser = field)]
    fields: Vec<(String, String)>,
}

impl Fields {
    /// The fields: known ones by name, others by path.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (Result<Field, &str>, &str)> {
        self.fields.iter().map(|(path, value)| {
            let known = Field::KNOWN.iter().find(|field| field.path() == path);
            (known.copied().ok_or(path.as_str()), value.as_str())
        })
    }
}

/// Parses `PATH=VALUE`, and checks the address if the path takes one.
fn field(text: &str) -> Result<(String, String), String> {
    let (path, value) = pair(text)?;
    if path.ends_with("_url") || path.starts_with("return_url.") {
        address::web(&value).map_err(|problem| format!("`{path}`: {problem}"))?;
    }
    Ok((path, value))
}

/// `NAME=VALUE`
pub(crate) fn pair(text: &str) -> Result<(String, String), &'static str> {
    let (name, value) = text.split_once('=').ok_or("expected NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

/// The method with a code, Gate path or Dashboard code.
pub(crate) fn method<'r>(registry: &'r Registry, name: &str) -> anyhow::Result<&'r dyn DynMethod> {
    match registry.by_file_name(name.trim_start_matches('/')) {
        Some(method) => Ok(method),
        None => Ok(registry.get(name)?),
    }
}
