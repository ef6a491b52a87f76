//! [`DevelopmentNames`]: everyone is who they say.

use daystar_protocol::handshake::Credentials;

use crate::login::accounts::Accounts;
use crate::login::attempt::{LoginAttempt, LoginError};
use crate::login::identity::{Identity, NAME_CHARS_MAX, check_name};
use crate::login::{Authenticator, LoginFuture};

/// Lets everyone in under the name they give. For development: nothing keeps one from taking another's.
#[derive(Clone, Copy, Debug, Default)]
pub struct DevelopmentNames;

impl Authenticator for DevelopmentNames {
    fn authenticate<'a>(&'a self, attempt: LoginAttempt, _: &'a dyn Accounts) -> LoginFuture<'a> {
        Box::pin(async move {
            let Credentials::Name(name) = attempt.credentials else {
                return Err(LoginError::OtherKind { wanted: "nothing but a name" });
            };
            check_name(&name, NAME_CHARS_MAX)?;
            Identity::new(name)
        })
    }

    fn is_proof(&self) -> bool {
        false
    }
}
