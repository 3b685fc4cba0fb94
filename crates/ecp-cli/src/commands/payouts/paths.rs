//! The files of a run: the payouts, the journal and the results.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use anyhow::bail;
use ecp_payouts::{Entry, JournalError, Plan, RowId, write_results};

use crate::output::{Output, is_dash, resolved};

/// Appends a dot and an ending to a path, as in `payouts.csv.journal`.
pub(super) fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut path = path.as_os_str().to_owned();
    path.push(".");
    path.push(ending);
    path.into()
}

/// Returns the path of the journal of a file of payouts. A link to the file has the same journal.
pub(super) fn journal_of(file: &Path) -> anyhow::Result<PathBuf> {
    let here = beside(file, "journal");
    let is_link = file.symlink_metadata().is_ok_and(|found| found.is_symlink());
    let Some(there) = is_link.then(|| file.canonicalize().ok()).flatten() else { return Ok(here) };
    let there = beside(&there, "journal");
    match (here.exists(), there.exists()) {
        (true, true) if resolved(&here) != resolved(&there) => bail!(
            "nothing was sent: {} is a link, and there are two journals, {} and {}: name the one that has the \
             earlier runs of this file with --journal; --dry-run sends nothing, and says how many rows \
             ended in earlier runs of that journal",
            file.display(),
            here.display(),
            there.display()
        ),
        (true, _) => Ok(here),
        (false, _) => Ok(there),
    }
}

/// The output to which the results of a run are written.
pub(super) struct Results {
    path: PathBuf,
    /// The open output, if the path is not a file, such as a pipe or a device. `None` for a file
    /// and for `-`, which are opened when the results are written.
    open: Option<Output>,
}

impl Results {
    /// Opens the output. Fails if the results could not be written, for example because a folder is
    /// missing.
    pub(super) fn begin(path: &Path) -> std::io::Result<Self> {
        if is_dash(path) {
            return Ok(Self { open: None, path: path.to_owned() });
        }
        let is_file = path.metadata().map_or(true, |found| found.is_file());
        let open = Output::create(path)?;
        // A file was only tried: however the run ends, no temporary file is left beside it.
        Ok(Self { open: (!is_file).then_some(open), path: path.to_owned() })
    }

    /// Writes the results from what was read from the journal. Returns the journal's entries too, also
    /// if they could not be written; none if it could not be read.
    pub(super) fn write(
        self,
        plan: &Plan,
        entries: Result<HashMap<RowId, Entry>, JournalError>,
    ) -> (anyhow::Result<()>, HashMap<RowId, Entry>) {
        match entries {
            Ok(entries) => (self.put(plan, &entries), entries),
            Err(error) => (Err(error.into()), HashMap::new()),
        }
    }

    fn put(self, plan: &Plan, entries: &HashMap<RowId, Entry>) -> anyhow::Result<()> {
        let mut output = match self.open {
            Some(open) => open,
            None => Output::create(&self.path)?,
        };
        write_results(plan, entries, &mut output)?;
        Ok(output.finish()?)
    }
}

/// Checks that the journal, the results and the file of payouts do not overwrite each other.
pub(super) fn distinct(file: &Path, journal: &Path, results: &Path) -> anyhow::Result<()> {
    let with = |path: &Path, ending: &str| {
        let mut path = path.as_os_str().to_owned();
        path.push(ending);
        PathBuf::from(path)
    };
    // The journal is an SQLite database, which has companion files.
    let journals = ["", "-wal", "-shm", "-journal"].map(|ending| with(journal, ending));
    let is_in = |path: &Path, paths: &[PathBuf]| {
        let path = resolved(path);
        paths.iter().any(|other| resolved(other) == path)
    };
    if is_in(file, &journals) {
        bail!(
            "{} is the file to pay, and cannot be its journal: name another journal with --journal",
            file.display()
        );
    }
    distinct_results(file, results)?;
    if is_dash(results) {
        return Ok(());
    }
    if is_in(results, &journals) {
        bail!(
            "the results would overwrite the journal {}: name another file with --results",
            journal.display()
        );
    }
    Ok(())
}

/// Checks that the results do not overwrite the file of payouts.
pub(super) fn distinct_results(file: &Path, results: &Path) -> anyhow::Result<()> {
    if !is_dash(results) && resolved(file) == resolved(results) {
        bail!(
            "{} is the file to pay, and the results would overwrite it: name another file with --results",
            file.display()
        );
    }
    Ok(())
}
