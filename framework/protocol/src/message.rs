//! Messages of a game, and their bytes: postcard, as serde sees the type.

use bytes::Bytes;
use postcard::ser_flavors::Flavor;
use serde::{Serialize, de::DeserializeOwned};

/// A type that a client and a server send each other. Written by `#[message]`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a message",
    label = "this type cannot be sent to or from a client",
    note = "put `#[message]` above `{Self}`"
)]
pub trait Message: Serialize + DeserializeOwned + Send + Sync + 'static {
    /// What the type is called in errors and traces.
    const NAME: &'static str;
}

/// Why a message could not be written down.
#[derive(Debug, thiserror::Error)]
pub enum EncodeError {
    /// The type's `Serialize` does something the format has no room for, or its parts are nested deeper than a message's may be.
    #[error(
        "{name} cannot be encoded: {cause}; use plain structs, enums and std collections in it, nested no more than 128 deep"
    )]
    Unsupported {
        /// [`Message::NAME`].
        name: &'static str,
        /// What the encoder said.
        cause: postcard::Error,
    },
}

/// Why bytes are not the message they should be.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// The bytes are not the type's, or its parts are nested deeper than a message's may be.
    #[error(
        "{bytes} bytes are not a {name}: {cause}; both sides must be built with the same messages, nested no more than 128 deep"
    )]
    Malformed {
        /// [`Message::NAME`].
        name: &'static str,
        /// How many bytes there were.
        bytes: usize,
        /// What the decoder said.
        cause: postcard::Error,
    },
    /// A whole message, and then something else.
    #[error(
        "{name} is followed by {bytes} bytes that do not belong to it; both sides must be built with \
         the same messages"
    )]
    Trailing {
        /// [`Message::NAME`].
        name: &'static str,
        /// How many bytes were left.
        bytes: usize,
    },
}

/// The bytes of `message`.
///
/// # Errors
/// [`EncodeError::Unsupported`] when the type's `Serialize` is not one that `#[message]` wrote, or `message` is nested too deep.
pub fn encode_message<M: Message>(message: &M) -> Result<Bytes, EncodeError> {
    encode_behind(Vec::new(), message).map(Bytes::from)
}

/// The message that `bytes` are.
///
/// # Errors
/// [`DecodeError`] when they are no such message, or more than one.
pub fn decode_message<M: Message>(bytes: &[u8]) -> Result<M, DecodeError> {
    let malformed = |cause| DecodeError::Malformed { name: M::NAME, bytes: bytes.len(), cause };
    let (message, rest) = postcard::take_from_bytes(bytes).map_err(malformed)?;
    match rest.len() {
        0 => Ok(message),
        bytes => Err(DecodeError::Trailing { name: M::NAME, bytes }),
    }
}

/// Appends the message to `front`, so that a frame's header and its payload are one allocation.
pub(crate) fn encode_behind<M: Message>(
    front: Vec<u8>,
    message: &M,
) -> Result<Vec<u8>, EncodeError> {
    postcard::serialize_with_flavor(message, Growing(front))
        .map_err(|cause| EncodeError::Unsupported { name: M::NAME, cause })
}

/// Writes behind what is already there; postcard's own growing flavour always starts empty.
struct Growing(Vec<u8>);

impl Flavor for Growing {
    type Output = Vec<u8>;

    fn try_extend(&mut self, data: &[u8]) -> postcard::Result<()> {
        self.0.extend_from_slice(data);
        Ok(())
    }

    fn try_push(&mut self, data: u8) -> postcard::Result<()> {
        self.0.push(data);
        Ok(())
    }

    fn finalize(self) -> postcard::Result<Self::Output> {
        Ok(self.0)
    }
}
