//! Which operations of a disk fail, and when the power goes off.

use std::collections::BTreeMap;

use fastrand::Rng;

use crate::disk::Refusal;

/// What a file system asks of a disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Operation {
    /// Creates a file.
    Create,
    /// Looks up a name.
    Look,
    /// Reads from a file.
    Read,
    /// Removes a name.
    Remove,
    /// Renames a file.
    Rename,
    /// Stores what was written to a file.
    Sync,
    /// Stores the names in the folder.
    SyncFolder,
    /// Sets the size of a file.
    Truncate,
    /// Writes to a file.
    Write,
}

impl Operation {
    /// Those that change something, or store it.
    const CHANGES: &[Self] = &[
        Self::Create,
        Self::Remove,
        Self::Rename,
        Self::Sync,
        Self::SyncFolder,
        Self::Truncate,
        Self::Write,
    ];
}

/// The faults of some time. By default there is none.
#[derive(Clone, Debug, Default)]
pub struct Faults {
    failing: Vec<Failing>,
    power: Option<Power>,
    counts: BTreeMap<Operation, u64>,
}

/// Operations that fail.
#[derive(Clone, Debug)]
struct Failing {
    operations: Vec<Operation>,
    /// Number of operations before the first that fails.
    after: u32,
    /// Number of operations that may fail.
    times: u32,
    /// How many of these fail, of a hundred.
    share: u8,
    refusal: Refusal,
}

/// The power goes off with the last of so many operations.
#[derive(Clone, Debug)]
struct Power {
    operations: Vec<Operation>,
    left: u32,
}

impl Faults {
    /// Chooses faults: none, one, a failing disk, a full disk, and a loss of power or none. They
    /// begin within so many operations.
    pub fn choose(within: u32, rng: &mut Rng) -> Self {
        let mut faults = Self::default();
        if rng.u8(0..10) < 7 {
            for _ in 0..rng.u8(1..=2) {
                faults.failing.push(Failing::choose(within, rng));
            }
        }
        if rng.u8(0..10) < 5 {
            let operations = match rng.u8(0..4) {
                0 => vec![Operation::Sync],
                1 => vec![Operation::Sync, Operation::SyncFolder],
                _ => Operation::CHANGES.to_vec(),
            };
            let left = many(rng, if operations.len() > 2 { within } else { 20 });
            faults.power = Some(Power { operations, left });
        }
        faults
    }

    /// So many operations of a kind fail, after some that do not.
    pub fn failing(operation: Operation, after: u32, times: u32) -> Self {
        let operations = vec![operation];
        let refusal = Refusal::Failed;
        let failing = vec![Failing { operations, after, times, share: 100, refusal }];
        Self { failing, ..Self::default() }
    }

    /// Number of faults that happened, by the operation that failed.
    pub fn counts(&self) -> &BTreeMap<Operation, u64> {
        &self.counts
    }

    /// Whether the operation fails now. `extends` says that it needs space.
    pub(crate) fn strikes(
        &mut self,
        operation: Operation,
        extends: bool,
        rng: &mut Rng,
    ) -> Option<Refusal> {
        let mut refused = None;
        for failing in &mut self.failing {
            let matches = failing.operations.contains(&operation)
                && (extends || failing.refusal != Refusal::Full);
            if !matches {
                continue;
            }
            if failing.after > 0 {
                failing.after -= 1;
            } else if failing.times > 0 {
                failing.times -= 1;
                if rng.u8(0..100) < failing.share {
                    refused = Some(failing.refusal);
                }
            }
        }
        if refused.is_some() {
            *self.counts.entry(operation).or_default() += 1;
        }
        refused
    }

    /// Whether the power goes off with this operation.
    pub(crate) fn is_power_lost(&mut self, operation: Operation) -> bool {
        let Some(power) = &mut self.power else { return false };
        if power.operations.contains(&operation) {
            power.left = power.left.saturating_sub(1);
        }
        power.left == 0
    }
}

impl Failing {
    fn choose(within: u32, rng: &mut Rng) -> Self {
        use Operation::{Create, Look, Read, Remove, Rename, Sync, SyncFolder, Truncate, Write};
        // Syncs are few, and the most important.
        let (operations, most): (&[Operation], u32) = match rng.u8(0..14) {
            0..4 => (&[Sync], 20),
            4 => (&[SyncFolder], 4),
            5 => (&[Sync, SyncFolder], 20),
            6..8 => (&[Write], within),
            8 => (&[Create, Remove, Rename, Truncate], 8),
            9 => (&[Read], 60),
            10 => (&[Look], within),
            11 => (Operation::CHANGES, within),
            _ => {
                let times = if rng.bool() { u32::MAX } else { many(rng, 100) };
                return Self {
                    operations: Operation::CHANGES.to_vec(),
                    after: many(rng, within),
                    times,
                    share: 100,
                    refusal: Refusal::Full,
                };
            }
        };
        let (times, share) = match rng.u8(0..4) {
            0..2 => (1, 100),
            2 => (rng.u32(2..12), 100),
            _ => (u32::MAX, rng.u8(2..100)),
        };
        let refusal = Refusal::Failed;
        Self { operations: operations.to_vec(), after: many(rng, most), times, share, refusal }
    }
}

/// A number from 0 up to a bound, often a small one.
fn many(rng: &mut Rng, most: u32) -> u32 {
    let bound = rng.u32(1..=most);
    rng.u32(..bound)
}
