//! A client with an account: makes one of this name, or joins by the one that there is.
//!
//! ```sh
//! cargo run -p daystar --example belfry -- serve --data /tmp/belfry --login passwords --registration
//! cargo run -p daystar --example account -- 127.0.0.1:4433 FINGERPRINT ann 'a long password'
//! ```

use std::error::Error;
use std::net::SocketAddr;

use daystar::prelude::*;
use daystar_client::{Client, ConnectError, Credentials, Fingerprint, RejectCode, Trust};

#[message]
pub(crate) enum Request {
    Ring,
}
#[message]
pub(crate) enum Event {
    Rang { times: u64, by: String },
}

/// Joins as `account`, which is made if there is none; whether it was made.
///
/// A password must not go to whoever stands in between, so the server is believed by its fingerprint alone.
pub(crate) async fn join(
    server: SocketAddr,
    fingerprint: Fingerprint,
    account: &str,
    password: &str,
) -> std::result::Result<(Client<Request, Event>, bool), ConnectError> {
    let connect = |is_new| {
        let (account, password) = (account.to_owned(), password.to_owned());
        let credentials = Credentials::Password { account, password, is_new };
        let client = Client::builder(server).game("belfry").credentials(credentials);
        client.trust(Trust::Fingerprint(fingerprint)).connect()
    };
    match connect(false).await {
        Ok((client, _nobody_listens)) => Ok((client, false)),
        // It may be that there is no such account, or that the password is wrong: the server does not say which. If there is one,
        // another cannot be made.
        Err(ConnectError::Rejected { code: RejectCode::WrongCredentials, .. }) => {
            connect(true).await.map(|(client, _nobody_listens)| (client, true))
        }
        // Too many log in, say: making an account would be no answer to that.
        Err(error) => Err(error),
    }
}

#[tokio::main]
async fn main() -> std::result::Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [server, fingerprint, account, password] = &arguments[..] else {
        return Err("say which server, its fingerprint, the account and its password".into());
    };
    let (client, is_new) = join(server.parse()?, fingerprint.parse()?, account, password).await?;
    println!("{account} is in{}", if is_new { ", for the first time" } else { "" });
    client.call(&Request::Ring).await?;
    client.close().await;
    Ok(())
}
