//! Every file of the workspace that the rules look at.

use std::fs;
use std::path::{Path, PathBuf};

/// The files, by their path from the workspace's root with `/` between the parts, in order.
pub(crate) struct Workspace {
    /// Path and text. Files that are not text have an empty one.
    pub(crate) files: Vec<(String, String)>,
}

impl Workspace {
    /// Reads the workspace that this crate is in.
    pub(crate) fn read() -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let mut paths = Vec::new();
        collect(&root, &mut paths);
        paths.sort();
        let files = paths.into_iter().map(|path| {
            let text = fs::read(&path).map(|bytes| String::from_utf8(bytes).unwrap_or_default());
            let relative = path.strip_prefix(&root).unwrap_or(&path);
            let parts = relative.iter().map(|part| part.to_string_lossy());
            (parts.collect::<Vec<_>>().join("/"), text.unwrap_or_default())
        });
        let workspace = Self { files: files.collect() };
        let has = |wanted: &str| workspace.files.iter().any(|(path, _)| path == wanted);
        assert!(has("Cargo.toml") && has("framework/src/lib.rs"), "this is not the workspace");
        workspace
    }
}

fn collect(folder: &Path, paths: &mut Vec<PathBuf>) {
    let entries = fs::read_dir(folder).expect("a folder of the workspace can be read");
    for entry in entries {
        let path = entry.expect("an entry of the workspace can be read").path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        // What is built, and what belongs to other tools.
        if name == "target" || name.starts_with('.') {
            continue;
        }
        match path.is_dir() {
            true => collect(&path, paths),
            false => paths.push(path),
        }
    }
}
