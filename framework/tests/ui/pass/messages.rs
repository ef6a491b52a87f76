//! Messages hold what they may, come back as they were, and keep the derives that were written by hand.

use std::collections::HashMap;

use daystar::prelude::*;
use daystar_protocol::message::{decode_message, encode_message};

#[message]
#[derive(PartialEq)]
enum Request {
    Give { to: String, gold: u64 },
    Say(String),
    All(Vec<Self>),
    Where(Option<Spot>, Timestamp, Ref<Tree>),
    Counted(HashMap<String, (u8, usize)>),
}

#[managed]
struct Tree {
    wood: u32,
}

/// Sent and stored at once, in either order.
#[managed]
#[message]
#[derive(Copy, PartialEq)]
struct Spot {
    x: i32,
}

#[message]
#[managed]
#[derive(Clone, Debug, PartialEq)]
struct Area {
    spots: Vec<Spot>,
}

fn main() {
    assert_eq!(Request::NAME, "Request");
    let tree = Ref::from_id(daystar_model::ObjectId::from_raw(9));
    let request = Request::All(vec![
        Request::Give { to: "Ann".to_owned(), gold: 3 },
        Request::Say("hello".to_owned()),
        Request::Where(Some(Spot { x: -1 }), Timestamp { unix_ms: 4 }, tree),
        Request::Counted(HashMap::from([("a".to_owned(), (1, 2))])),
    ]);
    let bytes = encode_message(&request).expect("it was written just now");
    assert_eq!(
        decode_message::<Request>(&bytes).expect("it was written just now"),
        request.clone()
    );

    let area = Area { spots: vec![Spot { x: 1 }] };
    assert_eq!(
        Area::decode(1, &area.encode().expect("it can be written")).expect("it can be read"),
        area
    );
    let sent = encode_message(&area).expect("it was written just now");
    assert_eq!(decode_message::<Area>(&sent).expect("it was written just now"), area);
    assert_eq!(Tree { wood: 3 }.clone().wood, 3);
}
