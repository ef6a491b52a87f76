//! The key of QUIC's stateless resets: a server that was killed and started again tells by it, to whoever still sends to the one
//! before, that their connection is gone.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use quinn::{ConnectionId, ConnectionIdGenerator, EndpointConfig};
use ring::hmac::{self, HMAC_SHA256};
use ring::rand::{SecureRandom, SystemRandom};

/// Clients know a reset by a token that is made with it. Whoever has it can end any connection.
#[derive(Clone)]
pub(crate) struct ResetKey(hmac::Key);

impl ResetKey {
    /// The key in the world's folder, which is made if there is none.
    ///
    /// # Errors
    /// The file cannot be read or made.
    pub(crate) fn kept_in(folder: &Path) -> io::Result<Self> {
        let path = folder.join(FILE);
        let bytes = match fs::read(&path) {
            Ok(bytes) if bytes.len() == KEY_BYTES => bytes,
            // One that a full disk has cut short is of no use, and none is missed by anybody but those who are connected.
            Ok(_) => make(folder, &path)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => make(folder, &path)?,
            Err(error) => return Err(error),
        };
        Ok(Self(hmac::Key::new(HMAC_SHA256, &bytes)))
    }

    /// An endpoint that resets what belongs to the one before.
    ///
    /// # Errors
    /// The system has no randomness to give.
    pub(super) fn endpoint(&self) -> io::Result<EndpointConfig> {
        let ids = hmac::Key::generate(HMAC_SHA256, &SystemRandom::new());
        let ids = ids.map_err(|_| no_randomness())?;
        let mut config = EndpointConfig::new(Arc::new(self.0.clone()));
        config
            .cid_generator(move || Box::new(Ids { key: ids.clone(), count: 0 }))
            .min_reset_interval(RESET_INTERVAL);
        Ok(config)
    }
}

/// Makes the key: in a file beside it first, so that it is there as a whole or not at all.
fn make(folder: &Path, path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; KEY_BYTES];
    SystemRandom::new().fill(&mut bytes).map_err(|_| no_randomness())?;
    let new = folder.join(FILE_NEW);
    let mut file = create_for_owner(&new)?;
    file.write_all(&bytes)?;
    file.sync_all()?;
    fs::rename(&new, path)?;
    Ok(bytes)
}

/// An empty file that nobody else may read.
fn create_for_owner(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    // What a crash has left may be another's to read.
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => options.open(path),
    }
}

fn no_randomness() -> io::Error {
    io::Error::other("the system has no randomness to give")
}

/// The names of connections. They must not come again after a restart, or a token that was shown once would end another's
/// connection; and unlike quinn's own they carry no mark of the server that made them, by which the next would know them. So anything
/// that looks like a packet may be answered with a reset, which is shorter than the packet, so often.
struct Ids {
    /// Of this start.
    key: hmac::Key,
    count: u64,
}

impl ConnectionIdGenerator for Ids {
    fn generate_cid(&mut self) -> ConnectionId {
        self.count += 1;
        let tag = hmac::sign(&self.key, &self.count.to_le_bytes());
        ConnectionId::new(&tag.as_ref()[..ID_BYTES])
    }

    fn cid_len(&self) -> usize {
        ID_BYTES
    }

    fn cid_lifetime(&self) -> Option<Duration> {
        None
    }
}

const FILE: &str = "reset-key";
const FILE_NEW: &str = "reset-key.new";
const KEY_BYTES: usize = 64;

/// As long as quinn's own.
const ID_BYTES: usize = 8;

/// Resets are no more often than this. Ten thousand clients of a server that was started again send their keep-alives within
/// ten seconds.
const RESET_INTERVAL: Duration = Duration::from_millis(1);

#[cfg(test)]
mod tests {
    use super::*;

    fn tag(key: &ResetKey) -> Vec<u8> {
        hmac::sign(&key.0, b"somebody").as_ref().to_vec()
    }

    #[test]
    fn a_folder_has_one_key_and_its_owner_alone_may_read_it() {
        let folder = tempfile::tempdir().unwrap();
        let first = ResetKey::kept_in(folder.path()).unwrap();
        assert_eq!(tag(&first), tag(&ResetKey::kept_in(folder.path()).unwrap()));
        let other = tempfile::tempdir().unwrap();
        assert_ne!(tag(&first), tag(&ResetKey::kept_in(other.path()).unwrap()));
        #[cfg(unix)]
        {
            let kept = fs::metadata(folder.path().join(FILE)).unwrap();
            let mode = std::os::unix::fs::PermissionsExt::mode(&kept.permissions());
            assert_eq!(mode & 0o777, 0o600);
        }
    }

    #[test]
    fn a_key_that_was_cut_short_is_made_anew() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE);
        fs::write(&path, b"half").unwrap();
        fs::write(folder.path().join(FILE_NEW), b"left by a crash").unwrap();
        let made = ResetKey::kept_in(folder.path()).unwrap();
        assert_eq!(fs::read(&path).unwrap().len(), KEY_BYTES);
        assert_eq!(tag(&made), tag(&ResetKey::kept_in(folder.path()).unwrap()));
    }

    #[test]
    fn ids_do_not_come_again() {
        let key = || hmac::Key::generate(HMAC_SHA256, &SystemRandom::new()).unwrap();
        let mut ids: Vec<_> = (0..2).map(|_| Ids { key: key(), count: 0 }).collect();
        let made: std::collections::HashSet<_> =
            (0..2_000).map(|number: usize| ids[number % 2].generate_cid().to_vec()).collect();
        assert_eq!(made.len(), 2_000);
    }
}
