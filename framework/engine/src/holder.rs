//! What has cells that are given up, for the tests of that: pages, and names.

use daystar_model::{CommitNumber, ObjectId, Space};

use crate::breaks::Breaks;
use crate::cell::Cell;
use crate::names::Names;
use crate::pages::Pages;
use crate::reclaim::Pin;
use crate::slot::GivenUp;

/// One cell of something that has several, and gives them up.
pub(crate) trait Holder: Default + Send + Sync + 'static {
    fn cell<'p>(&'p self, pin: &'p Pin<'_>) -> &'p Cell;
    fn peek<'p>(&'p self, pin: &'p Pin<'_>) -> Option<&'p Cell>;
    fn list(&self) -> bool;
    fn give_up(
        &self,
        stored: CommitNumber,
        pin: &Pin<'_>,
        before: impl FnOnce(CommitNumber),
    ) -> GivenUp;
    #[cfg_attr(feature = "loom", expect(dead_code, reason = "no order changes what is counted"))]
    fn bytes(&self) -> u64;
}

const INDEX: u64 = 1;
const NAME: ObjectId = ObjectId::new(Space::Name, 79);

impl Holder for Pages {
    fn cell<'p>(&'p self, pin: &'p Pin<'_>) -> &'p Cell {
        self.cell(INDEX, pin)
    }
    fn peek<'p>(&'p self, pin: &'p Pin<'_>) -> Option<&'p Cell> {
        self.peek(INDEX, pin)
    }
    fn list(&self) -> bool {
        self.list(INDEX)
    }
    fn give_up(
        &self,
        stored: CommitNumber,
        pin: &Pin<'_>,
        before: impl FnOnce(CommitNumber),
    ) -> GivenUp {
        self.give_up(INDEX, stored, Breaks::default(), pin, before)
    }
    fn bytes(&self) -> u64 {
        self.bytes()
    }
}

impl Holder for Names {
    fn cell<'p>(&'p self, pin: &'p Pin<'_>) -> &'p Cell {
        self.cell(NAME, pin)
    }
    fn peek<'p>(&'p self, pin: &'p Pin<'_>) -> Option<&'p Cell> {
        self.peek(NAME, pin)
    }
    fn list(&self) -> bool {
        self.list(NAME)
    }
    fn give_up(
        &self,
        stored: CommitNumber,
        pin: &Pin<'_>,
        before: impl FnOnce(CommitNumber),
    ) -> GivenUp {
        self.give_up(NAME, stored, Breaks::default(), pin, before)
    }
    fn bytes(&self) -> u64 {
        self.bytes()
    }
}
