//! The log of what happened under the recorded folder, in the order in which it happened.
//!
//! An entry is a tag, a number of the file it is about, a position, a length, and as many bytes. The
//! process may be killed at any moment, so a last entry that is not whole is no error: it is not there.

/// One thing that was done. Paths are relative to the recorded folder and have `/` between their parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    /// A file was made, empty.
    Created {
        /// The number by which the entries after this one mean it.
        file: u32,
        /// Where.
        path: String,
    },
    /// A file that had been there before the recording began was opened for the first time.
    Found {
        /// The number by which the entries after this one mean it.
        file: u32,
        /// Where.
        path: String,
    },
    /// Bytes were written, and are in the system's cache.
    Wrote {
        /// Which file.
        file: u32,
        /// From which byte on.
        offset: u64,
        /// What.
        bytes: Vec<u8>,
    },
    /// Bytes were written and were on the disk when the call returned (`O_SYNC`, `O_DSYNC`).
    WroteSynced {
        /// Which file.
        file: u32,
        /// From which byte on.
        offset: u64,
        /// What.
        bytes: Vec<u8>,
    },
    /// A file got another length: cut off, or grown by zeros.
    Resized {
        /// Which file.
        file: u32,
        /// The new length.
        length: u64,
    },
    /// A file was synced.
    Synced {
        /// Which file.
        file: u32,
    },
    /// A sync of a file failed. The system may then forget what it had not written, and say nothing at
    /// the next sync.
    SyncFailed {
        /// Which file.
        file: u32,
    },
    /// A folder was made.
    FolderMade {
        /// Where.
        path: String,
    },
    /// A folder was synced: the names in it are on the disk.
    FolderSynced {
        /// Which.
        path: String,
    },
    /// A file or folder has another name.
    Renamed {
        /// Before.
        from: String,
        /// After; what was there is gone.
        to: String,
    },
    /// A file or an empty folder was removed.
    Removed {
        /// Which.
        path: String,
    },
    /// The program wrote to its file of [marks](MARKS): this is how it says what it has been told is safe.
    Marked {
        /// What it wrote.
        text: String,
    },
    /// Something that the recorder does not understand, so that the log must not be trusted from here on.
    Unseen {
        /// What was called.
        what: String,
    },
}

/// A file of this name in the recorded folder is not part of the disk: what the program writes there becomes
/// [`Entry::Marked`].
pub const MARKS: &str = "acknowledgements";

impl Entry {
    /// The entry as bytes of the log.
    pub fn encode(&self) -> Vec<u8> {
        let two_paths;
        let (tag, file, position, bytes): (u8, u32, u64, &[u8]) = match self {
            Self::Created { file, path } => (1, *file, 0, path.as_bytes()),
            Self::Found { file, path } => (2, *file, 0, path.as_bytes()),
            Self::Wrote { file, offset, bytes } => (3, *file, *offset, bytes),
            Self::WroteSynced { file, offset, bytes } => (4, *file, *offset, bytes),
            Self::Resized { file, length } => (5, *file, *length, &[]),
            Self::Synced { file } => (6, *file, 0, &[]),
            Self::SyncFailed { file } => (7, *file, 0, &[]),
            Self::FolderMade { path } => (8, 0, 0, path.as_bytes()),
            Self::FolderSynced { path } => (9, 0, 0, path.as_bytes()),
            Self::Renamed { from, to } => {
                two_paths = [from.as_bytes(), to.as_bytes()].concat();
                (10, 0, from.len() as u64, &two_paths)
            }
            Self::Removed { path } => (11, 0, 0, path.as_bytes()),
            Self::Marked { text } => (12, 0, 0, text.as_bytes()),
            Self::Unseen { what } => (13, 0, 0, what.as_bytes()),
        };
        let mut encoded = Vec::with_capacity(HEADER_BYTES + bytes.len());
        encoded.push(tag);
        encoded.extend_from_slice(&file.to_le_bytes());
        encoded.extend_from_slice(&position.to_le_bytes());
        encoded.extend_from_slice(&(bytes.len() as u64).to_le_bytes());
        encoded.extend_from_slice(bytes);
        encoded
    }

    /// The first entry of `log` and what is behind it; `None` when there is no whole one.
    fn decode(log: &[u8]) -> Option<(Self, &[u8])> {
        let (&tag, rest) = log.split_first()?;
        let (file, rest) = rest.split_first_chunk()?;
        let (position, rest) = rest.split_first_chunk()?;
        let (length, rest) = rest.split_first_chunk()?;
        let (bytes, rest) = rest.split_at_checked(u64::from_le_bytes(*length) as usize)?;
        let (file, position) = (u32::from_le_bytes(*file), u64::from_le_bytes(*position));
        let text = || String::from_utf8_lossy(bytes).into_owned();
        let entry = match tag {
            1 => Self::Created { file, path: text() },
            2 => Self::Found { file, path: text() },
            3 => Self::Wrote { file, offset: position, bytes: bytes.to_vec() },
            4 => Self::WroteSynced { file, offset: position, bytes: bytes.to_vec() },
            5 => Self::Resized { file, length: position },
            6 => Self::Synced { file },
            7 => Self::SyncFailed { file },
            8 => Self::FolderMade { path: text() },
            9 => Self::FolderSynced { path: text() },
            10 => {
                let (from, to) = bytes.split_at_checked(position as usize)?;
                let path = |bytes| String::from_utf8_lossy(bytes).into_owned();
                Self::Renamed { from: path(from), to: path(to) }
            }
            11 => Self::Removed { path: text() },
            12 => Self::Marked { text: text() },
            13 => Self::Unseen { what: text() },
            _ => return None,
        };
        Some((entry, rest))
    }
}

/// Every whole entry of `log`, in order.
pub fn entries(mut log: &[u8]) -> Vec<Entry> {
    let mut found = Vec::new();
    while let Some((entry, rest)) = Entry::decode(log) {
        found.push(entry);
        log = rest;
    }
    found
}

const HEADER_BYTES: usize = 1 + 4 + 8 + 8;

#[cfg(test)]
mod tests {
    use super::*;

    fn one_of_each() -> Vec<Entry> {
        let path = || "world/objects/data.mdb".to_owned();
        vec![
            Entry::Created { file: 3, path: path() },
            Entry::Found { file: 4, path: path() },
            Entry::Wrote { file: 3, offset: 1 << 40, bytes: vec![1, 2, 3] },
            Entry::WroteSynced { file: 3, offset: 32, bytes: vec![0; 120] },
            Entry::Resized { file: 3, length: 7 },
            Entry::Synced { file: 3 },
            Entry::SyncFailed { file: 3 },
            Entry::FolderMade { path: path() },
            Entry::FolderSynced { path: String::new() },
            Entry::Renamed { from: "a".to_owned(), to: "bc".to_owned() },
            Entry::Removed { path: path() },
            Entry::Marked { text: "7".to_owned() },
            Entry::Unseen { what: "msync".to_owned() },
        ]
    }

    #[test]
    fn a_log_is_read_as_it_was_written() {
        let log: Vec<u8> = one_of_each().iter().flat_map(Entry::encode).collect();
        assert_eq!(entries(&log), one_of_each());
    }

    #[test]
    fn an_entry_that_is_not_whole_is_not_there() {
        let log: Vec<u8> = one_of_each().iter().flat_map(Entry::encode).collect();
        let last = Entry::Unseen { what: "msync".to_owned() }.encode().len();
        for cut in 1..=last {
            assert_eq!(entries(&log[..log.len() - cut]).len(), one_of_each().len() - 1);
        }
    }
}
