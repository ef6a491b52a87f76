//! What is known about the files under the recorded folder, and the log.

use std::collections::HashMap;
use std::env;
use std::ffi::CString;
use std::os::unix::ffi::OsStringExt;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use daystar_recorder::faults::{Call, Outcome};
use daystar_recorder::log::Entry;
use daystar_recorder::preload::{FAULTS, FOLDER, LOG, SWITCH};
use libc::c_int;

use crate::faults::Faults;
use crate::system;

pub(crate) struct Recorder {
    pub(crate) folder: String,
    log: Option<c_int>,
    faults: Faults,
    /// The number of each file that is under a name.
    files: HashMap<String, u32>,
    /// The last name of each file, by its number.
    paths: Vec<String>,
}

/// Everything that happens from here until the guard is dropped happens at once, as far as the log is concerned.
/// `None` when nothing is recorded.
pub(crate) fn recorder() -> Option<MutexGuard<'static, Recorder>> {
    static RECORDER: OnceLock<Option<Mutex<Recorder>>> = OnceLock::new();
    let recorder =
        RECORDER.get_or_init(|| Recorder::from_environment().map(Mutex::new)).as_ref()?;
    Some(recorder.lock().unwrap_or_else(PoisonError::into_inner))
}

impl Recorder {
    fn from_environment() -> Option<Self> {
        let folder = env::var(FOLDER).ok()?;
        let file = |name| env::var_os(name).and_then(|path| CString::new(path.into_vec()).ok());
        let log = file(LOG).map(|path| {
            let flags = libc::O_WRONLY | libc::O_CREAT | libc::O_APPEND | libc::O_CLOEXEC;
            let fd = system::open(libc::AT_FDCWD, path.as_ptr(), flags, 0o644);
            assert!(fd >= 0, "the recorder's log {path:?} cannot be opened");
            fd
        });
        let faults = Faults::new(&env::var(FAULTS).unwrap_or_default(), file(SWITCH));
        Some(Self { folder, log, faults, files: HashMap::new(), paths: Vec::new() })
    }

    pub(crate) fn append(&mut self, entry: &Entry) {
        let Some(log) = self.log else { return };
        let bytes = entry.encode();
        // A log with a hole in it would be believed.
        let written = system::write(log, &bytes);
        assert!(written == bytes.len() as isize, "the recorder's log cannot be written");
    }

    /// The number of the file at `path`, which has just been opened, and was made by that if `is_new`.
    pub(crate) fn opened(&mut self, path: &str, is_new: bool) -> u32 {
        if let (false, Some(&file)) = (is_new, self.files.get(path)) {
            return file;
        }
        let file = self.paths.len() as u32;
        self.paths.push(path.to_owned());
        self.files.insert(path.to_owned(), file);
        let path = path.to_owned();
        self.append(&match is_new {
            true => Entry::Created { file, path },
            false => Entry::Found { file, path },
        });
        file
    }

    pub(crate) fn removed(&mut self, path: String) {
        self.files.remove(&path);
        self.append(&Entry::Removed { path });
    }

    pub(crate) fn renamed(&mut self, from: String, to: String) {
        self.files.remove(&to);
        let within = format!("{from}/");
        let moved: Vec<String> = self.files.keys().cloned().collect();
        for path in moved.into_iter().filter(|path| *path == from || path.starts_with(&within)) {
            let Some(file) = self.files.remove(&path) else { continue };
            let path = format!("{to}{}", &path[from.len()..]);
            self.paths[file as usize].clone_from(&path);
            self.files.insert(path, file);
        }
        self.append(&Entry::Renamed { from, to });
    }

    /// The name of the file with this number.
    pub(crate) fn path(&self, file: u32) -> String {
        self.paths[file as usize].clone()
    }

    pub(crate) fn decide(&mut self, calls: &[Call], path: &str) -> Option<Outcome> {
        self.faults.decide(calls, path)
    }

    /// What becomes of a call that can only fail or not, and of the process around it. `Some` is the error.
    pub(crate) fn refuses(&mut self, outcome: Option<Outcome>) -> Option<c_int> {
        match outcome? {
            Outcome::Error(number) => Some(system::fail(number)),
            Outcome::KillBefore | Outcome::KillInside => system::die(),
            // These are about bytes, or about what is behind the call.
            Outcome::Short | Outcome::KillAfter => None,
        }
    }
}
