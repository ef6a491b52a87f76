//! Syncing files and folders, and the ways to change a file that cannot be followed.

use daystar_recorder::faults::{Call, Outcome};
use daystar_recorder::log::Entry;
use libc::{c_int, c_long, c_void, off64_t, size_t, ssize_t};

use crate::descriptors::{Means, meaning};
use crate::paths::below;
use crate::recorder::{Recorder, recorder};
use crate::system;

/// What is synced.
enum Target {
    File(u32),
    Folder(String),
}

fn sync(number: c_long, fd: c_int) -> c_int {
    let real = || system::call(number, [fd.into(), 0, 0, 0, 0]) as c_int;
    let Some(mut recorder) = recorder() else { return real() };
    let Some(target) = target(&recorder, fd) else { return real() };
    let path = match &target {
        Target::File(file) => recorder.path(*file),
        Target::Folder(path) => path.clone(),
    };
    let outcome = recorder.decide(&[Call::Sync], &path);
    if let Some(failed) = recorder.refuses(outcome) {
        let number = system::errno();
        note_failure(&mut recorder, &target);
        system::fail(number);
        return failed;
    }
    let done = real();
    match (done, target) {
        (0, Target::File(file)) => recorder.append(&Entry::Synced { file }),
        (0, Target::Folder(path)) => recorder.append(&Entry::FolderSynced { path }),
        (_, target) => note_failure(&mut recorder, &target),
    }
    if outcome == Some(Outcome::KillAfter) {
        system::die();
    }
    done
}

fn note_failure(recorder: &mut Recorder, target: &Target) {
    // A folder's sync that failed is one that was not done: names are not forgotten by it.
    if let Target::File(file) = target {
        recorder.append(&Entry::SyncFailed { file: *file });
    }
}

fn target(recorder: &Recorder, fd: c_int) -> Option<Target> {
    match meaning(fd) {
        Some(Means::File { file, .. }) => Some(Target::File(file)),
        Some(Means::Marks) => None,
        // Folders are not kept by descriptor: the C library closes some of them by itself.
        None => {
            let is_folder = system::status(fd)?.st_mode & libc::S_IFMT == libc::S_IFDIR;
            let path = system::path_of(fd).filter(|_| is_folder)?;
            below(&recorder.folder, &path).map(Target::Folder)
        }
    }
}

/// Says that something happened to a recorded file which the log cannot tell.
fn unseen(fd: c_int, what: &str) {
    if let (Some(Means::File { file, .. }), Some(mut recorder)) = (meaning(fd), recorder()) {
        let path = recorder.path(file);
        if !path.ends_with(LOCK) {
            recorder.append(&Entry::Unseen { what: format!("{what} of {path}") });
        }
    }
}

#[unsafe(no_mangle)]
extern "C" fn fsync(fd: c_int) -> c_int {
    sync(libc::SYS_fsync, fd)
}

#[unsafe(no_mangle)]
extern "C" fn fdatasync(fd: c_int) -> c_int {
    sync(libc::SYS_fdatasync, fd)
}

/// Memory that is mapped is written without a call.
#[unsafe(no_mangle)]
extern "C" fn mmap(
    address: *mut c_void,
    length: size_t,
    protection: c_int,
    flags: c_int,
    fd: c_int,
    offset: off64_t,
) -> *mut c_void {
    let writes = protection & libc::PROT_WRITE != 0 && flags & libc::MAP_SHARED != 0;
    if writes {
        unseen(fd, "a writable mapping");
    }
    // SAFETY: handed on as it came.
    unsafe {
        libc::syscall(libc::SYS_mmap, address, length, protection, flags, fd, offset) as *mut c_void
    }
}

#[unsafe(no_mangle)]
extern "C" fn mmap64(
    address: *mut c_void,
    length: size_t,
    protection: c_int,
    flags: c_int,
    fd: c_int,
    offset: off64_t,
) -> *mut c_void {
    mmap(address, length, protection, flags, fd, offset)
}

#[unsafe(no_mangle)]
extern "C" fn copy_file_range(
    from: c_int,
    from_offset: *mut off64_t,
    to: c_int,
    to_offset: *mut off64_t,
    length: size_t,
    flags: libc::c_uint,
) -> ssize_t {
    unseen(to, "copy_file_range");
    // SAFETY: handed on as it came.
    unsafe {
        let number = libc::SYS_copy_file_range;
        libc::syscall(number, from, from_offset, to, to_offset, length, flags) as ssize_t
    }
}

#[unsafe(no_mangle)]
extern "C" fn sendfile(to: c_int, from: c_int, offset: *mut off64_t, length: size_t) -> ssize_t {
    unseen(to, "sendfile");
    system::call(
        libc::SYS_sendfile,
        [to.into(), from.into(), offset as c_long, length as c_long, 0],
    ) as ssize_t
}

#[unsafe(no_mangle)]
extern "C" fn sendfile64(to: c_int, from: c_int, offset: *mut off64_t, length: size_t) -> ssize_t {
    sendfile(to, from, offset, length)
}

/// LMDB's table of readers. It is written as memory, and holds nothing that outlives the process.
const LOCK: &str = "/lock.mdb";
