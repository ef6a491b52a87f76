//! Folders, other names, removals and lengths: what a file system calls metadata.

use daystar_recorder::faults::{Call, Outcome};
use daystar_recorder::log::Entry;
use libc::{AT_FDCWD, c_char, c_int, c_long, mode_t, off64_t};

use crate::descriptors::{Means, meaning};
use crate::paths::named;
use crate::recorder::{Recorder, recorder};
use crate::system;

/// Does `real`, which changes the name `path` in the folder `within`, and then has `note` tell the log.
fn change(
    within: c_int,
    path: *const c_char,
    real: impl FnOnce() -> c_int,
    note: impl FnOnce(&mut Recorder, String),
) -> c_int {
    let Some(mut recorder) = recorder() else { return real() };
    let Some(path) = named(&recorder.folder, within, path) else { return real() };
    let outcome = recorder.decide(&[Call::Name], &path);
    if let Some(failed) = recorder.refuses(outcome) {
        return failed;
    }
    let done = real();
    if done == 0 {
        note(&mut recorder, path);
    }
    if outcome == Some(Outcome::KillAfter) {
        system::die();
    }
    done
}

fn resize(fd: c_int, real: impl FnOnce() -> c_int) -> c_int {
    let (Some(Means::File { file, .. }), Some(mut recorder)) = (meaning(fd), recorder()) else {
        return real();
    };
    let path = recorder.path(file);
    let outcome = recorder.decide(&[Call::Name], &path);
    if let Some(failed) = recorder.refuses(outcome) {
        return failed;
    }
    let done = real();
    if done == 0
        && let Some(status) = system::status(fd)
    {
        recorder.append(&Entry::Resized { file, length: status.st_size as u64 });
    }
    if outcome == Some(Outcome::KillAfter) {
        system::die();
    }
    done
}

#[unsafe(no_mangle)]
extern "C" fn mkdir(path: *const c_char, mode: mode_t) -> c_int {
    mkdirat(AT_FDCWD, path, mode)
}

#[unsafe(no_mangle)]
extern "C" fn mkdirat(within: c_int, path: *const c_char, mode: mode_t) -> c_int {
    let arguments = [within.into(), path as c_long, mode.into(), 0, 0];
    let real = || system::call(libc::SYS_mkdirat, arguments) as c_int;
    change(within, path, real, |recorder, path| recorder.append(&Entry::FolderMade { path }))
}

#[unsafe(no_mangle)]
extern "C" fn unlink(path: *const c_char) -> c_int {
    unlinkat(AT_FDCWD, path, 0)
}

#[unsafe(no_mangle)]
extern "C" fn rmdir(path: *const c_char) -> c_int {
    unlinkat(AT_FDCWD, path, libc::AT_REMOVEDIR)
}

#[unsafe(no_mangle)]
extern "C" fn unlinkat(within: c_int, path: *const c_char, flags: c_int) -> c_int {
    let arguments = [within.into(), path as c_long, flags.into(), 0, 0];
    let real = || system::call(libc::SYS_unlinkat, arguments) as c_int;
    change(within, path, real, Recorder::removed)
}

#[unsafe(no_mangle)]
extern "C" fn rename(from: *const c_char, to: *const c_char) -> c_int {
    renameat2(AT_FDCWD, from, AT_FDCWD, to, 0)
}

#[unsafe(no_mangle)]
extern "C" fn renameat(
    from_within: c_int,
    from: *const c_char,
    to_within: c_int,
    to: *const c_char,
) -> c_int {
    renameat2(from_within, from, to_within, to, 0)
}

#[unsafe(no_mangle)]
extern "C" fn renameat2(
    from_within: c_int,
    from: *const c_char,
    to_within: c_int,
    to: *const c_char,
    flags: libc::c_uint,
) -> c_int {
    let arguments =
        [from_within.into(), from as c_long, to_within.into(), to as c_long, c_long::from(flags)];
    let real = || system::call(libc::SYS_renameat2, arguments) as c_int;
    change(from_within, from, real, |recorder, path| match named(&recorder.folder, to_within, to) {
        Some(to) if flags == 0 => recorder.renamed(path, to),
        _ => recorder.append(&Entry::Unseen { what: format!("a renaming of {path}") }),
    })
}

#[unsafe(no_mangle)]
extern "C" fn link(from: *const c_char, to: *const c_char) -> c_int {
    linkat(AT_FDCWD, from, AT_FDCWD, to, 0)
}

#[unsafe(no_mangle)]
extern "C" fn linkat(
    from_within: c_int,
    from: *const c_char,
    to_within: c_int,
    to: *const c_char,
    flags: c_int,
) -> c_int {
    let arguments =
        [from_within.into(), from as c_long, to_within.into(), to as c_long, flags.into()];
    let real = || system::call(libc::SYS_linkat, arguments) as c_int;
    change(to_within, to, real, |recorder, path| {
        recorder.append(&Entry::Unseen { what: format!("a second name, {path}") });
    })
}

#[unsafe(no_mangle)]
extern "C" fn ftruncate(fd: c_int, length: off64_t) -> c_int {
    resize(fd, || system::call(libc::SYS_ftruncate, [fd.into(), length, 0, 0, 0]) as c_int)
}

#[unsafe(no_mangle)]
extern "C" fn ftruncate64(fd: c_int, length: off64_t) -> c_int {
    ftruncate(fd, length)
}

#[unsafe(no_mangle)]
extern "C" fn fallocate(fd: c_int, mode: c_int, offset: off64_t, length: off64_t) -> c_int {
    if mode & !libc::FALLOC_FL_KEEP_SIZE != 0
        && let (Some(Means::File { file, .. }), Some(mut recorder)) = (meaning(fd), recorder())
    {
        let what = format!("fallocate with mode {mode} of {}", recorder.path(file));
        recorder.append(&Entry::Unseen { what });
    }
    let arguments = [fd.into(), mode.into(), offset, length, 0];
    resize(fd, || system::call(libc::SYS_fallocate, arguments) as c_int)
}

#[unsafe(no_mangle)]
extern "C" fn fallocate64(fd: c_int, mode: c_int, offset: off64_t, length: off64_t) -> c_int {
    fallocate(fd, mode, offset, length)
}

/// Unlike the others this one returns the error's number.
#[unsafe(no_mangle)]
extern "C" fn posix_fallocate(fd: c_int, offset: off64_t, length: off64_t) -> c_int {
    match fallocate(fd, 0, offset, length) {
        0 => 0,
        _ => system::errno(),
    }
}

#[unsafe(no_mangle)]
extern "C" fn posix_fallocate64(fd: c_int, offset: off64_t, length: off64_t) -> c_int {
    posix_fallocate(fd, offset, length)
}
