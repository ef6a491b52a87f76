//! Believing a server because somebody who is believed has issued its certificate.

use std::fmt;
use std::sync::Arc;

use rustls::RootCertStore;
use rustls::client::WebPkiServerVerifier;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, ServerName};

use crate::tls;

/// Who may vouch for a server, and under which name: what
/// [`ClientBuilder::authorities`](crate::ClientBuilder::authorities) is given. Cheap to clone, so a program of many clients makes
/// it once.
///
/// The authority may be one of the game's own or a public one; the client is shipped with its certificate. Not meant for all that a
/// system trusts: each of those may vouch for any name, and among them are some that cannot be read, which is an error here. Revocation
/// lists are not looked at.
#[derive(Clone)]
pub struct Authorities {
    name: ServerName<'static>,
    verifier: Arc<WebPkiServerVerifier>,
}

/// Why nobody can be believed by some authorities.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AuthoritiesError {
    /// Certificates are issued for host names and addresses, and this is neither.
    #[error(
        "{name:?} is no name that a certificate can be issued for: give a host name, as `game.example`, without a port"
    )]
    Name {
        /// What was given.
        name: String,
    },
    /// A block of PEM is damaged: its end is missing, say.
    #[error("a block of PEM with the authorities' certificates is damaged: {cause}")]
    Pem {
        /// What is wrong with it.
        cause: String,
    },
    /// Not one certificate was given, so no server could be believed. Text without a block of PEM is that, too.
    #[error("there is no certificate of an authority in what was given (is it PEM?)")]
    NoRoots,
    /// A certificate of an authority cannot be read.
    #[error("certificate {number} of the authorities cannot be used: {cause}")]
    Unusable {
        /// Which of them, counted from one.
        number: usize,
        /// What is wrong with it.
        cause: String,
    },
}

impl Authorities {
    /// Those whose certificates are `roots`, of which any one may vouch, for the server called `name`: a host name, or an IP address
    /// if the certificate is issued for that. The name need not be what the server's address was found by.
    ///
    /// # Errors
    /// [`AuthoritiesError`]: the name is none, there are no roots, or one of them is no certificate.
    pub fn new(
        name: impl Into<String>,
        roots: impl IntoIterator<Item = CertificateDer<'static>>,
    ) -> Result<Self, AuthoritiesError> {
        let name = name.into();
        let name = ServerName::try_from(name.as_str())
            .map_err(|_| AuthoritiesError::Name { name: name.clone() })?
            .to_owned();
        let mut store = RootCertStore::empty();
        for (number, root) in (1..).zip(roots) {
            // One that is left out would be missed only when the server has a certificate of it.
            store
                .add(root)
                .map_err(|error| AuthoritiesError::Unusable { number, cause: error.to_string() })?;
        }
        let provider = Arc::new(tls::provider());
        // Without revocation lists nothing else can be wrong.
        let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(store), provider)
            .build()
            .map_err(|_| AuthoritiesError::NoRoots)?;
        Ok(Self { name, verifier })
    }

    /// The same, with the certificates in PEM, one behind the other; what else is there is passed over, even if it is all there is.
    ///
    /// # Errors
    /// Those of [`new`](Self::new), and that a block of PEM is damaged.
    pub fn from_pem(
        name: impl Into<String>,
        roots: impl AsRef<[u8]>,
    ) -> Result<Self, AuthoritiesError> {
        let roots: Result<Vec<_>, pem::Error> =
            CertificateDer::pem_slice_iter(roots.as_ref()).collect();
        let roots = roots.map_err(|error| AuthoritiesError::Pem { cause: error.to_string() })?;
        Self::new(name, roots)
    }

    /// What the server must be called by its certificate, and is asked for.
    pub(crate) fn name(&self) -> &ServerName<'static> {
        &self.name
    }

    pub(crate) fn verifier(&self) -> &WebPkiServerVerifier {
        &self.verifier
    }
}

impl fmt::Debug for Authorities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Whole certificates tell a person nothing.
        f.debug_struct("Authorities").field("name", &self.name).finish_non_exhaustive()
    }
}
