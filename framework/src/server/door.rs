//! The network's [`Doorkeeper`]: asks the authenticator who somebody is, and gives each name to one client at a time.

use std::net::SocketAddr;
use std::sync::Arc;

use daystar_model::ObjectId;
use daystar_protocol::handshake::Credentials;
use daystar_protocol::reject::RejectCode;
use tracing::error;

use crate::login::{Accounts, Authenticator, Identity, LoginAttempt, LoginError, SameIdentity};
use crate::net::channels::{Act, Switchboard};
use crate::net::login::{Admission, Admitted, Doorkeeper, NotAdmitted, Seat};
use crate::server::names::Names;

/// Who stands at a server's door.
pub(crate) struct Door {
    pub(crate) authenticator: Arc<dyn Authenticator>,
    pub(crate) accounts: Box<dyn Accounts>,
    pub(crate) same: SameIdentity,
    pub(crate) names: Arc<Names>,
    pub(crate) switchboard: Arc<Switchboard>,
}

impl Doorkeeper for Door {
    fn admit(&self, credentials: Credentials, address: SocketAddr) -> Admission<'_> {
        Box::pin(async move {
            let attempt = LoginAttempt::new(credentials, address);
            let identity = self.authenticator.authenticate(attempt, &*self.accounts).await;
            let identity = identity.map_err(refusal)?;
            let seat = self.seat(&identity).await?;
            Ok(Admitted { identity, seat })
        })
    }
}

impl Door {
    async fn seat(&self, identity: &Identity) -> Result<Seat, NotAdmitted> {
        let name = identity.name();
        let seat = match self.same {
            SameIdentity::Refuse => self.names.take(name).map_err(|_| in_use(name))?,
            SameIdentity::Replace => {
                let end = |session: ObjectId| {
                    self.switchboard.act(vec![Act::Replace { session: session.to_raw() }]);
                };
                self.names.take_over(name, end).await
            }
        };
        Ok(Box::new(seat))
    }
}

fn in_use(name: &str) -> NotAdmitted {
    let reason = format!(
        "someone called `{name}` is here already: choose another name, or wait until they have left"
    );
    NotAdmitted { code: RejectCode::NameInUse, reason, kind: "name_in_use" }
}

fn refusal(error: LoginError) -> NotAdmitted {
    if let LoginError::Failed { cause } = &error {
        error!(cause, "a login could not be checked");
    }
    let code = match &error {
        LoginError::Wrong(_) | LoginError::OtherKind { .. } => RejectCode::WrongCredentials,
        LoginError::TooSoon { .. } | LoginError::Busy | LoginError::Failed { .. } => {
            RejectCode::Busy
        }
        LoginError::Refused(_) => RejectCode::Other,
    };
    NotAdmitted { code, reason: error.to_string(), kind: error.kind() }
}
