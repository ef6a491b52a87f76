//! A client that hears what others do: tells every stroke of the bell of `belfry`, until the server ends the session.
//!
//! ```sh
//! cargo run -p daystar --example belfry -- serve --data /tmp/belfry
//! cargo run -p daystar --example listen -- 127.0.0.1:4433
//! ```

use std::error::Error;
use std::net::SocketAddr;

use daystar::prelude::*;
use daystar_client::{Client, Disconnected, Incoming, Trust};

#[message]
pub(crate) enum Request {
    Ring,
}
#[message]
pub(crate) enum Event {
    Rang { times: u64, by: String },
}

/// Calls `tell` with each stroke; why the session ended.
pub(crate) async fn listen(
    server: SocketAddr,
    mut tell: impl FnMut(u64, String),
) -> std::result::Result<Disconnected, Box<dyn Error>> {
    let client = Client::<Request, Event>::builder(server).game("belfry").name("bob");
    // The session lasts as long as this is kept.
    let (_client, mut events) = client.trust(Trust::Anyone).connect().await?;
    loop {
        match events.next().await {
            Some(Incoming::Event(Event::Rang { times, by })) => tell(times, by),
            // What was asked with `send` and refused; this client asks for nothing.
            Some(Incoming::Refused(reason)) => eprintln!("refused: {reason}"),
            Some(Incoming::Closed(why)) => return Ok(why),
            None => return Err("nothing comes behind the end".into()),
        }
    }
}

#[tokio::main]
async fn main() -> std::result::Result<(), Box<dyn Error>> {
    let server = std::env::args().nth(1).unwrap_or("127.0.0.1:4433".to_owned()).parse()?;
    let why = listen(server, |times, by| println!("{by} rings: {times} times by now")).await?;
    println!("{why}");
    Ok(())
}
