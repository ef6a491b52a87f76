//! A certificate that outlives a server, so that clients know the next one for the same.

use std::fs;
use std::io;
use std::path::PathBuf;

use tempfile::TempDir;

/// A certificate and its key, in files that are removed when this is dropped.
#[derive(Debug)]
pub struct Certificate {
    folder: TempDir,
}

impl Certificate {
    /// Makes one that nobody vouches for.
    ///
    /// # Errors
    /// No randomness, or no place for the files.
    pub fn make() -> io::Result<Self> {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()])
            .map_err(io::Error::other)?;
        let certificate = Self { folder: tempfile::tempdir()? };
        fs::write(certificate.chain(), made.cert.pem())?;
        fs::write(certificate.key(), made.signing_key.serialize_pem())?;
        Ok(certificate)
    }

    /// The file for `serve --cert`.
    pub fn chain(&self) -> PathBuf {
        self.folder.path().join("certificate.pem")
    }

    /// The file for `serve --key`.
    pub fn key(&self) -> PathBuf {
        self.folder.path().join("key.pem")
    }
}
