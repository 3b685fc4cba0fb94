//! Records that are not compared, or only in part.

use std::collections::HashMap;
use std::fmt;

use ecp_transport::DataOperation;

use crate::error::ReconcileError;
use crate::names::Unusable;
use crate::reconcile::Counts;

/// A record that is not compared, or only in part, such as an operation without a payment id, an
/// operation with an unreadable sum (it is compared without the sum), a callback that names no
/// payment, or an entry of a journal in a state that this version does not know. Look at it
/// yourself; all other records are compared.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Odd {
    /// Name of the record, such as `operation 17`, `callback 3` or `P-1 in payouts.csv.journal`.
    pub record: String,
    /// Description of the problem, without a value of the record.
    pub problem: String,
}

impl fmt::Display for Odd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.record, self.problem)
    }
}

/// The odd records so far, the first of them by name.
#[derive(Debug, Default)]
pub(crate) struct Oddities {
    named: Vec<Odd>,
    /// For the dotted path of a member ([`OperationNames`](crate::OperationNames)): how many of the
    /// Data API's operations lack the member, or have a value in it that cannot be used. Such an
    /// operation is not compared, or is compared without its sum.
    by_path: HashMap<String, u64>,
}

/// Maximum number of records by name; more are only counted.
const NAMED: usize = 100;

impl Oddities {
    pub(crate) fn named(&self) -> &[Odd] {
        &self.named
    }

    pub(crate) fn add(&mut self, record: String, problem: String, counts: &mut Counts) {
        counts.odd += 1;
        if self.named.len() < NAMED {
            self.named.push(Odd { record, problem });
        }
    }

    /// Adds an operation of the Data API in which a member is missing or its value cannot be used.
    pub(crate) fn operation(&mut self, record: String, unusable: &Unusable, counts: &mut Counts) {
        let Unusable { path, problem, .. } = unusable;
        *self.by_path.entry(path.clone()).or_default() += 1;
        self.add(record, format!("`{path}` {problem}"), counts);
    }

    /// Fails if the last operation's member is missing, or its value cannot be used, in nearly all
    /// operations: then the name of the member is wrong, and not the operations.
    pub(crate) fn check(
        &self,
        last: Option<&(DataOperation, Unusable)>,
        counts: &Counts,
    ) -> Result<(), ReconcileError> {
        let Some((listed, Unusable { path, problem, .. })) = last else { return Ok(()) };
        let seen = self.by_path.get(path).copied().unwrap_or_default();
        if seen * 10 < counts.operations * 9 {
            return Ok(());
        }
        Err(ReconcileError::Member {
            path: path.clone(),
            problem,
            there: listed.iter().map(|(path, _)| path.to_owned()).collect(),
        })
    }
}
