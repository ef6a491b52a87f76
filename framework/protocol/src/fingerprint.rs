//! A certificate's fingerprint: how a client knows a server that no authority vouches for.

use std::fmt;
use std::str::FromStr;

/// The SHA-256 of a certificate's DER bytes. Written as 64 hexadecimal digits; colons between them are skipped when read.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint([u8; 32]);

/// Why a text is no fingerprint.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{text}\" is not a fingerprint: give the 64 hexadecimal digits that the server printed")]
pub struct FingerprintError {
    /// What was given.
    pub text: String,
}

impl Fingerprint {
    /// The fingerprint with these bytes.
    pub const fn new(sha256: [u8; 32]) -> Self {
        Self(sha256)
    }

    /// Its bytes.
    pub const fn to_bytes(self) -> [u8; 32] {
        self.0
    }
}

impl From<[u8; 32]> for Fingerprint {
    fn from(sha256: [u8; 32]) -> Self {
        Self(sha256)
    }
}

impl FromStr for Fingerprint {
    type Err = FingerprintError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || FingerprintError { text: text.to_owned() };
        let mut sha256 = [0; 32];
        let mut digits = text.trim().chars().filter(|digit| *digit != ':');
        for byte in &mut sha256 {
            for _ in 0..2 {
                let digit = digits.next().and_then(|digit| digit.to_digit(16)).ok_or_else(wrong)?;
                *byte = *byte << 4 | digit as u8;
            }
        }
        if digits.next().is_some() { Err(wrong()) } else { Ok(Self(sha256)) }
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
