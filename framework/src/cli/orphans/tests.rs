//! What leads to an object, in whichever field, collection, task or name it may be; and what does not.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use daystar_model::{Batch, CommitNumber, Managed, RecordError, TypeDescriptor};
use daystar_store::LmdbStore;

use super::*;
use crate::prelude::*;
use crate::server::Server;

#[message]
pub(super) struct Nothing;

/// What is found again or lost. The label says which.
#[managed(name = "orphans.Thing")]
struct Thing {
    label: String,
    next: Option<Ref<Thing>>,
}

/// Leads to others in every way that there is.
#[managed(name = "orphans.Attic")]
struct Attic {
    nested: Vec<Shelf>,
    by_name: BTreeMap<String, (u8, Box<Shelf>)>,
    any: AnyRef,
    map: Map<String, Ref<Thing>>,
    keys: Map<Ref<Thing>, u64>,
    ordered: OrderedMap<(u64, u64), Vec<Ref<Thing>>>,
    set: Set<Ref<Thing>>,
    queue: Queue<Ref<Thing>>,
    maps: Map<u64, Map<u64, Ref<Thing>>>,
}

#[managed(name = "orphans.Shelf")]
enum Shelf {
    Empty,
    One { thing: Ref<Thing>, height: u64 },
}

#[task(name = "orphans.Dust")]
struct Dust {
    thing: Ref<Thing>,
}

impl Task for Dust {
    fn run(&self, _: &Ctx) -> Result<()> {
        Ok(())
    }
}

struct House;

fn thing(ctx: &Ctx, label: &str) -> Result<Ref<Thing>> {
    ctx.insert(Thing { label: label.to_owned(), next: None })
}

/// One with things in it, whose labels begin with this word. The collections have several levels.
fn attic(ctx: &Ctx, word: &str) -> Result<Ref<Attic>> {
    let thing = |label: &str| thing(ctx, &format!("{word} {label}"));
    let attic = Attic {
        nested: vec![Shelf::Empty, Shelf::One { thing: thing("shelf")?, height: 7 }],
        by_name: [(
            "x".to_owned(),
            (1, Box::new(Shelf::One { thing: thing("boxed")?, height: 8 })),
        )]
        .into(),
        any: thing("any")?.into(),
        map: Map::new(ctx)?,
        keys: Map::new(ctx)?,
        ordered: OrderedMap::new(ctx)?,
        set: Set::new(ctx)?,
        queue: Queue::new(ctx)?,
        maps: Map::new(ctx)?,
    };
    for number in 0..ENTRIES {
        attic.map.insert(ctx, format!("{number}"), thing(&format!("map {number}"))?)?;
        attic.keys.insert(ctx, thing(&format!("key {number}"))?, number)?;
        let several = vec![thing(&format!("list {number}"))?, thing(&format!("rest {number}"))?];
        attic.ordered.insert(ctx, (number, 0), several)?;
        attic.set.insert(ctx, thing(&format!("set {number}"))?)?;
        attic.queue.push(ctx, thing(&format!("queue {number}"))?)?;
    }
    let inner = Map::new(ctx)?;
    inner.insert(ctx, 1, thing("inner")?)?;
    attic.maps.insert(ctx, 1, inner)?;
    ctx.insert(attic)
}

/// More than are in one part.
const ENTRIES: u64 = 300;

impl Game for House {
    type Request = Nothing;
    type Event = Nothing;
    const NAME: &'static str = "house";

    fn created(&self, ctx: &Ctx) -> Result<()> {
        ctx.bind("attic", attic(ctx, "kept")?)?;
        let end = thing(ctx, "kept at the end of a chain")?;
        let middle =
            ctx.insert(Thing { label: "kept in the middle".to_owned(), next: Some(end) })?;
        ctx.schedule(Duration::from_secs(3_600), Dust { thing: middle })?;

        // Each refers to the other, and nobody else to them.
        let one = thing(ctx, "lost, one of two")?;
        let two = ctx.insert(Thing { label: "lost, two of two".to_owned(), next: Some(one) })?;
        ctx.get_mut(one)?.next = Some(two);
        let alone = thing(ctx, "lost alone")?;
        ctx.get_mut(alone)?.next = Some(alone);
        attic(ctx, "lost")?;
        // It was kept once.
        let map = ctx.get(ctx.lookup::<Attic>("attic")?)?.map;
        map.insert(ctx, "gone".to_owned(), thing(ctx, "lost from the map")?)?;
        map.remove(ctx, &"gone".to_owned())?;
        Ok(())
    }
    fn received(&self, _: &Ctx, _: Session, _: Nothing) -> Result<()> {
        Ok(())
    }
}

/// An orphan: its type, its label if it is a thing, and whether another refers to it.
type Orphan = (String, Option<String>, bool);

/// The labels of all things, and the orphans.
fn found() -> (BTreeSet<String>, Vec<Orphan>) {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::builder(House).data(folder.path()).workers(1).start().expect("a server");
    server.stop().expect("a clean end");
    let moment = Moment::open(folder.path(), Default::default()).expect("a world");
    let label = |value: &dyn Object| {
        value.as_any().downcast_ref::<Thing>().map(|thing| thing.label.clone())
    };
    let mut all = BTreeSet::new();
    let scanned = moment.scan(Space::Object.first(), Space::Object.last(), &mut |_, value| {
        all.extend(label(&*value.expect("a value").1));
    });
    scanned.expect("a store that can be read");
    let mut orphans = Vec::new();
    let unreadable = each_orphan(&moment, &mut |id, bytes, is_referred| {
        let record = Record::parse(id, bytes).expect("a record");
        let value = record.value().expect("a value");
        orphans.push((record.type_name.to_owned(), label(&*value), is_referred));
        ControlFlow::Continue(())
    });
    assert_eq!(unreadable.expect("a world that can be read"), 0);
    (all, orphans)
}

#[test]
fn what_anything_leads_to_is_no_orphan_and_all_else_is() {
    let (all, orphans) = found();
    let listed: BTreeSet<String> =
        orphans.iter().filter_map(|(_, label, _)| label.clone()).collect();
    let lost: BTreeSet<String> =
        all.iter().filter(|label| label.starts_with("lost")).cloned().collect();
    assert!(lost.len() > 6 * ENTRIES as usize && all.len() > 2 * lost.len() - 10, "{}", all.len());
    assert_eq!(listed, lost);

    // Of things that are lost together, one says where to begin; but where each leads to the other there is none.
    let heads: Vec<_> = orphans.iter().filter(|(_, _, is_referred)| !is_referred).collect();
    let mut heads: Vec<_> =
        heads.iter().map(|(of, label, _)| label.as_deref().unwrap_or(of)).collect();
    heads.sort_unstable();
    assert_eq!(heads, ["lost alone", "lost from the map", Attic::TYPE_NAME]);
}

/// Of a type that the program does not have, as what is damaged: nobody knows what it refers to.
#[test]
fn what_cannot_be_read_is_counted_also_where_nothing_leads_to_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::builder(House).data(folder.path()).workers(1).start().expect("a server");
    server.stop().expect("a clean end");
    let store = LmdbStore::open(folder.path(), Default::default()).expect("a world");
    let (last, next_index) =
        (store.last_commit().expect("a head"), store.next_index().expect("a head"));
    let last = CommitNumber(last.0 + 1);
    let id = ObjectId::new(Space::Object, next_index);
    let stranger: Arc<dyn Object> = Arc::new(Stranger);
    let changes = vec![(id, last, Some(stranger))];
    store.apply(&Batch { changes, last, next_index: next_index + 1 }).expect("room");
    drop(store);
    let moment = Moment::open(folder.path(), Default::default()).expect("a world");
    let unreadable = each_orphan(&moment, &mut |_, _, _| ControlFlow::Continue(()));
    assert_eq!(unreadable.expect("a world that can be read"), 1);
}

#[derive(Clone)]
struct Stranger;

impl Managed for Stranger {
    const TYPE_NAME: &'static str = "orphans.Stranger";
    const VERSION: u32 = 1;
    fn encode(&self) -> std::result::Result<Vec<u8>, RecordError> {
        Ok(Vec::new())
    }
    fn decode(_: u32, _: &[u8]) -> std::result::Result<Self, RecordError> {
        Ok(Self)
    }
    fn descriptor() -> &'static TypeDescriptor {
        static DESCRIPTOR: TypeDescriptor = TypeDescriptor::of::<Stranger>();
        &DESCRIPTOR
    }
}

#[test]
fn marks_are_of_one_id_each() {
    let mut marks = Marks::default();
    let ids =
        [0, 1, 63, 64, 32_767, 32_768, 1 << 40].map(|index| ObjectId::new(Space::Object, index));
    for (nth, id) in ids.iter().enumerate() {
        assert!(ids[nth..].iter().all(|id| !marks.has(*id)));
        assert!(marks.mark(*id) && !marks.mark(*id) && marks.has(*id));
    }
}
