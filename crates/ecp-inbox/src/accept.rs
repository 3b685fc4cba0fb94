//! What is written down of a callback, whichever the store.
