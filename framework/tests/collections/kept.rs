//! Collections outlive the program, know what they were made as, and say what is wrong.

use std::sync::Arc;

use daystar::prelude::*;

use crate::world::{Disk, World as Tasks};

#[managed]
#[derive(Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Place {
    x: i32,
    y: i32,
}

/// Every kind of collection as a field, and collections in one another.
#[managed]
#[derive(Debug)]
struct Guild {
    members: Map<String, Ref<Guild>>,
    by_place: OrderedMap<Place, Vec<Place>>,
    allies: Set<Ref<Guild>>,
    applications: Queue<(String, u32)>,
    within: Option<Map<u8, Map<Place, Guild>>>,
}

fn found(ctx: &Ctx) -> Result<Ref<Guild>> {
    let guild = Guild {
        members: Map::new(ctx)?,
        by_place: OrderedMap::new(ctx)?,
        allies: Set::new(ctx)?,
        applications: Queue::new(ctx)?,
        within: Some(Map::new(ctx)?),
    };
    ctx.insert(guild)
}

#[test]
fn a_guild_is_there_when_the_program_starts_again() {
    let disk = Arc::new(Disk::default());
    let guild = Tasks::on(&disk).run(|ctx| {
        let id = found(ctx)?;
        let guild = ctx.get(id)?;
        guild.members.insert(ctx, "ann".to_owned(), id)?;
        guild.by_place.insert(ctx, Place { x: 1, y: -2 }, vec![Place { x: 0, y: 0 }])?;
        guild.allies.insert(ctx, id)?;
        guild.applications.push(ctx, ("bob".to_owned(), 7))?;
        let inner = Map::new(ctx)?;
        inner.insert(ctx, Place { x: 3, y: 3 }, Guild::clone(&guild))?;
        guild.within.expect("it was made").insert(ctx, 9, inner)?;
        Ok(id)
    });
    Tasks::on(&disk).run(move |ctx| {
        let found = ctx.get(guild)?;
        assert_eq!(found.members.get(ctx, &"ann".to_owned())?, Some(guild));
        let first = found.by_place.first(ctx)?;
        assert_eq!(first, Some((Place { x: 1, y: -2 }, vec![Place { x: 0, y: 0 }])));
        assert!(found.allies.contains(ctx, &guild)?);
        assert_eq!(found.applications.pop(ctx)?, Some(("bob".to_owned(), 7)));
        let inner = found.within.expect("it was made").get(ctx, &9)?.expect("it was put in");
        let within = inner.get(ctx, &Place { x: 3, y: 3 })?.expect("it was put in");
        assert_eq!(within.members, found.members);
        Ok(())
    });
}

#[test]
fn a_handle_is_shown_as_a_reference_and_laid_out_with_its_types() {
    let disk = Arc::new(Disk::default());
    Tasks::on(&disk).run(|ctx| found(ctx).map(drop));
    let shown = disk.shown().join("\n");
    assert!(
        shown.contains(r##"{"members":"Map#1","by_place":"OrderedMap#2","allies":"Set#3","##),
        "{shown}"
    );
    let layout = Guild::layout(1).expect("a layout");
    assert!(layout.contains("members: daystar.Map<String, Ref<Guild>>"), "{layout}");
    assert!(layout.contains("Place { x: i32, y: i32 }"), "{layout}");
}

/// What is said when a collection that was made as one thing is used as another.
fn mistaken<C: Send + Sync + Copy + 'static, D: Copy + Send + Sync + 'static>(
    make: fn(&Ctx) -> Result<C>,
    as_other: fn(C) -> D,
    usage: fn(&Ctx, D) -> Result<()>,
) -> String {
    let world = Tasks::new();
    let made = world.run(make);
    world.try_run(move |ctx| usage(ctx, as_other(made))).expect_err("it is another")
}

/// A handle as a program would see it that has changed the types since: its bytes are the same.
fn retyped<C: Managed, D: Managed>(holder: C) -> D {
    let bytes = Managed::encode(&holder).expect("it can be written");
    D::decode(D::VERSION, &bytes).expect("it can be read")
}

#[managed]
#[derive(Copy)]
struct Before {
    map: Map<u32, u32>,
}
#[managed]
#[derive(Copy)]
struct Retyped {
    map: Map<u32, i32>,
}
#[managed]
#[derive(Copy)]
struct Reordered {
    map: OrderedMap<u32, u32>,
}
#[managed]
#[derive(Copy)]
struct Line {
    queue: Queue<u32>,
}
#[managed]
#[derive(Copy)]
struct OtherLine {
    queue: Queue<u64>,
}

#[test]
fn entries_of_other_types_are_never_misread() {
    let make = |ctx: &Ctx| Ok(Before { map: Map::new(ctx)? });
    let told = mistaken(make, retyped, |ctx, other: Retyped| other.map.get(ctx, &1).map(drop));
    for part in ["#1", "`daystar.Map<u32, u32>`", "`daystar.Map<u32, i32>`", "move the entries"] {
        assert!(told.contains(part), "{part} is missing: {told}");
    }
    let told = mistaken(make, retyped, |ctx, other: Reordered| other.map.len(ctx).map(drop));
    assert!(told.contains("`daystar.OrderedMap<u32, u32>`"), "{told}");
    let make = |ctx: &Ctx| Ok(Line { queue: Queue::new(ctx)? });
    for usage in [
        |ctx: &Ctx, other: OtherLine| other.queue.push(ctx, 1),
        |ctx: &Ctx, other: OtherLine| other.queue.pop(ctx).map(drop),
        |ctx: &Ctx, other: OtherLine| other.queue.len(ctx).map(drop),
    ] {
        let told = mistaken(make, retyped, usage);
        assert!(told.contains("`daystar.Queue<u32>`"), "{told}");
        assert!(told.contains("`daystar.Queue<u64>`"), "{told}");
    }
}

#[test]
fn what_is_too_large_is_refused_with_advice_and_nothing_else_is() {
    let world = Tasks::new();
    let (map, queue) = world.run(|ctx| Ok((OrderedMap::new(ctx)?, Queue::new(ctx)?)));
    let text = |bytes| "x".repeat(bytes);
    let too_large = |cause: &str| {
        assert!(cause.contains("too large") && cause.contains("keep a `Ref`"), "{cause}");
    };
    too_large(&world.try_run(move |ctx| map.insert(ctx, 1, text(70_000)).map(drop)).unwrap_err());
    too_large(&world.try_run(move |ctx| queue.push(ctx, text(70_000))).unwrap_err());
    // Up to there, all goes, also as keys.
    let long = world.run(OrderedMap::new);
    world.run(move |ctx| {
        for key in 0..40_u32 {
            map.insert(ctx, key, text(60_000))?;
            long.insert(ctx, format!("{key:02}{}", text(60_000)), key)?;
            queue.push(ctx, text(60_000))?;
        }
        Ok(())
    });
    let (lengths, keys) = world.run(move |ctx| {
        let lengths = (map.len(ctx)?, long.len(ctx)?, queue.len(ctx)?);
        Ok((lengths, long.iter(ctx)?.collect::<Result<Vec<_>>>()?))
    });
    assert_eq!(lengths, (40, 40, 40));
    assert!(keys.iter().map(|(_, number)| *number).eq(0..40));
    world.check();
}

/// A game whose world has one object, with collections of thousands of entries.
struct Library;

#[managed]
struct Shelves {
    map: Map<u32, String>,
    ordered: OrderedMap<u32, String>,
    set: Set<u32>,
    queue: Queue<u32>,
}

#[message]
struct Nothing;

const BOOKS: u32 = 3_000;

impl Game for Library {
    type Request = Nothing;
    type Event = Nothing;
    const NAME: &'static str = "library";

    fn created(&self, ctx: &Ctx) -> Result<()> {
        let (map, ordered, set) = (Map::new(ctx)?, OrderedMap::new(ctx)?, Set::new(ctx)?);
        let queue = Queue::new(ctx)?;
        for number in 0..BOOKS {
            map.insert(ctx, number, format!("book {number}"))?;
            ordered.insert(ctx, number, format!("book {number}"))?;
            set.insert(ctx, number)?;
            queue.push(ctx, number)?;
        }
        // So that all parts of the queue hold something.
        ensure!(queue.pop(ctx)? == Some(0), "the first");
        queue.push(ctx, BOOKS)?;
        ctx.insert(Shelves { map, ordered, set, queue }).map(drop)
    }

    fn received(&self, _: &Ctx, _: Session, _: Nothing) -> Result<()> {
        Ok(())
    }

    fn verify(&self, world: &World) -> Result<()> {
        world.each::<Shelves>(|_, shelves| {
            let (mut map, mut ordered, mut set, mut queue) = (vec![], vec![], vec![], vec![]);
            shelves.map.each_in(world, |number, title| {
                ensure!(title == format!("book {number}"), "{number} is {title}");
                map.push(number);
                Ok(())
            })?;
            shelves.ordered.each_in(world, |number, _| {
                ordered.push(number);
                Ok(())
            })?;
            shelves.set.each_in(world, |number| {
                set.push(number);
                Ok(())
            })?;
            shelves.queue.each_in(world, |number| {
                queue.push(number);
                Ok(())
            })?;
            map.sort_unstable();
            set.sort_unstable();
            ensure!(
                map.iter().copied().eq(0..BOOKS) && map == ordered && map == set,
                "books are missing"
            );
            ensure!(queue.into_iter().eq(1..=BOOKS), "the queue is another");
            world.problem("it was looked at");
            Ok(())
        })
    }
}

#[test]
fn a_games_rules_can_look_into_collections() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = daystar::Server::builder(Library).data(folder.path()).start().expect("a server");
    server.stop().expect("a clean end");
    let verified = daystar::verify(&Library, folder.path()).expect("a world");
    assert_eq!(verified.problems, ["it was looked at"]);
}
