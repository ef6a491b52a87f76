//! The places of connections that have not joined yet: who has one, who makes way when all are taken, and whose turn it is to compute.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

use crate::net::addresses::Origin;
use crate::net::limits::Limits;
use crate::net::meters::{Counted, Meters};

/// The places. A connection that does nothing holds its own for seconds, so whoever holds many must not keep others out: when all
/// are taken, a newcomer from an origin that has few takes that of the oldest from the origin that has most. What is not limited, this
/// machine's own address, has no origin; it makes way for nobody.
pub(super) struct Handshakes {
    max: usize,
    table: Mutex<Table>,
    /// Told whenever a place is free. Only [`enter`](Self::enter) waits for it.
    freed: Notify,
    /// Those that may compute at the same time.
    starts: Arc<Semaphore>,
    meters: Arc<Meters>,
}

/// A connection's place, until this is dropped or taken away.
pub(super) struct Handshake {
    handshakes: Arc<Handshakes>,
    crowd: Option<(Origin, Arc<Semaphore>)>,
    number: u64,
    /// The place was taken away.
    must_go: Arc<Notify>,
    #[expect(dead_code, reason = "held, not read")]
    counted: Counted,
}

/// Leave to compute.
#[expect(dead_code, reason = "held, not read")]
pub(super) struct Start {
    of_its_origin: Option<OwnedSemaphorePermit>,
    of_all: Option<OwnedSemaphorePermit>,
}

/// What the places are taken by. Whatever is asked of it takes a time that hardly grows with how many there are, since anybody can
/// have it asked.
#[derive(Default)]
struct Table {
    taken: usize,
    /// The next connection's number: the oldest has the smallest.
    next: u64,
    /// What comes from one origin. None is empty.
    crowds: HashMap<Origin, Crowd>,
    /// All of them. The last is the largest, and among equals the one with the oldest connection.
    ranks: BTreeMap<Rank, Origin>,
}

/// How many, and the number of the oldest.
type Rank = (usize, Reverse<u64>);

struct Crowd {
    members: BTreeMap<u64, Arc<Notify>>,
    starts: Arc<Semaphore>,
}

/// Why there is no place.
#[derive(Debug, PartialEq, Eq)]
enum NoPlace {
    /// Nobody has more than the newcomer would have, who has none.
    Yet,
    /// The newcomer's origin has its share.
    OfMany,
}

impl Handshakes {
    pub(super) fn new(limits: &Limits, meters: Arc<Meters>) -> Arc<Self> {
        Arc::new(Self {
            max: limits.handshakes_max.max(1),
            table: Mutex::default(),
            freed: Notify::new(),
            starts: Arc::new(Semaphore::new(STARTS_MAX)),
            meters,
        })
    }

    /// Whether one more makes it so many that it is time to ask whether they are where they say.
    pub(super) fn is_crowded(&self) -> bool {
        let taken = self.table.lock().taken + 1;
        self.max.saturating_sub(taken) < self.max / 2
    }

    /// A place for a connection from there, which may be another's until now. It is waited for only if all that have one come from
    /// origins of their own, or from this machine. `None`: others from there have places, and none comes from where there are more.
    pub(super) async fn enter(self: &Arc<Self>, origin: Option<Origin>) -> Option<Handshake> {
        loop {
            match self.try_enter(origin) {
                Ok(place) => return Some(place),
                Err(NoPlace::OfMany) => return None,
                // What is freed in between is heard: it is kept for who comes to wait.
                Err(NoPlace::Yet) => self.freed.notified().await,
            }
        }
    }

    fn try_enter(self: &Arc<Self>, origin: Option<Origin>) -> Result<Handshake, NoPlace> {
        let mut table = self.table.lock();
        if table.taken >= self.max {
            let own = table.size(origin);
            match table.largest() {
                // Afterwards the newcomer's has no more than that.
                Some((size, crowd, oldest)) if size > own + 1 => table.evict(crowd, oldest),
                _ if own == 0 => return Err(NoPlace::Yet),
                _ => return Err(NoPlace::OfMany),
            }
        }
        let must_go = Arc::default();
        let (number, starts) = table.add(origin, &must_go);
        Ok(Handshake {
            handshakes: Arc::clone(self),
            crowd: origin.zip(starts),
            number,
            must_go,
            counted: self.meters.handshake(),
        })
    }
}

impl Handshake {
    /// Waits until the connection may compute. Those from one origin wait for one another before they wait for all others, so
    /// that they cannot hold everybody up by not answering.
    pub(super) async fn start(&self) -> Start {
        let of_its_origin = match &self.crowd {
            Some((_, starts)) => Arc::clone(starts).acquire_owned().await.ok(),
            None => None,
        };
        let of_all = Arc::clone(&self.handshakes.starts).acquire_owned().await.ok();
        Start { of_its_origin, of_all }
    }

    /// What comes of `work`; `None` if the place is taken away before.
    pub(super) async fn unless_it_must_go<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            biased;
            done = work => Some(done),
            () = self.must_go.notified() => None,
        }
    }
}

impl Drop for Handshake {
    fn drop(&mut self) {
        let mut table = self.handshakes.table.lock();
        let is_its_own = match &self.crowd {
            Some((origin, _)) => table.remove(*origin, self.number).is_some(),
            None => true,
        };
        if is_its_own {
            table.taken -= 1;
            self.handshakes.freed.notify_one();
        }
    }
}

impl Table {
    fn size(&self, origin: Option<Origin>) -> usize {
        origin.and_then(|origin| self.crowds.get(&origin)).map_or(0, |crowd| crowd.members.len())
    }

    /// The largest crowd, how large it is, and its oldest.
    fn largest(&self) -> Option<(usize, Origin, u64)> {
        let ((size, Reverse(oldest)), origin) = self.ranks.last_key_value()?;
        Some((*size, *origin, *oldest))
    }

    /// Gives the number of what is added, and by what those of its origin wait for one another.
    fn add(
        &mut self,
        origin: Option<Origin>,
        must_go: &Arc<Notify>,
    ) -> (u64, Option<Arc<Semaphore>>) {
        let number = self.next;
        self.next += 1;
        self.taken += 1;
        let starts = origin.map(|origin| {
            self.change(origin, |crowd| {
                crowd.members.insert(number, Arc::clone(must_go));
                Arc::clone(&crowd.starts)
            })
        });
        (number, starts)
    }

    fn evict(&mut self, origin: Origin, number: u64) {
        if let Some(must_go) = self.remove(origin, number) {
            self.taken -= 1;
            must_go.notify_one();
        }
    }

    /// `None` if it was evicted.
    fn remove(&mut self, origin: Origin, number: u64) -> Option<Arc<Notify>> {
        self.change(origin, |crowd| crowd.members.remove(&number))
    }

    /// Changes a crowd, which may come into being or be over by that.
    fn change<R>(&mut self, origin: Origin, change: impl FnOnce(&mut Crowd) -> R) -> R {
        let crowd = self.crowds.entry(origin).or_insert_with(Crowd::new);
        if let Some(before) = crowd.rank() {
            self.ranks.remove(&before);
        }
        let changed = change(crowd);
        match crowd.rank() {
            Some(now) => {
                self.ranks.insert(now, origin);
            }
            None => {
                self.crowds.remove(&origin);
            }
        }
        changed
    }
}

impl Crowd {
    fn new() -> Self {
        Self { members: BTreeMap::new(), starts: Arc::new(Semaphore::new(STARTS_OF_ORIGIN_MAX)) }
    }

    /// `None` when it is empty.
    fn rank(&self) -> Option<Rank> {
        let (oldest, _) = self.members.first_key_value()?;
        Some((self.members.len(), Reverse(*oldest)))
    }
}

/// Handshakes that may compute at the same time. When a thousand clients come at once, each packet that finds the socket's
/// buffer full costs its client a timeout, so it is better to let a few in after another than all together.
const STARTS_MAX: usize = 32;

/// Of these, those from one origin.
const STARTS_OF_ORIGIN_MAX: usize = STARTS_MAX / 4;

#[cfg(test)]
mod tests {
    use std::net::IpAddr;
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use super::*;

    fn handshakes(handshakes_max: usize) -> Arc<Handshakes> {
        let limits = Limits { handshakes_max, ..Limits::default() };
        Handshakes::new(&limits, Arc::new(Meters::new()))
    }

    /// One of many networks.
    fn network(number: u8) -> Option<Origin> {
        Some(Origin::Network(IpAddr::from([192, 0, 2, number])))
    }

    fn enter(handshakes: &Arc<Handshakes>, networks: &[u8]) -> Vec<Handshake> {
        let enter = |number: &u8| handshakes.try_enter(network(*number)).expect("a place");
        networks.iter().map(enter).collect()
    }

    fn now<T>(work: impl Future<Output = T>) -> Option<T> {
        match pin!(work).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(done) => Some(done),
            Poll::Pending => None,
        }
    }

    /// Which of them have lost their places.
    fn evicted(places: &[Handshake]) -> Vec<usize> {
        let is_evicted = |place: &Handshake| now(place.must_go.notified()).is_some();
        (0..places.len()).filter(|number| is_evicted(&places[*number])).collect()
    }

    #[test]
    fn the_oldest_of_the_largest_makes_way_for_who_has_fewer() {
        let handshakes = handshakes(6);
        let places = enter(&handshakes, &[1, 2, 1, 2, 2, 3]);
        let new = enter(&handshakes, &[4, 5]);
        // Of 2 there were three; then of two that have two each, the one that has waited longest.
        assert_eq!(evicted(&places), [0, 1]);
        // Those that have one each are not fewer by two than any.
        for number in [1, 2, 3, 4, 5] {
            let refused = handshakes.try_enter(network(number)).err();
            assert_eq!(refused, Some(NoPlace::OfMany), "{number}");
        }
        assert_eq!((evicted(&places), evicted(&new)), (vec![], vec![]));
        drop(places);
        assert_eq!(handshakes.table.lock().taken, 2, "who was evicted has nothing to give back");
        drop(new);
        let table = handshakes.table.lock();
        assert!(table.taken == 0 && table.crowds.is_empty() && table.ranks.is_empty());
    }

    #[test]
    fn who_has_none_waits_if_nobody_has_two() {
        let handshakes = handshakes(2);
        let mut places = enter(&handshakes, &[1, 2]);
        let mut entering = pin!(handshakes.enter(network(3)));
        let mut context = Context::from_waker(Waker::noop());
        assert!(entering.as_mut().poll(&mut context).is_pending());
        assert_eq!(evicted(&places), Vec::<usize>::new());
        places.pop();
        assert!(matches!(entering.as_mut().poll(&mut context), Poll::Ready(Some(_))));
    }

    #[test]
    fn who_is_not_limited_makes_way_for_nobody() {
        let handshakes = handshakes(3);
        let local: Vec<_> = (0..3).map(|_| handshakes.try_enter(None).ok()).collect();
        assert!(local.iter().all(Option::is_some));
        assert_eq!(handshakes.try_enter(network(1)).err(), Some(NoPlace::Yet));
        assert_eq!(handshakes.try_enter(None).err(), Some(NoPlace::Yet));
        drop(local);
        let places = enter(&handshakes, &[1, 1, 1]);
        assert!(handshakes.try_enter(None).is_ok());
        assert_eq!(evicted(&places), [0]);
    }

    #[test]
    fn a_place_that_was_taken_away_ends_what_is_done_on_it() {
        let handshakes = handshakes(2);
        let places = enter(&handshakes, &[1, 1]);
        let _new = enter(&handshakes, &[2]);
        let idle = || std::future::pending::<()>();
        // What is done by then is not lost.
        assert_eq!(now(places[0].unless_it_must_go(async { 7 })), Some(Some(7)));
        assert_eq!(now(places[0].unless_it_must_go(idle())), Some(None));
        assert_eq!(now(places[1].unless_it_must_go(idle())), None);
    }

    #[test]
    fn those_of_one_network_that_do_not_answer_hold_up_one_another_alone() {
        let handshakes = handshakes(512);
        let silent = enter(&handshakes, &[1; 50]);
        let starts: Vec<_> = silent.iter().filter_map(|place| now(place.start())).collect();
        assert_eq!(starts.len(), STARTS_OF_ORIGIN_MAX);
        let others = enter(&handshakes, &[2, 3, 4]);
        assert!(others.iter().all(|place| now(place.start()).is_some()));
        drop(starts);
        assert!(now(silent[49].start()).is_some());
    }
}
