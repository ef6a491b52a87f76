//! How far a store has come: the last commit it holds and the next free index.
//!
//! On disk: last commit (8 bytes), next index (8), xxh3 of those sixteen (8), all little-endian. The checksum
//! matters here more than anywhere: a damaged next index would give away ids a second time.

use daystar_model::ids::CommitNumber;
use xxhash_rust::xxh3::xxh3_64;

/// The state of a store as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    /// The last commit that is safe.
    pub(crate) last: CommitNumber,
    /// No id with this index or a higher one has been given away.
    pub(crate) next_index: u64,
}

/// The bytes of a [`Head`].
pub(crate) const HEAD_BYTES: usize = 24;

impl Head {
    /// An empty store.
    pub(crate) const EMPTY: Self = Self { last: CommitNumber::ZERO, next_index: 1 };

    /// This one, without forgetting indices that `earlier` knows of.
    pub(crate) fn not_before(self, earlier: Self) -> Self {
        Self { next_index: self.next_index.max(earlier.next_index), ..self }
    }

    pub(crate) fn to_bytes(self) -> [u8; HEAD_BYTES] {
        let mut bytes = [0; HEAD_BYTES];
        bytes[..8].copy_from_slice(&self.last.0.to_le_bytes());
        bytes[8..16].copy_from_slice(&self.next_index.to_le_bytes());
        let sum = xxh3_64(&bytes[..16]);
        bytes[16..].copy_from_slice(&sum.to_le_bytes());
        bytes
    }

    /// `None` for bytes that [`to_bytes`](Self::to_bytes) did not write.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let bytes: &[u8; HEAD_BYTES] = bytes.try_into().ok()?;
        let (numbers, sum) = bytes.split_last_chunk::<8>()?;
        if xxh3_64(numbers) != u64::from_le_bytes(*sum) {
            return None;
        }
        let last = CommitNumber(u64::from_le_bytes(*numbers.first_chunk()?));
        let next_index = u64::from_le_bytes(*numbers.last_chunk()?);
        Some(Self { last, next_index })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_survives_and_a_damaged_one_is_noticed() {
        let head = Head { last: CommitNumber(0x0123_4567_89ab), next_index: 77 };
        let good = head.to_bytes();
        assert_eq!(Head::from_bytes(&good), Some(head));
        for bit in 0..HEAD_BYTES * 8 {
            let mut bad = good;
            bad[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Head::from_bytes(&bad), None, "bit {bit}");
        }
        for length in 0..HEAD_BYTES {
            assert_eq!(Head::from_bytes(&good[..length]), None);
        }
    }
}
