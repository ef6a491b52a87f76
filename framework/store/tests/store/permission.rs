//! What the system does not allow is said with the place, and with what to do about it.

use std::fs;
use std::path::Path;
use std::process::Command;

use daystar_model::store::{Store, StoreError};
use daystar_store::{LmdbStore, Options};

use crate::support::*;

/// A folder that not even root may make.
#[test]
#[cfg(target_os = "linux")]
fn what_the_system_forbids_is_said_with_the_place() {
    let error = refusal(Path::new("/sys/daystar-world"));
    assert!(matches!(error, StoreError::Io { .. }), "{error}");
    assert!(error.to_string().contains("/sys/daystar-world"), "{error}");
    assert!(error.to_string().contains("choose another folder"), "{error}");
}

#[test]
#[cfg(unix)]
fn a_folder_without_permission_is_said_so() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o500)).unwrap();
    let opened = LmdbStore::open(folder.path(), Options::default());
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o700)).unwrap();
    let privileged = Command::new("id").arg("-u").output().unwrap().stdout == b"0\n";
    match opened {
        Err(error) => assert!(error.to_string().contains("permission denied"), "{error}"),
        Ok(_) => assert!(privileged, "permissions bind everybody but root"),
    }
}

/// A world that is there, and that the server's user may only read. Nobody is root here: root may write everywhere.
#[test]
#[cfg(unix)]
fn a_world_that_may_only_be_read_is_said_so() {
    use std::os::unix::fs::PermissionsExt;
    use std::os::unix::process::CommandExt;
    let folder = tempfile::tempdir().unwrap();
    let world = folder.path().join("world");
    open(&world).apply(&batch(1, vec![(object(1), put(thing(1)))])).unwrap();
    let allow = |path: &str, mode| {
        fs::set_permissions(folder.path().join(path), fs::Permissions::from_mode(mode)).unwrap();
    };
    let is_root = Command::new("id").arg("-u").output().unwrap().stdout == b"0\n";
    let readable = ["", "world", "world/journal", "world/objects"].map(|path| (path, 0o755));
    readable.iter().for_each(|(path, mode)| allow(path, *mode));
    for forbidden in ["world/DAYSTAR.lock", "world/journal/data.mdb", "world/objects/data.mdb"] {
        for file in [
            "DAYSTAR.lock",
            "journal/data.mdb",
            "journal/lock.mdb",
            "objects/data.mdb",
            "objects/lock.mdb",
        ] {
            allow(&format!("world/{file}"), 0o666);
        }
        allow(forbidden, 0o444);
        let mut opener = child("folder::child_that_opens", &world);
        if is_root {
            opener.uid(NOBODY).gid(NOBODY);
        }
        let output = match opener.output() {
            // The test program itself lies where only root may look.
            Err(error) if is_root && error.kind() == std::io::ErrorKind::PermissionDenied => return,
            output => output.unwrap(),
        };
        let told = String::from_utf8(output.stdout).unwrap();
        let is_clear = told.contains("permission denied") && told.contains("let the server's user");
        assert!(is_clear, "{forbidden}: {told}");
    }
    assert_eq!(load(&open(&world), object(1)), Some((1, thing(1))));
}

#[cfg(unix)]
const NOBODY: u32 = 65_534;
