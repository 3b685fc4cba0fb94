//! An engine without a state file.

use super::Engine;

impl Engine {
    /// Nothing is written.
    #[expect(clippy::unused_self, reason = "with the feature `state` it is used")]
    pub(super) const fn mark(&self) {}

    /// There is no file that anything had to be written to.
    #[expect(clippy::unused_async, reason = "with the feature `state` it waits")]
    pub(crate) async fn is_kept(&self) -> bool {
        true
    }
}
