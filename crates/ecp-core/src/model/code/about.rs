//! Subject of a code: the payment, its method, or the whole project.

use std::fmt;

use super::{Code, CodeInfo};

/// What a refusal with a certain result code concerns: only the refused payment, all payments with
/// its method, or the whole project.
///
/// The platform's table of codes does not state this, so it is derived, mostly from the words of
/// the table; [`CodeInfo::about_source`] says how. A code about the project or the method does not
/// mean that the refused payment is wrong: the next payment receives the same code, until the cause
/// is fixed. A mass payout counts a refused row of its file as finished only if the code is known
/// to be about the payment.
///
/// ```
/// use ecp_core::model::{About, Code};
///
/// assert_eq!(Code::from(3261).about(), About::Project); // Invalid signature
/// assert_eq!(Code::from(2541).about(), About::Method); // Unknown Payment Method
/// assert_eq!(Code::from(2124).about(), About::Payment); // Invalid Customer ID
/// assert_eq!(Code::from(31_337).about(), About::Unknown);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum About {
    /// Only the refused payment: its fields, its sum, its customer, its state.
    Payment,
    /// The payment method or its provider. Every payment with this method receives the code until
    /// the cause is fixed.
    Method,
    /// The whole project: its key, its settings, its merchant account, its balance. Every payment
    /// receives the code until the cause is fixed.
    Project,
    /// It is not known whether other payments receive the code as well. This is so for every code
    /// that is not in the platform's table.
    Unknown,
}

impl About {
    /// What the refusal concerns, as a word: `payment`, `method`, `project` or `unknown`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Payment => "payment",
            Self::Method => "method",
            Self::Project => "project",
            Self::Unknown => "unknown",
        }
    }

    /// Whether other payments will receive the same code, so that sending them is useless before
    /// the cause is fixed: `true` for the method and the project, `false` also if it is not known.
    pub const fn concerns_others(self) -> bool {
        matches!(self, Self::Method | Self::Project)
    }
}

impl fmt::Display for About {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl Code {
    /// What a refusal with this code concerns: the payment, its method or the whole project.
    /// [`About::Unknown`] if it is not known, as for a code that is not in the platform's table.
    pub fn about(&self) -> About {
        self.info().map_or(About::Unknown, CodeInfo::about)
    }
}

impl CodeInfo {
    /// What a refusal with this code concerns: the payment, its method or the whole project.
    /// [`About::Unknown`] if it is not known.
    pub const fn about(&self) -> About {
        about(self.number).0
    }

    /// How it is known what a refusal with this code concerns ([`about`](Self::about)):
    ///
    /// - `message`: the platform's message for the code says it;
    /// - `documents`: the platform's documents on signing and on the order of checks say it;
    /// - `chosen`: neither says it, and the more careful answer was chosen;
    /// - an empty text: it is not known ([`About::Unknown`]).
    pub const fn about_source(&self) -> &'static str {
        about(self.number).1
    }
}

const MESSAGE: &str = "message";
const DOCUMENTS: &str = "documents";
const CHOSEN: &str = "chosen";

#[rustfmt::skip]
const fn about(number: u32) -> (About, &'static str) {
    match number {
        // Signature, key and certificate of the request; its project.
        2442 | 3261 | 3262 => (About::Project, DOCUMENTS),
        310 | 318 | 2154 | 3020 | 3023 | 3028 | 3123..=3125 | 3193 | 3291..=3293 | 3297 | 3299
        | 20705 => (About::Project, MESSAGE),
        // 303 "Access denied" names no payment. 2426 is `Invalid Email` in the published table, and
        // is reported for whole projects as well: a row that stays unsent can be corrected under
        // its id, a declined one cannot.
        303 | 2426 => (About::Project, CHOSEN),

        314 | 2541 | 3196 | 3197 | 3298 | 10505 | 20202 | 20206 | 20450 | 20706 =>
            (About::Method, MESSAGE),

        // Fields that are missing, wrong, or do not fit together.
        319 | 2004 | 2014 | 2061 | 2124 | 2261 | 2609..=2611 | 2641 | 2801 | 3001..=3004 | 3022
        | 3024 | 3027 | 3101 | 3121 | 3141 | 3161 | 3162 | 3190 | 3192 | 3194 | 3195 | 3221
        | 3241..=3244 | 3363 | 3431..=3433 | 3436..=3439 | 3490 | 3491 | 3612 | 10102..=10104
        | 10703..=10705 | 10707 | 10708 | 20102 | 20103
        // Its sum.
        | 309 | 903 | 2642 | 2949 | 3117 | 3118 | 3120 | 3281 | 3283 | 3284 | 3286 | 3287 | 3289
        | 3358 | 3360 | 3402..=3404 | 3406 | 3409 | 3410 | 3412..=3419 | 3609 | 3618..=3625 | 3900
        | 3901 | 20304
        // Its status, or the payment that it belongs to.
        | 2606 | 2945 | 3060 | 3061 | 3107 | 3181..=3184 | 3186 | 3288 | 3301 | 3610 | 3611 | 10706
        | 20703
        // Its customer, account or card, and what their bank says of it.
        | 104 | 108 | 109 | 301 | 3021 | 3029 | 3103 | 3105 | 3341 | 3355..=3357 | 3400 | 3411 | 3434
        | 3435 | 3470..=3472 | 3480 | 10105..=10107 | 10110 | 10112..=10114 | 10203..=10206 | 10301
        | 10709 | 10722 | 10812 | 20104..=20107 | 20110 | 20111 | 20201 | 20203..=20205
        | 20301..=20303 | 20451
        // A check of its risk.
        | 402 | 1401..=1409 | 1411..=1415 | 1421 | 1422 | 1431 | 1432 | 1435 | 1437 | 1441
        | 1450..=1453 | 1455..=1463 | 1499 | 3199 | 10401..=10405 | 20401 | 20402
        // The merchant's own answer about it.
        | 30000 | 30100 | 30301..=30303
        => (About::Payment, MESSAGE),

        _ => (About::Unknown, ""),
    }
}
