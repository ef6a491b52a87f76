//! Accounts for the honest clients of a server that asks for passwords.

use daystar_protocol::close::CloseCode;
use daystar_protocol::handshake::Credentials;
use quinn::VarInt;

use crate::hostile::target::{Target, WELCOME};
use crate::plan::Login;

/// Makes an account for each of `names`, with the password that clients of that name log in with. No more than a server lets one
/// network make.
///
/// # Errors
/// In words: the server does not make one.
pub(super) async fn enrol(
    server: &Target,
    names: impl Iterator<Item = String>,
) -> Result<(), String> {
    let endpoint = server.endpoint().map_err(|error| error.to_string())?;
    for name in names {
        let Credentials::Password { account, password, .. } = Login::Password.credentials(&name)
        else {
            continue;
        };
        let credentials = Credentials::Password { account, password, is_new: true };
        let mut session = server.greet_with(&endpoint, credentials).await?;
        let verdict = session.verdict().await;
        if verdict != WELCOME {
            return Err(format!("`{name}`: {verdict}"));
        }
        let goodbye = VarInt::from_u32(CloseCode::Goodbye.to_raw());
        session.connection.close(goodbye, b"enrolled");
    }
    Ok(())
}
