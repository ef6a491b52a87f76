//! Opening, copying and closing: which descriptor means which file.

use std::sync::atomic::{AtomicU32, Ordering};

use daystar_recorder::faults::Call;
use daystar_recorder::log::{Entry, MARKS};
use libc::{c_char, c_int, c_long, mode_t};

use crate::paths::{below, named};
use crate::recorder::recorder;
use crate::system;

/// What a descriptor of the recorded folder means.
#[derive(Clone, Copy)]
pub(crate) enum Means {
    /// A file, and whether writes through this descriptor are synced.
    File { file: u32, is_synced: bool },
    /// The file of marks.
    Marks,
}

/// By descriptor, so that the many calls about others cost next to nothing. 0 is a descriptor of no concern.
static MEANINGS: [AtomicU32; DESCRIPTORS_MAX] = [const { AtomicU32::new(0) }; DESCRIPTORS_MAX];

pub(crate) fn meaning(fd: c_int) -> Option<Means> {
    match MEANINGS.get(usize::try_from(fd).ok()?)?.load(Ordering::Acquire) {
        0 => None,
        MARKED => Some(Means::Marks),
        word => Some(Means::File { file: (word & !SYNCED) - 1, is_synced: word & SYNCED != 0 }),
    }
}

fn set_meaning(fd: c_int, means: Option<Means>) {
    let word = match means {
        None => 0,
        Some(Means::Marks) => MARKED,
        Some(Means::File { file, is_synced }) => (file + 1) | if is_synced { SYNCED } else { 0 },
    };
    match usize::try_from(fd).ok().and_then(|fd| MEANINGS.get(fd)) {
        Some(meaning) => meaning.store(word, Ordering::Release),
        None => assert!(word == 0, "descriptor {fd} is too high to be recorded"),
    }
}

fn open_in(within: c_int, path: *const c_char, flags: c_int, mode: mode_t) -> c_int {
    let Some(mut recorder) = recorder() else { return system::open(within, path, flags, mode) };
    let makes = flags & libc::O_CREAT != 0;
    let is_there =
        !makes || system::call(libc::SYS_faccessat, [within.into(), path as c_long, 0, 0, 0]) == 0;
    let changes = makes || flags & (libc::O_WRONLY | libc::O_RDWR | libc::O_TRUNC) != 0;
    if changes && let Some(path) = named(&recorder.folder, within, path) {
        let outcome = recorder.decide(&[Call::Name], &path);
        if let Some(failed) = recorder.refuses(outcome) {
            return failed;
        }
    }
    let fd = system::open(within, path, flags, mode);
    if fd < 0 {
        return fd;
    }
    let path = system::path_of(fd).and_then(|path| below(&recorder.folder, &path));
    let is_file =
        system::status(fd).is_some_and(|status| status.st_mode & libc::S_IFMT == libc::S_IFREG);
    let means = path.filter(|_| is_file && flags & libc::O_PATH == 0).map(|path| {
        if path.rsplit('/').next() == Some(MARKS) {
            return Means::Marks;
        }
        let file = recorder.opened(&path, !is_there);
        if is_there && flags & libc::O_TRUNC != 0 {
            recorder.append(&Entry::Resized { file, length: 0 });
        }
        // `O_SYNC` has the bit of `O_DSYNC` in it.
        Means::File { file, is_synced: flags & libc::O_DSYNC != 0 }
    });
    set_meaning(fd, means);
    fd
}

/// Runs `copy`, which gives a descriptor that means what `fd` means.
fn copied(fd: c_int, copy: impl FnOnce() -> c_int) -> c_int {
    let guard = recorder();
    let new = copy();
    if new >= 0 && guard.is_some() {
        set_meaning(new, meaning(fd));
    }
    new
}

// SAFETY of what follows: these are the C library's functions, and ask of their callers what those ask. The mode is
// there only when a file is made; in the calling conventions of Linux an argument that was not given is one that
// holds anything, and is handed on unused.

#[unsafe(no_mangle)]
extern "C" fn open(path: *const c_char, flags: c_int, mode: mode_t) -> c_int {
    open_in(libc::AT_FDCWD, path, flags, mode)
}

#[unsafe(no_mangle)]
extern "C" fn open64(path: *const c_char, flags: c_int, mode: mode_t) -> c_int {
    open_in(libc::AT_FDCWD, path, flags, mode)
}

#[unsafe(no_mangle)]
extern "C" fn openat(within: c_int, path: *const c_char, flags: c_int, mode: mode_t) -> c_int {
    open_in(within, path, flags, mode)
}

#[unsafe(no_mangle)]
extern "C" fn openat64(within: c_int, path: *const c_char, flags: c_int, mode: mode_t) -> c_int {
    open_in(within, path, flags, mode)
}

#[unsafe(no_mangle)]
extern "C" fn creat(path: *const c_char, mode: mode_t) -> c_int {
    open_in(libc::AT_FDCWD, path, libc::O_CREAT | libc::O_WRONLY | libc::O_TRUNC, mode)
}

#[unsafe(no_mangle)]
extern "C" fn close(fd: c_int) -> c_int {
    if meaning(fd).is_none() {
        return system::close(fd);
    }
    let _guard = recorder();
    set_meaning(fd, None);
    system::close(fd)
}

#[unsafe(no_mangle)]
extern "C" fn dup(fd: c_int) -> c_int {
    copied(fd, || system::call(libc::SYS_dup, [fd.into(), 0, 0, 0, 0]) as c_int)
}

#[unsafe(no_mangle)]
extern "C" fn dup2(fd: c_int, new: c_int) -> c_int {
    // The system's own call for this refuses two equal numbers.
    if fd == new {
        return if system::status(fd).is_some() { fd } else { system::fail(libc::EBADF) };
    }
    dup3(fd, new, 0)
}

#[unsafe(no_mangle)]
extern "C" fn dup3(fd: c_int, new: c_int, flags: c_int) -> c_int {
    copied(fd, || {
        system::call(libc::SYS_dup3, [fd.into(), new.into(), flags.into(), 0, 0]) as c_int
    })
}

#[unsafe(no_mangle)]
extern "C" fn fcntl(fd: c_int, command: c_int, argument: c_long) -> c_int {
    let call =
        || system::call(libc::SYS_fcntl, [fd.into(), command.into(), argument, 0, 0]) as c_int;
    match command {
        libc::F_DUPFD | libc::F_DUPFD_CLOEXEC => copied(fd, call),
        _ => call(),
    }
}

#[unsafe(no_mangle)]
extern "C" fn fcntl64(fd: c_int, command: c_int, argument: c_long) -> c_int {
    fcntl(fd, command, argument)
}

const DESCRIPTORS_MAX: usize = 4096;
const SYNCED: u32 = 1 << 31;
const MARKED: u32 = u32::MAX;
