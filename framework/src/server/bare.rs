//! The transport by itself, for whoever measures what lies above it.

use std::sync::Arc;

use crate::net::certificate::Certificate;
use crate::net::endpoint::server_config;
use crate::net::limits::Limits;
use crate::server::error::ServeError;

/// QUIC as a server uses it unless told otherwise, with a certificate made for it: what the benches give their bare peers, so
/// that both sides of a comparison have the same. Not for games.
///
/// # Errors
/// [`ServeError::Listen`]: no certificate could be made.
#[doc(hidden)]
pub fn bare_quic() -> Result<quinn::ServerConfig, ServeError> {
    let unusable = |cause: String| ServeError::Listen { cause };
    let certificate = Certificate::development().map_err(|cause| unusable(cause.to_string()))?;
    server_config(&Arc::new(certificate), &Limits::default())
        .map_err(|cause| unusable(cause.to_string()))
}
