//! Reading bytes, which may fail, or give less than was asked for. Nothing of it is in the log.

use daystar_recorder::faults::{Call, Outcome};
use libc::{c_int, c_void, off64_t, size_t, ssize_t};

use crate::descriptors::{Means, meaning};
use crate::recorder::recorder;
use crate::system;

/// How many of `count` bytes are to be read from `fd`; `None`: the call fails, and `errno` says why.
fn allowed(fd: c_int, count: size_t) -> Option<size_t> {
    let Some(Means::File { file, .. }) = meaning(fd) else { return Some(count) };
    let Some(mut recorder) = recorder() else { return Some(count) };
    let path = recorder.path(file);
    let outcome = recorder.decide(&[Call::Read], &path);
    if outcome == Some(Outcome::Short) {
        // None at all would be the end of the file.
        return Some(count.div_ceil(2));
    }
    recorder.refuses(outcome).is_none().then_some(count)
}

// The C library's functions follow; they ask of their callers what those ask.

#[unsafe(no_mangle)]
unsafe extern "C" fn read(fd: c_int, bytes: *mut c_void, count: size_t) -> ssize_t {
    let Some(count) = allowed(fd, count) else { return -1 };
    // SAFETY: as asked of the caller, and it is no more than was said.
    unsafe { system::read(fd, bytes, count) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn pread(fd: c_int, bytes: *mut c_void, count: size_t, at: off64_t) -> ssize_t {
    let Some(count) = allowed(fd, count) else { return -1 };
    // SAFETY: as asked of the caller, and it is no more than was said.
    unsafe { system::read_at(fd, bytes, count, at) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn pread64(fd: c_int, bytes: *mut c_void, count: size_t, at: off64_t) -> ssize_t {
    let Some(count) = allowed(fd, count) else { return -1 };
    // SAFETY: as asked of the caller, and it is no more than was said.
    unsafe { system::read_at(fd, bytes, count, at) }
}
