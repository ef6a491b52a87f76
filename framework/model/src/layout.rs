//! How a type's values are laid out: the names and types of its fields, and of the fields of its parts, as a text.
//!
//! Bytes do not say what they mean. Two numbers that have changed places are still two numbers, and no check of the
//! bytes would notice. So a store keeps, beside the name and the version of each type, the text that stands for its
//! layout, and a type that was changed without a new version is refused before it misreads anything.

use std::any::TypeId;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::marker::PhantomData;
use std::num::{NonZeroI8, NonZeroI16, NonZeroI32, NonZeroI64, NonZeroI128};
use std::num::{NonZeroU8, NonZeroU16, NonZeroU32, NonZeroU64, NonZeroU128};
use std::time::Duration;

use crate::managed::Managed;
use crate::record::RecordError;
use crate::reference::Ref;
use crate::time::Timestamp;

/// A type whose layout can be told.
pub trait Layout {
    /// What the type is called in a layout. What it is made of is added to `parts`, if its name does not say it.
    fn describe(parts: &mut Parts) -> String;

    /// How values of the type are read that were stored in an older version of it, if it has versions: a managed type.
    fn versioned() -> Option<Versioned<Self>>
    where
        Self: Sized,
    {
        None
    }
}

/// How values of a managed type are read, whichever version they are of.
#[derive(Debug)]
pub struct Versioned<T> {
    /// [`Managed::VERSION`].
    pub version: u32,
    /// [`Managed::versions`].
    pub versions: fn() -> Vec<u32>,
    /// [`Managed::layout`].
    pub layout: fn(u32) -> Option<String>,
    /// [`Managed::decode`].
    pub decode: fn(u32, &[u8]) -> Result<T, RecordError>,
}

/// A type as derived code asks it for its [`Layout::versioned`]: what `Versions::<T>` names is found here if `T` is managed; else, as
/// for a type that is declared as an old version, in [`NoVersions`].
pub struct Versions<T>(PhantomData<T>);

impl<T: Managed> Versions<T> {
    /// [`Layout::versioned`].
    pub fn of() -> Option<Versioned<T>> {
        let (versions, layout, decode) = (T::versions, T::layout, T::decode);
        Some(Versioned { version: T::VERSION, versions, layout, decode })
    }
}

/// A type whose values have no versions.
pub trait NoVersions {
    /// The type.
    type Type;

    /// [`Layout::versioned`].
    fn of() -> Option<Versioned<Self::Type>> {
        None
    }
}

impl<T> NoVersions for Versions<T> {
    type Type = T;
}

/// The name under which a managed type is stored, in its present or in an old version.
pub trait Named {
    /// The name.
    const NAME: &'static str;
}

/// The layout of `T`, as a store keeps it. What is only in collections that `T` has is marked: it is stored elsewhere, values in versions
/// of their own.
pub fn of<T: Layout>() -> String {
    let definitions = Parts::of::<T>().definitions.into_iter();
    let marked =
        definitions.map(
            |Definition { text, role, collections, .. }| {
                if collections == 0 { text } else { format!("{}{text}", role.mark()) }
            },
        );
    marked.collect::<Vec<_>>().join(BETWEEN)
}

/// The layout of the collection `T`: [`of`] says what the managed types in it are made of, this also what it is itself. What is in
/// other collections, of which it holds the handles, is kept with those.
pub fn text_of<T: Layout>() -> String {
    let mut parts = Parts::default();
    let name = T::describe(&mut parts);
    let definitions = parts.definitions.into_iter().filter(|definition| definition.collections < 2);
    let definitions = definitions.map(|definition| definition.text);
    std::iter::once(name).chain(definitions).collect::<Vec<_>>().join(BETWEEN)
}

/// Whether `stored` says of a collection what `text`, a [`text_of`] it, does: once it had also what is in collections of which that one
/// holds the handles.
pub fn says(stored: &str, text: &str) -> bool {
    let name = |definition: &str| definition.split(' ').next().map(str::to_owned);
    let wanted: Vec<_> = definitions(text).map(name).collect();
    definitions(stored).filter(|of| wanted.contains(&name(of))).eq(definitions(text))
}

/// [`text_of`] the collection `C` as it would be if its values, of type `V`, were of the `version` of which this program reads them;
/// `K` is the type of its keys.
pub fn text_of_version<C: Layout, K: Layout, V: Layout>(version: u32) -> Option<String> {
    let versioned = V::versioned()?;
    let older = (versioned.layout)(version)?;
    let mut parts = Parts::default();
    K::describe(&mut parts);
    let keys = parts.definitions.into_iter().filter(|definition| definition.collections == 0);
    let keys: Vec<String> = keys.map(|definition| definition.text).collect();
    let head = C::describe(&mut Parts::default());
    let values = definitions(&older).filter(|of| plain(of) == *of);
    let values = values.filter(|of| !keys.iter().any(|key| key == of));
    let text = std::iter::once(&*head).chain(keys.iter().map(String::as_str)).chain(values);
    Some(text.collect::<Vec<_>>().join(BETWEEN))
}

/// Whether what was stored with the layout `stored` is what `present` says; but for the values in collections: of those, `known`
/// tells the layouts of all versions that can be read, by the type's name.
pub fn agree(stored: &str, present: &str, known: &dyn Fn(&str) -> Vec<String>) -> bool {
    if stored == present {
        return true;
    }
    let stored: Vec<&str> = definitions(stored).map(plain).collect();
    let is_fixed = |of: &&str| !of.starts_with([VALUE, PART]);
    let readable = readable(present, known);
    definitions(present).filter(is_fixed).map(plain).all(|of| stored.contains(&of))
        && stored.iter().all(|of| readable.iter().any(|known| known == of))
}

/// All definitions that may be found where `present` is what the program says: its own, and those of the other versions of the
/// values in collections.
fn readable(present: &str, known: &dyn Fn(&str) -> Vec<String>) -> Vec<String> {
    let (mut readable, mut asked) = (Vec::new(), HashSet::new());
    let mut layouts = vec![present.to_owned()];
    while let Some(layout) = layouts.pop() {
        for definition in definitions(&layout) {
            if let Some(value) = definition.strip_prefix(VALUE) {
                let name = value.split(' ').next().unwrap_or_default();
                if asked.insert(name.to_owned()) {
                    layouts.extend(known(name));
                }
            }
            readable.push(plain(definition).to_owned());
        }
    }
    readable
}

/// The definitions that a layout consists of. The `;` of an array's length parts none.
fn definitions(layout: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(layout).filter(|layout| !layout.is_empty());
    std::iter::from_fn(move || {
        let all = rest?;
        let mut depth = 0_usize;
        let end = all.bytes().position(|byte| {
            match byte {
                b'[' => depth += 1,
                b']' => depth = depth.saturating_sub(1),
                _ => {}
            }
            byte == b';' && depth == 0
        });
        let (first, behind) =
            end.map_or((all, None), |end| (&all[..end], all.get(end + BETWEEN.len()..)));
        rest = behind;
        Some(first)
    })
}

/// The definition without its mark.
fn plain(definition: &str) -> &str {
    definition.strip_prefix([FIXED, PART, VALUE]).unwrap_or(definition)
}

/// What stands between two definitions.
const BETWEEN: &str = "; ";
/// The marks of what is only in collections, by its [`Role`].
const FIXED: char = '^';
const PART: char = '-';
const VALUE: char = '~';

/// Whether values of `T` may be nested without end: it contains itself, or a part of it does, or nobody can tell.
pub fn can_nest<T: Layout>() -> bool {
    Parts::of::<T>().can_nest
}

/// The managed types that a layout has come upon.
#[derive(Default)]
pub struct Parts {
    known: HashSet<TypeId>,
    /// Those of them that are being described.
    under_way: Vec<TypeId>,
    definitions: Vec<Definition>,
    can_nest: bool,
    /// How many collections the type that is being described is in.
    collections: u32,
    /// What the next type to be described is, unless it is a collection's value.
    role: Role,
    /// It is one.
    is_value: bool,
}

struct Definition {
    of: TypeId,
    text: String,
    /// Of all places where it is, in the fewest.
    collections: u32,
    role: Role,
}

/// What may become of a type in other versions of the program. A type with several roles has the one that allows least.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
enum Role {
    /// It must stay as it is: whoever holds it is read as a whole, and a key is found by its bytes.
    #[default]
    Fixed,
    /// It is a part of a collection's value, and changes with that.
    Part,
    /// It is a collection's value, of which each is read in its version.
    Value,
}

impl Role {
    fn mark(self) -> char {
        match self {
            Role::Fixed => FIXED,
            Role::Part => PART,
            Role::Value => VALUE,
        }
    }
}

impl Parts {
    fn of<T: Layout>() -> Self {
        let mut parts = Self::default();
        T::describe(&mut parts);
        parts
    }

    /// The name of `T`, whose content is `describe`d if it has not been yet. A type may contain itself.
    pub fn define<T: Named + 'static>(
        &mut self,
        describe: impl FnOnce(&mut Self) -> String,
    ) -> String {
        let (id, collections) = (TypeId::of::<T>(), self.collections);
        let role = if std::mem::take(&mut self.is_value) { Role::Value } else { self.role };
        if self.known.insert(id) {
            let place = self.definitions.len();
            self.definitions.push(Definition { of: id, text: String::new(), collections, role });
            let content = self.content(id, role, describe);
            self.definitions[place].text = format!("{} {content}", T::NAME);
        } else if self.under_way.contains(&id) {
            // In a collection it is no part of what holds the collection.
            self.can_nest |= self.collections == 0;
        } else if let Some(known) = self.definitions.iter_mut().find(|known| known.of == id)
            && (collections < known.collections || role < known.role)
        {
            // What holds of it here holds of its parts.
            known.collections = known.collections.min(collections);
            known.role = known.role.min(role);
            self.content(id, role, describe);
        }
        T::NAME.to_owned()
    }

    /// What `describe` makes of the type `id`, which has this role.
    fn content(
        &mut self,
        id: TypeId,
        role: Role,
        describe: impl FnOnce(&mut Self) -> String,
    ) -> String {
        let parts = role.min(Role::Part);
        let before = std::mem::replace(&mut self.role, parts);
        self.under_way.push(id);
        let content = describe(self);
        self.under_way.pop();
        self.role = before;
        content
    }

    /// [`Layout::describe`] the keys of a collection, of which there is no more in whoever holds it than a handle.
    pub fn key<K: Layout>(&mut self) -> String {
        self.collections += 1;
        let described = K::describe(self);
        self.collections -= 1;
        described
    }

    /// As [`key`](Self::key), for the values of a collection: those of a type that has versions are read in each of them.
    pub fn value<V: Layout>(&mut self) -> String {
        self.is_value = V::versioned().is_some();
        let described = self.key::<V>();
        self.is_value = false;
        described
    }
}

/// `{ name: type, .. }`.
pub fn named<const N: usize>(names: [&'static str; N], types: [String; N]) -> String {
    let fields: Vec<String> =
        names.iter().zip(types).map(|(name, ty)| format!("{name}: {ty}")).collect();
    format!("{{ {} }}", fields.join(", "))
}

/// `(type, ..)`.
pub fn numbered<const N: usize>(types: [String; N]) -> String {
    format!("({})", types.join(", "))
}

/// `one | other`, for the variants of an enum.
pub fn variants<const N: usize>(names: [&'static str; N], contents: [String; N]) -> String {
    let variants: Vec<String> =
        names.iter().zip(contents).map(|(name, content)| format!("{name}{content}")).collect();
    variants.join(" | ")
}

/// A field of type `T` of a managed type, as derived code sees it.
///
/// What `Field::<T>` names is found here, on the type itself, if `T` is a [`Layout`]. If not, the compiler looks on
/// among the traits and finds [`UnknownField`].
pub struct Field<T>(PhantomData<T>);

impl<T: Layout> Field<T> {
    /// [`Layout::describe`].
    pub fn describe(parts: &mut Parts) -> String {
        T::describe(parts)
    }
}

/// A field of a type that may be stored, but of whose layout nothing is known.
pub trait UnknownField {
    /// It stands for any type.
    fn describe(parts: &mut Parts) -> String {
        parts.can_nest = true;
        "?".to_owned()
    }
}

impl<T> UnknownField for Field<T> {}

/// For types that are known by their name.
macro_rules! by_name {
    ($($type:ident),*) => {$(
        impl Layout for $type {
            fn describe(_: &mut Parts) -> String {
                stringify!($type).to_owned()
            }
        }
    )*};
}
by_name!(u8, u16, u32, u64, u128, i8, i16, i32, i64, i128, f32, f64, bool, char);
by_name!(NonZeroU8, NonZeroU16, NonZeroU32, NonZeroU64, NonZeroU128);
by_name!(NonZeroI8, NonZeroI16, NonZeroI32, NonZeroI64, NonZeroI128);
by_name!(String, Duration, Timestamp);

/// For types that are known by their name and those of their parameters.
macro_rules! by_parameters {
    ($($type:ident<$($parameter:ident),*> $(, $hasher:ident)?;)*) => {$(
        impl<$($parameter: Layout,)* $($hasher)?> Layout for $type<$($parameter,)* $($hasher)?> {
            fn describe(parts: &mut Parts) -> String {
                let parameters = [$($parameter::describe(parts)),*];
                format!("{}<{}>", stringify!($type), parameters.join(", "))
            }
        }
    )*};
}
by_parameters! {
    Option<T>;
    Box<T>;
    Vec<T>;
    VecDeque<T>;
    BTreeMap<K, V>;
    BTreeSet<T>;
    HashMap<K, V>, S;
    HashSet<T>, S;
}

// Its bytes do not depend on what it refers to, but what they mean does.
impl<T: Managed> Layout for Ref<T> {
    fn describe(_: &mut Parts) -> String {
        format!("Ref<{}>", T::TYPE_NAME)
    }
}

impl<T: Layout, const N: usize> Layout for [T; N] {
    fn describe(parts: &mut Parts) -> String {
        format!("[{}; {N}]", T::describe(parts))
    }
}

impl Layout for () {
    fn describe(_: &mut Parts) -> String {
        numbered([])
    }
}

/// For tuples: part by part.
macro_rules! tuple {
    ($($part:ident),*) => {
        impl<$($part: Layout),*> Layout for ($($part,)*) {
            fn describe(parts: &mut Parts) -> String {
                numbered([$($part::describe(parts)),*])
            }
        }
    };
}

// As many as have `Clone`.
tuple!(A);
tuple!(A, B);
tuple!(A, B, C);
tuple!(A, B, C, D);
tuple!(A, B, C, D, E);
tuple!(A, B, C, D, E, F);
tuple!(A, B, C, D, E, F, G);
tuple!(A, B, C, D, E, F, G, H);
tuple!(A, B, C, D, E, F, G, H, I);
tuple!(A, B, C, D, E, F, G, H, I, J);
tuple!(A, B, C, D, E, F, G, H, I, J, K);
tuple!(A, B, C, D, E, F, G, H, I, J, K, L);
