//! Login from the outside: who becomes somebody, what game code knows of them, and that `joined` runs for nobody else.

use std::net::SocketAddr;

use daystar::login::{
    Accounts, Authenticator, Identity, LoginAttempt, LoginError, LoginFuture, Passwords,
    SameIdentity,
};
use daystar::prelude::*;
use daystar::{Builder, Server};
use daystar_client::{CloseCode, ConnectError, Credentials, Disconnected, Events, Incoming, Trust};

/// How many have joined and left.
#[managed]
pub(crate) struct Visits {
    pub(crate) joined: Vec<String>,
    pub(crate) left: u32,
}

#[message]
pub(crate) enum Request {
    /// Who one is.
    Who,
    /// Who has joined, and how many have left.
    Visits,
    /// Gives an account a role.
    Promote { account: String, role: String },
    /// Removes an account.
    Remove(String),
    /// Binds a name to an object.
    Bind(String),
}

#[message]
#[derive(PartialEq, Eq)]
pub(crate) enum Event {
    You { name: String, roles: Vec<String>, guild: Option<String> },
    Visits { joined: Vec<String>, left: u32 },
    Done(bool),
}

pub(crate) struct Inn;

impl Game for Inn {
    type Request = Request;
    type Event = Event;
    const NAME: &'static str = "inn";

    fn created(&self, ctx: &Ctx) -> Result<()> {
        let visits = ctx.insert(Visits { joined: Vec::new(), left: 0 })?;
        ctx.bind("visits", visits)
    }

    fn joined(&self, ctx: &Ctx, session: Session) -> Result<()> {
        let name = ctx.identity(session)?.name().to_owned();
        ctx.get_mut(ctx.lookup::<Visits>("visits")?)?.joined.push(name);
        Ok(())
    }

    fn received(&self, ctx: &Ctx, session: Session, request: Request) -> Result<()> {
        match request {
            Request::Who => {
                let who = ctx.identity(session)?;
                let guild = who.claim("guild").map(str::to_owned);
                let (name, roles) = (who.name().to_owned(), who.roles().to_vec());
                ctx.reply(Event::You { name, roles, guild });
            }
            Request::Visits => {
                let visits = ctx.get(ctx.lookup::<Visits>("visits")?)?;
                ctx.reply(Event::Visits { joined: visits.joined.clone(), left: visits.left });
            }
            Request::Promote { account, role } => {
                let found = ctx.account(&account)?;
                if let Some(account) = found {
                    ctx.get_mut(account)?.roles.push(role);
                }
                ctx.reply(Event::Done(found.is_some()));
            }
            Request::Remove(account) => ctx.reply(Event::Done(ctx.remove_account(&account)?)),
            Request::Bind(name) => ctx.bind(&name, ctx.lookup::<Visits>("visits")?)?,
        }
        Ok(())
    }

    fn left(&self, ctx: &Ctx, _: Session, _: Left) -> Result<()> {
        ctx.get_mut(ctx.lookup::<Visits>("visits")?)?.left += 1;
        Ok(())
    }
}

type Client = daystar_client::Client<Request, Event>;
type Joined = (Client, Events<Event>);

fn passwords() -> Passwords {
    Passwords::new().registration(true).cost(8, 1).expect("a cost")
}

fn builder() -> Builder<Inn> {
    Server::builder(Inn).in_memory().login(passwords())
}

async fn try_join(
    server: SocketAddr,
    credentials: Credentials,
) -> std::result::Result<Joined, ConnectError> {
    let builder = Client::builder(server).game(Inn::NAME).credentials(credentials);
    builder.trust(Trust::Anyone).connect().await
}

fn password(account: &str, password: &str, is_new: bool) -> Credentials {
    let (account, password) = (account.to_owned(), password.to_owned());
    Credentials::Password { account, password, is_new }
}

async fn join(server: SocketAddr, credentials: Credentials) -> Joined {
    try_join(server, credentials).await.expect("a session")
}

async fn rejection(server: SocketAddr, credentials: Credentials) -> String {
    match try_join(server, credentials).await {
        Err(cause) => cause.to_string(),
        Ok(_) => panic!("it was let in"),
    }
}

async fn ask(client: &Client, request: Request) -> Event {
    client.call(&request).await.expect("an answer").expect("an event")
}

async fn visits(client: &Client) -> (Vec<String>, u32) {
    match ask(client, Request::Visits).await {
        Event::Visits { joined, left } => (joined, left),
        other => panic!("{other:?}"),
    }
}

const RIGHT: &str = "correct horse";

#[tokio::test(flavor = "multi_thread")]
async fn joined_runs_only_for_who_was_let_in() {
    let server = builder().start().expect("a server");
    let address = server.address();
    for refused in [
        password("ann", RIGHT, false),
        password("ann", "short", true),
        Credentials::Name("ann".to_owned()),
        Credentials::Token("a.b.c".to_owned()),
    ] {
        rejection(address, refused).await;
    }
    let (ann, _events) = join(address, password("ann", RIGHT, true)).await;
    assert!(rejection(address, password("ann", RIGHT, true)).await.contains("already"));
    assert!(rejection(address, password("ann", "another one", false)).await.contains("password"));
    assert_eq!(visits(&ann).await, (vec!["ann".to_owned()], 0));
    server.stop().expect("a clean end");
}

#[tokio::test(flavor = "multi_thread")]
async fn accounts_outlive_the_server_and_their_roles_hold_from_the_next_login() {
    let folder = tempfile::tempdir().expect("a folder");
    for is_new in [true, false] {
        let server = Server::builder(Inn).data(folder.path()).login(passwords());
        let server = server.start().expect("a server");
        let (ann, _events) = join(server.address(), password("ann", RIGHT, is_new)).await;
        let roles = if is_new { Vec::new() } else { vec!["warden".to_owned()] };
        let you = Event::You { name: "ann".to_owned(), roles, guild: None };
        assert_eq!(ask(&ann, Request::Who).await, you);
        let promote = |account: &str| Request::Promote {
            account: account.to_owned(),
            role: "warden".to_owned(),
        };
        assert_eq!(ask(&ann, promote("ann")).await, Event::Done(true));
        assert_eq!(ask(&ann, promote("bob")).await, Event::Done(false));
        assert_eq!(ask(&ann, Request::Who).await, you, "the session stays as it was");
        server.stop().expect("a clean end");
    }
    let verified = daystar::verify(&Inn, folder.path()).expect("a world");
    assert_eq!(verified.problems, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_can_be_removed_and_made_again_but_not_taken_by_a_name() {
    let server = builder().start().expect("a server");
    let address = server.address();
    let (ann, _events) = join(address, password("ann", RIGHT, true)).await;
    drop(join(address, password("bob", RIGHT, true)).await);
    assert_eq!(ask(&ann, Request::Remove("bob".to_owned())).await, Event::Done(true));
    assert_eq!(ask(&ann, Request::Remove("bob".to_owned())).await, Event::Done(false));
    assert!(rejection(address, password("bob", RIGHT, false)).await.contains("no such account"));
    let bind = Request::Bind("daystar/account/bob".to_owned());
    let refused = ann.call(&bind).await.expect_err("refused").to_string();
    assert!(refused.contains("choose another"), "{refused}");
    join(address, password("bob", "another one", true)).await;
    server.stop().expect("a clean end");
}

async fn closed(events: &mut Events<Event>) -> Disconnected {
    loop {
        match events.next().await {
            Some(Incoming::Closed(why)) => return why,
            Some(_) => {}
            None => panic!("the events ended without a reason"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_joins_again_takes_the_place_of_the_first_after_its_left() {
    let server = builder().start().expect("a server");
    let address = server.address();
    let (mut client, mut events) = join(address, password("ann", RIGHT, true)).await;
    let mut before = 1;
    for _ in 0..5 {
        let (next, next_events) = join(address, password("ann", RIGHT, false)).await;
        let why = closed(&mut events).await;
        let Disconnected::ByServer { code, reason } = why else { panic!("{why:?}") };
        assert_eq!(code, CloseCode::Replaced);
        assert!(reason.contains("elsewhere"), "{reason}");
        // Each `left` has run before the next `joined`.
        assert_eq!(visits(&next).await, (vec!["ann".to_owned(); before + 1], before as u32));
        // The first one's handle lives until now: it must be the server that ends it.
        drop(std::mem::replace(&mut client, next));
        (events, before) = (next_events, before + 1);
    }
    server.stop().expect("a clean end");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_joins_again_is_refused_where_that_is_the_policy() {
    let server = builder().same_identity(SameIdentity::Refuse).start().expect("a server");
    let address = server.address();
    let (first, _events) = join(address, password("ann", RIGHT, true)).await;
    let refused = rejection(address, password("ann", RIGHT, false)).await;
    assert!(refused.contains("someone called `ann` is here already"), "{refused}");
    assert_eq!(visits(&first).await, (vec!["ann".to_owned()], 0));
    server.stop().expect("a clean end");
}

#[tokio::test(flavor = "multi_thread")]
async fn names_that_prove_nothing_do_not_replace_unless_told() {
    let by_name = || Credentials::Name("ann".to_owned());
    let server = Server::builder(Inn).in_memory().start().expect("a server");
    let (first, _events) = join(server.address(), by_name()).await;
    rejection(server.address(), by_name()).await;
    ask(&first, Request::Who).await;
    server.stop().expect("a clean end");

    let server = Server::builder(Inn).in_memory().same_identity(SameIdentity::Replace).start();
    let server = server.expect("a server");
    let (_first, mut events) = join(server.address(), by_name()).await;
    let (_second, _more) = join(server.address(), by_name()).await;
    closed(&mut events).await;
    server.stop().expect("a clean end");
}

/// Knows two people, and asks for a while.
struct Guild;

impl Authenticator for Guild {
    fn authenticate<'a>(&'a self, attempt: LoginAttempt, _: &'a dyn Accounts) -> LoginFuture<'a> {
        Box::pin(async move {
            tokio::time::sleep(Duration::from_millis(20)).await;
            match attempt.credentials {
                Credentials::Token(token) if token == "anvil" => {
                    let roles = ["smith".to_owned()];
                    Ok(Identity::new("ann")?.with_roles(roles).with_claim("guild", "anvil"))
                }
                Credentials::Token(token) if token == "broken" => {
                    Err(LoginError::Failed { cause: "the ledger burns".to_owned() })
                }
                _ => Err(LoginError::wrong("the guild does not know you")),
            }
        })
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_authenticator_of_the_games_own_says_who_it_is() {
    let server = Server::builder(Inn).in_memory().login(Guild).start().expect("a server");
    let address = server.address();
    let token = |token: &str| Credentials::Token(token.to_owned());
    let (ann, _events) = join(address, token("anvil")).await;
    let you = Event::You {
        name: "ann".to_owned(),
        roles: vec!["smith".to_owned()],
        guild: Some("anvil".to_owned()),
    };
    assert_eq!(ask(&ann, Request::Who).await, you);
    assert!(rejection(address, token("other")).await.contains("does not know you"));
    // What is wrong with the server is not for strangers.
    let failed = rejection(address, token("broken")).await;
    assert!(failed.contains("cannot check logins") && !failed.contains("burns"), "{failed}");
    server.stop().expect("a clean end");
}
