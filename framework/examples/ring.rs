//! The smallest client: rings the bell of `belfry` once, and ends when that has happened.
//!
//! ```sh
//! cargo run -p daystar --example belfry -- serve --data /tmp/belfry
//! cargo run -p daystar --example ring -- 127.0.0.1:4433
//! ```

use std::error::Error;
use std::net::SocketAddr;

use daystar::prelude::*;
use daystar_client::{Client, Trust};

#[message]
pub(crate) enum Request {
    Ring,
}
#[message]
pub(crate) enum Event {
    Rang { times: u64, by: String },
}

pub(crate) async fn ring(server: SocketAddr) -> std::result::Result<(), Box<dyn Error>> {
    let client = Client::<Request, Event>::builder(server).game("belfry").name("ann");
    let (client, _events) = client.trust(Trust::Anyone).connect().await?;
    client.call(&Request::Ring).await?;
    client.close().await;
    Ok(())
}

#[tokio::main]
async fn main() -> std::result::Result<(), Box<dyn Error>> {
    ring(std::env::args().nth(1).unwrap_or("127.0.0.1:4433".to_owned()).parse()?).await
}
