//! From a greeting to somebody who may join: what the network asks of whoever knows who is who.

use std::any::Any;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::time::Duration;

use daystar_protocol::handshake::{Credentials, Hello};
use daystar_protocol::reject::RejectCode;
use quinn::Connection;
use tokio::time::timeout;

use crate::login::Identity;
use crate::net::endpoint::Shared;
use crate::net::meters;

/// Decides who is let in. Called on the network's threads: it may wait, but must not block.
pub(crate) trait Doorkeeper: Send + Sync + 'static {
    /// Who shows `credentials` from `address`, or why they stay outside. Dropped when the client goes meanwhile.
    fn admit(&self, credentials: Credentials, address: SocketAddr) -> Admission<'_>;
}

/// What a [`Doorkeeper`] gives.
pub(crate) type Admission<'a> =
    Pin<Box<dyn Future<Output = Result<Admitted, NotAdmitted>> + Send + 'a>>;

/// Somebody who may join.
pub(crate) struct Admitted {
    /// Who it is.
    pub(crate) identity: Identity,
    /// What the doorkeeper keeps for them, until it is dropped.
    pub(crate) seat: Seat,
}

/// Held and dropped; what it is, only the doorkeeper knows.
pub(crate) type Seat = Box<dyn Any + Send + Sync>;

/// Why somebody may not join.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NotAdmitted {
    /// For a program to act on.
    pub(crate) code: RejectCode,
    /// For a person to read.
    pub(crate) reason: String,
    /// For who counts.
    pub(crate) kind: &'static str,
}

/// Who has said `hello`.
///
/// # Errors
/// `Err(None)`: the connection is lost; `Err(Some(..))`: the client may not join.
pub(super) async fn admit(
    connection: &Connection,
    hello: Hello,
    shared: &Shared,
) -> Result<Admitted, Option<NotAdmitted>> {
    let admitted = tokio::select! {
        _ = connection.closed() => return Err(None),
        admitted = timeout(shared.limits.login_timeout, check(connection, hello, shared)) => {
            admitted.unwrap_or_else(|_| Err(too_late(shared.limits.login_timeout)))
        }
    };
    match &admitted {
        Ok(_) => meters::login_accepted(),
        Err(refusal) => meters::login_refused(refusal.kind),
    }
    admitted.map_err(Some)
}

async fn check(
    connection: &Connection,
    hello: Hello,
    shared: &Shared,
) -> Result<Admitted, NotAdmitted> {
    if hello.game != shared.game {
        let other = &hello.game[..hello.game.floor_char_boundary(GAME_BYTES_SHOWN)];
        let reason = format!("this server runs {}, not {other:?}", shared.game);
        return Err(NotAdmitted { code: RejectCode::WrongGame, reason, kind: "other_game" });
    }
    let address = connection.remote_address();
    if !shared.addresses.may_log_in(address.ip()) {
        let reason = "too many log in from your network: try again in a minute".to_owned();
        return Err(NotAdmitted { code: RejectCode::Busy, reason, kind: "network" });
    }
    shared.door.admit(hello.credentials, address).await
}

fn too_late(after: Duration) -> NotAdmitted {
    let reason = format!("the login took longer than {after:?}: try again in a while");
    NotAdmitted { code: RejectCode::Busy, reason, kind: "too_late" }
}

const GAME_BYTES_SHOWN: usize = 32;
