//! Damages to a file, and what of LMDB's file each of them hits.

use rand::RngExt;
use rand_pcg::Pcg64Mcg;

/// A file with a damage.
#[derive(Debug)]
pub(crate) struct Damage {
    pub(crate) bytes: Vec<u8>,
    pub(crate) hit: Hit,
}

/// What is damaged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Hit {
    /// A small file that is not LMDB's.
    Marker,
    /// The file's length: it is cut off.
    Length,
    /// One of the two pages that say where the trees begin.
    Meta,
    /// A page of a tree's branches.
    Branch,
    /// The head of a leaf page, or its list of entries.
    LeafHead,
    /// The entries of a leaf page: lengths, keys, and the records themselves.
    LeafBody,
    /// The head of a record that has pages of its own.
    RecordHead,
    /// The rest of such a record.
    Record,
    /// A whole page, replaced by another or by an older one.
    Page,
}

impl Hit {
    pub(crate) fn name(self) -> String {
        format!("{self:?}")
    }

    pub(crate) fn named(name: &str) -> Option<Self> {
        let all = [
            Self::Marker,
            Self::Length,
            Self::Meta,
            Self::Branch,
            Self::LeafHead,
            Self::LeafBody,
            Self::RecordHead,
            Self::Record,
            Self::Page,
        ];
        all.into_iter().find(|hit| hit.name() == name)
    }
}

impl Damage {
    /// A damage to `bytes`, of which there may be an `older` state.
    pub(crate) fn random(bytes: &[u8], older: Option<Vec<u8>>, rng: &mut Pcg64Mcg) -> Self {
        let mut damaged = bytes.to_vec();
        let pages = bytes.len() / PAGE_BYTES;
        if pages < 3 {
            flip(&mut damaged, 0, bytes.len(), rng);
            return Self { bytes: damaged, hit: Hit::Marker };
        }
        // There are few branches and meta pages, so these are chosen more often.
        let rare = (0..pages).filter(|&page| is_rare(bytes, page)).collect::<Vec<_>>();
        let page = match rng.random_bool(0.3) {
            true => rare[rng.random_range(0..rare.len())],
            false => rng.random_range(0..pages),
        };
        let start = page * PAGE_BYTES;
        let end = start + PAGE_BYTES;
        let hit = match rng.random_range(0..10) {
            0 => {
                damaged.truncate(rng.random_range(0..bytes.len()));
                Hit::Length
            }
            1 => {
                let other = rng.random_range(2..pages) * PAGE_BYTES;
                let (here, there) = (start.max(2 * PAGE_BYTES), other);
                damaged[here..here + PAGE_BYTES].copy_from_slice(&bytes[there..there + PAGE_BYTES]);
                damaged[there..there + PAGE_BYTES].copy_from_slice(&bytes[here..here + PAGE_BYTES]);
                Hit::Page
            }
            2 => {
                if let Some(old) = older.as_ref().and_then(|older| older.get(start..end)) {
                    damaged[start..end].copy_from_slice(old);
                }
                Hit::Page
            }
            3 => {
                damaged[start..end].fill(0);
                Hit::Page
            }
            _ => within_a_page(&mut damaged, start, rng),
        };
        Self { bytes: damaged, hit }
    }
}

/// Damages a few bytes of the page that begins at `start`.
fn within_a_page(bytes: &mut [u8], start: usize, rng: &mut Pcg64Mcg) -> Hit {
    let page = start / PAGE_BYTES;
    let entries_end = start + usize::from(u16_at(bytes, start + 12)).clamp(HEAD_BYTES, PAGE_BYTES);
    let is_head = rng.random_bool(0.3);
    let (hit, from, to) = match kind(bytes, page) {
        Kind::Meta => (Hit::Meta, start, start + META_BYTES),
        Kind::Branch => (Hit::Branch, start, start + PAGE_BYTES),
        Kind::Leaf if is_head => (Hit::LeafHead, start, entries_end),
        Kind::Leaf => (Hit::LeafBody, entries_end, start + PAGE_BYTES),
        Kind::Large if is_head => (Hit::RecordHead, start, start + HEAD_BYTES),
        Kind::Large | Kind::Bytes => (Hit::Record, start + HEAD_BYTES, start + PAGE_BYTES),
    };
    // A record's further pages have no head of their own, but a free page of any kind may lie there.
    flip(bytes, from, to.min(bytes.len()), rng);
    hit
}

/// Flips one bit, or replaces some bytes by noise.
fn flip(bytes: &mut [u8], from: usize, to: usize, rng: &mut Pcg64Mcg) {
    let at = rng.random_range(from..to);
    match rng.random_bool(0.6) {
        true => bytes[at] ^= 1 << rng.random_range(0..8),
        false => {
            let end = (at + rng.random_range(1..32)).min(to);
            bytes[at..end].iter_mut().for_each(|byte| *byte = rng.random());
        }
    }
}

enum Kind {
    Meta,
    Branch,
    Leaf,
    Large,
    /// The further pages of a large record, and whatever has no head.
    Bytes,
}

/// What a page is. The first words of LMDB's page are its own number (8 bytes), two of no use here, and its flags (2 bytes).
fn kind(bytes: &[u8], page: usize) -> Kind {
    let start = page * PAGE_BYTES;
    let number = bytes[start..].first_chunk().map(|number| u64::from_ne_bytes(*number));
    match u16_at(bytes, start + 10) {
        _ if page < 2 => Kind::Meta,
        _ if number != Some(page as u64) => Kind::Bytes,
        1 => Kind::Branch,
        2 => Kind::Leaf,
        4 => Kind::Large,
        _ => Kind::Bytes,
    }
}

fn is_rare(bytes: &[u8], page: usize) -> bool {
    matches!(kind(bytes, page), Kind::Meta | Kind::Branch | Kind::Large)
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    bytes.get(at..).and_then(<[u8]>::first_chunk).copied().map_or(0, u16::from_ne_bytes)
}

const PAGE_BYTES: usize = 4096;
const HEAD_BYTES: usize = 16;
const META_BYTES: usize = 152;
