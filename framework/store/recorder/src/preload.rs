//! Setting a process up to be recorded and to be failed.
//!
//! All of it is environment variables, so a test that needs only faults can also set them by hand:
//! `LD_PRELOAD` to [`library`], [`FOLDER`], and one of [`FAULTS`] and [`SWITCH`].

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::faults::Rule;

/// What is to be done to a process that is about to be started.
#[derive(Clone, Debug)]
pub struct Preload {
    folder: PathBuf,
    log: Option<PathBuf>,
    faults: Vec<Rule>,
    switch: Option<Switch>,
}

impl Preload {
    /// Looks at what happens under `folder`, which must exist.
    ///
    /// # Errors
    /// It does not.
    pub fn new(folder: &Path) -> io::Result<Self> {
        // The library compares with what the system calls an open file.
        Ok(Self { folder: folder.canonicalize()?, log: None, faults: Vec::new(), switch: None })
    }

    /// Writes a log to `file`, which must not be under the folder. A log that is there is continued.
    #[must_use]
    pub fn log(mut self, file: &Path) -> Self {
        self.log = Some(file.to_owned());
        self
    }

    /// Lets calls fail by `rules` from the start on.
    #[must_use]
    pub fn faults(mut self, rules: Vec<Rule>) -> Self {
        self.faults = rules;
        self
    }

    /// Lets calls fail by whatever `switch` says at the moment.
    #[must_use]
    pub fn switch(mut self, switch: &Switch) -> Self {
        self.switch = Some(switch.clone());
        self
    }

    /// Has `command` start with the library.
    ///
    /// # Errors
    /// The library has not been built.
    pub fn attach(&self, command: &mut Command) -> io::Result<()> {
        command.env("LD_PRELOAD", library()?).env(FOLDER, &self.folder);
        if let Some(log) = &self.log {
            command.env(LOG, log);
        }
        if !self.faults.is_empty() {
            command.env(FAULTS, self.faults.iter().map(Rule::line).collect::<Vec<_>>().join(";"));
        }
        if let Some(switch) = &self.switch {
            command.env(SWITCH, &switch.0);
        }
        Ok(())
    }
}

/// Rules that can be changed while the process runs, by itself or by another.
#[derive(Clone, Debug)]
pub struct Switch(PathBuf);

impl Switch {
    /// The one that is kept in the file `path`.
    pub fn new(path: &Path) -> Self {
        Self(path.to_owned())
    }

    /// From now on `rules` hold, and their calls are counted from here.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn set(&self, rules: &[Rule]) -> io::Result<()> {
        // Renamed into place, so that nobody reads a part of it.
        let new = self.0.with_extension("new");
        fs::write(&new, rules.iter().map(|rule| rule.line() + "\n").collect::<String>())?;
        fs::rename(&new, &self.0)
    }

    /// From now on all is well.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn clear(&self) -> io::Result<()> {
        self.set(&[])
    }
}

/// The preloaded library, which Cargo puts beside the tests of a crate that has `daystar-recorder-preload` among its
/// dev-dependencies.
///
/// # Errors
/// It is not there.
pub fn library() -> io::Result<PathBuf> {
    let program = std::env::current_exe()?;
    let library = program.with_file_name(LIBRARY);
    match library.is_file() {
        true => Ok(library),
        false => Err(io::Error::other(format!(
            "{} is not there; make daystar-recorder-preload a dev-dependency of the crate under test",
            library.display()
        ))),
    }
}

/// The environment variable for the folder that is looked at: an absolute path without links in it.
pub const FOLDER: &str = "DAYSTAR_RECORDER_FOLDER";
/// The environment variable for the log's file.
pub const LOG: &str = "DAYSTAR_RECORDER_LOG";
/// The environment variable for rules that hold from the start on, with `;` between them.
pub const FAULTS: &str = "DAYSTAR_RECORDER_FAULTS";
/// The environment variable for the file with rules that may change.
pub const SWITCH: &str = "DAYSTAR_RECORDER_SWITCH";
const LIBRARY: &str = "libdaystar_recorder_preload.so";
