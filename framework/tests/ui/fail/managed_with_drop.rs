//! An object that does something when it is dropped, which its copies are all the time.

use daystar::prelude::*;

#[managed]
struct Door {
    is_open: bool,
}

impl Drop for Door {
    fn drop(&mut self) {
        self.is_open = false;
    }
}

fn main() {}
