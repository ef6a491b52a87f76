//! What happens while the store cannot write: nothing that changes the world is accepted, and what must not be lost waits.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use daystar_engine::{Cause, NotAccepted};
use parking_lot::Mutex;
use tracing::warn;

use crate::game::events::reason;
use crate::scheduler::queue::Work;

/// What is done with work that has waited for the end of a fault. Must not block.
pub(crate) type Release = Box<dyn Fn(Work) + Send + Sync>;

/// Whether the store is at fault, and who waits until it no longer is.
pub(crate) struct Faults {
    /// Whether there is a cause, for those who look without the lock.
    is_refusing: AtomicBool,
    /// Whether something is delayed, for those who look without the lock.
    has_delayed: AtomicBool,
    state: Mutex<State>,
    release: Release,
    /// Broken on purpose: what is parked is thrown away.
    is_forgetful: bool,
}

#[derive(Default)]
struct State {
    cause: Option<String>,
    parked: Vec<Work>,
    /// What met a store that could not be read, and when it is to be run again.
    delayed: Vec<(Instant, Work)>,
    /// When that was last said.
    said_at: Option<Instant>,
    is_abandoned: bool,
}

impl Faults {
    /// What has to wait until a fault is over goes to `release` then.
    pub(crate) fn new(release: Release, is_forgetful: bool) -> Self {
        let is_refusing = AtomicBool::new(false);
        let has_delayed = AtomicBool::new(false);
        Self { is_refusing, has_delayed, state: Mutex::default(), release, is_forgetful }
    }

    /// Whether what changes the world is accepted.
    ///
    /// # Errors
    /// Why it is not.
    pub(crate) fn accepts(&self) -> Result<(), NotAccepted> {
        if !self.is_refusing.load(Ordering::Relaxed) {
            return Ok(());
        }
        self.cause().map_or(Ok(()), |cause| Err(NotAccepted { cause }))
    }

    /// Why nothing is accepted, if so it is.
    pub(crate) fn cause(&self) -> Option<String> {
        self.state.lock().cause.clone()
    }

    /// Has `work`, which failed for a `cause` that [passes](Cause::is_passing), run again: when the fault is over, or, if the
    /// store could not be read, after a while.
    pub(crate) fn run_again(&self, cause: &Cause, work: Work) {
        if cause.is_not_accepted() {
            return self.park(work);
        }
        let now = Instant::now();
        let mut state = self.state.lock();
        if state.is_abandoned || self.is_forgetful {
            return;
        }
        state.delayed.push((now + AGAIN_AFTER, work));
        self.has_delayed.store(true, Ordering::Relaxed);
        // It may never pass, and nobody else would tell.
        if state.said_at.is_none_or(|said| now.duration_since(said) >= SAY_EVERY) {
            state.said_at = Some(now);
            let waiting = state.delayed.len();
            drop(state);
            warn!(
                cause = reason(cause),
                waiting,
                "the store cannot be read; what must not be lost is tried again every second"
            );
        }
    }

    /// Lets go on what has waited long enough. To be called now and then.
    pub(crate) fn tick(&self) {
        if !self.has_delayed.load(Ordering::Relaxed) {
            return;
        }
        let now = Instant::now();
        let mut state = self.state.lock();
        state
            .delayed
            .extract_if(.., |(due, _)| *due <= now)
            .for_each(|(_, work)| (self.release)(work));
        self.has_delayed.store(!state.delayed.is_empty(), Ordering::Relaxed);
    }

    /// Has `work`, which was not accepted, run when the fault is over.
    pub(crate) fn park(&self, work: Work) {
        let mut state = self.state.lock();
        if state.is_abandoned || self.is_forgetful {
            return;
        }
        // It may be over since: nobody would come for it.
        match state.cause {
            Some(_) => state.parked.push(work),
            None => (self.release)(work),
        }
    }

    /// From now on nothing is accepted. Whether that is news.
    pub(crate) fn begin(&self, cause: String) -> bool {
        let mut state = self.state.lock();
        self.is_refusing.store(true, Ordering::Relaxed);
        state.cause.replace(cause).is_none()
    }

    /// All is well again; what has waited goes on. Whether that is news.
    pub(crate) fn end(&self) -> bool {
        if !self.is_refusing.load(Ordering::Relaxed) {
            return false;
        }
        let mut state = self.state.lock();
        self.is_refusing.store(false, Ordering::Relaxed);
        state.parked.drain(..).for_each(&self.release);
        state.cause.take().is_some()
    }

    /// Nobody will run anything any more: what waits is thrown away, for the next start to find as the store has it.
    pub(crate) fn abandon(&self) {
        let mut state = self.state.lock();
        state.is_abandoned = true;
        let waiting = (std::mem::take(&mut state.parked), std::mem::take(&mut state.delayed));
        drop(state);
        drop(waiting);
    }
}

/// How long after a store could not be read it is read again for what must not be lost.
const AGAIN_AFTER: Duration = Duration::from_secs(1);

/// How often it is said that there is such a thing.
const SAY_EVERY: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::AtomicUsize;

    use super::*;

    #[test]
    fn what_is_parked_is_released_once_also_when_it_comes_too_late() {
        let released = Arc::<AtomicUsize>::default();
        let count = Arc::clone(&released);
        let release: Release = Box::new(move |_| {
            count.fetch_add(1, Ordering::Relaxed);
        });
        let faults = Faults::new(release, false);
        let seen = || released.load(Ordering::Relaxed);
        assert_eq!(faults.accepts(), Ok(()));
        assert!(faults.begin("full".to_owned()));
        assert!(!faults.begin("still full".to_owned()), "the same fault goes on");
        let cause = "still full".to_owned();
        assert_eq!(faults.accepts(), Err(NotAccepted { cause }));
        faults.park(Box::new(|_| ()));
        faults.park(Box::new(|_| ()));
        assert_eq!(seen(), 0);
        assert!(faults.end());
        assert!(!faults.end());
        assert_eq!((seen(), faults.accepts()), (2, Ok(())));
        faults.park(Box::new(|_| ()));
        assert_eq!(seen(), 3, "it was over already");
        faults.abandon();
        faults.park(Box::new(|_| ()));
        assert_eq!(seen(), 3, "nobody is left to run it");
    }
}
