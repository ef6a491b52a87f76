//! `serve --login …`: who may join.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::game::rules::Game;
use crate::login::{DevelopmentNames, Passwords, SameIdentity, Tokens};
use crate::server::builder::Builder;
use crate::server::error::ServeError;

#[derive(Args)]
pub(super) struct LoginArguments {
    /// How clients show who they are; as the game's program says unless set, and by name alone if it says nothing.
    #[arg(long, env = "DAYSTAR_LOGIN", value_enum)]
    login: Option<Way>,
    /// Lets clients make accounts, with `--login passwords`.
    #[arg(long, env = "DAYSTAR_REGISTRATION")]
    registration: bool,
    /// The public key that tokens are checked by, with `--login tokens`: PEM, Ed25519 or RSA.
    #[arg(long, env = "DAYSTAR_TOKEN_KEY", value_name = "FILE", required_if_eq("login", "tokens"))]
    token_key: Option<PathBuf>,
    /// Takes only tokens that were made for this audience.
    #[arg(long, env = "DAYSTAR_TOKEN_AUDIENCE", value_name = "NAME")]
    token_audience: Option<String>,
    /// Takes only tokens of this issuer.
    #[arg(long, env = "DAYSTAR_TOKEN_ISSUER", value_name = "NAME")]
    token_issuer: Option<String>,
    /// What happens when somebody joins who is in already; with `--login names`, `refuse` unless set, else `replace`.
    #[arg(long, env = "DAYSTAR_SAME_IDENTITY", value_enum)]
    same_identity: Option<Same>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Way {
    /// By a name that nobody checks: for development.
    Names,
    /// By an account of the world and its password.
    Passwords,
    /// By a JSON Web Token.
    Tokens,
}

/// [`SameIdentity`] on a command line.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Same {
    /// The second stays outside.
    Refuse,
    /// The second takes the first one's place.
    Replace,
}

impl LoginArguments {
    pub(super) fn apply<G: Game>(self, mut builder: Builder<G>) -> Result<Builder<G>, ServeError> {
        if let Some(same) = self.same_identity {
            builder = builder.same_identity(match same {
                Same::Refuse => SameIdentity::Refuse,
                Same::Replace => SameIdentity::Replace,
            });
        }
        Ok(match (self.login, self.token_key) {
            (None, _) => builder,
            (Some(Way::Names), _) => builder.login(DevelopmentNames),
            (Some(Way::Passwords), _) => {
                builder.login(Passwords::new().registration(self.registration))
            }
            (Some(Way::Tokens), key) => {
                let mut tokens = Tokens::from_file(key.unwrap_or_default())?;
                if let Some(audience) = self.token_audience {
                    tokens = tokens.audience(audience);
                }
                if let Some(issuer) = self.token_issuer {
                    tokens = tokens.issuer(issuer);
                }
                builder.login(tokens)
            }
        })
    }
}
