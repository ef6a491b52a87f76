//! Identifiers: which object, in which space, and which commit.

use std::fmt;

/// The identity of one object of the world. Never used a second time.
///
/// The two highest bits name its [`Space`], so that a store can list the sessions or the pending tasks by
/// one range of keys, without looking at anything else.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectId(u64);

/// What an object is for, as the framework sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Space {
    /// An object of the game.
    Object,
    /// A bucket of bound names; the rest of the id is the names' hash.
    Name,
    /// A connected session.
    Session,
    /// A task waiting for its time.
    Task,
}

const SPACE_SHIFT: u32 = 62;
const INDEX_MASK: u64 = (1 << SPACE_SHIFT) - 1;

impl ObjectId {
    /// The `index`th id of `space`; of `index` the lower 62 bits count.
    pub const fn new(space: Space, index: u64) -> Self {
        Self(((space as u64) << SPACE_SHIFT) | (index & INDEX_MASK))
    }

    /// The id as stored: the same number on every machine.
    pub const fn to_raw(self) -> u64 {
        self.0
    }

    /// The id that [`to_raw`](Self::to_raw) gave.
    pub const fn from_raw(raw: u64) -> Self {
        Self(raw)
    }

    /// What the object is for.
    pub const fn space(self) -> Space {
        match self.0 >> SPACE_SHIFT {
            0 => Space::Object,
            1 => Space::Name,
            2 => Space::Session,
            _ => Space::Task,
        }
    }

    /// The number within its space.
    pub const fn index(self) -> u64 {
        self.0 & INDEX_MASK
    }
}

impl Space {
    /// Every space, in the order of their ids.
    pub const ALL: [Space; 4] = [Space::Object, Space::Name, Space::Session, Space::Task];

    /// The lowest id of this space.
    pub const fn first(self) -> ObjectId {
        ObjectId::new(self, 0)
    }

    /// The highest id of this space.
    pub const fn last(self) -> ObjectId {
        ObjectId::new(self, INDEX_MASK)
    }
}

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let space = match self.space() {
            Space::Object => "#",
            Space::Name => "name#",
            Space::Session => "session#",
            Space::Task => "task#",
        };
        write!(f, "{space}{}", self.index())
    }
}

impl fmt::Debug for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A place in the commit order. Zero is the empty world; the first commit is number one.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CommitNumber(pub u64);

impl CommitNumber {
    /// The world before the first commit.
    pub const ZERO: Self = Self(0);

    /// The commit after this one.
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for CommitNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "commit {}", self.0)
    }
}

impl fmt::Debug for CommitNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "@{}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_knows_its_space_and_index() {
        for space in Space::ALL {
            for index in [0, 1, 77, INDEX_MASK] {
                let id = ObjectId::new(space, index);
                assert_eq!((id.space(), id.index()), (space, index));
                assert_eq!(ObjectId::from_raw(id.to_raw()), id);
                assert!(space.first() <= id && id <= space.last());
            }
        }
    }
}
