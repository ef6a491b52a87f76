//! What the server sends without being asked.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use bytes::Bytes;
use daystar_protocol::message::{Message, decode_message};
use tokio::sync::mpsc::UnboundedReceiver;

use crate::error::Disconnected;
use crate::link::Link;

/// The stream of events of one client. Take them steadily: they are kept until taken, up to a limit. Dropping it is fine
/// for a program that wants none.
pub struct Events<Event> {
    link: Arc<Link>,
    queue: UnboundedReceiver<Delivery>,
    closed: bool,
    messages: PhantomData<fn() -> Event>,
}

/// One thing that came in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Incoming<Event> {
    /// An event of the game.
    Event(Event),
    /// A request given to [`Client::send`](crate::client::Client::send) had no effect, for this reason.
    Refused(String),
    /// The session is over. Comes once, last.
    Closed(Disconnected),
}

impl<Event: Message> Events<Event> {
    pub(crate) fn new(link: Arc<Link>, queue: UnboundedReceiver<Delivery>) -> Self {
        Self { link, queue, closed: false, messages: PhantomData }
    }

    /// The next thing that comes in; `None` behind [`Incoming::Closed`]. Dropping the future loses nothing.
    pub async fn next(&mut self) -> Option<Incoming<Event>> {
        if self.closed {
            return None;
        }
        let Some(delivery) = self.queue.recv().await else {
            return Some(self.close(self.link.over().await));
        };
        self.link.event_taken(delivery.bytes());
        match delivery {
            Delivery::Refused(reason) => Some(Incoming::Refused(reason)),
            Delivery::Event(payload) => match decode_message(&payload) {
                Ok(event) => Some(Incoming::Event(event)),
                Err(error) => {
                    // Client and server were built with different messages: what follows would be no better.
                    self.link.abandon(Disconnected::Unreadable(error.to_string()));
                    Some(self.close(self.link.over().await))
                }
            },
        }
    }

    fn close(&mut self, why: Disconnected) -> Incoming<Event> {
        self.closed = true;
        Incoming::Closed(why)
    }
}

impl<Event> fmt::Debug for Events<Event> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Events").field("waiting", &self.queue.len()).finish_non_exhaustive()
    }
}

/// Something for [`Events::next`], still encoded.
pub(crate) enum Delivery {
    Event(Bytes),
    Refused(String),
}

impl Delivery {
    /// What it counts against the limit of waiting events.
    pub(crate) fn bytes(&self) -> usize {
        DELIVERY_BYTES
            + match self {
                Self::Event(payload) => payload.len(),
                Self::Refused(reason) => reason.len(),
            }
    }
}

/// A place in the queue, about.
const DELIVERY_BYTES: usize = 64;
