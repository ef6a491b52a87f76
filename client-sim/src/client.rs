//! One client's life: it connects, plays, connects again when it was thrown out, and settles in the end.

use std::sync::Arc;
use std::time::Duration;

use daystar_client::client::Client;
use daystar_client::error::ConnectError;
use rand::RngExt;
use rand_pcg::Pcg32;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use crate::behaviour::{Behaviour, Who};
use crate::crash::intermission::{Act, Intermission, Scene};
use crate::crew::{Crew, Presence};
use crate::link::{Link, Lost};
use crate::stage::Phase;
use crate::troupe::Shared;

/// How long connecting and joining may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(20);

/// How long a client waits before it tries to connect again.
const RECONNECT_AFTER: Duration = Duration::from_secs(1);

/// What a client is given.
pub(crate) struct Seat {
    pub(crate) shared: Arc<Shared>,
    pub(crate) crew: Arc<Crew>,
    pub(crate) number: u32,
    pub(crate) joins_at: Instant,
    pub(crate) phase: watch::Receiver<Phase>,
}

impl Seat {
    /// Who sits there.
    pub(crate) fn who(&self) -> Who {
        Who::new(self.shared.plan.seed, self.number).in_ledger(&self.shared.ledger)
    }
}

type LinkOf<B> = Link<<B as Behaviour>::Request, <B as Behaviour>::Event>;

/// Plays one client until the run is over. What goes wrong is counted.
pub(crate) async fn live<B: Behaviour>(seat: Seat, mut behaviour: B) {
    let name = seat.who().name;
    let Seat { shared, crew, number, joins_at, mut phase } = seat;
    // The think times have a stream of their own, so that they do not change what a behaviour draws.
    let mut think = Pcg32::new(shared.plan.seed, u64::from(number) | 1 << 32);
    let mut was_in = false;
    tokio::select! {
        biased;
        _ = phase.wait_for(|phase| *phase == Phase::Over) => return,
        () = sleep_until(joins_at) => {}
    }
    loop {
        let connecting = connect::<B>(&shared, &crew, &name);
        // After a crash at the very end everyone must still tell what it was told.
        let comes_back = was_in && shared.plan.server_may_crash;
        let (mut link, scene) = tokio::select! {
            biased;
            _ = phase.wait_for(|phase| *phase == Phase::Over), if !comes_back => return,
            joined = connecting => joined,
        };
        shared.intermission.joined(&name);
        let _present = Presence::begin(&crew, !was_in);
        if was_in {
            crew.tally.reconnected();
        }
        was_in = true;
        behaviour.joined();
        let played = tokio::select! {
            biased;
            () = shared.intermission.replaced(scene) => Err(link.outlive_server().await),
            played = play(&shared, &crew, &mut link, &mut behaviour, &mut think, &mut phase, (scene, &name)) => played,
        };
        let settled = match played {
            Ok(()) => settle(&shared, link, &mut behaviour, &name).await,
            Err(lost) => Err(lost),
        };
        match settled {
            Ok(()) => return,
            // Its server was killed, or is about to be.
            Err(Lost::Server(_)) if shared.intermission.has_crashed_since(scene) => {}
            Err(lost) => crew.tally.error(&lost.to_string()),
        }
    }
}

/// Tries until it succeeds.
async fn connect<B: Behaviour>(shared: &Shared, crew: &Crew, name: &str) -> (LinkOf<B>, Scene) {
    let may_fail = crew.has_network() || shared.plan.server_may_crash;
    loop {
        {
            // Never closed while clients run.
            let _permit = shared.handshakes.acquire().await;
            let scene = shared.intermission.server_is_up().await;
            let connecting = Client::<B::Request, B::Event>::builder(crew.server)
                .credentials(shared.plan.login.credentials(name))
                .game(shared.game)
                .trust(shared.plan.trust)
                .endpoint(crew.endpoint.clone())
                .connect();
            let joined = tokio::select! {
                biased;
                // A welcome would be that of a server that is gone.
                () = shared.intermission.crashed_since(scene) => continue,
                joined = timeout(CONNECT_TIMEOUT, connecting) => joined,
            };
            match joined {
                Ok(Ok((client, events))) => {
                    let tally = crew.tally.clone();
                    let durable = crew.class.durable;
                    return (Link::new(client, events, tally, crew.patience, durable), scene);
                }
                // An honest "no" is one on any network.
                Ok(Err(error)) if !may_fail || matches!(error, ConnectError::Rejected { .. }) => {
                    crew.tally.error(&error.to_string());
                }
                Err(_) if !may_fail => {
                    let seconds = CONNECT_TIMEOUT.as_secs();
                    crew.tally.error(&format!("connecting took longer than {seconds} s"));
                }
                Ok(Err(_)) | Err(_) => crew.tally.connect_failed(),
            }
        }
        sleep(RECONNECT_AFTER).await;
    }
}

/// Acts and waits in turn until the run is over.
async fn play<B: Behaviour>(
    shared: &Shared,
    crew: &Crew,
    link: &mut LinkOf<B>,
    behaviour: &mut B,
    think: &mut Pcg32,
    phase: &mut watch::Receiver<Phase>,
    (scene, name): (Scene, &str),
) -> Result<(), Lost> {
    loop {
        tokio::select! {
            biased;
            begun = phase.wait_for(|phase| *phase != Phase::Connecting) => {
                match begun.as_deref() {
                    Ok(Phase::Playing) => break,
                    _ => return Ok(()),
                }
            }
            listened = link.listen() => listened?,
        }
        link.heard().for_each(|event| behaviour.heard(event));
    }
    let class = &crew.class;
    if let Some(every) = class.break_every {
        link.break_every(every, Pcg32::new(think.random(), 0));
    }
    let period = Duration::from_secs_f64(1.0 / class.rate);
    // Spread over the first period, so that the clients do not act in step.
    let mut due = Instant::now() + period.mul_f64(think.random());
    loop {
        tokio::select! {
            biased;
            () = over(phase) => return Ok(()),
            () = shared.intermission.interrupted(scene) => {
                sit_out(&shared.intermission, link, behaviour, name).await?;
                due = Instant::now() + period.mul_f64(think.random());
                continue;
            }
            () = shared.intermission.crashed_since(scene) => {
                // Nobody would answer, and what becomes of a request that nobody has heard would not be known. Ends with the session.
                loop {
                    tokio::select! {
                        biased;
                        () = over(phase) => return Ok(()),
                        listened = link.listen() => listened?,
                    }
                    link.heard().for_each(|event| behaviour.heard(event));
                }
            }
            listened = link.listen_until(due) => listened?,
        }
        link.heard().for_each(|event| behaviour.heard(event));
        behaviour.act(link).await?;
        crew.tally.acted();
        link.heard().for_each(|event| behaviour.heard(event));
        // Counted from when the act was due, so that slow answers do not lower the rate; but acts that a
        // very slow one has pushed aside are not made up for.
        due = (due + period.mul_f64(class.think.draw(think))).max(Instant::now());
    }
}

/// Waits until the run is over.
async fn over(phase: &mut watch::Receiver<Phase>) {
    // Without anybody to say so it is, too.
    let _ = phase.wait_for(|phase| *phase == Phase::Over).await;
}

/// Does nothing until the play goes on, but says once what the client has, if it is asked.
async fn sit_out<B: Behaviour>(
    intermission: &Intermission,
    link: &mut LinkOf<B>,
    behaviour: &mut B,
    name: &str,
) -> Result<(), Lost> {
    let waiting = intermission.wait(name);
    let mut scene = None;
    loop {
        tokio::select! {
            biased;
            other = intermission.other_than(scene) => scene = Some(other),
            listened = link.listen() => listened?,
        }
        link.heard().for_each(|event| behaviour.heard(event));
        let Some(scene) = scene else { continue };
        match scene.act {
            Act::Play => return Ok(()),
            Act::Gather => waiting.comes(scene),
            Act::State if waiting.is_asked() => {
                link.measure(false);
                let has = behaviour.audit(link).await?;
                link.measure(true);
                waiting.state(has);
            }
            _ => {}
        }
    }
}

async fn settle<B: Behaviour>(
    shared: &Shared,
    mut link: LinkOf<B>,
    behaviour: &mut B,
    name: &str,
) -> Result<(), Lost> {
    link.stop_measuring();
    let differences = behaviour.settle(&mut link).await?;
    shared.settlement.lock().add(name, differences);
    link.close().await;
    Ok(())
}
