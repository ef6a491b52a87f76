//! `account`: what an operator makes of the accounts of a world, also while a server has it open and lets nobody make any.

use std::io::{self, IsTerminal};

use clap::{Args, Subcommand};

use crate::cli::failure::Failure;
use crate::cli::{Data, Outcome};
use crate::game::accounts::AccountChange;
use crate::game::rules::Game;
use crate::login::hash_for;
use crate::server::orders::{Order, carry_out};

#[derive(Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Makes an account. Its password is asked for, or the first line of standard input.
    Add {
        #[command(flatten)]
        which: Which,
        /// A role that it has; may be given several times.
        #[arg(long = "role", value_name = "ROLE")]
        roles: Vec<String>,
    },
    /// Gives an account another password, which is asked for, or the first line of standard input.
    Password(Which),
    /// Gives an account these roles and no others, from its next login on.
    Roles {
        #[command(flatten)]
        which: Which,
        /// A role that it has; may be given several times. None if it is not.
        #[arg(long = "role", value_name = "ROLE")]
        roles: Vec<String>,
    },
    /// Takes an account away. Who has joined with it stays until they leave.
    Remove(Which),
}

#[derive(Args)]
struct Which {
    #[command(flatten)]
    data: Data,
    /// What the account is called.
    name: String,
}

pub(super) fn run<G: Game>(arguments: &Arguments) -> Result<Outcome, Failure> {
    run_with::<G>(arguments, &read_password)
}

fn run_with<G: Game>(
    arguments: &Arguments,
    read_password: &dyn Fn(&str) -> io::Result<String>,
) -> Result<Outcome, Failure> {
    let (which, done) = match &arguments.command {
        Command::Add { which, .. } => (which, "is there"),
        Command::Password(which) => (which, "has its new password"),
        Command::Roles { which, .. } => (which, "has these roles from its next login on"),
        Command::Remove(which) => (which, "is gone"),
    };
    let Which { data, name } = which;
    // To open one to write makes it, where there is none.
    drop(data.moment()?);
    let hash = || {
        let password = read_password(name).map_err(Failure::Password)?;
        hash_for(name, &password).map_err(|refused| Failure::Refused(refused.to_string()))
    };
    let change = match &arguments.command {
        Command::Add { roles, .. } => AccountChange::Add { hash: hash()?, roles: roles.clone() },
        Command::Password(_) => AccountChange::Password { hash: hash()? },
        Command::Roles { roles, .. } => AccountChange::Roles { roles: roles.clone() },
        Command::Remove(_) => AccountChange::Remove,
    };
    let order = Order::Account { name: name.clone(), change };
    let answer = carry_out::<G>(&data.data, data.options(), &[order])?;
    if let Some(refused) = answer.refused.into_iter().next() {
        return Err(Failure::Refused(refused));
    }
    println!("the account `{name}` {done}");
    Ok(Outcome::Done)
}

/// Typed without being shown; or, where nobody types, the first line.
fn read_password(name: &str) -> io::Result<String> {
    if io::stdin().is_terminal() {
        return rpassword::prompt_password(format!("password of `{name}`: "));
    }
    let mut line = String::new();
    io::stdin().read_line(&mut line)?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}

#[cfg(test)]
mod tests;
