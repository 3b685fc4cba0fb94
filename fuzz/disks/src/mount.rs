//! A [`Disk`] as a folder of this machine, by FUSE.
//!
//! Files are read and written without the kernel's page cache, so that the disk sees everything,
//! except for those that are mapped into memory. A process must not use the folder of a disk that
//! it serves itself: it could wait for itself.

use std::ffi::OsStr;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use fuser::{
    BackgroundSession, BsdFileFlags, Config, Errno, FileAttr, FileHandle, FileType, Filesystem,
    FopenFlags, Generation, INodeNo, LockOwner, MountOption, OpenFlags, RenameFlags, ReplyAttr,
    ReplyCreate, ReplyData, ReplyDirectory, ReplyEmpty, ReplyEntry, ReplyOpen, ReplyWrite, Request,
    TimeOrNow, WriteFlags,
};

use crate::disk::{Disk, Look, Number, Refusal};

/// A mounted disk. It is unmounted when the value is dropped.
#[derive(Debug)]
pub struct Mount {
    disk: Arc<Mutex<Disk>>,
    session: Option<BackgroundSession>,
    folder: tempfile::TempDir,
}

impl Mount {
    /// Mounts a disk in a folder of its own.
    pub fn new(disk: Disk) -> io::Result<Self> {
        let disk = Arc::new(Mutex::new(disk));
        let folder = tempfile::tempdir()?;
        let mut config = Config::default();
        config.mount_options =
            vec![MountOption::FSName("ecp-disks".to_owned()), MountOption::NoExec];
        let session = fuser::spawn_mount(Served(disk.clone()), folder.path(), &config)?;
        Ok(Self { disk, session: Some(session), folder })
    }

    /// The folder where the disk's files are.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The disk, which waits while this is held.
    pub fn disk(&self) -> MutexGuard<'_, Disk> {
        lock(&self.disk)
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        if let Some(session) = self.session.take()
            && let Err(error) = session.umount_and_join()
        {
            eprintln!("cannot unmount {}: {error}", self.folder.path().display());
        }
    }
}

/// Why no disk can be mounted here; `None` if one can.
///
/// It is not the kernel's or the container's fault alone: a process that may mount and has the
/// device must be able to, or mounting is an error.
pub fn missing() -> Option<String> {
    let device = "/dev/fuse";
    if let Err(error) = std::fs::File::options().read(true).write(true).open(device) {
        return Some(format!("{device}: {error}"));
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let has_helper = std::env::split_paths(&path).any(|folder| folder.join("fusermount3").exists());
    if !has_helper && !may_mount() {
        return Some("this process may not mount, and fusermount3 is not installed".to_owned());
    }
    None
}

/// Whether the process has the right `CAP_SYS_ADMIN`.
fn may_mount() -> bool {
    const ADMIN: u32 = 21;
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let rights = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
    let rights = rights.and_then(|rights| u64::from_str_radix(rights.trim(), 16).ok());
    rights.is_some_and(|rights| rights & (1 << ADMIN) != 0)
}

fn lock(disk: &Mutex<Disk>) -> MutexGuard<'_, Disk> {
    disk.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The disk as the kernel asks it.
struct Served(Arc<Mutex<Disk>>);

/// Nothing of what the disk says is kept by the kernel.
const NOT_KEPT: Duration = Duration::ZERO;

const ROOT: Number = 1;

impl Served {
    fn disk(&self) -> MutexGuard<'_, Disk> {
        lock(&self.0)
    }

    /// How a file is opened.
    fn opening(&self, number: Number) -> FopenFlags {
        let is_mapped = self.disk().is_mapped(number);
        if is_mapped { FopenFlags::FOPEN_KEEP_CACHE } else { FopenFlags::FOPEN_DIRECT_IO }
    }
}

impl From<Refusal> for Errno {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Failed => Self::EIO,
            Refusal::Full => Self::ENOSPC,
            Refusal::Missing => Self::ENOENT,
            Refusal::Exists => Self::EEXIST,
        }
    }
}

fn attributes(look: Look) -> FileAttr {
    FileAttr {
        ino: INodeNo(look.number),
        size: look.size,
        blocks: look.size.div_ceil(512),
        atime: UNIX_EPOCH,
        mtime: UNIX_EPOCH,
        ctime: UNIX_EPOCH,
        crtime: UNIX_EPOCH,
        kind: FileType::RegularFile,
        perm: look.rights,
        nlink: 1,
        uid: 0,
        gid: 0,
        rdev: 0,
        blksize: 4096,
        flags: 0,
    }
}

fn folder() -> FileAttr {
    let root = Look { number: ROOT, size: 0, rights: 0o700 };
    FileAttr { kind: FileType::Directory, nlink: 2, ..attributes(root) }
}

fn text(name: &OsStr) -> Result<&str, Errno> {
    name.to_str().ok_or(Errno::EINVAL)
}

fn rights(mode: u32) -> u16 {
    u16::try_from(mode & 0o777).unwrap_or(0o600)
}

fn done(reply: ReplyEmpty, result: Result<(), Refusal>) {
    match result {
        Ok(()) => reply.ok(),
        Err(refusal) => reply.error(refusal.into()),
    }
}

impl Filesystem for Served {
    fn lookup(&self, _: &Request, _: INodeNo, name: &OsStr, reply: ReplyEntry) {
        let looked = text(name).and_then(|name| Ok(self.disk().look_up(name)?));
        match looked {
            Ok(look) => reply.entry(&NOT_KEPT, &attributes(look), Generation(0)),
            Err(error) => reply.error(error),
        }
    }

    fn getattr(&self, _: &Request, number: INodeNo, _: Option<FileHandle>, reply: ReplyAttr) {
        if number.0 == ROOT {
            return reply.attr(&NOT_KEPT, &folder());
        }
        match self.disk().look_at(number.0) {
            Ok(look) => reply.attr(&NOT_KEPT, &attributes(look)),
            Err(refusal) => reply.error(refusal.into()),
        }
    }

    fn setattr(
        &self,
        _: &Request,
        number: INodeNo,
        mode: Option<u32>,
        _uid: Option<u32>,
        _gid: Option<u32>,
        size: Option<u64>,
        _atime: Option<TimeOrNow>,
        _mtime: Option<TimeOrNow>,
        _ctime: Option<SystemTime>,
        _: Option<FileHandle>,
        _crtime: Option<SystemTime>,
        _chgtime: Option<SystemTime>,
        _bkuptime: Option<SystemTime>,
        _: Option<BsdFileFlags>,
        reply: ReplyAttr,
    ) {
        if number.0 == ROOT {
            return reply.attr(&NOT_KEPT, &folder());
        }
        let mut disk = self.disk();
        let set = mode
            .map_or(Ok(()), |mode| disk.set_rights(number.0, rights(mode)))
            .and_then(|()| size.map_or(Ok(()), |size| disk.resize(number.0, size)))
            .and_then(|()| disk.look_at(number.0));
        match set {
            Ok(look) => reply.attr(&NOT_KEPT, &attributes(look)),
            Err(refusal) => reply.error(refusal.into()),
        }
    }

    fn create(
        &self,
        _: &Request,
        _: INodeNo,
        name: &OsStr,
        mode: u32,
        umask: u32,
        _flags: i32,
        reply: ReplyCreate,
    ) {
        let created = text(name).and_then(|name| {
            let look = self.disk().create(name, rights(mode & !umask))?;
            Ok(look)
        });
        match created {
            Ok(look) => reply.created(
                &NOT_KEPT,
                &attributes(look),
                Generation(0),
                FileHandle(0),
                self.opening(look.number),
            ),
            Err(error) => reply.error(error),
        }
    }

    fn open(&self, _: &Request, number: INodeNo, _: OpenFlags, reply: ReplyOpen) {
        reply.opened(FileHandle(0), self.opening(number.0));
    }

    fn read(
        &self,
        _: &Request,
        number: INodeNo,
        _: FileHandle,
        offset: u64,
        size: u32,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyData,
    ) {
        let read = self.disk().read(number.0, offset, size);
        match read {
            Ok(bytes) => reply.data(&bytes),
            Err(refusal) => reply.error(refusal.into()),
        }
    }

    fn write(
        &self,
        _: &Request,
        number: INodeNo,
        _: FileHandle,
        offset: u64,
        bytes: &[u8],
        flags: WriteFlags,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyWrite,
    ) {
        let is_mapping = flags.contains(WriteFlags::FUSE_WRITE_CACHE);
        let written = self.disk().write(number.0, offset, bytes, is_mapping);
        match written {
            Ok(count) => reply.written(count),
            Err(refusal) => reply.error(refusal.into()),
        }
    }

    fn flush(&self, _: &Request, _: INodeNo, _: FileHandle, _: LockOwner, reply: ReplyEmpty) {
        reply.ok();
    }

    fn fsync(&self, _: &Request, number: INodeNo, _: FileHandle, _: bool, reply: ReplyEmpty) {
        let synced = self.disk().sync(number.0);
        done(reply, synced);
    }

    fn fsyncdir(&self, _: &Request, _: INodeNo, _: FileHandle, _: bool, reply: ReplyEmpty) {
        let synced = self.disk().sync_folder();
        done(reply, synced);
    }

    fn unlink(&self, _: &Request, _: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        match text(name) {
            Ok(name) => {
                let removed = self.disk().remove(name);
                done(reply, removed);
            }
            Err(error) => reply.error(error),
        }
    }

    fn rename(
        &self,
        _: &Request,
        _: INodeNo,
        name: &OsStr,
        _: INodeNo,
        newname: &OsStr,
        _: RenameFlags,
        reply: ReplyEmpty,
    ) {
        match text(name).and_then(|from| Ok((from, text(newname)?))) {
            Ok((from, to)) => {
                let renamed = self.disk().rename(from, to);
                done(reply, renamed);
            }
            Err(error) => reply.error(error),
        }
    }

    fn readdir(
        &self,
        _: &Request,
        _: INodeNo,
        _: FileHandle,
        offset: u64,
        mut reply: ReplyDirectory,
    ) {
        let disk = self.disk();
        let after = usize::try_from(offset).unwrap_or(usize::MAX);
        for (index, (name, number)) in (1..).zip(disk.names()).skip(after) {
            if reply.add(INodeNo(number), index, FileType::RegularFile, name) {
                break;
            }
        }
        drop(disk);
        reply.ok();
    }
}
