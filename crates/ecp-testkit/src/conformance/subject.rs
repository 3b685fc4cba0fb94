//! The method that a suite is about, with what is known of it besides its spec.

use std::collections::BTreeMap;
use std::ops::Deref;

use ecp_methods::DynMethod;
use ecp_methods::request::Field;

/// Values for fields, in place of the fields' own examples.
#[derive(Clone, Debug, Default)]
pub(super) struct Examples(BTreeMap<&'static str, String>);

impl Examples {
    /// None: every field has its own.
    pub(super) const NONE: &'static Self = &Self(BTreeMap::new());

    pub(super) fn set(&mut self, field: Field, value: String) {
        self.0.insert(field.path(), value);
    }
}

/// A method and its examples.
#[derive(Clone, Copy, Debug)]
pub(super) struct Subject<'m> {
    pub(super) method: &'m dyn DynMethod,
    pub(super) examples: &'m Examples,
}

impl Subject<'_> {
    /// A value that the method takes.
    pub(super) fn example(&self, field: Field) -> &str {
        self.examples.0.get(field.path()).map_or(field.example(), String::as_str)
    }
}

impl<'m> Deref for Subject<'m> {
    type Target = dyn DynMethod + 'm;

    fn deref(&self) -> &Self::Target {
        self.method
    }
}
