//! [`Tokens`]: JSON Web Tokens that somebody else has signed.

use std::io;
use std::path::{Path, PathBuf};

use daystar_protocol::handshake::Credentials;
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode};
use parking_lot::RwLock;
use serde_json::{Map, Value};
use tracing::{info, warn};

use crate::login::accounts::Accounts;
use crate::login::attempt::{LoginAttempt, LoginError};
use crate::login::identity::Identity;
use crate::login::{Authenticator, LoginFuture, Watched};

/// Lets in who shows a JSON Web Token that the given key has signed, with EdDSA (Ed25519) or RS256; which of them, the key says and
/// never the token. The token must name who it is for (`sub`, which becomes the identity's name) and until when it is good
/// (`exp`); an `nbf` is kept to. Its `roles`, a list of texts, become roles; its other texts, numbers and truth values, claims.
///
/// A token is looked at when a session begins: it may end while the session lasts.
pub struct Tokens {
    path: PathBuf,
    file: Watched,
    key: RwLock<Key>,
    audience: Option<String>,
    issuer: Option<String>,
}

struct Key {
    key: DecodingKey,
    algorithm: Algorithm,
}

/// Why there is no key to check tokens by.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TokenKeyError {
    /// It cannot be read.
    #[error("the token key {path} cannot be read: {cause}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why not.
        cause: io::Error,
    },
    /// It is no such key.
    #[error(
        "{path} is not the PEM of a public key for EdDSA (Ed25519) or RS256 (RSA): it begins with `-----BEGIN PUBLIC KEY-----`"
    )]
    NoKey {
        /// The file.
        path: PathBuf,
    },
}

impl Tokens {
    /// Tokens that the public key in this file vouches for: PEM, Ed25519 or RSA. It is read again when it changes; one that cannot
    /// be used is logged, and the one before stays.
    ///
    /// # Errors
    /// [`TokenKeyError`].
    pub fn from_file(path: impl Into<PathBuf>) -> Result<Self, TokenKeyError> {
        let path = path.into();
        let file = Watched::new(vec![path.clone()]);
        let key = RwLock::new(Key::read(&path)?);
        Ok(Self { path, file, key, audience: None, issuer: None })
    }

    /// Takes only tokens that were made for `audience` (`aud`). Unless set, one that names an audience is refused.
    pub fn audience(mut self, audience: impl Into<String>) -> Self {
        self.audience = Some(audience.into());
        self
    }

    /// Takes only tokens of `issuer` (`iss`).
    pub fn issuer(mut self, issuer: impl Into<String>) -> Self {
        self.issuer = Some(issuer.into());
        self
    }

    fn check(&self, token: &str) -> Result<Identity, LoginError> {
        let key = self.key.read();
        let mut wanted = Validation::new(key.algorithm);
        wanted.leeway = LEEWAY_S;
        wanted.validate_nbf = true;
        let mut required = vec!["exp", "sub"];
        if let Some(audience) = &self.audience {
            wanted.set_audience(&[audience]);
            required.push("aud");
        }
        if let Some(issuer) = &self.issuer {
            wanted.set_issuer(&[issuer]);
            required.push("iss");
        }
        wanted.set_required_spec_claims(&required);
        let decoded = decode::<Map<String, Value>>(token, &key.key, &wanted);
        identity(decoded.map_err(|error| LoginError::wrong(told(error.kind())))?.claims)
    }
}

impl Authenticator for Tokens {
    fn authenticate<'a>(&'a self, attempt: LoginAttempt, _: &'a dyn Accounts) -> LoginFuture<'a> {
        Box::pin(async move {
            match attempt.credentials {
                Credentials::Token(token) => self.check(&token),
                _ => Err(LoginError::OtherKind { wanted: "a token" }),
            }
        })
    }

    fn refresh(&self) {
        match self.file.read_if_changed(|| Key::read(&self.path)) {
            None => {}
            Some(Ok(key)) => {
                *self.key.write() = key;
                info!(path = %self.path.display(), "tokens are checked by another key from now on");
            }
            Some(Err(error)) => warn!(%error, "tokens are still checked by the key before"),
        }
    }
}

impl Key {
    fn read(path: &Path) -> Result<Self, TokenKeyError> {
        let pem = std::fs::read(path)
            .map_err(|cause| TokenKeyError::Unreadable { path: path.to_owned(), cause })?;
        if let Ok(key) = DecodingKey::from_ed_pem(&pem) {
            return Ok(Self { key, algorithm: Algorithm::EdDSA });
        }
        match DecodingKey::from_rsa_pem(&pem) {
            Ok(key) => Ok(Self { key, algorithm: Algorithm::RS256 }),
            Err(_) => Err(TokenKeyError::NoKey { path: path.to_owned() }),
        }
    }
}

/// Who the token is for, and what it says of them.
fn identity(mut claims: Map<String, Value>) -> Result<Identity, LoginError> {
    let Some(Value::String(name)) = claims.remove("sub") else {
        return Err(LoginError::wrong("the token's `sub` is no text"));
    };
    let mut identity = Identity::new(name)?;
    if let Some(Value::Array(roles)) = claims.remove("roles") {
        let texts = roles.into_iter().filter_map(|role| role.as_str().map(str::to_owned));
        identity = identity.with_roles(texts);
    }
    for (name, value) in claims {
        let is_of_the_token = OF_THE_TOKEN.contains(&name.as_str());
        identity = match value {
            _ if is_of_the_token => identity,
            Value::String(text) => identity.with_claim(name, text),
            Value::Number(number) => identity.with_claim(name, number.to_string()),
            Value::Bool(is_so) => identity.with_claim(name, is_so.to_string()),
            _ => identity,
        };
    }
    Ok(identity)
}

/// Enough to find one's mistake, and nothing of what the token holds.
fn told(kind: &ErrorKind) -> String {
    match kind {
        ErrorKind::ExpiredSignature => "the token is no longer good: get a new one".to_owned(),
        ErrorKind::ImmatureSignature => "the token is not good yet".to_owned(),
        ErrorKind::InvalidAudience => "the token was made for another audience".to_owned(),
        ErrorKind::InvalidIssuer => "the token comes from another issuer".to_owned(),
        ErrorKind::MissingRequiredClaim(claim) => format!("the token has no `{claim}`"),
        ErrorKind::InvalidAlgorithm => {
            "the token is signed in another way than asked for".to_owned()
        }
        _ => "the token is not one, or was not signed by the right key".to_owned(),
    }
}

/// What is said about the token itself.
const OF_THE_TOKEN: [&str; 6] = ["aud", "exp", "iat", "iss", "jti", "nbf"];

/// How far the clocks of two machines may differ.
const LEEWAY_S: u64 = 30;

#[cfg(test)]
mod tests;
