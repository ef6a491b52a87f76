//! The auditor looks at the living island, again and again, and says once that something is wrong with it.

use std::time::{Duration, Instant};

use daystar::prelude::*;
use sample_game::auditor::{self, Audits};
use sample_game::messages::{Event, Request};
use sample_game::players::Player;
use sample_game::{Tideland, Wild};

use crate::stored::inspect;
use crate::visit::{PATIENCE, Visitor, on_an_island_of, serve, with_clients};

#[test]
fn the_auditor_finds_a_broken_rule_and_raises_one_alarm_however_that_changes() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = serve(Audited(tideland()), folder.path());
    with_clients(async {
        let ann = Visitor::join(server.address(), "ann").await;
        let mut seen = audit(&ann, 1).await;
        assert_eq!(seen.1, "");
        // It looks again, and again finds nothing.
        seen = audit(&ann, seen.0 + 2).await;
        assert_eq!(seen.1, "");
        for gold in 101..105 {
            ann.ask(Request::Me).await;
            // The one under way may not have seen it.
            seen = audit(&ann, seen.0 + 3).await;
            // In this order, whichever rule was asked first.
            let expected =
                format!("ann has 200 points of health; there are {gold} gold, but 100 was minted");
            assert!(seen.1.starts_with(&expected), "{}", seen.1);
        }
    });
    server.stop().expect("the server stops");
    let tasks = inspect(folder.path(), &["tasks"]);
    let alarms: Vec<_> = tasks.iter().filter(|task| task["type"] == "Alarm").collect();
    assert_eq!(alarms.len(), 1, "{alarms:?}");
    assert_eq!(alarms[0]["state"], "set aside");
}

#[test]
fn the_auditor_goes_on_when_an_operator_has_discarded_its_look() {
    on_an_island_of(Audited(tideland()), async |server| {
        let ann = Visitor::join(server, "ann").await;
        // Only while it looks, there is a look to be discarded.
        while ann.attempt(Request::Hour).await.is_err() {}
        let (runs, _) = audit(&ann, 0).await;
        audit(&ann, runs + 2).await;
    });
}

fn tideland() -> Tideland {
    let audit_every = Duration::from_millis(20);
    Tideland { audit_every, wild: Wild::tame(), ..Tideland::default() }
}

/// Waits until the auditor has looked so often; how often it has, and what it has found.
async fn audit(visitor: &Visitor, runs: u64) -> (u64, String) {
    let began = Instant::now();
    loop {
        assert!(began.elapsed() < PATIENCE, "the auditor does not look any more");
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

/// Tideland, but `Me` makes gold and health of nothing, `Hour` discards the look that is under way, long after it began, and `Look` tells of
/// the audits.
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
            let mut player = ctx.get_mut(ctx.attached::<Player>(session)?)?;
            player.gold += 1;
            player.health.points = 200;
            return Ok(());
        }
        if request == Request::Hour {
            return discard(ctx);
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

/// What an operator does who runs `discard`, and then nobody for a long time.
fn discard(ctx: &Ctx) -> Result<()> {
    let mut audits = ctx.get_mut(ctx.lookup::<Audits>(auditor::NAME)?)?;
    let Some(mut looking) = audits.under_way else { bail!("it is not looking") };
    ensure!(ctx.cancel(looking.audit)?, "the look is over");
    looking.since = Timestamp::default();
    audits.under_way = Some(looking);
    Ok(())
}
