//! The sessions that can go on over another connection, and the secrets that say whose they are.

use std::collections::HashMap;
use std::hint::black_box;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use daystar_protocol::handshake::Secret;
use daystar_protocol::reject::RejectCode;
use parking_lot::Mutex;
use rustls::crypto::ring;
use tokio::sync::Notify;

use crate::net::session::Line;

/// What is broken on purpose, for tests that must see it caught.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Broken {
    /// What a client that comes back says of what it has received is not listened to.
    pub(crate) received_is_ignored: bool,
    /// What it has not received is not sent again.
    pub(crate) retained_is_forgotten: bool,
}

/// All sessions that can be resumed, by their numbers.
pub(super) struct Resumptions {
    tickets: Mutex<HashMap<u64, Arc<Ticket>>>,
    window: Duration,
}

/// How one session's client comes back.
pub(super) struct Ticket {
    resumptions: Arc<Resumptions>,
    session: OnceLock<u64>,
    secrets: Mutex<Secrets>,
    /// Clients that have come back and were not looked at yet. `None`: the session is over. A few bytes, where a
    /// channel would have a block of memory for each session.
    arrivals: Mutex<Option<Vec<Arrival>>>,
    arrived: Notify,
}

/// A client that has come back.
pub(super) struct Arrival {
    pub(super) line: Box<Line>,
    /// What it has shown.
    pub(super) secret: [u8; 32],
    /// How many frames it has received in the session.
    pub(super) received: u64,
}

/// A client that cannot come back, and why.
pub(super) struct NotResumed {
    pub(super) line: Box<Line>,
    /// There is no such session or it is another's, which a stranger need not know; or others are at it at the moment.
    pub(super) code: RejectCode,
}

/// The hashes of what is shown for a session. The secrets themselves are nowhere once they are sent.
struct Secrets {
    newest: [u8; 32],
    /// What the client came back with, until it is seen that the newest has reached it.
    before: Option<[u8; 32]>,
    /// The first secret, until it is issued.
    unissued: Option<Secret>,
}

impl Resumptions {
    pub(super) fn new(window: Duration) -> Arc<Self> {
        Arc::new(Self { tickets: Mutex::default(), window })
    }

    /// A ticket for a new session. `None`: sessions end with their connections.
    pub(super) fn ticket(self: &Arc<Self>) -> Option<Arc<Ticket>> {
        if self.window.is_zero() {
            return None;
        }
        let secret = random()?;
        let secrets =
            Secrets { newest: sha256(&secret.to_bytes())?, before: None, unissued: Some(secret) };
        let ticket = Ticket {
            resumptions: Arc::clone(self),
            session: OnceLock::new(),
            secrets: Mutex::new(secrets),
            arrivals: Mutex::new(Some(Vec::new())),
            arrived: Notify::new(),
        };
        Some(Arc::new(ticket))
    }

    /// Hands a client that has come back over to its session.
    pub(super) fn arrive(&self, session: u64, arrival: Arrival) -> Result<(), NotResumed> {
        let refused = |arrival: Arrival, code| Err(NotResumed { line: arrival.line, code });
        let ticket = self.tickets.lock().get(&session).cloned();
        let Some(ticket) = ticket.filter(|ticket| ticket.is_good(&arrival.secret)) else {
            return refused(arrival, RejectCode::SessionOver);
        };
        match &mut *ticket.arrivals.lock() {
            None => return refused(arrival, RejectCode::SessionOver),
            Some(arrivals) if arrivals.len() >= ARRIVALS_MAX => {
                return refused(arrival, RejectCode::Busy);
            }
            Some(arrivals) => arrivals.push(arrival),
        }
        ticket.arrived.notify_one();
        Ok(())
    }
}

impl Ticket {
    /// The session's number is known: it can be resumed from now on. Gives the first secret and the window in milliseconds.
    pub(super) fn issue(self: &Arc<Self>, session: u64) -> (Secret, u32) {
        let secret = self.secrets.lock().unissued.take().unwrap_or_default();
        if self.session.set(session).is_ok() {
            self.resumptions.tickets.lock().insert(session, Arc::clone(self));
        }
        (secret, u32::try_from(self.resumptions.window.as_millis()).unwrap_or(u32::MAX))
    }

    /// The secret for the next time, if `shown` is good. `shown` stays good until [`confirm`](Self::confirm).
    pub(super) fn turn(&self, shown: &[u8; 32]) -> Option<Secret> {
        let hash = sha256(shown)?;
        let secret = random()?;
        let newest = sha256(&secret.to_bytes())?;
        let mut secrets = self.secrets.lock();
        if !secrets.is_good(&hash) {
            return None;
        }
        secrets.before = Some(hash);
        secrets.newest = newest;
        Some(secret)
    }

    /// The client uses the connection that it was told the newest secret over: the one before is void.
    pub(super) fn confirm(&self) {
        self.secrets.lock().before = None;
    }

    /// The next client that has come back; for the session's task. Dropping the future loses nothing.
    pub(super) async fn next(&self) -> Arrival {
        loop {
            let arrived = self.arrivals.lock().as_mut().map(std::mem::take);
            // The newest alone: what came before it is what its client has given up, and must not take its place.
            match arrived.and_then(|mut arrived| arrived.pop()) {
                Some(arrival) => return arrival,
                None => self.arrived.notified().await,
            }
        }
    }

    /// The session is over: nobody comes back to it.
    pub(super) fn withdraw(&self) {
        let _late = self.arrivals.lock().take();
        if let Some(session) = self.session.get() {
            self.resumptions.tickets.lock().remove(session);
        }
    }

    fn is_good(&self, shown: &[u8; 32]) -> bool {
        sha256(shown).is_some_and(|hash| self.secrets.lock().is_good(&hash))
    }
}

impl Secrets {
    fn is_good(&self, hash: &[u8; 32]) -> bool {
        is_same(hash, &self.newest)
            | self.before.as_ref().is_some_and(|before| is_same(hash, before))
    }
}

/// In a time that does not tell where the two differ.
fn is_same(one: &[u8; 32], other: &[u8; 32]) -> bool {
    black_box(one.iter().zip(other).fold(0, |differ, (one, other)| differ | (one ^ other))) == 0
}

/// `None` only if the system has no randomness, or ring no SHA-256.
fn random() -> Option<Secret> {
    let mut bytes = [0; 32];
    ring::default_provider().secure_random.fill(&mut bytes).ok()?;
    Some(Secret::new(bytes))
}

fn sha256(bytes: &[u8]) -> Option<[u8; 32]> {
    let suite = ring::cipher_suite::TLS13_AES_128_GCM_SHA256.tls13()?;
    suite.common.hash_provider.hash(bytes).as_ref().try_into().ok()
}

/// Connections of one session's client that wait to be looked at. It has one at a time unless it is not the client.
const ARRIVALS_MAX: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(ticket: &Arc<Ticket>) -> [u8; 32] {
        ticket.issue(7).0.to_bytes()
    }

    #[test]
    fn a_secret_works_once_but_the_one_before_until_the_newest_has_arrived() {
        let resumptions = Resumptions::new(Duration::from_secs(30));
        let ticket = resumptions.ticket().unwrap();
        let first = secret(&ticket);
        assert!(ticket.is_good(&first));
        assert!(!ticket.is_good(&[0; 32]));
        let second = ticket.turn(&first).unwrap().to_bytes();
        // The answer was lost: the client comes with the first again, and what it never got is void.
        let third = ticket.turn(&first).unwrap().to_bytes();
        assert!(!ticket.is_good(&second));
        ticket.confirm();
        assert!(ticket.turn(&first).is_none(), "it was used");
        assert!(ticket.turn(&third).is_some());
    }

    #[test]
    fn a_session_that_is_over_is_forgotten() {
        let resumptions = Resumptions::new(Duration::from_secs(30));
        let ticket = resumptions.ticket().unwrap();
        let _ = secret(&ticket);
        assert_eq!(resumptions.tickets.lock().len(), 1);
        ticket.withdraw();
        assert!(resumptions.tickets.lock().is_empty());
        assert_eq!(Arc::strong_count(&ticket), 1);
    }
}
