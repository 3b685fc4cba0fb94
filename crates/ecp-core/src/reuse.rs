//! Buffers that a thread keeps for its next call.

use std::cell::Cell;
use std::ops::{Deref, DerefMut};
use std::thread::LocalKey;

/// Buffers that are kept for reuse.
pub(crate) trait Reuse: Sized + 'static {
    /// No buffers.
    const EMPTY: Self;

    /// The thread's spare buffers.
    fn spare() -> &'static LocalKey<Cell<Self>>;

    /// Clears the contents and keeps the capacity. `false` if the buffers grew too large to be
    /// kept.
    fn clear(&mut self) -> bool;
}

/// Buffers that go back to the thread when they are dropped. While those of the
/// thread are in use, another call gets new ones.
#[derive(Clone)]
pub(crate) struct Reused<T: Reuse>(T);

impl<T: Reuse> Reused<T> {
    #[inline]
    pub(crate) fn take() -> Self {
        // A thread that is ending keeps no buffers.
        Self(T::spare().try_with(|spare| spare.replace(T::EMPTY)).unwrap_or(T::EMPTY))
    }
}

impl<T: Reuse> Drop for Reused<T> {
    #[inline]
    fn drop(&mut self) {
        if self.0.clear() {
            let _ = T::spare().try_with(|spare| spare.swap(Cell::from_mut(&mut self.0)));
        }
    }
}

impl<T: Reuse> Deref for Reused<T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: Reuse> DerefMut for Reused<T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        &mut self.0
    }
}
