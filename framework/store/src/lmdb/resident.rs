//! Keeps what LMDB has mapped from counting as this process's memory for ever.
//!
//! Single records are read without the map (`lookup.rs`); LMDB itself goes through it when it writes, and so does whoever
//! reads the whole world.
//!
//! A page of the file that was read through the map stays mapped as long as the system has room, and counts as resident:
//! a world of a hundred gigabytes that is read here and there would soon look like a process of as many. The pages are
//! the system's cache, not ours; unmapping them gives nothing away that is not quickly mapped again.

use std::sync::atomic::{AtomicU64, Ordering};

use super::environment::Opened;

/// Counts what LMDB touches of one environment, and unmaps it when it is too much.
#[derive(Debug, Default)]
pub(super) struct Resident {
    /// How much may have been mapped since somebody looked last.
    bytes: AtomicU64,
}

impl Resident {
    /// LMDB has touched pages of `opened` through its map, and may have mapped so many bytes for that. They may take
    /// `mapped_bytes_max` of this process's resident memory.
    pub(super) fn has_touched(&self, opened: &Opened, bytes: u64, mapped_bytes_max: u64) {
        // Not added in one instruction, which would wait until all that was copied is out of the core's buffers: a count
        // that is lost is a look a little later.
        let bytes = self.bytes.load(Ordering::Relaxed) + bytes;
        let is_much = bytes >= BYTES_PER_LOOK;
        self.bytes.store(if is_much { 0 } else { bytes }, Ordering::Relaxed);
        if is_much && mapped_bytes().is_some_and(|bytes| bytes > mapped_bytes_max) {
            unmap(opened);
        }
    }
}

/// How far the limit may be overstepped. To look takes some microseconds.
const BYTES_PER_LOOK: u64 = 16 << 20;

/// What the first touch of a page maps, at the most, in a file whose pages LMDB writes a few at a time: all that the system
/// keeps in its cache as one piece, which is what was written at once.
pub(super) const PIECE_BYTES: u64 = 256 << 10;

/// Bytes of files that are mapped and resident, all files together.
#[cfg(target_os = "linux")]
fn mapped_bytes() -> Option<u64> {
    let status = procfs::process::Process::myself().and_then(|process| process.status()).ok()?;
    Some(status.rssfile? * 1024)
}

/// Unmaps the pages of `opened`'s file; reading one maps it again.
#[cfg(target_os = "linux")]
fn unmap(opened: &Opened) {
    use std::os::unix::ffi::OsStrExt;

    use super::datafile;

    let Ok(file) = opened.env.path().join(datafile::NAME).canonicalize() else { return };
    // Not by procfs, which reads no line at all if one is not UTF-8; and a folder may be called anything.
    let Ok(maps) = std::fs::read("/proc/self/maps") else { return };
    // The whole name: another world's may end with ours.
    let is_file = |line: &&[u8]| {
        let name = line.iter().position(|byte| *byte == b'/').map(|at| &line[at..]);
        name == Some(file.as_os_str().as_bytes())
    };
    for line in maps.split(|byte| *byte == b'\n').filter(is_file) {
        let Some((start, end)) = range(line) else { continue };
        // SAFETY: this is LMDB's map of its file, shared and read only, and stays so because `opened` keeps the environment
        // open. Dropping the pages of such a map loses nothing: whoever reads them next, even at this moment, gets them
        // from the file again, with the same bytes.
        #[allow(unsafe_code)]
        let done = unsafe {
            rustix::mm::madvise(
                std::ptr::with_exposed_provenance_mut(start),
                end - start,
                rustix::mm::Advice::LinuxDontNeed,
            )
        };
        if let Err(error) = done {
            tracing::debug!(%error, "the pages of a world's file could not be unmapped");
        }
    }
}

/// Where a mapping begins and ends, if it is one that is shared and cannot be written to.
#[cfg(target_os = "linux")]
fn range(line: &[u8]) -> Option<(usize, usize)> {
    let mut words = std::str::from_utf8(line).ok()?.split(' ');
    let (start, end) = words.next()?.split_once('-')?;
    let is_plain = words.next()? == "r--s";
    let number = |text| usize::from_str_radix(text, 16).ok();
    number(start).zip(number(end)).filter(|(start, end)| is_plain && start < end)
}

// Elsewhere the system does not tell, and decides by itself.
#[cfg(not(target_os = "linux"))]
fn mapped_bytes() -> Option<u64> {
    None
}
#[cfg(not(target_os = "linux"))]
fn unmap(_: &Opened) {}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn only_a_map_that_cannot_be_written_to_is_touched() {
        let line =
            |access| format!("7f00a000-7f00c000 {access} 00000000 fe:00 123  /w/objects/data.mdb");
        assert_eq!(range(line("r--s").as_bytes()), Some((0x7f00_a000, 0x7f00_c000)));
        for access in ["rw-s", "r--p", "rw-p", "r-xs"] {
            assert_eq!(range(line(access).as_bytes()), None, "{access}");
        }
        assert_eq!(range(b"7f00c000-7f00a000 r--s 0 0 0 /w"), None);
        assert_eq!(range(b"nonsense"), None);
    }
}
