//! Clients of one class that share a socket, a network and a set of counts.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use daystar_client::socket;
use daystar_client::traffic::Traffic;
use quinn::Endpoint;

use crate::counts::Counts;
use crate::network::conditions::Conditions;
use crate::network::relay::{BothWays, Relay};
use crate::plan::{Class, Plan};
use crate::tally::Tally;

/// How many clients share one UDP socket and one set of counts. A socket each would need as many open files as
/// there are clients, and a thread that reads it is woken for each packet; one for all would be read by a single task.
pub const CREW_CLIENTS_MAX: u32 = 256;

/// What [`CREW_CLIENTS_MAX`] clients share.
pub(crate) struct Crew {
    pub(crate) class: Class,
    /// Which of the plan's classes that is.
    pub(crate) class_index: usize,
    pub(crate) endpoint: Endpoint,
    /// Where the server is, or the relay that leads to it.
    pub(crate) server: SocketAddr,
    /// How long an answer may take before the connection counts as broken.
    pub(crate) patience: Duration,
    pub(crate) tally: Arc<Tally>,
    relay: Option<Relay>,
    traffic: Arc<Traffic>,
    /// How many have ever been in.
    connected: AtomicU32,
    /// How many have a session now.
    present: AtomicU32,
}

impl Crew {
    /// The crew with that number of the whole run.
    pub(crate) fn new(plan: &Plan, class_index: usize, number: u32) -> io::Result<Self> {
        let class = plan.classes[class_index].clone();
        let relay = class.network.clone().map(|conditions| {
            // One network does something else to each crew.
            let seed = plan.seed ^ u64::from(number) << 32;
            Relay::start(plan.server, conditions, seed)
        });
        let relay = relay.transpose()?;
        let server = relay.as_ref().map_or(plan.server, Relay::address);
        let (endpoint, traffic) = socket::shared_counted(server)?;
        let slowness = class.network.as_ref().map_or(Duration::ZERO, Conditions::slowness);
        Ok(Self {
            class,
            class_index,
            endpoint,
            server,
            patience: plan.patience + slowness,
            tally: Arc::default(),
            relay,
            traffic,
            connected: AtomicU32::new(0),
            present: AtomicU32::new(0),
        })
    }

    /// Whether the way to the server was made bad.
    pub(crate) fn has_network(&self) -> bool {
        self.relay.is_some()
    }

    /// What the network did to packets until now.
    pub(crate) fn network(&self) -> Option<BothWays> {
        self.relay.as_ref().map(Relay::traffic)
    }

    pub(crate) fn connected(&self) -> u32 {
        self.connected.load(Ordering::Relaxed)
    }

    pub(crate) fn present(&self) -> u32 {
        self.present.load(Ordering::Relaxed)
    }

    /// Moves what was counted over to `total`.
    pub(crate) fn collect_into(&self, total: &mut Counts) {
        self.tally.collect_into(total);
        let (up, down) = self.traffic.take();
        total.bytes_up += up;
        total.bytes_down += down;
    }
}

/// A client's having a session, for as long as this lives.
pub(crate) struct Presence<'c>(&'c Crew);

impl<'c> Presence<'c> {
    pub(crate) fn begin(crew: &'c Crew, is_first: bool) -> Self {
        crew.connected.fetch_add(u32::from(is_first), Ordering::Relaxed);
        crew.present.fetch_add(1, Ordering::Relaxed);
        Self(crew)
    }
}

impl Drop for Presence<'_> {
    fn drop(&mut self) {
        self.0.present.fetch_sub(1, Ordering::Relaxed);
    }
}
