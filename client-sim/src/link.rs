//! One client's connection as its behaviour sees it: calls are measured, events are kept.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use daystar_client::client::Client;
use daystar_client::error::{CallError, Disconnected, SendError};
use daystar_client::events::{Events, Incoming};
use daystar_client::state::ConnectionState;
use daystar_protocol::message::Message;
use rand::RngExt;
use rand_pcg::Pcg32;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout};

use crate::tally::Tally;

/// A connected client.
pub struct Link<Request: Message, Event: Message> {
    client: Client<Request, Event>,
    events: Events<Event>,
    unheard: VecDeque<Event>,
    tally: Arc<Tally>,
    /// How long an answer may take before the connection counts as broken.
    patience: Duration,
    breaker: Option<Breaker>,
    /// Whether each call waits until its outcome is on the server's disk.
    is_durable: bool,
    measured: bool,
}

/// Breaks a connection without a goodbye, now and then.
struct Breaker {
    every: Duration,
    rng: Pcg32,
    at: Instant,
}

impl Breaker {
    fn wind_up(&mut self) {
        self.at = Instant::now() + self.every.mul_f64(self.rng.random_range(0.5..1.5));
    }
}

/// What became of a call.
#[derive(Debug)]
pub enum Answer<Event> {
    /// It took effect. `None` if the game had nothing to say about it.
    Done(Option<Event>),
    /// The game's rules forbid it, and it had no effect.
    Refused(String),
}

/// The session is gone, for this reason. What became of the request that was under way is unknown.
#[derive(Debug, thiserror::Error)]
pub enum Lost {
    /// The server cannot be reached any more, or has forgotten the session, as one does that was killed.
    #[error("{0}")]
    Server(String),
    /// Anything else: no way of a server's being gone.
    #[error("{0}")]
    Session(String),
}

impl From<Disconnected> for Lost {
    fn from(cause: Disconnected) -> Self {
        match cause {
            Disconnected::Lost(_) | Disconnected::NotResumed(_) => Self::Server(cause.to_string()),
            _ => Self::Session(cause.to_string()),
        }
    }
}

impl<Request: Message, Event: Message> Link<Request, Event> {
    pub(crate) fn new(
        client: Client<Request, Event>,
        events: Events<Event>,
        tally: Arc<Tally>,
        patience: Duration,
        is_durable: bool,
    ) -> Self {
        tokio::spawn(count_resumptions(client.state(), Arc::clone(&tally)));
        Self {
            client,
            events,
            unheard: VecDeque::new(),
            tally,
            patience,
            breaker: None,
            is_durable,
            measured: true,
        }
    }

    /// Asks the server for something, and waits for the answer.
    ///
    /// # Errors
    /// The connection was lost, or no answer came in time: what became of the request is unknown.
    pub async fn call(&mut self, request: &Request) -> Result<Answer<Event>, Lost> {
        let started = Instant::now();
        let result = {
            let call = async {
                match self.is_durable {
                    true => self.client.call_durable(request).await,
                    false => self.client.call(request).await,
                }
            };
            let call = timeout(self.patience, call);
            tokio::pin!(call);
            loop {
                tokio::select! {
                    biased;
                    breaker = due(&mut self.breaker) => {
                        breaker.wind_up();
                        self.client.break_connection();
                    }
                    incoming = self.events.next() => {
                        let event = event_of(incoming, &self.tally)?;
                        self.unheard.extend(event);
                    }
                    result = &mut call => break result,
                }
            }
        };
        let elapsed = started.elapsed();
        self.take_waiting_events()?;
        let answer = match result {
            Ok(Ok(event)) => Answer::Done(event),
            Ok(Err(CallError::Refused(reason))) => Answer::Refused(reason),
            Ok(Err(CallError::Disconnected(cause))) => return Err(cause.into()),
            Ok(Err(error)) => return Err(Lost::Session(error.to_string())),
            Err(_) => {
                let seconds = self.patience.as_secs();
                let what = format!("a request got no answer within {seconds} s");
                return Err(Lost::Session(what));
            }
        };
        if self.measured {
            let refused = match &answer {
                Answer::Done(_) => None,
                Answer::Refused(reason) => Some(reason.as_str()),
            };
            self.tally.answered(elapsed, refused);
        }
        Ok(answer)
    }

    /// Asks the server for something and does not wait for it. It is not measured; a refusal is an error.
    ///
    /// # Errors
    /// The connection was lost: what became of the request is unknown.
    pub async fn send(&mut self, request: &Request) -> Result<(), Lost> {
        self.client.send(request).await.map_err(|error| match error {
            SendError::Disconnected(cause) => cause.into(),
            error => Lost::Session(error.to_string()),
        })
    }

    /// The events that have come and were not looked at yet, oldest first.
    pub fn heard(&mut self) -> impl Iterator<Item = Event> + use<Request, Event> {
        std::mem::take(&mut self.unheard).into_iter()
    }

    /// Waits until then, and takes in the events that come meanwhile.
    pub(crate) async fn listen_until(&mut self, then: Instant) -> Result<(), Lost> {
        loop {
            tokio::select! {
                biased;
                () = sleep_until(then) => return Ok(()),
                breaker = due(&mut self.breaker) => {
                    breaker.wind_up();
                    self.client.break_connection();
                }
                incoming = self.events.next() => {
                    let event = event_of(incoming, &self.tally)?;
                    self.unheard.extend(event);
                }
            }
        }
    }

    /// Waits for the next event.
    pub(crate) async fn listen(&mut self) -> Result<(), Lost> {
        let event = event_of(self.events.next().await, &self.tally)?;
        self.unheard.extend(event);
        Ok(())
    }

    /// From now on the connection is broken after so long, on average, whatever is under way. The session must go on over another.
    pub(crate) fn break_every(&mut self, every: Duration, rng: Pcg32) {
        let mut breaker = Breaker { every, rng, at: Instant::now() };
        breaker.wind_up();
        self.breaker = Some(breaker);
    }

    /// From now on calls are not counted, and nothing is broken.
    pub(crate) fn stop_measuring(&mut self) {
        self.measured = false;
        self.breaker = None;
    }

    /// Whether calls are counted from now on.
    pub(crate) fn measure(&mut self, measured: bool) {
        self.measured = measured;
    }

    /// The server was killed, and another has taken its place. By itself the client would notice when nothing has come for long
    /// enough. Waits until the session is over, as it must be.
    pub(crate) async fn outlive_server(&mut self) -> Lost {
        self.breaker = None;
        self.client.break_connection();
        let patience = self.patience;
        let over = async {
            loop {
                if let Err(lost) = self.listen().await {
                    return lost;
                }
            }
        };
        let what = "a session went on that a crash of the server had ended";
        timeout(patience, over).await.unwrap_or_else(|_| Lost::Session(what.to_owned()))
    }

    /// Says goodbye.
    pub(crate) async fn close(self) {
        self.client.close().await;
    }

    /// What the server sent before the answer has arrived before it; it must not be told later than that.
    fn take_waiting_events(&mut self) -> Result<(), Lost> {
        use std::task::{Context, Poll, Waker};
        loop {
            let next = std::pin::pin!(self.events.next());
            let Poll::Ready(incoming) = next.poll(&mut Context::from_waker(Waker::noop())) else {
                return Ok(());
            };
            let event = event_of(incoming, &self.tally)?;
            self.unheard.extend(event);
        }
    }
}

/// Resolves when the breaker, if there is one, is to strike.
async fn due(breaker: &mut Option<Breaker>) -> &mut Breaker {
    match breaker {
        Some(breaker) => {
            sleep_until(breaker.at).await;
            breaker
        }
        None => std::future::pending().await,
    }
}

/// Counts until the session is over how often it went on over another connection.
async fn count_resumptions(mut state: watch::Receiver<ConnectionState>, tally: Arc<Tally>) {
    while state.changed().await.is_ok() {
        match *state.borrow_and_update() {
            ConnectionState::Resumed => tally.resumed(),
            ConnectionState::Over(_) => return,
            _ => {}
        }
    }
}

fn event_of<Event: Message>(
    incoming: Option<Incoming<Event>>,
    tally: &Tally,
) -> Result<Option<Event>, Lost> {
    match incoming {
        Some(Incoming::Event(event)) => {
            tally.event();
            Ok(Some(event))
        }
        Some(Incoming::Refused(reason)) => {
            tally.error(&format!("what was only sent was refused: {reason}"));
            Ok(None)
        }
        Some(Incoming::Closed(cause)) => Err(cause.into()),
        None => Err(Lost::Session("the connection ended without a reason".to_owned())),
    }
}
