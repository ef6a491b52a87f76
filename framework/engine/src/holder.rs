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

macro_rules! holder {
    ($held:ty, $key:expr) => {
        impl Holder for $held {
            fn cell<'p>(&'p self, pin: &'p Pin<'_>) -> &'p Cell {
                self.cell($key, pin)
            }
            fn peek<'p>(&'p self, pin: &'p Pin<'_>) -> Option<&'p Cell> {
                self.peek($key, pin)
            }
            fn list(&self) -> bool {
                self.list($key)
            }
            fn give_up(
                &self,
                stored: CommitNumber,
                pin: &Pin<'_>,
                before: impl FnOnce(CommitNumber),
            ) -> GivenUp {
                self.give_up($key, stored, Breaks::default(), pin, before)
            }
            fn bytes(&self) -> u64 {
                self.bytes()
            }
        }
    };
}

holder!(Pages, 1);
holder!(Names, ObjectId::new(Space::Name, 79));
