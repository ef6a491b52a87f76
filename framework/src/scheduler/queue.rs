//! Lanes of work, and the one queue of lanes that have some.
//!
//! Within a lane work runs in order, one piece after the other; lanes run beside each other. A lane is in the
//! run queue at most once, and goes to its back after [`TURN`] pieces or [`TURN_TIME`], so that no lane holds up the others. The pieces of a lane
//! lie in it as they are: a piece costs no memory of its own, and a turn takes the lane's lock twice, however much it runs.
//!
//! Whoever has brought work may also run it: waking another thread for it takes longer than most pieces do. [`Guests`]
//! says how many may at once, and that none does for long.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use daystar_engine::{Engine, panic_message};
use parking_lot::{Condvar, Mutex};
use smallvec::SmallVec;

use crate::scheduler::guests::{Guest, Guests};

/// A piece of work that has no order with any other.
pub(crate) type Work = Box<dyn FnOnce(&Engine) + Send>;

/// How many pieces of one lane run before others have their turn, if they do not take longer than this: others are to have as much
/// time, and not as many pieces.
const TURN: usize = 16;
pub(super) const TURN_TIME: Duration = Duration::from_millis(2);

/// Someone whose work must run in order, such as a session with its events.
pub(crate) trait InOrder: Send + Sync + 'static {
    /// A piece of the work.
    type Piece: Send;

    /// Where it waits.
    fn lane(&self) -> &Lane<Self::Piece>;

    /// Does it. Called for one piece at a time.
    fn run(self: &Arc<Self>, engine: &Engine, piece: Self::Piece);
}

/// The work of one [`InOrder`].
pub(crate) struct Lane<P> {
    state: Mutex<LaneState<P>>,
}

struct LaneState<P> {
    work: VecDeque<P>,
    /// In the run queue, or in a worker's hands.
    is_scheduled: bool,
}

impl<P> Default for Lane<P> {
    fn default() -> Self {
        let state = LaneState { work: VecDeque::new(), is_scheduled: false };
        Self { state: Mutex::new(state) }
    }
}

/// An [`InOrder`], whatever its pieces are.
trait Turn: Send + Sync {
    /// Runs up to [`TURN`] pieces; a guest begins none when its time is over. Itself, if there is more.
    fn run_turn(
        self: Arc<Self>,
        engine: &Engine,
        visit: Option<Visit<'_>>,
    ) -> Option<Arc<dyn Turn>>;
}

/// What a guest has to know of its turn.
struct Visit<'v> {
    guest: &'v Guest<'v>,
    /// To be called after each piece that is followed by another.
    between: &'v dyn Fn(),
}

impl<O: InOrder> Turn for O {
    fn run_turn(
        self: Arc<Self>,
        engine: &Engine,
        visit: Option<Visit<'_>>,
    ) -> Option<Arc<dyn Turn>> {
        let turn: SmallVec<[O::Piece; TURN]> = {
            let mut state = self.lane().state.lock();
            let count = state.work.len().min(TURN);
            state.work.drain(..count).collect()
        };
        let (began, mut rest) = (Instant::now(), turn.into_iter());
        while let Some(piece) = rest.next() {
            contained("what a session or another lane had to do", || self.run(engine, piece));
            if rest.as_slice().is_empty() {
                break;
            }
            match &visit {
                Some(visit) if !visit.guest.may_stay() => break,
                Some(visit) => (visit.between)(),
                None if began.elapsed() >= TURN_TIME => break,
                None => {}
            }
        }
        let has_more = {
            let mut state = self.lane().state.lock();
            for piece in rest.rev() {
                state.work.push_front(piece);
            }
            state.is_scheduled = !state.work.is_empty();
            state.is_scheduled
        };
        if has_more { Some(self) } else { None }
    }
}

/// What workers take from.
pub(crate) struct RunQueue {
    state: Mutex<RunState>,
    has_work: Condvar,
    guests: Guests,
}

struct RunState {
    ready: VecDeque<Ready>,
    /// Pieces taken by workers and not yet finished.
    running: usize,
    is_closed: bool,
}

enum Ready {
    Lane(Arc<dyn Turn>),
    Loose(Work),
}

impl RunQueue {
    /// A queue whose work is run by workers, and by at most `guests_max` threads at once that bring some.
    pub(crate) fn new(guests_max: usize) -> Self {
        Self {
            state: Mutex::new(RunState { ready: VecDeque::new(), running: 0, is_closed: false }),
            has_work: Condvar::new(),
            guests: Guests::new(guests_max),
        }
    }

    /// Appends `piece` to the lane of `whose`.
    pub(crate) fn push<O: InOrder>(&self, whose: &Arc<O>, piece: O::Piece) {
        let is_news = {
            let mut state = whose.lane().state.lock();
            state.work.push_back(piece);
            !std::mem::replace(&mut state.is_scheduled, true)
        };
        if is_news {
            self.ready(Ready::Lane(Arc::<O>::clone(whose)));
        }
    }

    /// Appends `piece` to the lane of `whose`, where it lies until [`begin`](Self::begin).
    pub(crate) fn lay<O: InOrder>(whose: &Arc<O>, piece: O::Piece) {
        whose.lane().state.lock().work.push_back(piece);
    }

    /// Has what lies in the lane of `whose` run: on this thread, if it may, and by the workers otherwise. Returns soon, unless a
    /// piece takes long; `between` pieces, the thread gets to let go of what others may wait for.
    pub(crate) fn begin<O: InOrder>(&self, engine: &Engine, whose: &Arc<O>, between: &dyn Fn()) {
        {
            let mut state = whose.lane().state.lock();
            if state.work.is_empty() || std::mem::replace(&mut state.is_scheduled, true) {
                return;
            }
        }
        let lane: Arc<dyn Turn> = Arc::<O>::clone(whose);
        // Until what is left has been handed to the workers, who do not end while there is a guest.
        let guest = self.guests.enter();
        let left = match &guest {
            Some(guest) => lane.run_turn(engine, Some(Visit { guest, between })),
            None => Some(lane),
        };
        if let Some(lane) = left {
            self.ready(Ready::Lane(lane));
        }
    }

    /// Whether threads that have brought work run some.
    pub(crate) fn has_guests(&self) -> bool {
        self.guests.are_there()
    }

    /// Appends work that has no order with any other.
    pub(crate) fn push_loose(&self, work: Work) {
        self.ready(Ready::Loose(work));
    }

    /// Lets the workers end once nothing is left to do. Nobody brings work any more, but for what runs already.
    pub(crate) fn close(&self) {
        // They may still leave some.
        self.guests.see_off();
        self.state.lock().is_closed = true;
        self.has_work.notify_all();
    }

    /// Takes work and runs it; `false` when the queue is closed and nothing is left or can come.
    pub(crate) fn run_next(&self, engine: &Engine) -> bool {
        let ready = {
            let mut state = self.state.lock();
            loop {
                if let Some(ready) = state.ready.pop_front() {
                    state.running += 1;
                    break ready;
                }
                // What is running may still make work.
                if state.is_closed && state.running == 0 {
                    return false;
                }
                self.has_work.wait(&mut state);
            }
        };
        let _ended = Ended(self);
        match ready {
            Ready::Loose(work) => contained("what is in no order", || work(engine)),
            Ready::Lane(lane) => {
                if let Some(lane) = lane.run_turn(engine, None) {
                    self.ready(Ready::Lane(lane));
                }
            }
        }
        true
    }

    fn ready(&self, ready: Ready) {
        self.state.lock().ready.push_back(ready);
        self.has_work.notify_one();
    }
}

/// Does `work`, which is known as `what`. What panics outside of any task is a fault of ours, and must take with it neither the thread, of
/// which there are few, nor what waits in the same lane. What the work itself was to do is not done.
pub(super) fn contained(what: &str, work: impl FnOnce()) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(work)) {
        let cause = panic_message(&*panic);
        tracing::error!(
            what,
            cause,
            "the framework panicked outside of any task: report this; what comes after it is done"
        );
    }
}

/// Counts a piece of work as ended, however it ends: the others must not wait for it for ever.
struct Ended<'q>(&'q RunQueue);

impl Drop for Ended<'_> {
    fn drop(&mut self) {
        let mut state = self.0.state.lock();
        state.running -= 1;
        if state.is_closed && state.running == 0 {
            self.0.has_work.notify_all();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scheduler::kinds::tests::engine;

    /// Somebody whose pieces say what they are, and one of which panics.
    #[derive(Default)]
    struct Counting {
        lane: Lane<u32>,
        ran: Mutex<Vec<u32>>,
    }

    const PANICS: u32 = 3;

    impl InOrder for Counting {
        type Piece = u32;

        fn lane(&self) -> &Lane<u32> {
            &self.lane
        }

        fn run(self: &Arc<Self>, _: &Engine, piece: u32) {
            assert_ne!(piece, PANICS, "a fault of ours");
            self.ran.lock().push(piece);
        }
    }

    #[test]
    fn what_panics_outside_of_a_task_does_not_end_its_lane() {
        let (engine, counting) = (engine(), Arc::new(Counting::default()));
        for guests_max in [0, 1] {
            let queue = RunQueue::new(guests_max);
            for piece in 0..40 {
                RunQueue::lay(&counting, piece);
            }
            queue.begin(&engine, &counting, &|| ());
            queue.push_loose(Box::new(|_| panic!("another fault of ours")));
            queue.push(&counting, 40);
            queue.close();
            while queue.run_next(&engine) {}
            let ran = std::mem::take(&mut *counting.ran.lock());
            assert!(ran.into_iter().eq((0..41).filter(|piece| *piece != PANICS)));
        }
    }
}
