//! One client's life: it connects, plays, connects again when it was thrown out, and settles in the end.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use daystar_client::client::Client;
use daystar_client::error::ConnectError;
use rand::RngExt;
use rand_pcg::Pcg32;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};

use crate::behaviour::Behaviour;
use crate::crowd::{Crew, Crowd, Phase};
use crate::link::{Link, Lost};

/// How long connecting and joining may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(20);

/// How long a client waits before it tries to connect again.
const RECONNECT_AFTER: Duration = Duration::from_secs(1);

type LinkOf<B> = Link<<B as Behaviour>::Request, <B as Behaviour>::Event>;

/// Plays one client until the run is over. What goes wrong is counted.
pub(crate) async fn live<B: Behaviour>(
    crowd: Arc<Crowd>,
    crew: Arc<Crew>,
    name: String,
    number: u32,
    mut behaviour: B,
    mut phase: watch::Receiver<Phase>,
) {
    // The think times have a stream of their own, so that they do not change what a behaviour draws.
    let mut think = Pcg32::new(crowd.plan.seed, u64::from(number) | 1 << 32);
    let mut was_connected = false;
    loop {
        let connecting = connect::<B>(&crowd, &crew, &name);
        let mut link = tokio::select! {
            biased;
            _ = phase.wait_for(|phase| *phase == Phase::Over) => return,
            link = connecting => link,
        };
        if was_connected {
            crew.tally.reconnected();
        } else {
            crowd.connected.fetch_add(1, Ordering::Relaxed);
        }
        was_connected = true;
        behaviour.joined();
        let played = play(&crowd, &mut link, &mut behaviour, &mut think, &mut phase).await;
        let settled = match played {
            Ok(()) => settle(&crowd, link, &mut behaviour, &name).await,
            Err(lost) => Err(lost),
        };
        match settled {
            Ok(()) => return,
            Err(Lost(reason)) => crew.tally.error(&reason),
        }
    }
}

/// Tries until it succeeds.
async fn connect<B: Behaviour>(crowd: &Crowd, crew: &Crew, name: &str) -> LinkOf<B> {
    loop {
        {
            // Never closed while clients run.
            let _permit = crowd.handshakes.acquire().await;
            let plan = &crowd.plan;
            let connecting = Client::<B::Request, B::Event>::builder(crew.server)
                .name(name)
                .game(plan.game)
                .trust(plan.trust)
                .endpoint(crew.endpoint.clone())
                .connect();
            match timeout(CONNECT_TIMEOUT, connecting).await {
                Ok(Ok((client, events))) => {
                    return Link::new(client, events, crew.tally.clone(), crew.patience);
                }
                // An honest "no" is one on any network.
                Ok(Err(error))
                    if !crew.has_network() || matches!(error, ConnectError::Rejected(_)) =>
                {
                    crew.tally.error(&error.to_string());
                }
                Err(_) if !crew.has_network() => {
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
    crowd: &Crowd,
    link: &mut LinkOf<B>,
    behaviour: &mut B,
    think: &mut Pcg32,
    phase: &mut watch::Receiver<Phase>,
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
    if let Some(every) = crowd.plan.break_every {
        link.break_every(every, Pcg32::new(think.random(), 0));
    }
    let period = Duration::from_secs_f64(1.0 / crowd.plan.rate);
    // Spread over the first period, so that the clients do not act in step.
    let mut due = Instant::now() + period.mul_f64(think.random());
    loop {
        tokio::select! {
            biased;
            _ = phase.wait_for(|phase| *phase == Phase::Over) => return Ok(()),
            listened = link.listen_until(due) => listened?,
        }
        link.heard().for_each(|event| behaviour.heard(event));
        behaviour.act(link).await?;
        link.heard().for_each(|event| behaviour.heard(event));
        // Counted from when the act was due, so that slow answers do not lower the rate; but acts that a
        // very slow one has pushed aside are not made up for.
        due = (due + period.mul_f64(think.random_range(0.5..1.5))).max(Instant::now());
    }
}

async fn settle<B: Behaviour>(
    crowd: &Crowd,
    mut link: LinkOf<B>,
    behaviour: &mut B,
    name: &str,
) -> Result<(), Lost> {
    link.stop_measuring();
    let differences = behaviour.settle(&mut link).await?;
    crowd.settlement.lock().add(name, differences);
    link.close().await;
    Ok(())
}
