//! Which of the paths that a program names are under the recorded folder.

use std::ffi::CStr;

use libc::{c_char, c_int};

use crate::system;

/// `path` below `folder`, without the slash between; `None` when it is elsewhere. The folder itself is "".
pub(crate) fn below(folder: &str, path: &str) -> Option<String> {
    let rest = path.strip_prefix(folder)?;
    match rest.strip_prefix('/') {
        Some(rest) => Some(rest.to_owned()),
        None => rest.is_empty().then(String::new),
    }
}

/// Where the name that a call means is or would be, whether or not there is such a file: its last part is not
/// followed if it is a link.
pub(crate) fn named(folder: &str, within: c_int, path: *const c_char) -> Option<String> {
    // SAFETY: the caller of the C function that this stands in for vouches for the path.
    let path = unsafe { CStr::from_ptr(path) }.to_str().ok()?.trim_end_matches('/');
    let (parent, name) = match path.rsplit_once('/') {
        Some(("", name)) => ("/", name),
        Some((parent, name)) => (parent, name),
        None => (".", path),
    };
    let parent = format!("{parent}\0");
    let flags = libc::O_PATH | libc::O_DIRECTORY | libc::O_CLOEXEC;
    let fd = system::open(within, parent.as_ptr().cast(), flags, 0);
    if fd < 0 {
        return None;
    }
    let parent = system::path_of(fd);
    system::close(fd);
    below(folder, &format!("{}/{name}", parent?))
}
