//! What the promises' tests share: a small bank as the game, servers in this process and in one that can be
//! killed, and clients.
#![allow(dead_code, reason = "each test file is a program of its own and uses a part of this")]

use std::env;
use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use daystar::Server;
use daystar::prelude::*;
use daystar_client::{ConnectError, Events, Incoming, Trust};

/// Gold that every account is opened with.
pub(crate) const OPENING_GOLD: u64 = 100;

#[managed]
pub(crate) struct Account {
    pub(crate) gold: u64,
    pub(crate) joined: u32,
    pub(crate) left: u32,
    pub(crate) session: Option<Session>,
    /// How many gifts it has made.
    pub(crate) gifts: u64,
}

/// How many tasks have run, by name; and how many accounts there are.
#[managed]
pub(crate) struct Book {
    pub(crate) accounts: Vec<Ref<Account>>,
    pub(crate) entries: Vec<u32>,
}

#[message]
#[derive(PartialEq, Eq)]
pub(crate) enum Request {
    /// Moves gold to another's account.
    Give { to: String, gold: u64 },
    /// All gold in the bank.
    Total,
    /// One's own account.
    Look,
    /// Says something to all.
    Say(u32),
    /// Says something to all, when it is on disk.
    SayDurably(u32),
    /// Says something to one, when it is on disk, or at once.
    Tell { to: String, number: u32, is_durable: bool },
    /// How many gifts one has made.
    Gifts,
    /// Lets oneself go.
    Leave { is_durable: bool },
    /// Does a bit of everything, then fails.
    DoAllThenFail,
    /// Does a bit of everything, then panics.
    DoAllThenPanic,
    /// Writes an entry into the book, later.
    Enter { entry: u32, after_ms: u64 },
    /// Schedules a task that will fail.
    FailLater { after_ms: u64 },
    /// The entries in the book.
    Entries,
    /// Sends oneself this many messages of this many bytes.
    Flood { messages: u32, bytes: u32 },
    /// Sends oneself one message of this many bytes.
    SendLong { bytes: u32 },
    /// Changes an account twice at once, which is an error of the game's.
    BorrowTwice,
    /// One's own account, when what is told of it is on disk.
    LookDurably,
}

#[message]
#[derive(PartialEq, Eq)]
pub(crate) enum Event {
    Gave { gold: u64 },
    Total(u64),
    Account { gold: u64, joined: u32, left: u32 },
    Said { who: String, number: u32 },
    Entries(Vec<u32>),
    Gifts(u64),
    Told(u32),
    Noise(Vec<u8>),
}

#[task]
pub(crate) struct Enter {
    entry: u32,
}

impl Task for Enter {
    fn run(&self, ctx: &Ctx) -> Result<()> {
        let mut book = ctx.get_mut(ctx.lookup::<Book>("the book")?)?;
        book.entries.push(self.entry);
        Ok(())
    }
}

#[task]
pub(crate) struct Fail {}

impl Task for Fail {
    const RETRY: Retry = Retry::NEVER;

    fn run(&self, _: &Ctx) -> Result<()> {
        bail!("this task always fails")
    }
}

pub(crate) struct Bank;

impl Game for Bank {
    type Request = Request;
    type Event = Event;
    const NAME: &'static str = "bank";

    fn created(&self, ctx: &Ctx) -> Result<()> {
        let book = ctx.insert(Book { accounts: Vec::new(), entries: Vec::new() })?;
        ctx.bind("the book", book)
    }

    fn joined(&self, ctx: &Ctx, session: Session) -> Result<()> {
        let name = ctx.name(session)?;
        ensure!(name != "robber", "robbers stay outside");
        let account = match ctx.find::<Account>(&name)? {
            Some(account) => account,
            None => {
                let account = Account { gold: OPENING_GOLD, ..Account::empty() };
                let account = ctx.insert(account)?;
                ctx.bind(&name, account)?;
                ctx.get_mut(ctx.lookup::<Book>("the book")?)?.accounts.push(account);
                account
            }
        };
        ctx.attach(session, account)?;
        ctx.channel("hall").join(session);
        let mut account = ctx.get_mut(account)?;
        account.joined += 1;
        account.session = Some(session);
        Ok(())
    }

    fn received(&self, ctx: &Ctx, session: Session, request: Request) -> Result<()> {
        let own = ctx.attached::<Account>(session)?;
        match request {
            Request::Give { to, gold } => {
                let mut giver = ctx.get_mut(own)?;
                let mut taker = ctx.get_mut(ctx.lookup::<Account>(&to)?)?;
                ensure!(giver.gold >= gold, "you have only {} gold", giver.gold);
                giver.gold -= gold;
                giver.gifts += 1;
                taker.gold += gold;
                if let Some(taker) = taker.session {
                    ctx.send(taker, Event::Gave { gold });
                }
            }
            Request::Total => {
                let book = ctx.get(ctx.lookup::<Book>("the book")?)?;
                let mut total = 0;
                for account in &book.accounts {
                    total += ctx.get(*account)?.gold;
                }
                ctx.reply(Event::Total(total));
            }
            Request::Look => {
                let own = ctx.get(own)?;
                ctx.reply(Event::Account { gold: own.gold, joined: own.joined, left: own.left });
            }
            Request::LookDurably => {
                let own = ctx.get(own)?;
                let account = Event::Account { gold: own.gold, joined: own.joined, left: own.left };
                ctx.durable().reply(account);
            }
            Request::Say(number) => {
                ctx.channel("hall").send(Event::Said { who: ctx.name(session)?, number });
            }
            Request::SayDurably(number) => {
                let event = Event::Said { who: ctx.name(session)?, number };
                ctx.durable().channel("hall").send(event);
            }
            Request::Tell { to, number, is_durable } => {
                let to = ctx.get(ctx.lookup::<Account>(&to)?)?.session;
                ctx.get_mut(ctx.lookup::<Book>("the book")?)?.entries.push(number);
                if let Some(to) = to {
                    ctx.at(level(is_durable)).send(to, Event::Told(number));
                }
            }
            Request::Gifts => ctx.reply(Event::Gifts(ctx.get(own)?.gifts)),
            Request::Leave { is_durable } => {
                ctx.get_mut(own)?.gold += 0;
                ctx.at(level(is_durable)).disconnect(session, "as you wish");
            }
            Request::DoAllThenFail => {
                do_all(ctx, session, own)?;
                bail!("it was all for nothing");
            }
            Request::DoAllThenPanic => {
                do_all(ctx, session, own)?;
                panic!("a mistake in the game");
            }
            Request::Enter { entry, after_ms } => {
                ctx.schedule(Duration::from_millis(after_ms), Enter { entry })?;
            }
            Request::FailLater { after_ms } => {
                ctx.schedule(Duration::from_millis(after_ms), Fail {})?;
            }
            Request::Entries => {
                let book = ctx.get(ctx.lookup::<Book>("the book")?)?;
                ctx.reply(Event::Entries(book.entries.clone()));
            }
            Request::Flood { messages, bytes } => {
                for _ in 0..messages {
                    ctx.send(session, Event::Noise(vec![7; bytes as usize]));
                }
            }
            Request::SendLong { bytes } => {
                ctx.send(session, Event::Noise(vec![7; bytes as usize]));
            }
            Request::BorrowTwice => {
                let _first = ctx.get_mut(own)?;
                let _second = ctx.get_mut(own)?;
            }
        }
        Ok(())
    }

    fn left(&self, ctx: &Ctx, session: Session, _: Left) -> Result<()> {
        let mut account = ctx.get_mut(ctx.attached::<Account>(session)?)?;
        account.left += 1;
        account.session = None;
        Ok(())
    }

    fn verify(&self, world: &World) -> Result<()> {
        let (mut accounts, mut gold) = (0, 0);
        world.each::<Account>(|_, account| {
            accounts += 1;
            gold += account.gold;
            Ok(())
        })?;
        let wanted = accounts * OPENING_GOLD;
        ensure!(gold == wanted, "{accounts} accounts hold {gold} gold instead of {wanted}");
        Ok(())
    }
}

fn level(is_durable: bool) -> Durability {
    if is_durable { Durability::Durable } else { Durability::Committed }
}

impl Account {
    fn empty() -> Self {
        Self { gold: 0, joined: 0, left: 0, session: None, gifts: 0 }
    }
}

/// Everything a task can do.
fn do_all(ctx: &Ctx, session: Session, own: Ref<Account>) -> Result<()> {
    ctx.get_mut(own)?.gold += 1;
    let extra = Account { gold: 1, ..Account::empty() };
    let extra = ctx.insert(extra)?;
    ctx.bind("extra", extra)?;
    ctx.unbind("the book")?;
    ctx.send(session, Event::Gave { gold: 1 });
    ctx.channel("hall").send(Event::Said { who: "nobody".to_owned(), number: 0 });
    ctx.channel("vault").join(session);
    ctx.channel("hall").leave(session);
    ctx.spawn(Enter { entry: 666 })?;
    ctx.disconnect(session, "out");
    ctx.reply(Event::Gave { gold: 1 });
    Ok(())
}

pub(crate) type Client = daystar_client::Client<Request, Event>;

/// Joins, or is told why not.
pub(crate) async fn try_join(
    server: SocketAddr,
    name: &str,
) -> Result<(Client, Events<Event>), ConnectError> {
    let builder = Client::builder(server).game(Bank::NAME).name(name);
    builder.trust(Trust::Anyone).connect().await
}

/// Joins, which must work.
pub(crate) async fn join(server: SocketAddr, name: &str) -> (Client, Events<Event>) {
    try_join(server, name).await.unwrap_or_else(|cause| panic!("{name} cannot join: {cause}"))
}

/// Joins once the name is free again.
pub(crate) async fn join_again(server: SocketAddr, name: &str) -> (Client, Events<Event>) {
    loop {
        match try_join(server, name).await {
            Ok(joined) => return joined,
            Err(ConnectError::Rejected { .. }) => {
                tokio::time::sleep(Duration::from_millis(5)).await
            }
            Err(cause) => panic!("{name} cannot join again: {cause}"),
        }
    }
}

/// The answer to a call, which must have one.
pub(crate) async fn ask(client: &Client, request: Request) -> Event {
    let answer = client.call(&request).await;
    answer.unwrap_or_else(|cause| panic!("{request:?}: {cause}")).expect("an answer")
}

/// The next event, which must come.
pub(crate) async fn next_event(events: &mut Events<Event>) -> Event {
    match events.next().await {
        Some(Incoming::Event(event)) => event,
        other => panic!("instead of an event came {other:?}"),
    }
}

/// A server whose world is in memory.
pub(crate) fn serve() -> Server {
    Server::builder(Bank).in_memory().start().expect("a server in memory")
}

/// A server in a process of its own, that can be killed. Its program is the test's own, told by a variable.
pub(crate) struct Victim {
    process: Child,
    pub(crate) address: SocketAddr,
}

const VICTIM: &str = "DAYSTAR_TEST_VICTIM";
const LISTEN: &str = "DAYSTAR_TEST_LISTEN";

impl Victim {
    /// Starts a server on the world in `data`. The test program must have a test that is named `victim` and calls
    /// [`be_victim`].
    pub(crate) fn start(data: &Path) -> Self {
        Self::start_at(data, (Ipv4Addr::LOCALHOST, 0).into())
    }

    /// The same, where another one was.
    pub(crate) fn start_at(data: &Path, listen: SocketAddr) -> Self {
        let program = env::current_exe().expect("the test's own program");
        let mut process = Command::new(program)
            .args(["--exact", "victim", "--nocapture"])
            .env(VICTIM, data)
            .env(LISTEN, listen.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a second process");
        let output = process.stdout.take().expect("its output");
        let address = BufReader::new(output)
            .lines()
            .map_while(std::result::Result::ok)
            .find_map(|line| line.split("address ").nth(1)?.trim().parse().ok())
            .expect("the server's address");
        Self { process, address }
    }

    /// Kills the process as `kill -9` does.
    pub(crate) fn kill(mut self) {
        self.process.kill().expect("kill");
        self.process.wait().expect("wait");
    }
}

impl Drop for Victim {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// In the second process: serves until killed. In the first: does nothing.
pub(crate) fn be_victim() {
    let Some(data) = env::var_os(VICTIM) else { return };
    let listen = env::var(LISTEN).ok().and_then(|listen| listen.parse().ok());
    let builder = Server::builder(Bank).data(data).workers(2);
    let server = builder.listen(listen.expect("an address")).start().expect("the victim's server");
    println!("address {}", server.address());
    std::io::stdout().flush().expect("flush");
    // Its standard input ends with the first process, should that die before it kills this one.
    let _ = std::io::stdin().lines().count();
    std::process::exit(0);
}
