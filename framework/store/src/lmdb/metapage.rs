//! One of the two meta pages with which LMDB's file begins: what it says, as far as it matters here.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};

use super::datafile::Unfit;

/// What a meta page says, as far as it matters here.
#[derive(Debug)]
pub(super) struct Meta {
    pub(super) page_bytes: u64,
    depths: [u16; 2],
    pub(super) free_root: u64,
    main_root: u64,
    pub(super) last_page: u64,
    pub(super) transaction: u64,
}

impl Meta {
    /// The one at `at` in `file`.
    pub(super) fn read(file: &mut File, at: u64) -> Result<Self, Unfit> {
        let mut page = [0; META_BYTES];
        read_at(file, at, &mut page).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => Unfit::NotLmdb("it ends within its meta pages"),
            _ => Unfit::Unreadable(error),
        })?;
        if u16_at(&page, 10) & P_META == 0 || u32_at(&page, 16) != LMDB_MAGIC {
            return Err(Unfit::NotLmdb("it does not begin with LMDB's meta pages"));
        }
        if u32_at(&page, 20) != LMDB_VERSION {
            return Err(Unfit::NotLmdb("it is of another version of LMDB"));
        }
        let meta = Self {
            page_bytes: u64::from(u32_at(&page, 40)),
            depths: [u16_at(&page, 46), u16_at(&page, 94)],
            free_root: u64_at(&page, 80),
            main_root: u64_at(&page, 128),
            last_page: u64_at(&page, 136),
            transaction: u64_at(&page, 144),
        };
        let sound = meta.page_bytes.is_power_of_two()
            && (4096..=65_536).contains(&meta.page_bytes)
            && u16_at(&page, 44) & FIXED_MAP == 0;
        if sound { Ok(meta) } else { Err(Unfit::NotLmdb(IMPOSSIBLE)) }
    }

    /// Whether the trees may begin where this says.
    pub(super) fn is_possible(&self) -> bool {
        let fits = |root| root == NO_PAGE || (2..=self.last_page).contains(&root);
        self.last_page >= 1
            && self.depths.iter().all(|&depth| depth <= DEPTH_MAX)
            && fits(self.free_root)
            && fits(self.main_root)
    }
}

pub(super) fn read_at(file: &mut File, at: u64, bytes: &mut [u8]) -> io::Result<()> {
    file.seek(SeekFrom::Start(at))?;
    file.read_exact(bytes)
}

// LMDB writes numbers as the machine has them. The callers know that the bytes are there; were they not,
// zero is as good a number as any for a check that distrusts every number.

pub(super) fn u16_at(bytes: &[u8], at: usize) -> u16 {
    bytes.get(at..).and_then(<[u8]>::first_chunk).copied().map_or(0, u16::from_ne_bytes)
}

pub(super) fn u32_at(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..).and_then(<[u8]>::first_chunk).copied().map_or(0, u32::from_ne_bytes)
}

pub(super) fn u64_at(bytes: &[u8], at: usize) -> u64 {
    bytes.get(at..).and_then(<[u8]>::first_chunk).copied().map_or(0, u64::from_ne_bytes)
}

// `MDB_meta` of LMDB 0.9 on 64-bit machines, from `mdb.c`. Behind the 16 bytes with which every page begins: magic (4), version
// (4), address (8), map size (8), then two databases of 48 bytes (page size or pad (4), flags (2), depth (2), four
// counters (8 each), root (8)), last page (8), transaction (8).
/// How much of a meta page LMDB uses.
pub(super) const META_BYTES: usize = 152;
pub(super) const IMPOSSIBLE: &str = "a meta page holds impossible numbers";
const LMDB_MAGIC: u32 = 0xBEEF_C0DE;
const LMDB_VERSION: u32 = 1;
/// The root of a tree that has no pages.
pub(super) const NO_PAGE: u64 = u64::MAX;
const P_META: u16 = 0x08;
const FIXED_MAP: u16 = 0x01;
/// The deepest tree that LMDB's cursors can walk.
pub(super) const DEPTH_MAX: u16 = 32;
