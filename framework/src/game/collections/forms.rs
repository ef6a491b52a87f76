//! How a collection knows what it holds, and in which forms: its values may have been stored in several versions of their type.
//!
//! What a collection was made as is kept with it, as a text: its kind, and all about the types in it. When a program with a
//! new version of the values' type puts one in, the text of that is added, on a line of its own. An entry says by its form which of the
//! lines describes its value. A line ends with the version, since two versions may be laid out alike and mean different things.

use std::any::TypeId;
use std::cell::RefCell;
use std::rc::Rc;

use daystar_model::ObjectId;
use daystar_model::layout::{self, Layout};
use daystar_model::show::References;
use smallvec::SmallVec;

use crate::game::collections::entries::Kept;
use crate::game::collections::item::{CollectionError, Item, decode};
use crate::game::rules::Result;

/// A handle of a collection.
pub(crate) trait Collection: Layout + 'static {
    type Key: Layout;
    type Value: Item;
}

/// What the values of a collection type may have been stored as.
struct Known {
    /// By the version of the values' type, the present one first. Each ends with its version, if there are versions.
    texts: Vec<(u32, Rc<str>)>,
}

/// In which versions the values of one collection are stored, by their form.
#[derive(Clone, Debug)]
pub(super) struct Forms {
    versions: SmallVec<[u32; 1]>,
    present: u32,
}

/// A value in one of the forms that its collection knows of.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stored<'b> {
    /// The version of its type, if that is an older one.
    older: Option<u32>,
    bytes: &'b [u8],
}

impl<'b> Stored<'b> {
    /// The value.
    pub(super) fn read<V: Item>(self) -> Result<V> {
        let Some(version) = self.older else { return decode(self.bytes) };
        match V::versioned() {
            Some(versioned) => Ok((versioned.decode)(version, self.bytes)?),
            None => decode(self.bytes),
        }
    }
}

/// Collects what a value refers to that is stored as `bytes`, in whichever version, for tools that only look; whether it can be read.
/// Nobody knows the version: what bytes of one stand for may pass for a value of another. So all are taken that they may be of.
pub(super) fn refer_value<V: Item>(bytes: &[u8], found: &mut References) -> bool {
    let mut is_read = refer_key::<V>(bytes, found);
    if let Some(versioned) = V::versioned() {
        for version in (versioned.versions)() {
            if version != versioned.version
                && let Ok(value) = (versioned.decode)(version, bytes)
            {
                value.refer(found);
                is_read = true;
            }
        }
    }
    is_read
}

/// The same for a key, of which there are no versions.
pub(super) fn refer_key<K: Item>(bytes: &[u8], found: &mut References) -> bool {
    let key = decode::<K>(bytes);
    if let Ok(key) = &key {
        key.refer(found);
    }
    key.is_ok()
}

impl Forms {
    /// Those of the collection `id`, which must be of type `C`, and with which `of` is kept.
    pub(super) fn of<C: Collection>(id: ObjectId, of: &str) -> Result<Self> {
        let known = known::<C>();
        let (present, text) = (known.texts[0].0, &known.texts[0].1);
        // But for a collection whose values' type has changed.
        if *of == **text {
            return Ok(Self { versions: SmallVec::from_elem(present, 1), present });
        }
        let version = |line: &str| {
            let versioned = known.texts.iter().find(|(_, text)| **text == *line);
            // A line without a version is older than those with one. If several are laid out so, the lowest was there first.
            let bare =
                || known.texts.iter().filter(|(_, text)| layout::says(line, bare(text))).min();
            let found = versioned.or_else(bare);
            found.map(|(version, _)| *version).ok_or_else(|| CollectionError::Changed {
                id,
                stored: line.to_owned(),
                present: text.to_string(),
            })
        };
        let versions = of.split(LINE).map(version).collect::<std::result::Result<_, _>>()?;
        Ok(Self { versions, present })
    }

    /// The form in which values of the present type are stored; `None`: there is none yet.
    pub(super) fn present(&self) -> Option<u8> {
        let form = self.versions.iter().position(|version| *version == self.present);
        form.and_then(|form| u8::try_from(form).ok())
    }

    /// The value that is kept so; `None` if its form was added later.
    pub(super) fn stored<'b>(&self, kept: Kept<'b>) -> Option<Stored<'b>> {
        let version = *self.versions.get(usize::from(kept.form))?;
        Some(Stored { older: (version != self.present).then_some(version), bytes: kept.bytes })
    }
}

/// Adds the present form of the values of `C` to the forms that `of` tells; which it is.
pub(super) fn add_form<C: Collection>(id: ObjectId, of: &mut String) -> Result<u8> {
    if let Some(form) = Forms::of::<C>(id, of)?.present() {
        return Ok(form);
    }
    let form = of.split(LINE).count();
    let damaged = |_| CollectionError::Damaged { id, cause: "it has too many forms".to_owned() };
    let form = u8::try_from(form).map_err(damaged)?;
    of.push(LINE);
    of.push_str(&text_of::<C>());
    Ok(form)
}

/// What a collection of the type `C` is made as: its kind and all about the types in it.
pub(super) fn text_of<C: Collection>() -> Rc<str> {
    Rc::clone(&known::<C>().texts[0].1)
}

fn known<C: Collection>() -> Rc<Known> {
    // It takes a while to find out, every look-up asks, and a program has a few dozen of them.
    thread_local! {
        static KNOWN: RefCell<Vec<(TypeId, Rc<Known>)>> = const { RefCell::new(Vec::new()) };
    }
    let id = TypeId::of::<C>();
    let find = |known: &RefCell<Vec<(TypeId, Rc<Known>)>>| {
        known.borrow().iter().find(|(known, _)| *known == id).map(|(_, all)| Rc::clone(all))
    };
    KNOWN.with(|known| {
        find(known).unwrap_or_else(|| {
            let all = Rc::new(find_out::<C>());
            known.borrow_mut().push((id, Rc::clone(&all)));
            all
        })
    })
}

fn find_out<C: Collection>() -> Known {
    let versioned = C::Value::versioned();
    let present = versioned.as_ref().map_or(0, |versioned| versioned.version);
    let text = layout::text_of::<C>();
    let text = if versioned.is_some() { line(&text, present) } else { text };
    let mut texts = vec![(present, Rc::from(text))];
    for version in versioned.map(|versioned| (versioned.versions)()).unwrap_or_default() {
        let text = layout::text_of_version::<C, C::Key, C::Value>(version);
        if version != present {
            texts.extend(text.map(|text| (version, Rc::from(line(&text, version)))));
        }
    }
    Known { texts }
}

/// What a collection is kept with whose values are of this version.
fn line(text: &str, version: u32) -> String {
    format!("{text}{VERSION}{version}")
}

/// The line without the version at its end.
fn bare(line: &str) -> &str {
    line.rsplit_once(VERSION).map_or(line, |(text, _)| text)
}

/// What parts the texts of the forms. No type's name has one.
const LINE: char = '\n';
/// What stands before the version.
const VERSION: &str = " @";

#[cfg(test)]
mod tests {
    use daystar_model::Space;

    use super::*;
    use crate::game::collections::item::encode;
    use crate::prelude::*;

    #[managed(name = "forms.Price", version = 1, old)]
    struct PriceV1 {
        price: u32,
    }

    #[managed(name = "forms.Price", version = 2, old, from = PriceV1)]
    struct PriceV2 {
        price: u64,
    }

    #[managed(name = "forms.Price", version = 3, from = PriceV2)]
    struct Price {
        price: u32,
    }

    impl From<PriceV1> for PriceV2 {
        fn from(before: PriceV1) -> Self {
            Self { price: before.price.into() }
        }
    }

    impl From<PriceV2> for Price {
        fn from(before: PriceV2) -> Self {
            Self { price: before.price as u32 }
        }
    }

    /// As the program was.
    #[managed(name = "forms.LinkBefore")]
    struct LinkBefore {
        to: Ref<Price>,
        number: u64,
    }

    #[managed(name = "forms.Link", version = 1, old)]
    struct LinkV1 {
        to: Ref<Price>,
        number: u64,
    }

    #[managed(name = "forms.Link", version = 2, from = LinkV1)]
    struct Link {
        number: u64,
        to: Ref<Price>,
    }

    impl From<LinkV1> for Link {
        fn from(before: LinkV1) -> Self {
            Self { number: before.number, to: before.to }
        }
    }

    #[test]
    fn what_a_value_may_refer_to_in_any_version_is_found() {
        let id = |index| ObjectId::new(Space::Object, index);
        let before = LinkBefore { to: Ref::from_id(id(7)), number: 3 };
        let bytes = encode(&before).expect("a value");
        assert_eq!(decode::<Link>(&bytes).expect("it passes for one").number, id(7).to_raw());
        let mut found = References::default();
        assert!(refer_value::<Link>(&bytes, &mut found));
        let (found, _) = found.into_found();
        assert!(found.iter().any(|reference| reference.object == id(7)), "{found:?}");
        assert!(!refer_value::<Link>(&bytes[1..], &mut References::default()));
    }

    type Prices = Map<u32, Price>;

    fn versions(of: &str) -> Result<Vec<u32>> {
        let id = ObjectId::new(Space::Object, 1);
        Ok(Forms::of::<Prices>(id, of)?.versions.to_vec())
    }

    #[test]
    fn a_line_is_of_its_version_and_one_without_is_of_the_lowest() {
        let text =
            |ty: &str| format!("daystar.Map<u32, forms.Price>; forms.Price {{ price: {ty} }}");
        let (narrow, wide) = (text("u32"), text("u64"));
        assert_eq!(*text_of::<Prices>(), format!("{narrow} @3"));
        for (of, wanted) in [
            (format!("{narrow} @3"), &[3][..]),
            (format!("{narrow} @1\n{wide} @2\n{narrow} @3"), &[1, 2, 3]),
            (narrow.clone(), &[1]),
            (format!("{narrow}\n{wide}\n{narrow} @3"), &[1, 2, 3]),
        ] {
            assert_eq!(versions(&of).expect(&of), wanted, "{of}");
        }
        for of in [format!("{narrow} @2"), format!("{narrow} @4"), format!("{wide} @1")] {
            versions(&of).expect_err(&of);
        }
    }

    #[test]
    fn a_form_is_added_for_a_version_that_is_laid_out_as_another() {
        let id = ObjectId::new(Space::Object, 1);
        let mut of = bare(&text_of::<Prices>()).to_owned();
        assert_eq!(add_form::<Prices>(id, &mut of).expect("a form"), 1);
        assert_eq!(versions(&of).expect("forms"), [1, 3]);
        assert_eq!(add_form::<Prices>(id, &mut of).expect("a form"), 1, "it is there already");
    }

    /// Which changes without that of what is around it.
    #[test]
    fn what_is_in_a_collection_within_is_left_to_that() {
        type Outer = Map<u32, Map<u32, Price>>;
        let id = ObjectId::new(Space::Object, 1);
        let text = "daystar.Map<u32, daystar.Map<u32, forms.Price>>";
        assert_eq!(*text_of::<Outer>(), *text);
        // It was not always.
        for of in [text.to_owned(), format!("{text}; forms.Price {{ price: u16 }}")] {
            Forms::of::<Outer>(id, &of).expect(&of);
        }
    }

    #[test]
    fn without_versions_there_is_none_in_the_text() {
        assert_eq!(*text_of::<Map<u32, u64>>(), *"daystar.Map<u32, u64>");
    }
}
