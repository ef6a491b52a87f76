//! P7 and P5, for a value that is nested too deep to be written: the task that makes one is refused, before it commits, with the
//! reason; all else goes on. A type that does not say that its values can be nested so deep shows what would be otherwise:
//! the commit stands, can never be written, and everything after it waits.

use std::net::SocketAddr;
use std::time::Duration;

use daystar::Server;
use daystar::prelude::*;
use daystar_client::{Client, Events, Trust};
use daystar_model::{RecordError, TypeDescriptor};

#[managed]
enum Tower {
    Ground,
    Floor(Box<Tower>),
}

/// Written as a tower is, but it does not say that it can be nested.
#[derive(Clone)]
struct Sly(Tower);

impl Managed for Sly {
    const TYPE_NAME: &'static str = "Sly";
    const VERSION: u32 = 1;

    fn encode(&self) -> std::result::Result<Vec<u8>, RecordError> {
        self.0.encode()
    }
    fn decode(version: u32, payload: &[u8]) -> std::result::Result<Self, RecordError> {
        Tower::decode(version, payload).map(Self)
    }
    fn descriptor() -> &'static TypeDescriptor {
        static DESCRIPTOR: TypeDescriptor = TypeDescriptor::of::<Sly>();
        &DESCRIPTOR
    }
}

fn raised(tower: Tower, by: u32) -> Tower {
    (0..by).fold(tower, |tower, _| Tower::Floor(Box::new(tower)))
}

fn height(tower: &Tower) -> u32 {
    let mut at = tower;
    let mut floors = 0;
    while let Tower::Floor(below) = at {
        (at, floors) = (below, floors + 1);
    }
    floors
}

#[message]
enum Request {
    /// Raises the tower.
    Raise(u32),
    /// The same, without looking at it.
    RaiseBlindly(u32),
    /// Builds another of this height.
    Build(u32),
    /// Builds one that is sly.
    BuildSly(u32),
    Look,
}

#[message]
#[derive(PartialEq, Eq)]
enum Event {
    Height(u32),
}

struct City;

impl Game for City {
    type Request = Request;
    type Event = Event;
    const NAME: &'static str = "city";

    fn created(&self, ctx: &Ctx) -> Result<()> {
        ctx.bind("tower", ctx.insert(Tower::Ground)?)
    }

    fn received(&self, ctx: &Ctx, _: Session, request: Request) -> Result<()> {
        let tower = ctx.lookup::<Tower>("tower")?;
        match request {
            Request::Raise(by) => {
                let mut tower = ctx.get_mut(tower)?;
                *tower = raised(tower.clone(), by);
            }
            Request::RaiseBlindly(by) => ctx.update(tower, move |tower| {
                *tower = raised(tower.clone(), by);
                Ok(())
            })?,
            Request::Build(floors) => drop(ctx.insert(raised(Tower::Ground, floors))?),
            Request::BuildSly(floors) => drop(ctx.insert(Sly(raised(Tower::Ground, floors)))?),
            Request::Look => ctx.reply(Event::Height(height(&*ctx.get(tower)?))),
        }
        Ok(())
    }
}

async fn join(server: SocketAddr) -> (Client<Request, Event>, Events<Event>) {
    let builder = Client::builder(server).game(City::NAME).name("ann").trust(Trust::Anyone);
    builder.connect().await.expect("joined")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_that_nests_a_value_too_deep_is_refused_and_nothing_is_harmed() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::builder(City).data(folder.path()).start().expect("a server");
    let (ann, _events) = join(server.address()).await;
    ann.call_durable(&Request::Raise(40)).await.expect("that is not too deep");
    ann.call_durable(&Request::RaiseBlindly(20)).await.expect("nor is that");
    for request in [Request::Raise(100), Request::RaiseBlindly(100), Request::Build(1000)] {
        let refused = ann.call(&request).await.expect_err("nobody could read it").to_string();
        assert!(refused.contains("nested more than 128 deep"), "{refused}");
    }
    let seen = ann.call_durable(&Request::Look).await.expect("an answer");
    assert_eq!(seen, Some(Event::Height(60)));
    ann.call_durable(&Request::Raise(1)).await.expect("the disk is well");
    server.stop().expect("a clean end");

    let server = Server::builder(City).data(folder.path()).start().expect("a server again");
    let (ann, _events) = join(server.address()).await;
    let seen = ann.call(&Request::Look).await.expect("an answer");
    assert_eq!(seen, Some(Event::Height(61)));
    server.stop().expect("a clean end");
}

#[tokio::test(flavor = "multi_thread")]
async fn committed_it_could_never_be_written() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::builder(City).data(folder.path()).start().expect("a server");
    let (ann, _events) = join(server.address()).await;
    ann.call(&Request::BuildSly(1000)).await.expect("nobody has looked");
    let waiting = async {
        while server.journal().refusing.is_none() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), waiting).await.expect("the break was not seen");
    let refused = ann.call(&Request::Raise(1)).await.expect_err("all waits for that one");
    assert!(refused.to_string().contains("nested more than 128 deep"), "{refused}");
    server.stop().expect_err("not all could be written");
}

#[managed]
struct Street {
    towers: Vec<(u32, Tower)>,
}

#[managed]
struct Sign {
    text: String,
    street: Option<Ref<Street>>,
    lines: Vec<Line>,
    last: Line,
}

#[managed]
struct Line {
    words: Vec<String>,
}

#[test]
fn only_types_that_contain_themselves_somewhere_can_nest() {
    assert!(Tower::can_nest() && Street::can_nest());
    assert!(!Sign::can_nest() && !Line::can_nest(), "those would be encoded twice for nothing");
}
