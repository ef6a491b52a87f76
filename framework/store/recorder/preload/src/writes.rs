//! Writing bytes, and what else changes a file's contents.

use daystar_recorder::faults::{Call, Outcome};
use daystar_recorder::log::Entry;
use libc::{c_int, c_void, iovec, off64_t, size_t, ssize_t};

use crate::descriptors::{Means, meaning};
use crate::recorder::{Recorder, recorder};
use crate::system;

/// Where a write goes.
#[derive(Clone, Copy)]
enum Place {
    At(off64_t),
    Position,
}

fn write_through(fd: c_int, bytes: &[u8], place: Place) -> ssize_t {
    match place {
        Place::At(offset) => system::write_at(fd, bytes, offset),
        Place::Position => system::write(fd, bytes),
    }
}

fn put(fd: c_int, bytes: &[u8], place: Place) -> ssize_t {
    let (Some(means), Some(mut recorder)) = (meaning(fd), recorder()) else {
        return write_through(fd, bytes, place);
    };
    match means {
        Means::Marks => {
            let written = write_through(fd, bytes, place);
            let text = String::from_utf8_lossy(&bytes[..written.max(0) as usize]).into_owned();
            recorder.append(&Entry::Marked { text });
            written
        }
        Means::File { file, is_synced } => {
            let write = Write { fd, file, is_synced, place };
            write.under(&mut recorder, bytes)
        }
    }
}

/// A write to a recorded file.
struct Write {
    fd: c_int,
    file: u32,
    is_synced: bool,
    place: Place,
}

impl Write {
    fn under(&self, recorder: &mut Recorder, bytes: &[u8]) -> ssize_t {
        let path = recorder.path(self.file);
        let half = &bytes[..half_in_pages(self.start(), bytes.len())];
        match recorder.decide(&self.calls(bytes.len()), &path) {
            None => self.take_place(recorder, bytes),
            Some(Outcome::Error(libc::EIO)) if self.is_synced => {
                // What fails in such a call is the disk, behind the system's cache: the bytes are in the
                // cache, and readers see them.
                self.cached(recorder, bytes);
                recorder.append(&Entry::SyncFailed { file: self.file });
                system::fail(libc::EIO) as ssize_t
            }
            Some(Outcome::Error(number)) => system::fail(number) as ssize_t,
            Some(Outcome::Short) if half.is_empty() => system::fail(libc::ENOSPC) as ssize_t,
            Some(Outcome::Short) => self.take_place(recorder, half),
            Some(Outcome::KillBefore) => system::die(),
            Some(Outcome::KillInside) => {
                if !half.is_empty() {
                    self.take_place(recorder, half);
                }
                system::die()
            }
            Some(Outcome::KillAfter) => {
                self.take_place(recorder, bytes);
                system::die()
            }
        }
    }

    /// What this write counts as.
    fn calls(&self, length: usize) -> Vec<Call> {
        let mut calls = vec![Call::Write];
        if self.is_synced {
            calls.push(Call::WriteSynced);
        }
        let end = self.start().saturating_add(length as u64);
        if system::status(self.fd).is_some_and(|status| end > status.st_size as u64) {
            calls.push(Call::Extend);
        }
        calls
    }

    /// Where it begins. What is only appended to a file is not met here by rules that care.
    fn start(&self) -> u64 {
        match self.place {
            Place::At(offset) => offset as u64,
            Place::Position => system::position(self.fd),
        }
    }

    fn take_place(&self, recorder: &mut Recorder, bytes: &[u8]) -> ssize_t {
        let (written, offset) = self.write(bytes);
        let (file, bytes) = (self.file, bytes[..written.max(0) as usize].to_vec());
        if written > 0 {
            recorder.append(&match self.is_synced {
                true => Entry::WroteSynced { file, offset, bytes },
                false => Entry::Wrote { file, offset, bytes },
            });
        } else if written < 0 && self.is_synced {
            recorder.append(&Entry::Unseen { what: "a synced write that failed".to_owned() });
        }
        written
    }

    fn cached(&self, recorder: &mut Recorder, bytes: &[u8]) {
        let (written, offset) = self.write(bytes);
        let bytes = bytes[..written.max(0) as usize].to_vec();
        recorder.append(&Entry::Wrote { file: self.file, offset, bytes });
    }

    /// How many bytes went out, and where to. `errno` is left as the write set it.
    fn write(&self, bytes: &[u8]) -> (ssize_t, u64) {
        let written = write_through(self.fd, bytes, self.place);
        let number = system::errno();
        let offset = match self.place {
            Place::At(offset) => offset as u64,
            // Also right for a file that is only appended to.
            Place::Position => system::position(self.fd).saturating_sub(written.max(0) as u64),
        };
        if written < 0 {
            system::fail(number);
        }
        (written, offset)
    }
}

/// How many of `length` bytes from `start` on are written by half of a write: Linux takes a page as a whole, and is
/// interrupted, killed or out of room only between pages.
fn half_in_pages(start: u64, length: usize) -> usize {
    let middle = start + length as u64 / 2;
    (middle - middle % PAGE_BYTES).saturating_sub(start) as usize
}

/// # Safety
/// There are `count` bytes at `bytes`.
unsafe fn slice<'a>(bytes: *const c_void, count: size_t) -> &'a [u8] {
    match count {
        0 => &[],
        // SAFETY: the caller says so.
        count => unsafe { std::slice::from_raw_parts(bytes.cast(), count) },
    }
}

/// # Safety
/// There are `count` parts at `parts`, each of which is as long as it says.
unsafe fn gathered(parts: *const iovec, count: c_int) -> Vec<u8> {
    let count = usize::try_from(count).unwrap_or(0);
    // SAFETY: the caller says so.
    let parts = unsafe { slice(parts.cast(), count * size_of::<iovec>()) };
    let parts = parts.as_ptr().cast::<iovec>();
    // SAFETY: the caller says so.
    let each =
        (0..count).map(|at| unsafe { slice((*parts.add(at)).iov_base, (*parts.add(at)).iov_len) });
    each.collect::<Vec<_>>().concat()
}

// The C library's functions follow; they ask of their callers what those ask.

#[unsafe(no_mangle)]
unsafe extern "C" fn write(fd: c_int, bytes: *const c_void, count: size_t) -> ssize_t {
    // SAFETY: as asked of the caller.
    put(fd, unsafe { slice(bytes, count) }, Place::Position)
}

#[unsafe(no_mangle)]
unsafe extern "C" fn pwrite(
    fd: c_int,
    bytes: *const c_void,
    count: size_t,
    at: off64_t,
) -> ssize_t {
    // SAFETY: as asked of the caller.
    put(fd, unsafe { slice(bytes, count) }, Place::At(at))
}

#[unsafe(no_mangle)]
unsafe extern "C" fn pwrite64(
    fd: c_int,
    bytes: *const c_void,
    count: size_t,
    at: off64_t,
) -> ssize_t {
    // SAFETY: as asked of the caller.
    put(fd, unsafe { slice(bytes, count) }, Place::At(at))
}

#[unsafe(no_mangle)]
unsafe extern "C" fn writev(fd: c_int, parts: *const iovec, count: c_int) -> ssize_t {
    // SAFETY: as asked of the caller.
    put(fd, &unsafe { gathered(parts, count) }, Place::Position)
}

#[unsafe(no_mangle)]
unsafe extern "C" fn pwritev(fd: c_int, parts: *const iovec, count: c_int, at: off64_t) -> ssize_t {
    // SAFETY: as asked of the caller.
    put(fd, &unsafe { gathered(parts, count) }, Place::At(at))
}

#[unsafe(no_mangle)]
unsafe extern "C" fn pwritev64(
    fd: c_int,
    parts: *const iovec,
    count: c_int,
    at: off64_t,
) -> ssize_t {
    // SAFETY: as asked of the caller.
    put(fd, &unsafe { gathered(parts, count) }, Place::At(at))
}

const PAGE_BYTES: u64 = 4096;
