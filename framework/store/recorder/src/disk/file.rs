//! One file's contents: what programs read, what is surely on the disk, and the sectors in between.

use std::collections::BTreeMap;

/// What a disk writes whole or not at all.
pub(super) const SECTOR_BYTES: usize = 512;

/// A file's contents.
#[derive(Debug)]
pub(super) struct Contents {
    /// What a program reads: the system's cache.
    cached: Vec<u8>,
    /// What is surely on the disk, in whole sectors. A sector may be there before the length that makes it part of
    /// the file is.
    synced: Vec<u8>,
    synced_length: usize,
    /// What the disk may hold instead, by sector, oldest first.
    sectors: BTreeMap<usize, Vec<Version>>,
    /// The lengths that the file may have instead, oldest first.
    lengths: Vec<Length>,
}

/// A sector as it was after a write.
#[derive(Debug)]
pub(super) struct Version {
    pub(super) write: u64,
    pub(super) bytes: Box<[u8; SECTOR_BYTES]>,
    /// A sync of it failed, so that no later one will write it.
    is_forgotten: bool,
}

#[derive(Debug)]
struct Length {
    bytes: usize,
    is_forgotten: bool,
}

impl Contents {
    /// A file that holds `bytes`, all of them synced.
    pub(super) fn synced(bytes: Vec<u8>) -> Self {
        let mut synced = bytes.clone();
        synced.resize(whole_sectors(bytes.len()), 0);
        Self {
            synced_length: bytes.len(),
            cached: bytes,
            synced,
            sectors: BTreeMap::new(),
            lengths: Vec::new(),
        }
    }

    /// `write` is this write's number: a later one has a higher one.
    pub(super) fn write(&mut self, offset: u64, bytes: &[u8], write: u64) {
        let (start, end) = (offset as usize, offset as usize + bytes.len());
        if bytes.is_empty() {
            return;
        }
        if end > self.cached.len() {
            self.cached.resize(end, 0);
        }
        // Also when the file is as long already, but the disk may have forgotten that.
        if end > self.length_to_come() {
            self.lengths.push(Length { bytes: end, is_forgotten: false });
        }
        self.cached[start..end].copy_from_slice(bytes);
        self.note(start, end, write);
    }

    pub(super) fn resize(&mut self, length: u64, write: u64) {
        let (before, after) = (self.cached.len(), length as usize);
        if before == after {
            return;
        }
        self.cached.resize(after, 0);
        self.lengths.push(Length { bytes: after, is_forgotten: false });
        // What is cut off reads as zeros when the file grows again.
        if after < before {
            self.note(after, before, write);
        }
    }

    /// All of it reaches the disk, but what an earlier sync failed for.
    pub(super) fn sync(&mut self) {
        let length = self.length_to_come();
        let Self { cached, synced, synced_length, sectors, lengths } = self;
        *synced_length = length;
        synced.resize(whole_sectors(length), 0);
        lengths.retain(|other| other.is_forgotten && other.bytes > length);
        sectors.retain(|&sector, versions| {
            let is_forgotten = versions.last().is_some_and(|version| version.is_forgotten);
            if !is_forgotten {
                store(synced, sector, &sector_of(cached, sector));
            }
            is_forgotten
        });
    }

    /// The sectors of this range reach the disk, as they are in the cache.
    pub(super) fn sync_range(&mut self, offset: u64, length: usize) {
        let end = offset as usize + length;
        if end > self.synced_length {
            self.synced_length = end;
            self.synced.resize(whole_sectors(end).max(self.synced.len()), 0);
            self.lengths.retain(|length| length.bytes > end);
        }
        for sector in sectors(offset as usize, end) {
            store(&mut self.synced, sector, &sector_of(&self.cached, sector));
            self.sectors.remove(&sector);
        }
    }

    /// The system gave up on what it had not written, and takes it for written from now on.
    pub(super) fn fail_sync(&mut self) {
        self.sectors.values_mut().flatten().for_each(|version| version.is_forgotten = true);
        self.lengths.iter_mut().for_each(|length| length.is_forgotten = true);
    }

    pub(super) fn undecided(&self) -> usize {
        self.sectors.len() + self.lengths.len()
    }

    /// What is surely on the disk: whole sectors, and how many bytes of them are the file's.
    pub(super) fn on_disk(&self) -> (&[u8], usize) {
        (&self.synced, self.synced_length)
    }

    /// Where the disk may hold something else, and what.
    pub(super) fn versions(&self) -> impl Iterator<Item = (usize, &[Version])> {
        self.sectors.iter().map(|(&sector, versions)| (sector, versions.as_slice()))
    }

    /// The lengths that it may have instead of the synced one, oldest first.
    pub(super) fn lengths(&self) -> Vec<usize> {
        self.lengths.iter().map(|length| length.bytes).collect()
    }

    /// How long the file is on the disk after the next sync.
    fn length_to_come(&self) -> usize {
        let last = self.lengths.iter().rev().find(|length| !length.is_forgotten);
        last.map_or(self.synced_length, |length| length.bytes)
    }

    fn note(&mut self, start: usize, end: usize, write: u64) {
        for sector in sectors(start, end) {
            let bytes = Box::new(sector_of(&self.cached, sector));
            let version = Version { write, bytes, is_forgotten: false };
            self.sectors.entry(sector).or_default().push(version);
        }
    }
}

/// The sectors that the bytes from `start` to before `end` lie in.
fn sectors(start: usize, end: usize) -> std::ops::Range<usize> {
    start / SECTOR_BYTES..end.div_ceil(SECTOR_BYTES)
}

/// The sector's bytes, with zeros beyond the end.
fn sector_of(bytes: &[u8], sector: usize) -> [u8; SECTOR_BYTES] {
    let mut found = [0; SECTOR_BYTES];
    let start = (sector * SECTOR_BYTES).min(bytes.len());
    let end = (start + SECTOR_BYTES).min(bytes.len());
    found[..end - start].copy_from_slice(&bytes[start..end]);
    found
}

/// Writes the sector over `bytes`, as far as they go.
pub(super) fn store(bytes: &mut [u8], sector: usize, with: &[u8; SECTOR_BYTES]) {
    let start = sector * SECTOR_BYTES;
    if let Some(bytes) = bytes.get_mut(start..start + SECTOR_BYTES) {
        bytes.copy_from_slice(with);
    }
}

/// `length` rounded up.
pub(super) fn whole_sectors(length: usize) -> usize {
    length.next_multiple_of(SECTOR_BYTES)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(bytes: &[u8]) -> Contents {
        let mut contents = Contents::synced(Vec::new());
        contents.write(0, bytes, 1);
        contents
    }

    fn on_disk(contents: &Contents) -> Vec<u8> {
        let (bytes, length) = contents.on_disk();
        bytes[..length].to_vec()
    }

    #[test]
    fn what_is_written_is_on_the_disk_when_it_is_synced() {
        let mut contents = written(&[7; 1000]);
        assert_eq!(on_disk(&contents), []);
        assert_eq!(contents.versions().count(), 2);
        assert_eq!(contents.lengths(), [1000]);
        contents.sync();
        assert_eq!(on_disk(&contents), [7; 1000]);
        assert_eq!(contents.undecided(), 0);
    }

    #[test]
    fn a_synced_write_takes_its_own_sectors_along_and_no_others() {
        let mut contents = written(&[7; 2048]);
        contents.write(600, &[8; 10], 2);
        contents.sync_range(600, 10);
        let left: Vec<usize> = contents.versions().map(|(sector, _)| sector).collect();
        assert_eq!(left, [0, 2, 3]);
        assert_eq!(on_disk(&contents)[512..600], [7; 88]);
        assert_eq!(on_disk(&contents)[600..], [8; 10]);
        // The rest of the sector went with it, and is there as soon as the file is longer.
        contents.sync();
        assert_eq!(on_disk(&contents)[610..], [7; 2048 - 610]);
    }

    /// As Linux does it: after a failed sync the pages count as clean, and the next sync does not write them.
    #[test]
    fn what_a_failed_sync_has_forgotten_no_later_one_writes() {
        let mut contents = written(&[7; 1024]);
        contents.sync();
        contents.write(0, &[8; 1024], 2);
        contents.fail_sync();
        contents.sync();
        assert_eq!(on_disk(&contents), [7; 1024]);
        assert_eq!(contents.undecided(), 2, "it may have reached the disk all the same");
        contents.write(0, &[9; 10], 3);
        contents.sync();
        assert_eq!(on_disk(&contents)[..20], [[9; 10], [8; 10]].concat());
        assert_eq!(on_disk(&contents)[512..], [7; 512]);
    }

    #[test]
    fn a_length_that_was_forgotten_comes_back_with_what_is_written_there() {
        let mut contents = written(&[7; 2048]);
        contents.fail_sync();
        contents.sync();
        assert_eq!(on_disk(&contents), []);
        assert_eq!(contents.lengths(), [2048], "it may have reached the disk all the same");
        contents.write(512, &[8; 512], 2);
        contents.sync();
        assert_eq!(on_disk(&contents), [[0; 512], [8; 512]].concat());
    }

    #[test]
    fn what_was_cut_off_does_not_come_back() {
        let mut contents = written(&[7; 1024]);
        contents.sync();
        contents.resize(100, 2);
        contents.resize(1024, 3);
        assert_eq!(contents.lengths(), [100, 1024]);
        contents.sync();
        assert_eq!(on_disk(&contents), [vec![7; 100], vec![0; 924]].concat());
    }
}
