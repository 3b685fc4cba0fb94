//! Methods by name.

use std::sync::Arc;

use crate::flow::Operation;
use crate::method::{DynMethod, PaymentMethod};
use crate::methods;
use crate::spec::{MethodSpec, matrix};

/// A set of payment methods, in which a method is found by its code, its Gate path or its name in
/// callbacks. It is a value, not a global: pass it to the code that needs it.
///
/// ```
/// use ecp_methods::Registry;
///
/// let registry = Registry::builtin();
/// assert_eq!(registry.by_callback_name("JetonWallet").unwrap().spec().code(), "jeton");
/// let error = registry.get("jetton").unwrap_err().to_string();
/// assert!(error.starts_with("there is no payment method with the code `jetton`; known codes: "));
/// ```
#[derive(Clone, Debug)]
pub struct Registry {
    methods: Vec<Arc<dyn DynMethod>>,
}

/// The error of looking up a payment method by a code that no method of the registry has.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no payment method with the code `{code}`; known codes: {known}")]
pub struct UnknownMethod {
    code: String,
    known: String,
}

/// The error of adding a payment method with a name that another method of the registry already
/// has.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "cannot add payment method `{added}`: {what} `{name}` belongs to payment method `{taken_by}` \
     already; add only one of the two"
)]
pub struct RegistryError {
    added: &'static str,
    what: &'static str,
    name: &'static str,
    taken_by: &'static str,
}

impl Registry {
    /// Creates a registry without payment methods.
    pub const fn empty() -> Self {
        Self { methods: Vec::new() }
    }

    /// Creates a registry with the payment methods that this crate defines, such as Jeton Wallet.
    /// Add others by [`with`](Self::with).
    pub fn builtin() -> Self {
        Self { methods: methods::builtin() }
    }

    /// Adds a payment method to the registry and returns it. It is an error if one of the new
    /// method's names (code, Gate path, Payment Page code, name in callbacks or in mass payment
    /// files) already belongs to another method.
    pub fn with<M: PaymentMethod>(mut self, method: M) -> Result<Self, RegistryError> {
        let added = method.spec();
        let error =
            |what, name, taken_by| RegistryError { added: added.code(), what, name, taken_by };
        let names = |spec: &'static MethodSpec| {
            let code = [("the code", spec.code())];
            let gate = spec.gate_path().map(|path| ("the Gate path", path));
            let page = spec.page_codes().iter().map(|&code| ("the Payment Page code", code));
            let callback = spec.callback_names().iter().map(|&name| ("the callback name", name));
            code.into_iter().chain(gate).chain(page).chain(callback)
        };
        for other in self.iter() {
            if let Some((what, name)) =
                names(added).find(|name| names(other.spec()).any(|taken| taken == *name))
            {
                return Err(error(what, name, other.spec().code()));
            }
        }
        for flow in added.flows() {
            let Some(path) = added.path_of(flow) else { continue };
            for other in self.iter().map(DynMethod::spec) {
                let Some(theirs) = other.by_path(&path) else { continue };
                let own_path = |spec: &MethodSpec, flow| spec.rule(flow)?.own_path();
                let name = own_path(added, flow).or_else(|| own_path(other, theirs));
                let name = name.or(added.gate_path()).unwrap_or_default();
                return Err(error("the Gate path of an operation", name, other.code()));
            }
        }
        for name in file_names(added) {
            if let Some(other) = self.by_file_name(name) {
                return Err(error("the name in mass files", name, other.spec().code()));
            }
        }
        self.methods.push(Arc::new(method));
        Ok(self)
    }

    /// Finds a payment method by its code in this library, such as `jeton`. The error lists the
    /// codes of all methods in the registry.
    pub fn get(&self, code: &str) -> Result<&dyn DynMethod, UnknownMethod> {
        self.iter().find(|method| method.spec().code() == code).ok_or_else(|| UnknownMethod {
            code: code.to_owned(),
            known: self.iter().map(|method| method.spec().code()).collect::<Vec<_>>().join(", "),
        })
    }

    /// Finds a payment method by its part of Gate paths, such as `wallet/jeton` in
    /// `/v2/payment/wallet/jeton/sale`. `None` if no method has this part.
    pub fn by_gate_path(&self, path: &str) -> Option<&dyn DynMethod> {
        self.iter().find(|method| method.spec().gate_path() == Some(path))
    }

    /// Finds a payment method and its operation by the operation's Gate path without
    /// `/v2/payment/`, such as `wallet/jeton/sale`. `None` if no method has an operation with this
    /// path.
    pub fn by_operation_path(&self, path: &str) -> Option<(&dyn DynMethod, Operation)> {
        self.iter().find_map(|method| Some((method, method.spec().by_path(path)?)))
    }

    /// Finds a payment method by a name that a person writes, such as in the column `method` of a
    /// mass payment file: its Dashboard code, its Gate path or its code in this library. `None` if
    /// no method has the name; no two methods of a registry share one.
    pub fn by_file_name(&self, name: &str) -> Option<&dyn DynMethod> {
        self.iter().find(|method| file_names(method.spec()).any(|known| known == name))
    }

    /// Finds a payment method by its name in callbacks (`payment.method`), compared
    /// case-sensitively. `None` if no method has the name. Some specs know no name in callbacks
    /// ([`MethodSpec::callback_names`]), so `None` does not mean that the callback is wrong.
    pub fn by_callback_name(&self, name: &str) -> Option<&dyn DynMethod> {
        self.iter().find(|method| method.spec().callback_names().contains(&name))
    }

    /// Makes a Markdown table of the capabilities of all payment methods, such as refunds: one row
    /// for each capability, one column for each method. A cell is `+` if the method has the
    /// capability, `–` if it does not, and `not stated` if its documentation page does not say.
    pub fn matrix(&self) -> String {
        matrix(&self.iter().map(DynMethod::spec))
    }

    /// All payment methods of the registry, in the order in which they were added.
    pub fn iter(&self) -> impl Iterator<Item = &dyn DynMethod> + Clone {
        self.methods.iter().map(AsRef::as_ref)
    }
}

/// The names of a method in the column `method` of mass files.
fn file_names(spec: &MethodSpec) -> impl Iterator<Item = &'static str> {
    [Some(spec.code()), spec.gate_path(), spec.dashboard_code()].into_iter().flatten()
}

impl Default for Registry {
    fn default() -> Self {
        Self::builtin()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Jeton, Spec};

    #[derive(Debug)]
    struct Twin;

    impl PaymentMethod for Twin {
        const SPEC: Spec<Self> = Spec::new("twin", "Twin").gate_path("wallet/jeton");
    }

    #[derive(Debug)]
    struct SameInFiles;

    impl PaymentMethod for SameInFiles {
        const SPEC: Spec<Self> = Spec::new("jeton-wallet", "Same in files");
    }

    #[test]
    fn a_name_belongs_to_one_method() {
        let message = |result: Result<Registry, RegistryError>| result.unwrap_err().to_string();
        assert_eq!(
            message(Registry::builtin().with(Jeton)),
            "cannot add payment method `jeton`: the code `jeton` belongs to payment method `jeton` already; add only one of the two"
        );
        assert_eq!(
            message(Registry::builtin().with(Twin)),
            "cannot add payment method `twin`: the Gate path `wallet/jeton` belongs to payment method `jeton` already; add only one of the two"
        );
        assert_eq!(
            message(Registry::builtin().with(SameInFiles)),
            "cannot add payment method `jeton-wallet`: the name in mass files `jeton-wallet` belongs to payment method `jeton` already; add only one of the two"
        );
        assert!(Registry::empty().with(Twin).is_ok());
        let registry = Registry::builtin();
        for name in ["jeton", "wallet/jeton", "jeton-wallet"] {
            let found = registry.by_file_name(name).map(|method| method.spec().code());
            assert_eq!(found, Some("jeton"), "{name}");
        }
        assert!(registry.by_file_name("jetonWalletV3").is_none());
    }
}
