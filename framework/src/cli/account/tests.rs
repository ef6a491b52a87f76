//! An operator makes accounts in a world at rest and in one that a server has open, which makes none for its clients.

use std::env;
use std::net::SocketAddr;
use std::path::Path;

use clap::Parser;
use daystar_client::{Client, Credentials, Trust};

use super::*;
use crate::cli::served::{serve, served};
use crate::login::Passwords;
use crate::prelude::*;
use crate::server::Server;

#[message]
struct Who;

#[message]
#[derive(PartialEq, Eq)]
struct You {
    name: String,
    roles: Vec<String>,
}

struct Club;

impl Game for Club {
    type Request = Who;
    type Event = You;
    const NAME: &'static str = "club";

    fn received(&self, ctx: &Ctx, session: Session, _: Who) -> Result<()> {
        let who = ctx.identity(session)?;
        ctx.reply(You { name: who.name().to_owned(), roles: who.roles().to_vec() });
        Ok(())
    }
}

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    arguments: Arguments,
}

/// What the command says, who types this password.
fn account(data: &Path, line: &[&str], password: &str) -> std::result::Result<(), String> {
    let data = data.to_str().expect("a name in UTF-8");
    let line = ["account"].into_iter().chain(line.iter().copied()).chain(["--data", data]);
    let Line { arguments } = Line::try_parse_from(line).map_err(|cause| cause.to_string())?;
    let typed = run_with::<Club>(&arguments, &|_| Ok(password.to_owned()));
    typed.map(drop).map_err(|failure| failure.to_string())
}

fn start(data: &Path) -> Server {
    Server::builder(Club).data(data).workers(1).login(Passwords::new()).start().expect("a server")
}

#[test]
#[ignore = "run by the other test, as a server in a process of its own"]
fn server() {
    if let Some(data) = env::var_os(DATA) {
        serve(start(Path::new(&data)));
    }
}

const DATA: &str = "DAYSTAR_CLUB_DATA";

/// Who somebody is when they have joined; or why they may not.
fn join(server: SocketAddr, account: &str, password: &str) -> std::result::Result<You, String> {
    let (account, password) = (account.to_owned(), password.to_owned());
    let credentials = Credentials::Password { account, password, is_new: false };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(async {
        let builder = Client::<Who, You>::builder(server).game(Club::NAME);
        let builder = builder.credentials(credentials).trust(Trust::Anyone);
        let (client, _events) = builder.connect().await.map_err(|cause| cause.to_string())?;
        Ok(client.call(&Who).await.expect("an answer").into_iter().next().expect("a reply"))
    })
}

fn you(roles: &[&str]) -> std::result::Result<You, String> {
    let roles = roles.iter().map(|role| (*role).to_owned()).collect();
    Ok(You { name: "ann".to_owned(), roles })
}

#[test]
fn an_operator_makes_changes_and_removes_accounts_whether_a_server_runs_or_not() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("world");
    let none = account(&data, &["add", "ann"], "correct horse").expect_err("there is no world");
    assert!(!data.exists(), "one was made: {none}");
    start(&data).stop().expect("a clean end");

    // At rest.
    account(&data, &["add", "ann", "--role", "warden"], "correct horse").expect("there is none");
    let twice = account(&data, &["add", "ann"], "battery staple").expect_err("there is one");
    assert!(twice.contains("there is an account called `ann` already"), "{twice}");
    for (name, password, cause) in
        [("bob", "short", "at least 8 characters"), ("", "correct horse", "a name is needed")]
    {
        let refused = account(&data, &["add", name], password).expect_err("nobody may have that");
        assert!(refused.contains(cause), "{refused}");
    }

    // While a server has it open.
    served("cli::account::tests::server", &[(DATA, &data)], |address| order(&data, address));

    // At rest again, and all of it is there.
    let gone = account(&data, &["password", "bob"], "correct horse").expect_err("he is gone");
    assert!(gone.contains("there is no account called `bob`"), "{gone}");
    account(&data, &["roles", "ann"], "").expect("she is there");
    let server = start(&data);
    assert_eq!(join(server.address(), "ann", "battery staple"), you(&[]));
    server.stop().expect("a clean end");
}

/// Whoever commits first to an empty world would keep the game from building it.
#[test]
fn an_account_in_a_world_that_no_game_has_built_yet_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let open = || daystar_store::LmdbStore::open(folder.path(), Default::default());
    drop(open().expect("an empty world"));
    let refused = account(folder.path(), &["add", "ann"], "correct horse").expect_err("too early");
    assert!(refused.contains("start its server once"), "{refused}");
    let commit = daystar_model::Store::last_commit(&open().expect("a world")).expect("a number");
    assert_eq!(commit, daystar_model::CommitNumber::ZERO);
    start(folder.path()).stop().expect("a clean end");
    account(folder.path(), &["add", "ann"], "correct horse").expect("it is built");
}

/// What is done while a server at `address` has the world open.
fn order(data: &Path, address: SocketAddr) {
    assert_eq!(join(address, "ann", "correct horse"), you(&["warden"]));
    assert!(join(address, "bob", "battery staple").is_err(), "nobody has made bob");
    account(data, &["password", "ann"], "battery staple").expect("an order carried out");
    account(data, &["roles", "ann", "--role", "judge", "--role", "scribe"], "").expect("the same");
    assert!(join(address, "ann", "correct horse").is_err(), "that was before");
    assert_eq!(join(address, "ann", "battery staple"), you(&["judge", "scribe"]));
    let unknown = account(data, &["roles", "bob"], "").expect_err("nobody has made bob");
    assert!(unknown.contains("there is no account called `bob`"), "{unknown}");
    account(data, &["add", "bob"], "battery staple").expect("an order carried out");
    assert!(join(address, "bob", "battery staple").is_ok());
    account(data, &["remove", "bob"], "").expect("an order carried out");
    assert!(join(address, "bob", "battery staple").is_err(), "he is gone");
    let left = std::fs::read_dir(data.join("orders")).expect("a folder").count();
    assert_eq!(left, 0, "hashes of passwords lie about");
}
