//! A value may hold values of its own type, but not without end. As deep as is allowed it is written and read again;
//! beyond that it is refused, in both directions, before the stack is used up.

use std::collections::BTreeMap;

use daystar::prelude::*;
use daystar_model::breaks::{self, Break};
use daystar_model::{Object, RecordError};

#[managed]
#[derive(Debug, PartialEq)]
enum Nest {
    Empty,
    Within(Box<Nest>),
    Many(Vec<Vec<Nest>>),
    Named(BTreeMap<String, Nest>),
}

/// What [`Nest`] is on disk, written by nobody who looks at how deep it goes.
#[derive(rkyv::Archive, rkyv::Serialize)]
#[rkyv(
    serialize_bounds(__S: rkyv::ser::Writer + rkyv::ser::Allocator, __S::Error: rkyv::rancor::Source),
    bytecheck(bounds(__C: rkyv::validation::ArchiveContext, __C::Error: rkyv::rancor::Source)),
)]
enum Bottomless {
    Empty,
    Within(#[rkyv(omit_bounds)] Box<Bottomless>),
    #[expect(dead_code, reason = "makes room for what the other type has")]
    Many([u32; 2]),
}

fn within(depth: usize) -> Nest {
    (0..depth).fold(Nest::Empty, |inner, _| Nest::Within(Box::new(inner)))
}

fn many(depth: usize) -> Nest {
    (0..depth).fold(Nest::Empty, |inner, _| Nest::Many(vec![Vec::new(), vec![inner]]))
}

fn named(depth: usize) -> Nest {
    (0..depth).fold(Nest::Empty, |inner, _| Nest::Named(BTreeMap::from([("x".to_owned(), inner)])))
}

/// The bytes of a value nested `depth` deep. Writing it, and dropping it, go all the way down.
fn bottomless(depth: usize) -> Vec<u8> {
    let roomy = std::thread::Builder::new().stack_size(1 << 28);
    let writing = roomy.spawn(move || {
        let value = (0..depth).fold(Bottomless::Empty, |inner, _| Bottomless::Within(inner.into()));
        rkyv::to_bytes::<rkyv::rancor::Error>(&value).map(|bytes| bytes.to_vec())
    });
    let written = writing.expect("a thread starts").join().expect("and writes");
    written.expect("it can be written")
}

#[test]
fn what_is_written_can_be_read_and_what_could_not_is_refused() {
    for make in [within, many, named] {
        let deepest = (0..200).rev().find(|depth| Managed::encode(&make(*depth)).is_ok());
        let deepest = deepest.expect("something is written");
        assert!(deepest >= 50, "only {deepest}");
        for depth in 0..=deepest {
            let value = make(depth);
            let read = Nest::decode(1, &Managed::encode(&value).unwrap()).unwrap();
            assert_eq!(read, value);
            assert!(!read.to_json().is_null());
        }
        let refused = Managed::encode(&make(deepest + 1)).unwrap_err().to_string();
        assert!(refused.contains("nested more than 128 deep"), "{refused}");
    }
}

#[test]
fn a_value_too_deep_is_refused_before_the_writer_has_gone_all_the_way_down() {
    let roomy = std::thread::Builder::new().stack_size(1 << 28);
    let value = roomy.spawn(|| Box::leak(Box::new(within(100_000)))).unwrap().join().unwrap();
    assert!(matches!(Managed::encode(value), Err(RecordError::Encode { name: "Nest", .. })));
}

#[test]
fn bytes_that_claim_any_depth_are_refused_and_the_stack_holds() {
    assert_eq!(Nest::decode(1, &bottomless(3)).unwrap(), within(3));
    for depth in [200, 1_000, 100_000] {
        let refused = Nest::decode(1, &bottomless(depth)).unwrap_err();
        assert!(matches!(refused, RecordError::Invalid { name: "Nest", .. }), "{refused}");
    }
}

#[test]
fn without_the_limit_they_would_be_read() {
    let bytes = bottomless(200);
    assert!(breaks::with(Break::DepthUnlimited, || Nest::decode(1, &bytes)).is_ok());
}
