//! Makes sure, before anything is built on it, that the disk has LMDB's two meta pages as the system shows them.
//!
//! A meta page that could not be written may be on the disk all the same, and the older one, which LMDB puts back in its place,
//! in the system's cache only. The next transaction would use again the pages that the one on the disk speaks of; if the
//! power went in the middle of that, the disk would have a newest moment made of both.
//!
//! A sync alone would not do: after one that has failed, the system takes for written what was not, and the next one succeeds
//! and does nothing (Rebello et al., "Can Applications Recover from fsync Failures?", USENIX ATC 2020). So both pages
//! are written again, as they are, and then synced.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;

use super::datafile::Unfit;
use super::metapage::{META_BYTES, Meta};

/// Has the disk hold the meta pages of the file at `path` as they are read from it. Nobody may be writing to it, and
/// it must have been [looked at](super::datafile::check).
pub(super) fn affirm(path: &Path) -> io::Result<()> {
    let mut file = OpenOptions::new().read(true).write(true).open(path)?;
    let first = Meta::read(&mut file, 0).map_err(|unfit| match unfit {
        Unfit::Unreadable(error) => error,
        unfit => io::Error::new(io::ErrorKind::InvalidData, unfit.to_string()),
    })?;
    for at in [0, first.page_bytes] {
        write_again(&mut file, at)?;
    }
    file.sync_data()
}

fn write_again(file: &mut File, at: u64) -> io::Result<()> {
    // Within one sector, which a disk writes whole or not at all.
    let mut meta = [0; META_BYTES];
    file.seek(SeekFrom::Start(at))?;
    file.read_exact(&mut meta)?;
    file.seek(SeekFrom::Start(at))?;
    file.write_all(&meta)
}
