//! A disk with one folder, in memory. Writes reach it by a sync, or by chance before.
//!
//! Every file has two contents: the one that processes read and write (the page cache of an
//! operating system), and the stored one, which is what is left after the power went off. A sync
//! stores what was written. When the power goes off, any part of what was not synced may have been
//! stored: whole pages, parts of pages, the file's size without its contents. Names work alike: a
//! file that was created, renamed or removed may be found under its old name until its folder is
//! synced.
//!
//! After a sync that failed, what was written counts as stored and is not, so that the next sync
//! succeeds without storing it, as in Linux; and what is read is either what was written or what is
//! stored.

use std::collections::{BTreeMap, BTreeSet};

use fastrand::Rng;

use crate::faults::{Faults, Operation};

/// Unit of the page cache, in bytes.
const PAGE: usize = 4096;

/// Unit of the disk, in bytes.
const SECTOR: usize = 512;

/// Number that the file system gives a file. It is not used again.
pub type Number = u64;

/// Why the disk refused an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The device reports an error, or has no power.
    Failed,
    /// No space is left.
    Full,
    /// There is no such file.
    Missing,
    /// There is such a file already.
    Exists,
}

/// The disk and what the operating system keeps of it in memory.
#[derive(Debug)]
pub struct Disk {
    rng: Rng,
    files: BTreeMap<Number, File>,
    /// Names as processes see them.
    names: Names,
    stored_names: Names,
    /// Changes of names that are not stored, in their order.
    renamed: Vec<Renaming>,
    next: Number,
    faults: Faults,
    has_power: bool,
    is_lying: bool,
}

type Names = BTreeMap<String, Number>;

/// Names that change together, each with its file, or `None` for a name that is removed.
type Renaming = Vec<(String, Option<Number>)>;

#[derive(Clone, Debug, Default)]
struct File {
    cached: Vec<u8>,
    stored: Vec<u8>,
    /// Pages whose cached content is not stored.
    dirty: BTreeSet<usize>,
    /// Least size since the last sync, if the file was cut.
    cut: Option<usize>,
    rights: u16,
}

/// What a process sees of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    /// The file's number.
    pub number: Number,
    /// Size in bytes.
    pub size: u64,
    /// Who may read and write the file, as in `chmod`.
    pub rights: u16,
}

/// Files whose contents are mapped into memory. They hold nothing that must survive, and a process
/// that reads a page that fails is ended, so mapped pages do not fail.
fn is_mapped(name: &str) -> bool {
    name.ends_with("-shm")
}

impl Disk {
    /// An empty disk without faults.
    pub fn new(seed: u64) -> Self {
        Self {
            rng: Rng::with_seed(seed),
            files: BTreeMap::new(),
            names: Names::new(),
            stored_names: Names::new(),
            renamed: Vec::new(),
            // The folder is the first.
            next: 2,
            faults: Faults::default(),
            has_power: true,
            is_lying: false,
        }
    }

    /// Makes every sync a success that stores nothing: a deliberate mistake, which must be detected.
    pub fn lie(&mut self) {
        self.is_lying = true;
    }

    /// Sets the faults of the time from now on.
    pub fn set_faults(&mut self, faults: Faults) {
        self.faults = faults;
    }

    /// The faults, with the counts of those that happened.
    pub fn faults(&self) -> &Faults {
        &self.faults
    }

    /// Whether the power is on. It goes off by a fault.
    pub fn has_power(&self) -> bool {
        self.has_power
    }

    /// Removes all files, as a person does.
    pub fn clear(&mut self) {
        self.names.clear();
        self.stored_names.clear();
        self.renamed.clear();
    }

    /// The power goes off, and on again: the memory is lost, and by chance a part of what was not
    /// stored. All files have other numbers afterwards.
    pub fn lose_power(&mut self) {
        self.lose_names();
        let names = std::mem::take(&mut self.stored_names);
        let mut files = std::mem::take(&mut self.files);
        self.files = BTreeMap::new();
        for (name, number) in names {
            let Some(mut file) = files.remove(&number) else { continue };
            file.lose_power(&mut self.rng);
            self.files.insert(self.next, file);
            self.stored_names.insert(name, self.next);
            self.next += 1;
        }
        self.names = self.stored_names.clone();
        self.has_power = true;
    }

    fn lose_names(&mut self) {
        let renamed = std::mem::take(&mut self.renamed);
        let kept = match self.rng.u8(0..4) {
            0 => 0,
            1 => renamed.len(),
            _ => self.rng.usize(..=renamed.len()),
        };
        // Some file systems store changes of names in order, others in any.
        let in_order = self.rng.bool();
        for (index, renaming) in renamed.into_iter().enumerate() {
            if if in_order { index < kept } else { self.rng.bool() } {
                rename(&mut self.stored_names, renaming);
            }
        }
    }

    /// Counts an operation, which may fail by the faults.
    fn begin(&mut self, operation: Operation, extends: bool) -> Result<(), Refusal> {
        if !self.has_power {
            return Err(Refusal::Failed);
        }
        let refused = self.faults.strikes(operation, extends, &mut self.rng);
        if self.faults.is_power_lost(operation) {
            self.has_power = false;
        }
        refused.map_or(Ok(()), Err)
    }

    /// The file under a name.
    pub fn look_up(&mut self, name: &str) -> Result<Look, Refusal> {
        self.begin(Operation::Look, false)?;
        let number = *self.names.get(name).ok_or(Refusal::Missing)?;
        self.look(number)
    }

    /// The file with a number.
    pub fn look_at(&mut self, number: Number) -> Result<Look, Refusal> {
        // An open file is known without asking the disk.
        self.look(number)
    }

    fn look(&self, number: Number) -> Result<Look, Refusal> {
        let file = self.files.get(&number).ok_or(Refusal::Missing)?;
        Ok(Look { number, size: file.cached.len() as u64, rights: file.rights })
    }

    /// Whether the file is mapped into memory, and its pages do not fail.
    pub fn is_mapped(&self, number: Number) -> bool {
        self.names.iter().any(|(name, named)| *named == number && is_mapped(name))
    }

    /// The names in the folder.
    pub fn names(&self) -> impl Iterator<Item = (&str, Number)> {
        self.names.iter().map(|(name, number)| (name.as_str(), *number))
    }

    /// Creates an empty file.
    pub fn create(&mut self, name: &str, rights: u16) -> Result<Look, Refusal> {
        self.begin(Operation::Create, true)?;
        if self.names.contains_key(name) {
            return Err(Refusal::Exists);
        }
        let number = self.next;
        self.next += 1;
        self.files.insert(number, File { rights, ..File::default() });
        self.rename_now(vec![(name.to_owned(), Some(number))]);
        self.look(number)
    }

    /// Removes a name. The file stays for those that have it open.
    pub fn remove(&mut self, name: &str) -> Result<(), Refusal> {
        self.begin(Operation::Remove, false)?;
        if !self.names.contains_key(name) {
            return Err(Refusal::Missing);
        }
        self.rename_now(vec![(name.to_owned(), None)]);
        Ok(())
    }

    /// Renames a file, in place of the one with the new name.
    pub fn rename(&mut self, from: &str, to: &str) -> Result<(), Refusal> {
        self.begin(Operation::Rename, false)?;
        let number = *self.names.get(from).ok_or(Refusal::Missing)?;
        self.rename_now(vec![(from.to_owned(), None), (to.to_owned(), Some(number))]);
        Ok(())
    }

    fn rename_now(&mut self, renaming: Renaming) {
        rename(&mut self.names, renaming.clone());
        self.renamed.push(renaming);
    }

    /// Reads from a file; fewer bytes at its end.
    pub fn read(&mut self, number: Number, offset: u64, size: u32) -> Result<Vec<u8>, Refusal> {
        if !self.is_mapped(number) {
            self.begin(Operation::Read, false)?;
        }
        let file = self.files.get(&number).ok_or(Refusal::Missing)?;
        let begin = index(offset).min(file.cached.len());
        let end = (begin + size as usize).min(file.cached.len());
        Ok(file.cached[begin..end].to_vec())
    }

    /// Writes to a file, and returns the number of bytes written: fewer than given if the space
    /// ends there. `is_mapping` says that it comes from mapped memory and must not fail.
    pub fn write(
        &mut self,
        number: Number,
        offset: u64,
        bytes: &[u8],
        is_mapping: bool,
    ) -> Result<u32, Refusal> {
        let file = self.files.get(&number).ok_or(Refusal::Missing)?;
        let offset = index(offset);
        let extends = offset + bytes.len() > file.cached.len();
        let begun = if is_mapping { Ok(()) } else { self.begin(Operation::Write, extends) };
        let part = match begun {
            Ok(()) => bytes.len(),
            // A part may have been written before the error.
            Err(_) if self.has_power && self.rng.bool() => self.rng.usize(..bytes.len().max(1)),
            Err(refusal) => return Err(refusal),
        };
        let file = self.files.get_mut(&number).ok_or(Refusal::Missing)?;
        file.write(offset, &bytes[..part]);
        self.store_by_chance();
        match begun {
            Ok(()) => Ok(length(part)),
            Err(Refusal::Full) if part > 0 => Ok(length(part)),
            Err(refusal) => Err(refusal),
        }
    }

    /// The operating system stores pages in the background, in any order.
    fn store_by_chance(&mut self) {
        if self.is_lying || self.rng.u8(..) > 16 {
            return;
        }
        let dirty = self.files.values_mut().filter(|file| !file.dirty.is_empty());
        let dirty: Vec<&mut File> = dirty.collect();
        let count = dirty.len();
        if let Some(file) = dirty.into_iter().nth(self.rng.usize(..count.max(1))) {
            let page = self.rng.usize(..file.dirty.len());
            if let Some(page) = file.dirty.iter().nth(page).copied() {
                file.dirty.remove(&page);
                file.store_page(page);
            }
        }
    }

    /// Sets the size of a file.
    pub fn resize(&mut self, number: Number, size: u64) -> Result<(), Refusal> {
        let file = self.files.get(&number).ok_or(Refusal::Missing)?;
        let size = index(size);
        let extends = size > file.cached.len();
        self.begin(Operation::Truncate, extends)?;
        let file = self.files.get_mut(&number).ok_or(Refusal::Missing)?;
        file.resize(size);
        Ok(())
    }

    /// Sets who may read and write a file.
    pub fn set_rights(&mut self, number: Number, rights: u16) -> Result<(), Refusal> {
        let file = self.files.get_mut(&number).ok_or(Refusal::Missing)?;
        file.rights = rights;
        Ok(())
    }

    /// Stores what was written to a file.
    pub fn sync(&mut self, number: Number) -> Result<(), Refusal> {
        let begun = self.begin(Operation::Sync, false);
        let file = self.files.get_mut(&number).ok_or(Refusal::Missing)?;
        match begun {
            Ok(()) if self.is_lying => {}
            // The power may have gone off in the middle.
            Ok(()) if !self.has_power => return Err(Refusal::Failed),
            Ok(()) => file.store(),
            Err(_) if self.has_power => file.fail_to_store(&mut self.rng),
            Err(_) => {}
        }
        begun
    }

    /// Stores the names in the folder.
    pub fn sync_folder(&mut self) -> Result<(), Refusal> {
        self.begin(Operation::SyncFolder, false)?;
        if !self.has_power {
            return Err(Refusal::Failed);
        }
        if !self.is_lying {
            for renaming in std::mem::take(&mut self.renamed) {
                rename(&mut self.stored_names, renaming);
            }
        }
        Ok(())
    }
}

fn rename(names: &mut Names, renaming: Renaming) {
    for (name, number) in renaming {
        match number {
            Some(number) => names.insert(name, number),
            None => names.remove(&name),
        };
    }
}

impl File {
    fn write(&mut self, offset: usize, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        let end = offset + bytes.len();
        if end > self.cached.len() {
            self.cached.resize(end, 0);
        }
        self.cached[offset..end].copy_from_slice(bytes);
        self.dirty.extend(offset / PAGE..=(end - 1) / PAGE);
    }

    fn resize(&mut self, size: usize) {
        if size < self.cached.len() {
            self.cut = Some(self.cut.map_or(size, |cut| cut.min(size)));
            self.dirty.retain(|page| page * PAGE < size);
        }
        self.cached.resize(size, 0);
    }

    /// Stores everything.
    fn store(&mut self) {
        for page in std::mem::take(&mut self.dirty) {
            self.store_page(page);
        }
        if let Some(cut) = self.cut.take() {
            self.stored.truncate(cut);
        }
        self.stored.resize(self.cached.len(), 0);
    }

    fn store_page(&mut self, page: usize) {
        // A file that was cut gets new pages.
        if let Some(cut) = self.cut.take() {
            self.stored.truncate(cut);
        }
        self.store_part(page * PAGE, (page + 1) * PAGE);
    }

    /// Stores these bytes, as far as the file has them.
    fn store_part(&mut self, begin: usize, end: usize) {
        let end = end.min(self.cached.len());
        if begin < end {
            if self.stored.len() < end {
                self.stored.resize(end, 0);
            }
            self.stored[begin..end].copy_from_slice(&self.cached[begin..end]);
        }
    }

    /// Stores a part of what was written. The rest counts as stored too.
    fn fail_to_store(&mut self, rng: &mut Rng) {
        let is_forgotten = rng.bool();
        for page in std::mem::take(&mut self.dirty) {
            if rng.bool() {
                self.store_page(page);
            } else if is_forgotten {
                // The page was dropped from the cache, and is read again from the disk.
                let begin = page * PAGE;
                let end = (begin + PAGE).min(self.cached.len());
                for at in begin..end {
                    self.cached[at] = self.stored.get(at).copied().unwrap_or(0);
                }
            }
        }
    }

    /// Keeps what is stored, and by chance a part of what is not.
    fn lose_power(&mut self, rng: &mut Rng) {
        if let Some(cut) = self.cut.take()
            && rng.bool()
        {
            self.stored.truncate(cut);
        }
        let all = rng.u8(0..4);
        for page in std::mem::take(&mut self.dirty) {
            let begin = page * PAGE;
            match if all < 2 { all } else { rng.u8(0..4) } {
                0 => {}
                1 => self.store_page(page),
                2 => {
                    for sector in (begin..begin + PAGE).step_by(SECTOR) {
                        if rng.bool() {
                            self.store_part(sector, sector + SECTOR);
                        }
                    }
                }
                // In the middle of a sector.
                _ => {
                    let torn = begin + rng.usize(..PAGE);
                    let (begin, end) =
                        if rng.bool() { (begin, torn) } else { (torn, begin + PAGE) };
                    self.store_part(begin, end);
                }
            }
        }
        if self.stored.len() < self.cached.len() && rng.bool() {
            self.stored.resize(self.cached.len(), 0);
        }
        self.cached = self.stored.clone();
    }
}

fn index(offset: u64) -> usize {
    usize::try_from(offset).unwrap_or(usize::MAX)
}

fn length(bytes: usize) -> u32 {
    u32::try_from(bytes).unwrap_or(u32::MAX)
}
