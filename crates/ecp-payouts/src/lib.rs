//! Mass payouts.
