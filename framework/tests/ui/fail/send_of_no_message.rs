//! What is sent is a message.

use daystar::prelude::*;

struct Event {
    text: String,
}

fn greet(ctx: &Ctx, session: Session) {
    ctx.send(session, Event { text: "hello".to_owned() });
}

fn main() {}
