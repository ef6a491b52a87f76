//! Upgrades: a stored value of an older schema version becomes one of the present type when it is read.

use std::any::Any;
use std::fmt::Display;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::codec::Form;
use crate::record::RecordError;

/// A managed type as it was in an earlier version. Written by `#[managed(name = .., version = .., old)]`, not by hand.
///
/// It is no [`Managed`](crate::Managed) type: values of it are read, never written, and no object has this type for
/// longer than its upgrade takes.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not declared as an older version of a managed type",
    label = "not an older version",
    note = "put `#[managed(name = \"stored name\", version = 1, old)]` above the definition of `{Self}`, with the name \
            that is stored and the version that this type describes"
)]
pub trait Old: Sized {
    /// The name under which values are stored: that of the present type.
    const TYPE_NAME: &'static str;
    /// The schema version that this type describes.
    const VERSION: u32;

    /// The value that `payload`, written by schema `version`, stands for; one of a still older version is upgraded.
    ///
    /// # Errors
    /// As for [`Managed::decode`](crate::Managed::decode).
    fn decode(version: u32, payload: &[u8]) -> Result<Self, RecordError>;

    /// Whether [`decode`](Self::decode) reads values of `version`.
    fn reads(version: u32) -> bool;

    /// All versions that [`decode`](Self::decode) reads.
    fn versions() -> Vec<u32>;

    /// How values of `version` are laid out, if [`decode`](Self::decode) reads it.
    fn layout(version: u32) -> Option<String>;
}

/// A type that can be made from an older version of itself: by `From`, or by `TryFrom` when some values may have to
/// be refused.
#[diagnostic::on_unimplemented(
    message = "a stored `{Before}` cannot become a `{Self}`",
    label = "there is no conversion from `{Before}`",
    note = "write `impl From<{Before}> for {Self}`; or, if some values may have to be refused, \
            `impl TryFrom<{Before}> for {Self}` with an error that has `Display`"
)]
pub trait UpgradeFrom<Before>: Sized {
    /// The value that `before` becomes.
    ///
    /// # Errors
    /// Why it cannot.
    fn upgrade(before: Before) -> Result<Self, String>;
}

#[diagnostic::do_not_recommend]
impl<Before, T: TryFrom<Before, Error: Display>> UpgradeFrom<Before> for T {
    fn upgrade(before: Before) -> Result<Self, String> {
        T::try_from(before).map_err(|cause| cause.to_string())
    }
}

/// The value that `payload`, written by schema `version`, stands for, when that is older than the version of `to`.
///
/// # Errors
/// [`RecordError::UnknownVersion`] if `Before` does not read `version`; [`RecordError::Upgrade`] when a conversion
/// refuses the value or panics; what reading the older value gives.
pub fn decode<Before: Old, T: UpgradeFrom<Before>>(
    to: Form,
    version: u32,
    payload: &[u8],
) -> Result<T, RecordError> {
    let Form { name, version: known } = to;
    if !Before::reads(version) {
        return Err(RecordError::UnknownVersion { name, stored: version, known });
    }
    let before = Before::decode(version, payload)?;
    // The conversion is the game's code. It has the value to itself, so nothing is left half done by a panic.
    let converted = catch_unwind(AssertUnwindSafe(|| T::upgrade(before)))
        .unwrap_or_else(|panic| Err(format!("the conversion panicked: {}", words_of(&*panic))));
    converted.map_err(|cause| RecordError::Upgrade { name, stored: Before::VERSION, known, cause })
}

/// What a panic said.
fn words_of(panic: &(dyn Any + Send)) -> &str {
    let literal = panic.downcast_ref::<&str>().copied();
    literal.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no words")
}

/// Whether two names are the same. Asked while compiling, where `==` cannot be.
pub const fn is_same_name(one: &str, other: &str) -> bool {
    let (one, other) = (one.as_bytes(), other.as_bytes());
    if one.len() != other.len() {
        return false;
    }
    let mut at = 0;
    while at < one.len() {
        if one[at] != other[at] {
            return false;
        }
        at += 1;
    }
    true
}
