//! Remembers where the last panic of each thread was, so that an operator is told of a task's.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::cell::RefCell;
use std::panic::{set_hook, take_hook};
use std::sync::Once;

thread_local! {
    static LAST: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// From now on, panics are remembered, and then treated as they would have been. Once for the whole program.
pub(crate) fn remember() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = take_hook();
        set_hook(Box::new(move |panic| {
            let place = panic.location().map(|place| format!("at {place}"));
            let backtrace = Backtrace::capture();
            let told = match backtrace.status() {
                BacktraceStatus::Captured => {
                    Some(format!("{}\n{backtrace}", place.unwrap_or_default()))
                }
                _ => place,
            };
            // A thread that ends may have no such place any more.
            let _ = LAST.try_with(|last| {
                if let Ok(mut last) = last.try_borrow_mut() {
                    *last = told;
                }
            });
            before(panic);
        }));
    });
}

/// Where this thread has last panicked, with a backtrace if the environment (`RUST_BACKTRACE`) wants them; once.
pub(crate) fn take_last() -> Option<String> {
    LAST.with(|last| last.borrow_mut().take())
}
