//! What the disk holds after a power cut: one of the many possible worlds, chosen at random, as a folder.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

use rand::{Rng, RngExt};

use super::Disk;
use super::file::{Contents, SECTOR_BYTES, store, whole_sectors};
use super::tree::{Node, ROOT};

/// Which of what was not synced reached the disk.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Cut {
    /// Nothing of it.
    Nothing,
    /// All of it.
    All,
    /// Each block of so many bytes by itself, with this probability; and for a block that was written more than
    /// once, as it was after any of the writes.
    Some {
        /// 512 for a disk that tears pages, 4096 for one that does not.
        block_bytes: usize,
        /// From 0 to 1.
        kept: f64,
    },
    /// All but one block of 4096 bytes.
    AllButOne,
}

/// A power cut's outcome.
#[derive(Debug, PartialEq, Eq)]
pub struct Image {
    folders: Vec<String>,
    files: BTreeMap<String, Vec<u8>>,
}

impl Cut {
    /// One of the kinds, from the mildest to the wildest.
    pub fn random(rng: &mut impl Rng) -> Self {
        match rng.random_range(0..8) {
            0 => Self::Nothing,
            1 => Self::All,
            2 => Self::AllButOne,
            _ => Self::Some {
                block_bytes: if rng.random_bool(0.5) { SECTOR_BYTES } else { PAGE_BYTES },
                kept: [0.1, 0.5, 0.9][rng.random_range(0..3)],
            },
        }
    }
}

impl Disk {
    /// What the disk may hold if the power goes now.
    pub fn cut(&self, cut: Cut, rng: &mut impl Rng) -> Image {
        let mut image = Image { folders: Vec::new(), files: BTreeMap::new() };
        self.cut_folder(ROOT, "", cut, rng, &mut image);
        image
    }

    fn cut_folder(&self, folder: usize, at: &str, cut: Cut, rng: &mut impl Rng, image: &mut Image) {
        let changes = self.tree.changes(folder);
        let kept = match cut {
            Cut::Nothing => 0,
            Cut::All | Cut::AllButOne => changes,
            Cut::Some { .. } => rng.random_range(0..=changes),
        };
        for (name, node) in self.tree.names(folder, kept) {
            let path = format!("{at}{name}");
            match node {
                Node::File(file) => {
                    if let Some(file) = self.files.get(&file) {
                        image.files.insert(path, cut_file(&file.contents, cut, rng));
                    }
                }
                Node::Folder(below) => {
                    self.cut_folder(below, &format!("{path}/"), cut, rng, image);
                    image.folders.push(path);
                }
            }
        }
    }
}

/// The file's bytes after the cut.
fn cut_file(contents: &Contents, cut: Cut, rng: &mut impl Rng) -> Vec<u8> {
    let (on_disk, synced_length) = contents.on_disk();
    let lengths = contents.lengths();
    let length = match (cut, lengths.last()) {
        (Cut::Nothing, _) | (_, None) => synced_length,
        (Cut::All | Cut::AllButOne, Some(&last)) => last,
        (Cut::Some { .. }, Some(_)) => match rng.random_range(0..=lengths.len()) {
            0 => synced_length,
            change => lengths[change - 1],
        },
    };
    let mut bytes = on_disk.to_vec();
    bytes.resize(whole_sectors(length), 0);
    let block_bytes = match cut {
        Cut::Some { block_bytes, .. } => block_bytes,
        _ => PAGE_BYTES,
    };
    let mut blocks: BTreeMap<usize, Vec<u64>> = BTreeMap::new();
    for (sector, versions) in contents.versions() {
        let writes = blocks.entry(sector * SECTOR_BYTES / block_bytes).or_default();
        writes.extend(versions.iter().map(|version| version.write));
    }
    let left_out = rng.random_range(0..blocks.len().max(1));
    // The last write that each block has seen: of its sectors, the disk holds what was there then.
    let seen: BTreeMap<usize, u64> = (blocks.iter().enumerate())
        .map(|(nth, (&block, writes))| {
            let last = match cut {
                Cut::Nothing => 0,
                Cut::All => u64::MAX,
                Cut::AllButOne => {
                    if nth == left_out {
                        0
                    } else {
                        u64::MAX
                    }
                }
                Cut::Some { kept, .. } if rng.random_bool(kept) => u64::MAX,
                Cut::Some { .. } if rng.random_bool(0.7) => 0,
                Cut::Some { .. } => writes[rng.random_range(0..writes.len())],
            };
            (block, last)
        })
        .collect();
    for (sector, versions) in contents.versions() {
        let last = seen[&(sector * SECTOR_BYTES / block_bytes)];
        if let Some(version) = versions.iter().rev().find(|version| version.write <= last) {
            store(&mut bytes, sector, &version.bytes);
        }
    }
    bytes.truncate(length);
    bytes
}

impl Image {
    /// Makes `folder` hold what the disk holds. What was in it is gone.
    ///
    /// # Errors
    /// The folder cannot be emptied or written.
    pub fn write(&self, folder: &Path) -> io::Result<()> {
        match fs::remove_dir_all(folder) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => fs::create_dir_all(folder)?,
        }
        for path in &self.folders {
            fs::create_dir_all(folder.join(path))?;
        }
        for (path, bytes) in &self.files {
            fs::write(folder.join(path), bytes)?;
        }
        Ok(())
    }

    /// The bytes of the file at `path`; `None` when there is none.
    pub fn file(&self, path: &str) -> Option<&[u8]> {
        self.files.get(path).map(Vec::as_slice)
    }
}

const PAGE_BYTES: usize = 4096;

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_pcg::Pcg64Mcg;

    use super::super::Ignored;
    use super::*;
    use crate::log::Entry;

    fn replayed(mut disk: Disk, log: &[Entry]) -> Disk {
        log.iter().for_each(|entry| disk.replay(entry).unwrap());
        disk
    }

    fn wrote(byte: u8) -> Entry {
        Entry::Wrote { file: 0, offset: 0, bytes: vec![byte; 8192] }
    }

    fn begin() -> Vec<Entry> {
        let created = Entry::Created { file: 0, path: "a".to_owned() };
        let folder = Entry::FolderSynced { path: String::new() };
        vec![created, wrote(1), Entry::Synced { file: 0 }, folder]
    }

    #[test]
    fn what_is_synced_is_never_lost_and_what_is_not_may_be_torn() {
        let disk = replayed(Disk::empty(), &begin());
        let disk = replayed(disk, &[wrote(2), wrote(3)]);
        let mut rng = Pcg64Mcg::seed_from_u64(1);
        let file = |cut, rng: &mut _| disk.cut(cut, rng).file("a").map(<[u8]>::to_vec);
        assert_eq!(file(Cut::Nothing, &mut rng), Some(vec![1; 8192]));
        assert_eq!(file(Cut::All, &mut rng), Some(vec![3; 8192]));
        let mut pages = std::collections::BTreeSet::new();
        let mut is_torn = false;
        for _ in 0..1000 {
            let bytes = file(Cut::random(&mut rng), &mut rng).unwrap();
            assert_eq!(bytes.len(), 8192);
            pages.insert((bytes[0], bytes[4096]));
            is_torn |= bytes[..4096].iter().any(|byte| *byte != bytes[0]);
        }
        assert_eq!(pages.len(), 9, "each page is of any moment, by itself");
        assert!(is_torn);
    }

    #[test]
    fn names_reach_the_disk_in_order_or_not_at_all() {
        let mut log = begin();
        log.push(Entry::Renamed { from: "a".to_owned(), to: "b".to_owned() });
        log.push(Entry::Created { file: 1, path: "c".to_owned() });
        let disk = replayed(Disk::empty(), &log);
        let mut rng = Pcg64Mcg::seed_from_u64(1);
        let mut seen = std::collections::BTreeSet::new();
        for _ in 0..100 {
            let image = disk.cut(Cut::random(&mut rng), &mut rng);
            seen.insert(["a", "b", "c"].map(|name| image.file(name).is_some()));
        }
        let orders = [[true, false, false], [false, true, false], [false, true, true]];
        assert_eq!(seen, orders.into());
    }

    #[test]
    fn a_sync_that_is_ignored_keeps_nothing() {
        let mut rng = Pcg64Mcg::seed_from_u64(1);
        let ignored = [Ignored::Syncs("a".to_owned())];
        let disk = replayed(Disk::empty().ignoring(&ignored), &begin());
        assert_eq!(disk.cut(Cut::Nothing, &mut rng).file("a"), Some([].as_slice()));
        let disk = replayed(Disk::empty().ignoring(&[Ignored::FolderSyncs]), &begin());
        assert_eq!(disk.cut(Cut::Nothing, &mut rng).file("a"), None);
    }
}
