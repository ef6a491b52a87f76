//! Values in collections whose type has changed: each is read as what it was when it was put in, and becomes the present one step by
//! step, as an object does.

#[allow(dead_code, reason = "the tests of collections use all of it")]
#[path = "collections/world.rs"]
mod world;

use std::sync::Arc;

use daystar::prelude::*;
use daystar_model::{Store, TypeDescriptor};
use daystar_store::LmdbStore;

use crate::world::{Disk, World as Tasks};

/// The program in its three versions. The books are told apart by their names, so that one test can be all three.
mod one {
    use super::*;

    #[managed(name = "market.Offer")]
    #[derive(Debug, PartialEq)]
    pub(super) struct Offer {
        pub(super) price: u32,
    }

    #[managed(name = "market.Book.1")]
    #[derive(Copy)]
    pub(super) struct Book {
        pub(super) map: Map<String, Offer>,
        pub(super) ordered: OrderedMap<u32, Offer>,
        pub(super) queue: Queue<Offer>,
    }
}

mod two {
    use super::*;

    #[managed(name = "market.Offer", version = 1, old)]
    struct OfferV1 {
        price: u32,
    }

    #[managed(name = "market.Offer", version = 2, from = OfferV1)]
    #[derive(Debug, PartialEq)]
    pub(super) struct Offer {
        pub(super) is_open: bool,
        pub(super) price: u64,
    }

    impl From<OfferV1> for Offer {
        fn from(before: OfferV1) -> Self {
            Self { is_open: true, price: before.price.into() }
        }
    }

    #[managed(name = "market.Book.2")]
    #[derive(Copy)]
    pub(super) struct Book {
        pub(super) map: Map<String, Offer>,
        pub(super) ordered: OrderedMap<u32, Offer>,
        pub(super) queue: Queue<Offer>,
    }
}

mod three {
    use super::*;

    #[managed(name = "market.Offer", version = 1, old)]
    struct OfferV1 {
        price: u32,
    }

    #[managed(name = "market.Offer", version = 2, old, from = OfferV1)]
    struct OfferV2 {
        is_open: bool,
        price: u64,
    }

    #[managed(name = "market.Offer", version = 5, from = OfferV2)]
    #[derive(Debug, PartialEq)]
    pub(super) struct Offer {
        pub(super) price: u64,
        pub(super) note: String,
    }

    impl From<OfferV1> for OfferV2 {
        fn from(before: OfferV1) -> Self {
            Self { is_open: true, price: before.price.into() }
        }
    }

    impl From<OfferV2> for Offer {
        fn from(before: OfferV2) -> Self {
            let note = if before.is_open { "open" } else { "closed" };
            Self { price: before.price, note: note.to_owned() }
        }
    }

    #[managed(name = "market.Book.3")]
    #[derive(Copy)]
    pub(super) struct Book {
        pub(super) map: Map<String, Offer>,
        pub(super) ordered: OrderedMap<u32, Offer>,
        pub(super) queue: Queue<Offer>,
    }
}

/// The same collections, as another version of the program sees them: a handle's bytes are the same.
fn retyped<C: Managed, D: Managed>(book: &C) -> D {
    let bytes = Managed::encode(book).expect("it can be written");
    D::decode(D::VERSION, &bytes).expect("it can be read")
}

const OFFERS: u32 = 200;

fn made(ctx: &Ctx) -> Result<one::Book> {
    let book =
        one::Book { map: Map::new(ctx)?, ordered: OrderedMap::new(ctx)?, queue: Queue::new(ctx)? };
    for price in 0..OFFERS {
        book.map.insert(ctx, price.to_string(), one::Offer { price })?;
        book.ordered.insert(ctx, price, one::Offer { price })?;
        book.queue.push(ctx, one::Offer { price })?;
    }
    Ok(book)
}

/// What the second version of the program does with what the first has left.
fn gone_on(ctx: &Ctx, book: two::Book) -> Result<()> {
    let offer = |price, is_open| two::Offer { is_open, price };
    assert_eq!(book.map.get(ctx, &"7".to_owned())?, Some(offer(7, true)));
    assert_eq!(book.ordered.first(ctx)?, Some((0, offer(0, true))));
    assert_eq!(book.queue.peek(ctx)?, Some(offer(0, true)));
    // The walk was begun before there was anything of the new form.
    for (nth, entry) in book.ordered.iter(ctx)?.enumerate() {
        let (key, found) = entry?;
        assert_eq!((key, &found), (nth as u32, &offer(u64::from(key), true)));
        if key % 2 == 0 {
            let before = book.ordered.insert(ctx, key, offer(u64::from(key) + 1_000, false))?;
            assert_eq!(before, Some(found), "what was there is told as what it is now");
        }
    }
    for price in OFFERS..2 * OFFERS {
        book.map.insert(ctx, price.to_string(), offer(price.into(), false))?;
        book.queue.push(ctx, offer(price.into(), false))?;
    }
    for price in 0..10 {
        assert_eq!(book.map.remove(ctx, &price.to_string())?, Some(offer(price, true)));
        assert_eq!(book.queue.pop(ctx)?, Some(offer(price, true)));
    }
    Ok(())
}

/// What the third version must find then.
fn is_as_it_should_be(price: u64, note: &str, found: &three::Offer) -> bool {
    *found == three::Offer { price, note: note.to_owned() }
}

#[test]
fn values_are_upgraded_where_they_lie_in_every_version() {
    let disk = Arc::new(Disk::default());
    let book = Tasks::on(&disk).run(made);
    Tasks::on(&disk).run(move |ctx| gone_on(ctx, retyped(&book)));
    let told = Tasks::on(&disk).try_run(move |ctx| book.map.get(ctx, &"7".to_owned()).map(drop));
    let told = told.expect_err("the first program does not know of the second");
    assert!(told.contains("is_open: bool") && told.contains("market.Offer"), "{told}");

    Tasks::on(&disk).run(move |ctx| {
        let book: three::Book = retyped(&book);
        let mut prices = Vec::new();
        for entry in book.map.iter(ctx)? {
            let (key, found) = entry?;
            let price: u32 = key.parse().expect("a number");
            let note = if price < OFFERS { "open" } else { "closed" };
            assert!(is_as_it_should_be(price.into(), note, &found), "{key}: {found:?}");
            prices.push(price);
        }
        prices.sort_unstable();
        assert!(prices.into_iter().eq(10..2 * OFFERS));
        for entry in book.ordered.range(ctx, ..)?.rev() {
            let (key, found) = entry?;
            let (more, note) = if key % 2 == 0 { (1_000, "closed") } else { (0, "open") };
            assert!(is_as_it_should_be(u64::from(key) + more, note, &found), "{key}: {found:?}");
        }
        let new = three::Offer { price: 7, note: "new".to_owned() };
        book.map.insert(ctx, "new".to_owned(), new.clone())?;
        book.queue.push(ctx, new.clone())?;
        assert_eq!(book.map.get(ctx, &"new".to_owned())?, Some(new.clone()));
        assert_eq!(book.queue.len(ctx)?, u64::from(2 * OFFERS - 10 + 1));
        for price in 10..2 * OFFERS {
            let note = if price < OFFERS { "open" } else { "closed" };
            let found = book.queue.pop(ctx)?.expect("an offer");
            assert!(is_as_it_should_be(price.into(), note, &found), "{price}: {found:?}");
        }
        assert_eq!(book.queue.pop(ctx)?, Some(new));
        assert_eq!(book.queue.pop(ctx)?, None);
        Ok(())
    });
}

/// Prices in gold, and later in copper: laid out alike, and not the same.
mod coins {
    use super::*;

    #[managed(name = "market.Price")]
    pub(super) struct InGold {
        pub(super) price: u64,
    }

    pub(super) mod later {
        use super::*;

        #[managed(name = "market.Price", version = 1, old)]
        struct InGold {
            price: u64,
        }

        #[managed(name = "market.Price", version = 2, from = InGold)]
        #[derive(Debug, PartialEq)]
        pub(in super::super) struct InCopper {
            pub(in super::super) price: u64,
        }

        impl From<InGold> for InCopper {
            fn from(before: InGold) -> Self {
                Self { price: before.price * 100 }
            }
        }
    }

    #[managed(name = "market.Prices.1")]
    #[derive(Copy)]
    pub(super) struct Prices {
        pub(super) map: Map<u32, InGold>,
        pub(super) queue: Queue<InGold>,
    }

    #[managed(name = "market.Prices.2")]
    #[derive(Copy)]
    pub(super) struct LaterPrices {
        pub(super) map: Map<u32, later::InCopper>,
        pub(super) queue: Queue<later::InCopper>,
    }
}

#[test]
fn values_whose_version_is_laid_out_as_the_one_before_are_upgraded_too() {
    let disk = Arc::new(Disk::default());
    let prices = Tasks::on(&disk).run(|ctx| {
        let prices = coins::Prices { map: Map::new(ctx)?, queue: Queue::new(ctx)? };
        prices.map.insert(ctx, 1, coins::InGold { price: 7 })?;
        prices.queue.push(ctx, coins::InGold { price: 7 })?;
        Ok(prices)
    });
    let copper = |price| Some(coins::later::InCopper { price });
    Tasks::on(&disk).run(move |ctx| {
        let prices: coins::LaterPrices = retyped(&prices);
        assert_eq!(prices.map.get(ctx, &1)?, copper(700));
        prices.map.insert(ctx, 2, coins::later::InCopper { price: 8 })?;
        prices.queue.push(ctx, coins::later::InCopper { price: 8 })
    });
    Tasks::on(&disk).run(move |ctx| {
        let prices: coins::LaterPrices = retyped(&prices);
        assert_eq!((prices.map.get(ctx, &1)?, prices.map.get(ctx, &2)?), (copper(700), copper(8)));
        assert_eq!((prices.queue.pop(ctx)?, prices.queue.pop(ctx)?), (copper(700), copper(8)));
        Ok(())
    });
}

/// The third version of the program, which checks what the others have left.
struct Market;

#[message]
struct Nothing;

impl Game for Market {
    type Request = Nothing;
    type Event = Nothing;
    const NAME: &'static str = "market";

    fn received(&self, _: &Ctx, _: Session, _: Nothing) -> Result<()> {
        Ok(())
    }
    fn verify(&self, world: &World) -> Result<()> {
        world.each::<one::Book>(|_, book| {
            let book: three::Book = retyped(book);
            let (mut map, mut ordered, mut queue) = (0, 0, 0);
            book.map.each_in(world, |_, offer| {
                map += offer.price;
                Ok(())
            })?;
            book.ordered.each_in(world, |_, offer| {
                ordered += offer.price;
                Ok(())
            })?;
            book.queue.each_in(world, |offer| {
                queue += offer.price;
                Ok(())
            })?;
            let all = |to: u64| to * (to - 1) / 2;
            let offers = u64::from(OFFERS);
            ensure!(map == all(2 * offers) - all(10), "{map} in the map");
            ensure!(ordered == all(offers) + offers / 2 * 1_000, "{ordered} in the ordered map");
            ensure!(queue == all(2 * offers) - all(10), "{queue} in the queue");
            Ok(())
        })
    }
}

#[test]
fn a_games_rules_see_upgraded_values_too() {
    let disk = Arc::new(Disk::default());
    Tasks::on(&disk).run(|ctx| {
        let book = made(ctx)?;
        gone_on(ctx, retyped(&book))?;
        ctx.insert(book).map(drop)
    });
    let folder = tempfile::tempdir().expect("a folder");
    let store = LmdbStore::open(folder.path(), Default::default()).expect("a store");
    store.apply(&disk.batch()).expect("room");
    drop(store);
    let verified = daystar::verify(&Market, folder.path()).expect("a world");
    assert_eq!(verified.problems, Vec::<String>::new());
}

#[managed(name = "market.Ware", version = 1, old)]
struct WareV1 {
    price: u32,
    place: Shelf,
}

#[managed]
struct Shelf {
    number: [u8; 2],
}

#[managed(name = "market.Ware", version = 2, from = WareV1)]
struct Ware {
    price: u64,
}

impl From<WareV1> for Ware {
    fn from(before: WareV1) -> Self {
        Self { price: u64::from(before.price) + u64::from(before.place.number[0]) }
    }
}

#[managed]
struct Stall {
    wares: Map<u32, Ware>,
    first: Shelf,
}

#[test]
fn who_holds_the_collection_need_not_change_with_its_values() {
    let present = Stall::layout(1).expect("a layout");
    let check = |stored: &str| TypeDescriptor::check_layout("Stall", 1, stored);
    check(&present).expect("its own");
    let own = "Stall { wares: daystar.Map<u32, market.Ware>, first: Shelf }";
    let shelf = "Shelf { number: [u8; 2] }";
    for ware in [
        "market.Ware { price: u32, place: Shelf }",
        // A mark says what is only in collections; a world that is older than marks has none.
        "~market.Ware { price: u32, place: Shelf }",
        "market.Ware { price: u64 }",
    ] {
        check(&format!("{own}; {ware}; {shelf}")).expect("a version that is read");
    }
    for (stored, what) in [
        (format!("{own}; market.Ware {{ price: u16 }}; {shelf}"), "a version that was never there"),
        (format!("{own}; market.Ware {{ price: u64 }}; Shelf {{ number: u16 }}"), "another part"),
        (format!("Stall {{ first: Shelf }}; {shelf}"), "no such field"),
    ] {
        let Err(changed) = check(&stored) else { panic!("{what} passes") };
        assert!(changed.to_string().contains("`Stall` has changed"), "{changed}");
    }
}

/// Has a ware in a collection, and another as a part of itself.
#[managed]
struct Window {
    wares: Map<u32, Ware>,
    best: Ware,
}

#[test]
fn what_is_not_only_in_collections_is_no_exception() {
    let own = "Window { wares: daystar.Map<u32, market.Ware>, best: market.Ware }";
    let present = format!("{own}; market.Ware {{ price: u64 }}");
    assert_eq!(Window::layout(1).expect("a layout"), present);
    assert!(Stall::layout(1).expect("a layout").contains("; ~market.Ware {"));
    let stored = format!("{own}; market.Ware {{ price: u32, place: Shelf }}");
    let changed = TypeDescriptor::check_layout("Window", 1, &stored);
    assert!(changed.is_err(), "its own ware would be misread");
}

/// Has wares where they are not upgraded, beside those that are.
#[managed]
struct Cellar {
    upgraded: Map<u32, Ware>,
    within: Map<u32, Map<u32, Ware>>,
}
#[managed]
struct Lists {
    lists: Map<u32, Vec<Ware>>,
    upgraded: Map<u32, Ware>,
}
#[managed]
struct Keys {
    keys: Map<Shelf, u32>,
    set: Set<Shelf>,
    upgraded: Map<u32, Ware>,
}
#[managed]
struct Boxed {
    boxed: OrderedMap<u32, Option<Box<Ware>>>,
}

/// Else every use of the collection would be refused, while the server is up.
#[test]
fn a_change_to_what_no_collection_upgrades_is_refused_at_the_start() {
    let shelves =
        |ware: &str, shelf: &str| format!("market.Ware {{ {ware} }}; Shelf {{ number: {shelf} }}");
    let before = shelves("price: u32, place: Shelf", "[u8; 2]");
    let check = |name: &str, present: Option<String>, wares: &str| {
        let present = present.expect("a layout");
        TypeDescriptor::check_layout(name, 1, &present).expect("its own");
        let own = present.split(';').next().expect("a definition");
        TypeDescriptor::check_layout(name, 1, &format!("{own}; {wares}"))
    };
    check("Cellar", Cellar::layout(1), &before).expect("each collection upgrades its own");
    for (name, present) in [("Lists", Lists::layout(1)), ("Boxed", Boxed::layout(1))] {
        let told = check(name, present, &before).expect_err(name).to_string();
        assert!(told.contains(&format!("`{name}` has changed")), "{told}");
    }
    check("Keys", Keys::layout(1), &before).expect("the keys are as they were");
    let changed = shelves("price: u32, place: Shelf", "u16");
    for (name, present) in [("Keys", Keys::layout(1)), ("Cellar", Cellar::layout(1))] {
        let told = check(name, present, &changed).expect_err("another key, or a part of a ware");
        assert!(told.to_string().contains(&format!("`{name}` has changed")), "{told}");
    }
}

#[managed(name = "market.Nested.1")]
#[derive(Copy)]
struct Nested {
    outer: Map<u32, Map<u32, one::Offer>>,
}
#[managed(name = "market.Nested.2")]
#[derive(Copy)]
struct LaterNested {
    outer: Map<u32, Map<u32, two::Offer>>,
}

#[test]
fn values_of_collections_within_others_are_upgraded_too() {
    let disk = Arc::new(Disk::default());
    let nested = Tasks::on(&disk).run(|ctx| {
        let (outer, inner) = (Map::new(ctx)?, Map::new(ctx)?);
        inner.insert(ctx, 1, one::Offer { price: 7 })?;
        outer.insert(ctx, 1, inner)?;
        Ok(Nested { outer })
    });
    Tasks::on(&disk).run(move |ctx| {
        let nested: LaterNested = retyped(&nested);
        let inner = nested.outer.get(ctx, &1)?.expect("it was put in");
        assert_eq!(inner.get(ctx, &1)?, Some(two::Offer { is_open: true, price: 7 }));
        nested.outer.insert(ctx, 2, inner).map(drop)
    });
}
