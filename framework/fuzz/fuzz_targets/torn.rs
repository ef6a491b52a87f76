//! The two sides of one session, over connections that tear where any bytes say: nothing is lost, doubled or out of order.

#![no_main]

#[path = "../../protocol/tests/torn/session.rs"]
mod session;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| session::run(bytes));
