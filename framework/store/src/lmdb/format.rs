//! The format that this program writes, as a text that a stored world is compared with.
//!
//! It names everything that decides what stored bytes mean and that a build could silently change: our own
//! layout, the machine's sides of LMDB's file, and rkyv's settings. The latter are cargo features that any
//! crate of a program may switch on, so they are not assumed but looked at.

use std::sync::LazyLock;

use rkyv::Archived;
use rkyv::rancor;

/// The first line of a world's marker file.
pub(super) const TITLE: &str = "Daystar world";

/// What this program reads and writes.
pub(super) fn fingerprint() -> &'static str {
    static TEXT: LazyLock<String> = LazyLock::new(|| {
        format!(
            "layout {LAYOUT}; lmdb {LMDB_FILE}, 64-bit, {machine}-endian; rkyv 0.8, {archive}-endian, \
             {pointer_bits}-bit pointers, {alignment}",
            machine = if cfg!(target_endian = "little") { "little" } else { "big" },
            archive = archive_endianness(),
            pointer_bits = 8 * size_of::<Archived<usize>>(),
            alignment = if align_of::<Archived<u64>>() == 1 { "unaligned" } else { "aligned" },
        )
    });
    &TEXT
}

fn archive_endianness() -> &'static str {
    match rkyv::to_bytes::<rancor::Failure>(&0x0102_u16).as_deref() {
        Ok([2, 1]) => "little",
        Ok([1, 2]) => "big",
        _ => "unknown",
    }
}

/// Counts up with every change of the folder's files, of the databases in them, or of a record's header.
const LAYOUT: u32 = 2;
/// LMDB's own version number of its data file.
const LMDB_FILE: u32 = 1;

#[cfg(test)]
mod tests {
    use super::*;

    /// Changing this text makes every existing world unreadable: it must not happen by accident, for
    /// example because a dependency switched on one of rkyv's format features.
    #[test]
    #[cfg(target_endian = "little")]
    fn the_format_is_the_one_that_worlds_were_written_in() {
        assert_eq!(
            fingerprint(),
            "layout 2; lmdb 1, 64-bit, little-endian; rkyv 0.8, little-endian, 32-bit pointers, aligned"
        );
    }
}
