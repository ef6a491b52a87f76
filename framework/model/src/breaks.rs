//! Deliberate breaks: each takes away one thing that a promise rests on, and a test must be seen to catch it. Without
//! the feature `breaks` nothing can be switched, and the compiler removes the questions.

/// What is broken on purpose.
#[cfg_attr(not(feature = "breaks"), expect(unreachable_pub, reason = "only tests may see it"))]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Break {
    /// Take a record for what its header says, whatever its checksum.
    ChecksumIgnored,
    /// Follow a stored value into its parts, however deep they are nested.
    DepthUnlimited,
}

/// Whether `what` is broken on this thread.
#[cfg(not(feature = "breaks"))]
pub(crate) const fn is_on(_what: Break) -> bool {
    false
}

/// Whether `what` is broken on this thread.
#[cfg(feature = "breaks")]
pub(crate) fn is_on(what: Break) -> bool {
    BROKEN.with(|broken| broken.get() == Some(what))
}

/// Does `work` on this thread while `what` is broken on it.
#[cfg(feature = "breaks")]
pub fn with<T>(what: Break, work: impl FnOnce() -> T) -> T {
    let before = BROKEN.replace(Some(what));
    let outcome = work();
    BROKEN.set(before);
    outcome
}

#[cfg(feature = "breaks")]
std::thread_local! {
    static BROKEN: std::cell::Cell<Option<Break>> = const { std::cell::Cell::new(None) };
}
