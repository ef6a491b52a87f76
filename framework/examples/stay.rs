//! A client as a game ships it: believes one server only, shows how its connection fares, comes back over another by itself when it is
//! lost, and joins anew when the session is over, as it is when the server was started anew. Rings once in a second.
//!
//! A server makes itself a new certificate at each start, unless it is given one: then its fingerprint stays the same.
//!
//! ```sh
//! openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 365 -subj /CN=belfry -keyout key.pem -out cert.pem
//! cargo run -p daystar --example belfry -- serve --data /tmp/belfry --cert cert.pem --key key.pem  # prints its fingerprint
//! cargo run -p daystar --example stay -- 127.0.0.1:4433 FINGERPRINT
//! ```

use std::error::Error;
use std::net::SocketAddr;
use std::time::Duration;

use daystar::prelude::*;
use daystar_client::{
    CallError, Client, CloseCode, ConnectError, ConnectionState, Disconnected, Fingerprint,
    RejectCode, Trust,
};

#[message]
pub(crate) enum Request {
    Ring,
}
#[message]
pub(crate) enum Event {
    Rang { times: u64, by: String },
}

/// Rings `rings` times, `pause` apart, whatever happens on the way that may pass; `show` is told how the connection fares.
///
/// A ring that was under way when the server went down may have been heard or not: this rings again, so it may be heard twice. A game
/// where that matters gives its requests numbers, and looks at them in `received`.
pub(crate) async fn stay(
    server: SocketAddr,
    fingerprint: Fingerprint,
    rings: u32,
    pause: Duration,
    show: impl Fn(ConnectionState) + Clone + Send + 'static,
) -> std::result::Result<(), Box<dyn Error + Send + Sync>> {
    let mut rung = 0;
    loop {
        let client = Client::<Request, Event>::builder(server).game("belfry").name("cecily");
        let client = match client.trust(Trust::Fingerprint(fingerprint)).connect().await {
            Ok((client, _nobody_listens)) => client,
            Err(error) if may_pass(&error) => {
                tokio::time::sleep(pause).await;
                continue;
            }
            // Somebody else answers, say, or the server wants another version: to go on would be wrong, or for nothing.
            Err(error) => return Err(error.into()),
        };
        let (mut state, show) = (client.state(), show.clone());
        let showing = tokio::spawn(async move {
            loop {
                show(state.borrow_and_update().clone());
                if state.changed().await.is_err() {
                    return;
                }
            }
        });
        let mut over = None;
        while rung < rings && over.is_none() {
            match client.call(&Request::Ring).await {
                Ok(_) => rung += 1,
                Err(CallError::Disconnected(why)) => over = Some(why),
                Err(error) => eprintln!("not rung: {error}"),
            }
            // Behind the end of a session, too: a server that lets everybody in and then has this one go, since it is banned, say, would be
            // joined anew as fast as the network allows.
            tokio::time::sleep(pause).await;
        }
        client.close().await;
        showing.abort();
        match over {
            None => return Ok(()),
            Some(why) if may_go_on(&why) => {}
            Some(why) => return Err(why.into()),
        }
    }
}

/// Whether the same attempt may work a while later. What is not known to pass does not: a game that says no means it.
pub(crate) fn may_pass(error: &ConnectError) -> bool {
    match error {
        // The server is down, or full.
        ConnectError::TimedOut { .. } | ConnectError::Full { .. } => true,
        ConnectError::Disconnected { cause, .. } => may_go_on(cause),
        // Too many log in, or this one has tried too often; or this client was just there, and the server does not know yet that it
        // is gone.
        ConnectError::Rejected { code, .. } => {
            matches!(code, RejectCode::Busy | RejectCode::NameInUse)
        }
        _ => false,
    }
}

/// Whether to join anew makes sense after such an end. Other ends are somebody's mistake, which would be made again: too much was asked
/// for, say, or something that is not the protocol.
pub(crate) fn may_go_on(why: &Disconnected) -> bool {
    match why {
        Disconnected::Lost(_) | Disconnected::NotResumed(_) => true,
        // It has too much to do, or has not heard the greeting in time. `Closing` is all that a server says that goes down, and all that
        // a game says that wants this client to go: which of them it is, only the pause makes bearable.
        Disconnected::ByServer { code, .. } => {
            matches!(code, CloseCode::Closing | CloseCode::Busy | CloseCode::HelloTimeout)
        }
        _ => false,
    }
}

#[tokio::main]
async fn main() -> std::result::Result<(), Box<dyn Error + Send + Sync>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(server), Some(fingerprint)) = (arguments.next(), arguments.next()) else {
        return Err("say which server, and the fingerprint that it has printed".into());
    };
    let show = |state| println!("{state:?}");
    stay(server.parse()?, fingerprint.parse()?, u32::MAX, Duration::from_secs(1), show).await?;
    Ok(())
}
