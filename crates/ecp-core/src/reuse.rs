//! Buffers that a thread keeps for its next piece of work.

use std::cell::Cell;
use std::ops::{Deref, DerefMut};
use std::thread::LocalKey;

/// Buffers worth keeping.
pub(crate) trait Reuse: Default + 'static {
    /// Where the thread keeps them.
    fn spare() -> &'static LocalKey<Cell<Option<Box<Self>>>>;

    /// Forgets what they hold but not their room. `false` if they grew too large to be kept.
    fn clear(&mut self) -> bool;
}

/// Buffers that go back to the thread when they are dropped. Whoever takes some while others of
/// the same thread are in use gets new ones.
#[derive(Clone)]
pub(crate) struct Reused<T: Reuse>(Option<Box<T>>);

impl<T: Reuse> Reused<T> {
    pub(crate) fn take() -> Self {
        Self(Some(T::spare().try_with(Cell::take).ok().flatten().unwrap_or_default()))
    }
}

impl<T: Reuse> Drop for Reused<T> {
    fn drop(&mut self) {
        if let Some(mut buffers) = self.0.take()
            && buffers.clear()
        {
            // A thread that is ending keeps nothing.
            let _ = T::spare().try_with(|spare| spare.set(Some(buffers)));
        }
    }
}

impl<T: Reuse> Deref for Reused<T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.0.as_deref().unwrap_or_else(|| unreachable!("{GONE}"))
    }
}

impl<T: Reuse> DerefMut for Reused<T> {
    fn deref_mut(&mut self) -> &mut T {
        self.0.as_deref_mut().unwrap_or_else(|| unreachable!("{GONE}"))
    }
}

const GONE: &str = "buffers go back only when they are dropped";
