//! What a simulated client does, as a game's own code says.

use std::future::Future;

use daystar_protocol::message::Message;
use rand_pcg::Pcg32;

use crate::ledger::{Holdings, Ledger, Page};
use crate::link::{Link, Lost};

/// A kind of simulated client. One value plays one client.
///
/// The harness connects the client, waits between acts, takes in events all the time, measures every call and
/// connects again when the connection was lost.
pub trait Behaviour: Send + 'static {
    /// The game's request.
    type Request: Message;
    /// The game's event.
    type Event: Message;

    /// A session has begun: the first one, or another since the last was lost. Nothing of it has been heard yet.
    fn joined(&mut self) {}

    /// Something that the server sent by itself: every event in order, answers to calls left out. What comes
    /// while a call waits for its answer is told after the act that made the call.
    fn heard(&mut self, event: Self::Event);

    /// Does one thing, usually one call. The harness waits before it asks for the next.
    fn act(
        &mut self,
        link: &mut Link<Self::Request, Self::Event>,
    ) -> impl Future<Output = Result<(), Lost>> + Send;

    /// While nobody acts, as behind a crash of the server: what the server says that this client has, to be compared with what was
    /// entered on its [`Page`]. `None` unless the behaviour enters what it does. Calls made here are not measured.
    fn audit(
        &mut self,
        link: &mut Link<Self::Request, Self::Event>,
    ) -> impl Future<Output = Result<Option<Holdings>, Lost>> + Send {
        let _ = link;
        async { Ok(None) }
    }

    /// At the end of a run: compares what this client was told with what the server says now, and returns every
    /// difference, in words. Calls made here are not measured.
    fn settle(
        &mut self,
        link: &mut Link<Self::Request, Self::Event>,
    ) -> impl Future<Output = Result<Vec<String>, Lost>> + Send {
        let _ = link;
        async { Ok(Vec::new()) }
    }
}

/// Which client a behaviour plays.
pub struct Who {
    /// Its number, counted from zero.
    pub number: u32,
    /// The name it joins as; no other client of the run has it.
    pub name: String,
    /// Its own random numbers: the same for the same seed and number, whatever the other clients do.
    pub rng: Pcg32,
    /// Its page in the run's ledger, for what it asks for and what comes of that.
    pub page: Page,
}

impl Who {
    /// Client `number` of the run with this seed; nobody keeps a ledger.
    pub fn new(seed: u64, number: u32) -> Self {
        let name = format!("sim-{seed:x}-{number}");
        let page = Ledger::default().page(name.as_str());
        Self { number, name, rng: Pcg32::new(seed, number.into()), page }
    }

    /// With a page in this ledger.
    #[must_use]
    pub fn in_ledger(self, ledger: &Ledger) -> Self {
        Self { page: ledger.page(self.name.as_str()), ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::RngExt;

    #[test]
    fn a_client_depends_on_the_seed_and_its_number_alone() {
        let draw = |seed, number| Who::new(seed, number).rng.random::<u64>();
        assert_eq!(draw(1, 2), draw(1, 2));
        assert_ne!(draw(1, 2), draw(1, 3));
        assert_ne!(draw(1, 2), draw(2, 2));
    }

    #[test]
    fn names_fit_into_what_a_server_takes() {
        assert!(Who::new(u64::MAX, u32::MAX).name.chars().count() <= 32);
    }
}
