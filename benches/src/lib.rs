//! Measurements live in `benches/`. Run them with `cargo bench -p ecp-benches`.
//!
//! Each group holds its floor, the work that cannot be avoided: for signatures that is the bare
//! keyed HMAC over the canonical string. `sandbox` stands apart: it counts payments a second and the
//! memory that they take. Machines are noisy, so compare within one run.
