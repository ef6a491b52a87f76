//! A look at LMDB's file before LMDB maps it.
//!
//! LMDB believes its file. A page that the file is too short for is a bus error when it is touched, which no
//! program survives, so a file that was cut off must be found out beforehand. This reads the two meta pages,
//! which begin the file, and compares.
//!
//! A good file may be shorter than its meta page says, when its last pages were allocated and freed again in
//! one transaction: they were never written. LMDB then lists them as free. Hence the second half of this
//! file, which reads LMDB's list of free pages (a B+tree as every other, from transaction number to page
//! numbers) and holds the missing pages against it. It runs only for such a file.
//!
//! Another process may be writing to the file meanwhile, and what is read of it need not fit together. A refusal counts
//! only if both meta pages are still what they were when it was found.
//!
//! Not looked at: the pages themselves. Damage to a record is found by its checksum when it is loaded.

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use super::metapage::{self, DEPTH_MAX, Meta, NO_PAGE, read_at, u16_at, u32_at, u64_at};

/// The file's name within its environment's folder.
pub(super) const NAME: &str = "data.mdb";

/// Why a file must not be mapped; said after the file's name.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unfit {
    /// There is none, or it is empty.
    #[error("is gone; if this was your world, restore it from a backup")]
    Missing,
    /// Something else, or LMDB's with its first pages overwritten.
    #[error("is not an LMDB file: {0}; if this was your world, restore it from a backup")]
    NotLmdb(&'static str),
    /// Pages that are in use are beyond the file's end.
    #[error(
        "is cut off after {length} of {wanted} bytes; if this was your world, restore it from a backup"
    )]
    CutOff {
        /// What there is.
        length: u64,
        /// What there should be.
        wanted: u64,
    },
    /// The system did not let us read it.
    #[error(transparent)]
    Unreadable(io::Error),
}

/// Whether LMDB may map the file at `path`.
pub(super) fn check(path: &Path) -> Result<(), Unfit> {
    let mut tries_left = TRIES;
    loop {
        let before = beginning(path);
        let checked = check_once(path);
        tries_left -= 1;
        if checked.is_ok() || tries_left == 0 || beginning(path) == before {
            return checked;
        }
    }
}

/// Where both meta pages are, as far as they can be read.
fn beginning(path: &Path) -> Vec<u8> {
    let mut bytes = Vec::new();
    // What cannot be read is found out, and said, by the check itself.
    let _read = File::open(path).and_then(|file| file.take(META_PAGES).read_to_end(&mut bytes));
    bytes
}

fn check_once(path: &Path) -> Result<(), Unfit> {
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(Unfit::Missing),
        Err(error) => return Err(Unfit::Unreadable(error)),
    };
    let status = file.metadata().map_err(Unfit::Unreadable)?;
    if !status.is_file() {
        return Err(Unfit::NotLmdb("it is not a file at all"));
    }
    if status.len() == 0 {
        return Err(Unfit::Missing);
    }
    let first = Meta::read(&mut file, 0)?;
    let second = Meta::read(&mut file, first.page_bytes)?;
    if first.page_bytes != second.page_bytes {
        return Err(Unfit::NotLmdb("its two meta pages disagree about the size of a page"));
    }
    // LMDB uses the newer one, and the first when they are of one age. The other's roots mean nothing: when LMDB could not
    // write a meta page, it gives the page the older number back, and leaves the roots as they were going to be.
    let meta = if second.transaction > first.transaction { second } else { first };
    if !meta.is_possible() {
        return Err(Unfit::NotLmdb(metapage::IMPOSSIBLE));
    }
    // After the meta pages, because the file only grows, and before they speak of it.
    let length = file.metadata().map_err(Unfit::Unreadable)?.len();
    let wanted = (meta.last_page.checked_add(1))
        .and_then(|pages| pages.checked_mul(meta.page_bytes))
        .ok_or(Unfit::NotLmdb("its number of pages is impossible"))?;
    if length >= wanted {
        return Ok(());
    }
    let mut pages =
        Pages { file, page_bytes: meta.page_bytes, length, visits_left: length / meta.page_bytes };
    match pages.missing_are_free(&meta) {
        Ok(true) => Ok(()),
        Ok(false) => Err(Unfit::CutOff { length, wanted }),
        // The list itself is beyond the end, or in pages that are not its own any more.
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidData
            ) =>
        {
            Err(Unfit::CutOff { length, wanted })
        }
        Err(error) => Err(Unfit::Unreadable(error)),
    }
}

/// The pages of a file that is shorter than it should be.
struct Pages {
    file: File,
    page_bytes: u64,
    length: u64,
    // A damaged tree may have circles in it; a sound one has no more pages than the file.
    visits_left: u64,
}

impl Pages {
    /// Whether every page that the file does not have in full is listed as free.
    fn missing_are_free(&mut self, meta: &Meta) -> io::Result<bool> {
        let missing = self.length / self.page_bytes..=meta.last_page;
        let mut free = HashSet::new();
        if meta.free_root != NO_PAGE {
            self.walk(meta.free_root, DEPTH_MAX, &mut |page| {
                if missing.contains(&page) {
                    free.insert(page);
                }
            })?;
        }
        Ok(free.len() as u64 == missing.end() - missing.start() + 1)
    }

    /// Hands every page number listed in the tree under `page` to `found`.
    fn walk(&mut self, page: u64, depth_left: u16, found: &mut dyn FnMut(u64)) -> io::Result<()> {
        self.visits_left = self.visits_left.checked_sub(1).ok_or(io::ErrorKind::InvalidData)?;
        let depth_left = depth_left.checked_sub(1).ok_or(io::ErrorKind::InvalidData)?;
        let bytes = self.read(page, 0, self.page_bytes)?;
        let flags = u16_at(&bytes, 10);
        let nodes = usize::from(u16_at(&bytes, 12)).saturating_sub(PAGE_HEADER) / 2;
        for at in 0..nodes {
            let pointer = part(&bytes, PAGE_HEADER + 2 * at, 2)?;
            let node = part(&bytes, usize::from(u16_at(pointer, 0)), NODE_HEADER)?;
            if flags & P_BRANCH != 0 {
                let child = u64::from(u32_at(node, 0)) | u64::from(u16_at(node, 4)) << 32;
                self.walk(child, depth_left, found)?;
            } else if flags & P_LEAF != 0 {
                let list = self.data(&bytes, usize::from(u16_at(pointer, 0)))?;
                let numbers = list.chunks_exact(8).map(|number| u64_at(number, 0));
                let count = numbers.clone().next().unwrap_or(0);
                numbers.skip(1).zip(0..count).for_each(|(page, _)| found(page));
            } else {
                return Err(io::ErrorKind::InvalidData.into());
            }
        }
        Ok(())
    }

    /// The data of the leaf node at `node` in `page`: behind its key, or on pages of its own.
    fn data(&mut self, page: &[u8], node: usize) -> io::Result<Vec<u8>> {
        let header = part(page, node, NODE_HEADER)?;
        let length = u32_at(header, 0);
        let data = node + NODE_HEADER + usize::from(u16_at(header, 6));
        if u16_at(header, 4) & F_BIGDATA == 0 {
            return Ok(part(page, data, length as usize)?.to_vec());
        }
        let elsewhere = u64_at(part(page, data, 8)?, 0);
        self.read(elsewhere, PAGE_HEADER as u64, u64::from(length))
    }

    fn read(&mut self, page: u64, offset: u64, length: u64) -> io::Result<Vec<u8>> {
        let start = page.checked_mul(self.page_bytes).and_then(|at| at.checked_add(offset));
        let start = start.ok_or(io::ErrorKind::InvalidData)?;
        // Before anything is allocated: the length may be nonsense.
        if start.checked_add(length).is_none_or(|end| end > self.length) {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let mut bytes = vec![0; length as usize];
        read_at(&mut self.file, start, &mut bytes)?;
        Ok(bytes)
    }
}

fn part(bytes: &[u8], at: usize, length: usize) -> io::Result<&[u8]> {
    bytes.get(at..at + length).ok_or_else(|| io::ErrorKind::InvalidData.into())
}

/// Two of the largest pages that there are.
const META_PAGES: u64 = 2 * 65_536;
/// A writer commits once in milliseconds, and a look takes microseconds.
const TRIES: u32 = 8;
// The layout of LMDB 0.9's pages on 64-bit machines, from `mdb.c`: `MDB_page` and `MDB_node`. A page: number (8 bytes),
// pad (2), flags (2), lower (2), upper (2), then node offsets (2 each).
pub(super) const PAGE_HEADER: usize = 16;
pub(super) const NODE_HEADER: usize = 8;
pub(super) const P_BRANCH: u16 = 0x01;
pub(super) const P_LEAF: u16 = 0x02;
pub(super) const F_BIGDATA: u16 = 0x01;

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::FileExt;

    use heed::byteorder::BigEndian;
    use heed::types::{Bytes, U64};
    use heed::{CommitOrAbort, Database, Env, EnvOpenOptions, WithoutTls};
    use tempfile::TempDir;

    use super::*;

    type Values = Database<'static, U64<BigEndian>, Bytes>;

    fn environment() -> (TempDir, Env<WithoutTls>, Values) {
        let folder = tempfile::tempdir().unwrap();
        let mut settings = EnvOpenOptions::new().read_txn_without_tls();
        settings.map_size(1 << 30).max_dbs(1);
        // SAFETY: the folder is new and this test's own.
        #[allow(unsafe_code)]
        let env = unsafe { settings.open(folder.path()) }.unwrap();
        let txn = env.write_txn().unwrap();
        let values = env
            .create_databases_and_commit(txn, |databases, txn| {
                databases.create_database(txn, Some("values")).map(CommitOrAbort::<_, ()>::Commit)
            })
            .unwrap()
            .unwrap_commit();
        (folder, env, values)
    }

    /// Leaves pages behind that later transactions may use again.
    fn leave_free_pages(env: &Env<WithoutTls>, values: Values) {
        (0..4).for_each(|_| put_and_delete(env, values, 3 * 4096));
    }

    /// One transaction that puts `big` bytes in and takes them out again. When there are free pages already, LMDB adds
    /// theirs to them at once, and never writes them.
    fn put_and_delete(env: &Env<WithoutTls>, values: Values, big: usize) {
        let mut txn = env.write_txn().unwrap();
        values.put(&mut txn, &u64::MAX, &vec![1; big]).unwrap();
        values.delete(&mut txn, &u64::MAX).unwrap();
        txn.commit().unwrap();
    }

    /// The file is fit although it is shorter than it says, and not when it is cut shorter still.
    fn assert_short_and_fit(file: &Path, env: Env<WithoutTls>) {
        let says = (env.info().last_page_number as u64 + 1) * 4096;
        drop(env);
        let length = fs::metadata(file).unwrap().len();
        assert!(length < says, "{length} of {says} bytes: LMDB wrote the pages after all");
        check(file).unwrap();

        // The list of free pages lies in the file, and any of its bytes may be wrong: an answer, not a panic.
        let writable = File::options().write(true).open(file).unwrap();
        let whole = fs::read(file).unwrap();
        for at in (8192..whole.len()).step_by((whole.len() / 600) | 1) {
            writable.write_all_at(&[!whole[at]], at as u64).unwrap();
            let _any_answer = check(file);
            writable.write_all_at(&[whole[at]], at as u64).unwrap();
        }
        check(file).unwrap();

        let mut refused = 0;
        for pages in (2..length / 4096).rev().step_by(5) {
            writable.set_len(pages * 4096).unwrap();
            match check(file) {
                Err(Unfit::CutOff { .. }) => refused += 1,
                other => assert!(other.is_ok(), "{other:?}"),
            }
        }
        assert!(refused > 0, "no cut was noticed");
    }

    #[test]
    fn pages_that_were_freed_before_they_were_written_are_not_missed() {
        let (folder, env, values) = environment();
        leave_free_pages(&env, values);
        put_and_delete(&env, values, 50 * 4096);
        assert_short_and_fit(&folder.path().join(NAME), env);
    }

    /// So many pages that their list has pages of its own.
    #[test]
    fn a_long_list_of_free_pages_is_read() {
        let (folder, env, values) = environment();
        leave_free_pages(&env, values);
        put_and_delete(&env, values, 2000 * 4096);
        assert_short_and_fit(&folder.path().join(NAME), env);
    }

    /// So many lists that their tree has branches: a long reader keeps the pages from being used again.
    #[test]
    fn many_lists_of_free_pages_are_read() {
        let (folder, env, values) = environment();
        put_and_delete(&env, values, 1500 * 4096);
        leave_free_pages(&env, values);
        let reader = env.read_txn().unwrap();
        for n in 0..150 {
            let mut txn = env.write_txn().unwrap();
            values.put(&mut txn, &n, &[7; 100]).unwrap();
            txn.commit().unwrap();
        }
        put_and_delete(&env, values, 2500 * 4096);
        drop(reader);
        assert_short_and_fit(&folder.path().join(NAME), env);
    }

    #[test]
    fn a_whole_file_is_fit() {
        let (folder, env, values) = environment();
        let mut txn = env.write_txn().unwrap();
        values.put(&mut txn, &1, &[7; 100_000]).unwrap();
        txn.commit().unwrap();
        drop(env);
        let file = folder.path().join(NAME);
        check(&file).unwrap();
        let length = fs::metadata(&file).unwrap().len();
        File::options().write(true).open(&file).unwrap().set_len(length - 1).unwrap();
        assert!(matches!(check(&file), Err(Unfit::CutOff { .. })));
    }

    /// What LMDB leaves of a meta page that it could not write: the older number, and the roots that were to come.
    #[test]
    fn the_roots_of_the_older_meta_page_mean_nothing() {
        let (folder, env, values) = environment();
        put_and_delete(&env, values, 4096);
        drop(env);
        let file = folder.path().join(NAME);
        let metas = [0, 4096].map(|at| Meta::read(&mut File::open(&file).unwrap(), at).unwrap());
        let newer = u64::from(metas[1].transaction > metas[0].transaction);
        let writable = File::options().write(true).open(&file).unwrap();
        for at in [80, 128] {
            writable.write_all_at(&9999_u64.to_ne_bytes(), 4096 * (1 - newer) + at).unwrap();
            check(&file).unwrap();
        }
        writable.write_all_at(&9999_u64.to_ne_bytes(), 4096 * newer + 128).unwrap();
        assert!(matches!(check(&file), Err(Unfit::NotLmdb(_))));
    }
}
