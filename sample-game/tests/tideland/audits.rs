//! The auditor looks at the living island, again and again, and says what is wrong with it.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use daystar::Server;
use daystar::prelude::*;
use sample_game::auditor::{self, Audits};
use sample_game::messages::{Event, Request};
use sample_game::players::Player;
use sample_game::{Tideland, Wild};

use crate::visit::{Visitor, with_clients};

#[test]
fn the_auditor_finds_a_broken_rule_and_no_other() {
    let server = Server::builder(Audited(tideland()))
        .in_memory()
        .listen(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))
        .start()
        .expect("the server starts");
    let address = server.address();
    with_clients(async {
        let ann = Visitor::join(address, "ann").await;
        let first = audit(&ann, 1).await;
        assert_eq!(first.1, "");
        // It looks again, and again finds nothing.
        let second = audit(&ann, first.0 + 2).await;
        assert_eq!(second.1, "");
        ann.ask(Request::Me).await;
        // The one under way may not have seen it.
        let third = audit(&ann, second.0 + 3).await;
        assert!(third.1.contains("there are 101 gold, but 100 was minted"), "{}", third.1);
    });
    server.stop().expect("the server stops");
}

fn tideland() -> Tideland {
    let audit_every = Duration::from_millis(20);
    Tideland { audit_every, wild: Wild::tame(), ..Tideland::default() }
}

/// Waits until the auditor has looked so often; how often it has, and what it has found.
async fn audit(visitor: &Visitor, runs: u64) -> (u64, String) {
    loop {
        match visitor.ask(Request::Look).await {
            Some(Event::Said { who, text }) => {
                let now = who.parse().expect("a number");
                if now >= runs {
                    return (now, text);
                }
            }
            other => panic!("it was answered {other:?}"),
        }
    }
}

/// Tideland, but `Me` makes gold of nothing, and `Look` tells of the audits.
struct Audited(Tideland);

impl Game for Audited {
    type Request = Request;
    type Event = Event;
    const NAME: &'static str = Tideland::NAME;

    fn created(&self, ctx: &Ctx) -> Result<()> {
        self.0.created(ctx)
    }
    fn joined(&self, ctx: &Ctx, session: Session) -> Result<()> {
        self.0.joined(ctx, session)
    }
    fn received(&self, ctx: &Ctx, session: Session, request: Request) -> Result<()> {
        if request == Request::Me {
            ctx.get_mut(ctx.attached::<Player>(session)?)?.gold += 1;
            return Ok(());
        }
        let audits = ctx.get(ctx.lookup::<Audits>(auditor::NAME)?)?;
        let (who, text) = (audits.runs.to_string(), audits.problems.join("; "));
        ctx.reply(Event::Said { who, text });
        Ok(())
    }
    fn left(&self, ctx: &Ctx, session: Session, why: Left) -> Result<()> {
        self.0.left(ctx, session, why)
    }
}
