//! Values that must not be printed.

mod edges;

use std::fmt;

use serde::{Serialize, Serializer};
use zeroize::Zeroizing;

pub use self::edges::SecretEdges;

/// A project's secret key, as the platform gave it out.
///
/// It cannot be printed and is wiped when dropped. To sign with it, make a
/// [`SigningKey`](crate::signature::SigningKey).
///
/// ```
/// let key = ecp_core::SecretKey::new("secret")?;
/// assert_eq!(format!("{key:?}"), "SecretKey([secret])");
/// # Ok::<(), ecp_core::EmptySecret>(())
/// ```
#[derive(Clone)]
pub struct SecretKey(Zeroizing<Vec<u8>>);

/// Error for an empty secret key, as happens when an environment variable is not set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the secret key is empty: set the variable or fill the file that it is read from")]
pub struct EmptySecret;

impl SecretKey {
    /// Makes a key from its text, which is used unchanged, because a key may hold any character. An
    /// empty text is an error. Remove a line break that a file or an environment variable added to
    /// the key; [`edges`](Self::edges) says whether the key begins or ends with a line break, a
    /// space or the like.
    pub fn new(text: impl Into<String>) -> Result<Self, EmptySecret> {
        let bytes = Zeroizing::new(text.into().into_bytes());
        if bytes.is_empty() { Err(EmptySecret) } else { Ok(Self(bytes)) }
    }

    /// Characters at the beginning or end of the key that probably do not belong to it: white
    /// space, a byte order mark, quotation marks. `None` if there are none.
    ///
    /// Call this when a service starts, and print a warning if there are any. A key with characters
    /// that do not belong to it is accepted but makes wrong signatures: the platform refuses every
    /// request (code 3261), and no callback passes verification.
    ///
    /// ```
    /// use ecp_core::SecretKey;
    ///
    /// let key = SecretKey::new("secret\n")?; // from `echo secret > key.txt`
    /// if let Some(edges) = key.edges() {
    ///     eprintln!("the key {edges}: remove it unless it belongs to the key");
    /// #   assert_eq!(edges.to_string(), "ends with a line break");
    /// }
    /// # Ok::<(), ecp_core::EmptySecret>(())
    /// ```
    pub fn edges(&self) -> Option<SecretEdges> {
        SecretEdges::of(std::str::from_utf8(&self.0).ok()?)
    }

    pub(crate) fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretKey([secret])")
    }
}

/// Personal data: it can be sent and compared, is never printed, and is wiped from memory when
/// dropped.
///
/// It holds a value that can be wiped ([`SensitiveValue`]), and serialises as that value, because
/// the platform needs the value itself.
///
/// ```
/// use ecp_core::Sensitive;
///
/// let phone = Sensitive::new("02081234567".to_owned());
/// assert_eq!(format!("{phone:?}"), "[sensitive]");
/// assert_eq!(phone.expose(), "02081234567");
/// ```
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sensitive<T: SensitiveValue>(T);

impl<T: SensitiveValue> Sensitive<T> {
    /// Wraps a value that must not be printed, such as personal data.
    pub const fn new(value: T) -> Self {
        Self(value)
    }

    /// Returns the value itself. Do not print or log it: the value is no longer protected.
    pub const fn expose(&self) -> &T {
        &self.0
    }
}

impl<T: SensitiveValue> Drop for Sensitive<T> {
    fn drop(&mut self) {
        self.0.wipe();
    }
}

impl<T: SensitiveValue> From<T> for Sensitive<T> {
    fn from(value: T) -> Self {
        Self(value)
    }
}

impl<T: SensitiveValue> fmt::Debug for Sensitive<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[sensitive]")
    }
}

impl<T: SensitiveValue + Serialize> Serialize for Sensitive<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

/// A type that [`Sensitive`] can hold: text (`String`) or bytes (`Vec<u8>`). No other crate can
/// implement it.
pub trait SensitiveValue: sealed::Wipe {}

impl SensitiveValue for String {}
impl SensitiveValue for Vec<u8> {}

mod sealed {
    use zeroize::Zeroize;

    /// A value whose memory can be overwritten, so that the secret does not stay there.
    pub trait Wipe {
        fn wipe(&mut self);
    }

    impl Wipe for String {
        fn wipe(&mut self) {
            self.zeroize();
        }
    }

    impl Wipe for Vec<u8> {
        fn wipe(&mut self) {
            self.zeroize();
        }
    }
}

/// Personal data as text that borrows from its message. Like [`Sensitive`] it is never printed, but
/// it is not wiped from memory, because the bytes belong to the message.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SensitiveRef<'d>(&'d str);

impl<'d> SensitiveRef<'d> {
    /// Wraps a text that must not be printed, such as personal data.
    pub const fn new(text: &'d str) -> Self {
        Self(text)
    }

    /// Returns the text itself. Do not print or log it: the text is no longer protected.
    pub const fn expose(self) -> &'d str {
        self.0
    }
}

impl fmt::Debug for SensitiveRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[sensitive]")
    }
}
