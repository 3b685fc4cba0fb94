//! The Data API's operations, in an answer and in a delivery.

use std::fmt;

use super::ModelError;
use crate::Sensitive;
use crate::json::{Kind, Value};

/// An operation as the Data API reports it: its values by dotted path, as they were sent. Most of
/// the paths are not documented (sources: Data API), so this type has no field for each value: look
/// a value up with [`get`](Self::get).
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

    /// The value at a dotted path: a name such as `operation_created_at`, or names joined by dots for
    /// what is inside another member, where an item of a list is its number from 0, such as
    /// `errors.0.code`. A text is returned unchanged, a number as it is written in the message, a
    /// boolean as `true` or `false`. `None` if the operation has no such value there; `null`, lists
    /// and objects are not values themselves.
    pub fn get(&self, path: &str) -> Option<&str> {
        self.iter().find(|(name, _)| *name == path).map(|(_, value)| value)
    }

    /// All dotted paths with their values, as [`get`](Self::get) takes and returns them, in the order
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
