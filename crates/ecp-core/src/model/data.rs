//! The Data API's operations, in an answer and in a delivery.

use std::fmt;

use super::ModelError;
use crate::Sensitive;
use crate::json::{Kind, Value};

/// An operation, such as a sale or a refund, as the Data API (the platform's API for lists of
/// operations) reports it: its values by dotted path, as they were sent. Most of the paths are not
/// documented (sources: Data API), so this type has no field for each value: look a value up with
/// [`get`](Self::get).
///
/// The values may be personal data, so `Debug` prints only the paths.
#[derive(Clone, PartialEq, Eq)]
pub struct DataOperation(Vec<(String, Sensitive<String>)>);

impl DataOperation {
    /// Reads an operation from one item of the list that [`DataOperation::list`] returns.
    pub fn of(value: Value<'_>) -> Self {
        let mut fields = Vec::new();
        flatten(value, &mut String::new(), &mut fields);
        Self(fields)
    }

    /// Finds the list of operations in a message of the Data API. The list's name is not
    /// documented, so the caller gives it; `None` if no list has that name. Read each item with
    /// [`DataOperation::of`].
    ///
    /// # Errors
    ///
    /// The message has a member at its root that belongs to another kind of message: to a query, a
    /// balance, a callback, a request to Gate or its answer. A correct signature does not exclude
    /// these kinds: if a merchant uses one key for everything, that key signs them too.
    pub fn list<'d>(root: Value<'d>, name: &str) -> Result<Option<Value<'d>>, ModelError> {
        const ELSEWHERE: [&str; 9] = [
            "balance",
            "customer",
            "general",
            "interval",
            "operation",
            "payment",
            "recurring",
            "token",
            "transaction",
        ];
        let is_foreign =
            |member: &Value<'_>| member.key().is_some_and(|name| ELSEWHERE.contains(&name));
        if let Some(member) = root.children().find(is_foreign) {
            let problem =
                "is a member of another kind of message, not of a list of operations".to_owned();
            return Err(ModelError::Value { path: member.path(), problem });
        }
        Ok(root.get(name).filter(|list| matches!(list.kind(), Kind::Array)))
    }

    /// The value at a dotted path, such as `operation_created_at` or `errors.0.code`: names of
    /// members joined by dots, with the number of the item, from 0, inside a list. A text is
    /// returned unchanged, a number as it is written in the message, a boolean as `true` or
    /// `false`. `None` if there is no value at this path; `null`, lists and objects do not count as
    /// values.
    pub fn get(&self, path: &str) -> Option<&str> {
        self.iter().find(|(name, _)| *name == path).map(|(_, value)| value)
    }

    /// All values of the operation, each with its dotted path such as `errors.0.code`, in the order
    /// of the message.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(path, value)| (path.as_str(), value.expose().as_str()))
    }
}

/// The reader limits the depth.
fn flatten(value: Value<'_>, path: &mut String, fields: &mut Vec<(String, Sensitive<String>)>) {
    let text = match value.kind() {
        Kind::Null => return,
        Kind::Bool(flag) => flag.to_string(),
        Kind::Number(text) | Kind::String(text) => text.to_owned(),
        Kind::Array | Kind::Object => {
            let length = path.len();
            for (place, child) in value.children().enumerate() {
                if length > 0 {
                    path.push('.');
                }
                match child.key() {
                    Some(key) => path.push_str(key),
                    None => path.push_str(&place.to_string()),
                }
                flatten(child, path, fields);
                path.truncate(length);
            }
            return;
        }
    };
    fields.push((path.clone(), Sensitive::new(text)));
}

impl fmt::Debug for DataOperation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(path, _)| path)).finish()
    }
}
