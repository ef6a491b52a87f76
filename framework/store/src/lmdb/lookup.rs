//! Finds a record by reading the pages of LMDB's file, and not through LMDB's map.
//!
//! The first touch of a page through the map maps it, and the fifteen around it, which takes longer than everything
//! else that a load does; and because they count as this process's memory, they have to be unmapped again. A read copies
//! the one page that is wanted, out of the same cache of the system's.
//!
//! What is found is what LMDB would find. The caller has a transaction that reads: as long as it lasts, LMDB does not write to
//! the pages of its moment. Branches are kept (`branches.rs`), leaves are read each time. LMDB writes by system calls to the
//! file that is read here, and its map is of the same cached pages. The file is believed as little as possible: what cannot be so is an error, and a record has a checksum.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::thread::available_parallelism;

use super::branches::{Branch, Branches, Leaving, Numbers};
use super::datafile::{F_BIGDATA, NODE_HEADER, P_BRANCH, P_LEAF, PAGE_HEADER};
use super::metapage::{DEPTH_MAX, NO_PAGE, u16_at, u32_at, u64_at};

/// A file of LMDB's, to be read page by page.
#[derive(Debug)]
pub(super) struct Pages {
    /// The same file several times, for as many cores: the system counts who is reading by it, in one place for each.
    files: Box<[File]>,
    page_bytes: usize,
    branches: Branches,
}

/// What becomes of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    Put,
    Remove,
}

impl Change {
    /// To this value, or to none.
    pub(super) fn to<T>(value: Option<T>) -> Self {
        value.map_or(Self::Remove, |_| Self::Put)
    }
}

/// All of a value.
pub(super) const ALL: Range<usize> = 0..usize::MAX;

/// Where a tree begins, and how many levels it has.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tree {
    root: u64,
    depth: u16,
}

impl Tree {
    /// The tree that LMDB's own database describes in these bytes, an `MDB_db`; `None` if it has no pages.
    pub(super) fn of(described: &[u8]) -> Option<Self> {
        let root = u64::from_ne_bytes(*described.get(40..)?.first_chunk()?);
        // Deeper than can be is found out at the end, where a leaf should be.
        let depth = u16_at(described, 6).min(DEPTH_MAX);
        (root != NO_PAGE).then_some(Self { root, depth })
    }
}

impl Pages {
    /// The pages of `file`, so many bytes each; `again` opens the same file once more.
    pub(super) fn of(file: File, page_bytes: usize, again: impl Fn() -> io::Result<File>) -> Self {
        let more = (1..FILES_MAX.min(cores())).map_while(|_| again().ok());
        let files = std::iter::once(file).chain(more).collect();
        Self { files, page_bytes, branches: Branches::default() }
    }

    /// What `tree`, as it is after the transaction `moment`, has under the number `key`: as much of `part` of it as there is.
    ///
    /// # Errors
    /// The file cannot be read; or, as [`InvalidData`](io::ErrorKind::InvalidData), it is damaged.
    pub(super) fn find(
        &self,
        moment: usize,
        tree: Tree,
        key: u64,
        part: Range<usize>,
    ) -> io::Result<Option<Vec<u8>>> {
        // Zeroed as it is allocated, and not written twice.
        let mut bytes = vec![0; self.page_bytes];
        let part = self.find_in(0, moment, tree, key, part, &mut bytes)?;
        Ok(part.map(|part| {
            bytes.truncate(part.end);
            bytes.drain(..part.start);
            // Whoever keeps many of them would keep a page for each.
            bytes.shrink_to_fit();
            bytes
        }))
    }

    /// As [`find`](Self::find), and where it lies in `bytes`, which it is read into. Who has another `stripe` than others does not
    /// stand in their way.
    pub(super) fn find_in(
        &self,
        stripe: usize,
        moment: usize,
        tree: Tree,
        key: u64,
        part: Range<usize>,
        bytes: &mut Vec<u8>,
    ) -> io::Result<Option<Range<usize>>> {
        let file = &self.files[stripe % self.files.len()];
        bytes.resize(self.page_bytes, 0);
        let (mut number, levels) =
            self.branches.descend(moment, tree.root, tree.depth.saturating_sub(1), key);
        for _ in 0..levels {
            let page = self.branch(file, number, bytes)?;
            let child = page.child(key)?;
            if self.branches.has_room(self.page_bytes)
                && let Some(branch) = page.to_branch()
            {
                self.branches.keep(moment, number, branch);
            }
            number = child;
        }
        self.read(file, number, 0, bytes)?;
        Ok(match (Page { bytes, number }).leaf_value(key)? {
            None => None,
            Some(Value::Here(all)) => Some(within(&all, &part)),
            Some(Value::Elsewhere { first, length }) => {
                let part = within(&(0..length), &part);
                self.elsewhere(file, first, &part, bytes)?;
                Some(0..part.len())
            }
        })
    }

    /// Learns, before the transaction `next` is committed, that it puts and removes what has these keys in `tree`, as it was
    /// before: which branches it may replace.
    pub(super) fn expect(
        &self,
        next: usize,
        tree: Option<Tree>,
        changes: impl Iterator<Item = (u64, Change)>,
    ) {
        let leaving = match tree {
            None => Ok(Leaving::Some(Numbers::default())),
            Some(tree) => self.leaving(tree, changes),
        };
        // Who cannot read it does not say so: LMDB will, or whoever looks for something.
        self.branches.expect(next, leaving.unwrap_or(Leaving::Any));
    }

    fn leaving(
        &self,
        tree: Tree,
        changes: impl Iterator<Item = (u64, Change)>,
    ) -> io::Result<Leaving> {
        let mut leaving = Numbers::default();
        // Changes come in the order of their keys, so a path has much in common with the one before.
        let mut path: Vec<(u64, Branch)> = Vec::new();
        // How much is removed below each branch of the path, and whether something is put in there.
        let mut removed: Vec<(usize, bool)> = Vec::new();
        let mut bytes = vec![0; self.page_bytes];
        for (key, change) in changes {
            let mut number = tree.root;
            for level in 0..usize::from(tree.depth.saturating_sub(1)) {
                if path.get(level).is_none_or(|(there, _)| *there != number) {
                    path.truncate(level);
                    removed.truncate(level);
                    let branch = self.branch(&self.files[0], number, &mut bytes)?;
                    let Some(branch) = branch.to_branch() else {
                        return Ok(Leaving::Any);
                    };
                    path.push((number, branch));
                    removed.push((0, false));
                    leaving.insert(number);
                }
                let (_, branch) = &path[level];
                removed[level].1 |= change == Change::Put;
                if change == Change::Remove && level + 2 < usize::from(tree.depth) {
                    removed[level].0 += 1;
                    let (removed, is_put_in) = removed[level];
                    if removed == 1 {
                        // A branch that gets too short is filled up from one beside it, or put into that one.
                        leaving.extend(branch.children());
                    }
                    // One that has hardly any below it may get some from below one beside it, and those be replaced too. It loses one at
                    // the most for each removal, and half of them when it is split.
                    let least = if is_put_in { branch.len() / 2 } else { branch.len() };
                    if level > 0 && least <= removed + 1 {
                        return Ok(Leaving::Any);
                    }
                }
                number = branch.child(key);
            }
        }
        Ok(Leaving::Some(leaving))
    }

    /// The branch `number`, read into `bytes`.
    fn branch<'b>(&self, file: &File, number: u64, bytes: &'b mut [u8]) -> io::Result<Page<'b>> {
        self.read(file, number, 0, bytes)?;
        let page = Page { bytes, number };
        page.expect(P_BRANCH)?;
        Ok(page)
    }

    /// Reads this part of a value that has pages of its own into `bytes`.
    fn elsewhere(
        &self,
        file: &File,
        first: u64,
        part: &Range<usize>,
        bytes: &mut Vec<u8>,
    ) -> io::Result<()> {
        // Before much is allocated: the length may be nonsense.
        if part.len() > UNASKED_MAX && part.len() as u64 > file.metadata()?.len() {
            return Err(damaged(first));
        }
        bytes.resize(part.len(), 0);
        self.read(file, first, PAGE_HEADER + part.start, bytes)
    }

    fn read(&self, file: &File, number: u64, offset: usize, bytes: &mut [u8]) -> io::Result<()> {
        let page = number.checked_mul(self.page_bytes as u64);
        let at = page.and_then(|page| page.checked_add(offset as u64));
        read_at(file, at.ok_or_else(|| damaged(number))?, bytes)
    }
}

/// What `all` has of `part`, which counts from its beginning.
fn within(all: &Range<usize>, part: &Range<usize>) -> Range<usize> {
    let at = |offset: usize| all.start.saturating_add(offset).min(all.end);
    at(part.start)..at(part.end)
}

fn read_at(file: &File, mut at: u64, mut bytes: &mut [u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match read_some(file, at, bytes)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            count => (at, bytes) = (at + count as u64, &mut bytes[count..]),
        }
    }
    Ok(())
}

// Not by way of the C library, where it is a point at which a thread can be cancelled, which takes a while to say.
#[cfg(unix)]
fn read_some(file: &File, at: u64, bytes: &mut [u8]) -> io::Result<usize> {
    Ok(rustix::io::retry_on_intr(|| rustix::io::pread(file, &mut *bytes, at))?)
}

#[cfg(windows)]
fn read_some(file: &File, at: u64, bytes: &mut [u8]) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_read(file, bytes, at)
}

/// A page of a tree.
struct Page<'b> {
    bytes: &'b [u8],
    number: u64,
}

/// Where a value lies.
enum Value {
    /// In this part of the leaf.
    Here(Range<usize>),
    /// On pages of its own, behind the first one's header.
    Elsewhere { first: u64, length: usize },
}

impl Page<'_> {
    /// That it is what it should be.
    fn expect(&self, kind: u16) -> io::Result<()> {
        let is_so = u16_at(self.bytes, 10) == kind && u64_at(self.bytes, 0) == self.number;
        if is_so { Ok(()) } else { Err(self.damaged()) }
    }

    fn nodes(&self) -> usize {
        usize::from(u16_at(self.bytes, 12)).saturating_sub(PAGE_HEADER) / 2
    }

    /// Where the header of the node in this place begins; all of it and of its key is within the page.
    fn header(&self, place: usize) -> io::Result<usize> {
        let at = usize::from(u16_at(self.bytes, PAGE_HEADER + 2 * place));
        let is_within = at >= PAGE_HEADER && at + NODE_HEADER <= self.bytes.len();
        if is_within { Ok(at) } else { Err(self.damaged()) }
    }

    /// The key of the node in this place.
    fn key(&self, place: usize) -> io::Result<u64> {
        let at = self.header(place)?;
        let key = self.bytes.get(at + NODE_HEADER..).and_then(<[u8]>::first_chunk);
        match key {
            Some(key) if usize::from(u16_at(self.bytes, at + 6)) == KEY_BYTES => {
                Ok(u64::from_be_bytes(*key))
            }
            _ => Err(self.damaged()),
        }
    }

    /// How many of the nodes in the places from `first` on have keys that are not behind `key`, and those before `first`.
    fn not_behind(&self, first: usize, key: u64) -> io::Result<usize> {
        let (mut low, mut high) = (first, self.nodes().max(first));
        while low < high {
            let middle = low.midpoint(high);
            if self.key(middle)? <= key {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        Ok(low)
    }

    /// The page below this branch where `key` is, if it is anywhere.
    fn child(&self, key: u64) -> io::Result<u64> {
        // The first node of a branch has no key: it is for all that is before the second's.
        self.child_in(self.not_behind(1, key)? - 1)
    }

    /// The page below this branch that the node in this place leads to.
    fn child_in(&self, place: usize) -> io::Result<u64> {
        let at = self.header(place)?;
        Ok(u64::from(u32_at(self.bytes, at)) | u64::from(u16_at(self.bytes, at + 4)) << 32)
    }

    /// This branch in the form in which it is kept; `None` if it is damaged, or does not fit into that.
    fn to_branch(&self) -> Option<Branch> {
        Branch::new(self.nodes(), |place| self.key(place).ok(), |place| self.child_in(place).ok())
    }

    /// Where the value of `key` lies, if this is a leaf and has one.
    fn leaf_value(&self, key: u64) -> io::Result<Option<Value>> {
        self.expect(P_LEAF)?;
        let Some(place) = self.not_behind(0, key)?.checked_sub(1) else { return Ok(None) };
        if self.key(place)? != key {
            return Ok(None);
        }
        let at = self.header(place)?;
        let (length, start) = (u32_at(self.bytes, at) as usize, at + NODE_HEADER + KEY_BYTES);
        match u16_at(self.bytes, at + 4) {
            0 if start + length <= self.bytes.len() => Ok(Some(Value::Here(start..start + length))),
            F_BIGDATA if start + 8 <= self.bytes.len() => {
                Ok(Some(Value::Elsewhere { first: u64_at(self.bytes, start), length }))
            }
            _ => Err(self.damaged()),
        }
    }

    fn damaged(&self) -> io::Error {
        damaged(self.number)
    }
}

fn damaged(number: u64) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("page {number} is damaged"))
}

/// How many threads can be at it at once.
pub(super) fn cores() -> usize {
    available_parallelism().map_or(1, usize::from)
}

/// What each costs is a place in the process's table of open files, which may have no more than a thousand.
const FILES_MAX: usize = 8;

/// How many bytes are read without asking whether the file is so long.
const UNASKED_MAX: usize = 64 << 10;

/// All keys are numbers.
const KEY_BYTES: usize = 8;

#[cfg(test)]
mod tests;
