//! The system's own calls, made past the C library: by its names we would call ourselves.

use std::ffi::CStr;
use std::io;

use libc::{c_char, c_int, c_long, c_uint, c_void, mode_t, off64_t, size_t};

/// What a call in the C library's manner returns, with `errno` set if it failed.
pub(crate) fn open(folder: c_int, path: *const c_char, flags: c_int, mode: mode_t) -> c_int {
    // SAFETY: the caller of the C function that this stands in for vouches for the path.
    unsafe { libc::syscall(libc::SYS_openat, folder, path, flags, c_uint::from(mode)) as c_int }
}

pub(crate) fn close(fd: c_int) -> c_int {
    // SAFETY: takes a number; a wrong one is an error.
    unsafe { libc::syscall(libc::SYS_close, fd) as c_int }
}

pub(crate) fn write(fd: c_int, bytes: &[u8]) -> isize {
    // SAFETY: the slice is there and as long as it says.
    unsafe { libc::syscall(libc::SYS_write, fd, bytes.as_ptr(), bytes.len()) as isize }
}

pub(crate) fn write_at(fd: c_int, bytes: &[u8], at: off64_t) -> isize {
    // SAFETY: the slice is there and as long as it says.
    unsafe { libc::syscall(libc::SYS_pwrite64, fd, bytes.as_ptr(), bytes.len(), at) as isize }
}

/// # Safety
/// There is room for `count` bytes at `bytes`.
pub(crate) unsafe fn read(fd: c_int, bytes: *mut c_void, count: size_t) -> isize {
    // SAFETY: the caller says so.
    unsafe { libc::syscall(libc::SYS_read, fd, bytes, count) as isize }
}

/// # Safety
/// There is room for `count` bytes at `bytes`.
pub(crate) unsafe fn read_at(fd: c_int, bytes: *mut c_void, count: size_t, at: off64_t) -> isize {
    // SAFETY: the caller says so.
    unsafe { libc::syscall(libc::SYS_pread64, fd, bytes, count, at) as isize }
}

/// A call whose arguments are numbers, and paths that the caller of the C function vouches for.
pub(crate) fn call(number: c_long, arguments: [c_long; 5]) -> c_long {
    let [a, b, c, d, e] = arguments;
    // SAFETY: only the functions that have the names of these calls use this, and hand on what they got.
    unsafe { libc::syscall(number, a, b, c, d, e) }
}

/// Sets `errno`, and is what a failed call returns.
pub(crate) fn fail(number: c_int) -> c_int {
    // SAFETY: the C library has an `errno` for every thread.
    unsafe { *libc::__errno_location() = number };
    -1
}

pub(crate) fn errno() -> c_int {
    io::Error::last_os_error().raw_os_error().unwrap_or(0)
}

/// As `kill -9` would, in the middle of whatever the other threads do.
pub(crate) fn die() -> ! {
    // SAFETY: takes numbers.
    unsafe { libc::kill(libc::getpid(), libc::SIGKILL) };
    // The signal is on its way; nothing more may happen until it is here.
    loop {
        std::hint::spin_loop();
    }
}

/// The file's status; `None` when there is no such file.
pub(crate) fn status(fd: c_int) -> Option<libc::stat64> {
    let mut status = std::mem::MaybeUninit::uninit();
    // SAFETY: the call fills the status whenever it returns 0.
    unsafe { (libc::fstat64(fd, status.as_mut_ptr()) == 0).then(|| status.assume_init()) }
}

pub(crate) fn position(fd: c_int) -> u64 {
    // SAFETY: takes numbers.
    u64::try_from(unsafe { libc::lseek64(fd, 0, libc::SEEK_CUR) }).unwrap_or(0)
}

/// The path that the system knows an open file by.
pub(crate) fn path_of(fd: c_int) -> Option<String> {
    let link = format!("/proc/self/fd/{fd}\0");
    let mut path = vec![0_u8; libc::PATH_MAX as usize];
    // SAFETY: the link ends in a zero, and the buffer is as long as is said.
    let length =
        unsafe { libc::readlink(link.as_ptr().cast(), path.as_mut_ptr().cast(), path.len()) };
    path.truncate(usize::try_from(length).ok()?);
    String::from_utf8(path).ok()
}

/// All of a small file; `None` when there is none.
pub(crate) fn contents(path: &CStr) -> Option<Vec<u8>> {
    let fd = open(libc::AT_FDCWD, path.as_ptr(), libc::O_RDONLY | libc::O_CLOEXEC, 0);
    if fd < 0 {
        return None;
    }
    let mut bytes = vec![0; 4096];
    // SAFETY: the buffer is as long as is said.
    let length = unsafe { read(fd, bytes.as_mut_ptr().cast(), bytes.len()) };
    close(fd);
    bytes.truncate(usize::try_from(length).ok()?);
    Some(bytes)
}
