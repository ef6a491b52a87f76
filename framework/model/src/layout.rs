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

/// The layout of `T`, as a store keeps it. What is only in collections that `T` has is marked: it is stored elsewhere, in versions
/// of its own.
pub fn of<T: Layout>() -> String {
    let parts = Parts::of::<T>();
    let definitions = parts.definitions.into_iter();
    let marked = definitions.map(|definition| match definition.is_apart {
        true => format!("{APART}{}", definition.text),
        false => definition.text,
    });
    marked.collect::<Vec<_>>().join(BETWEEN)
}

/// The layout of `T`, whatever `T` is: [`of`] says what the managed types in it are made of, this also what it is itself.
pub fn text_of<T: Layout>() -> String {
    let mut parts = Parts::default();
    let name = T::describe(&mut parts);
    let definitions = parts.definitions.into_iter().map(|definition| definition.text);
    std::iter::once(name).chain(definitions).collect::<Vec<_>>().join(BETWEEN)
}

/// [`text_of`] the collection `C` as it would be if its values, of type `V`, were of the `version` of which this program reads them;
/// `K` is the type of its keys.
pub fn text_of_version<C: Layout, K: Layout, V: Layout>(version: u32) -> Option<String> {
    let versioned = V::versioned()?;
    let older = (versioned.layout)(version)?;
    let mut parts = Parts::default();
    K::describe(&mut parts);
    let keys: Vec<String> =
        parts.definitions.into_iter().map(|definition| definition.text).collect();
    let head = C::describe(&mut Parts::default());
    let values = definitions(&older).map(plain).filter(|of| !keys.iter().any(|key| key == of));
    let text = std::iter::once(&*head).chain(keys.iter().map(String::as_str)).chain(values);
    Some(text.collect::<Vec<_>>().join(BETWEEN))
}

/// Whether what was stored with the layout `stored` is what `present` says; but for what is only in collections: of that, `known`
/// tells the layouts of all versions that can be read, by the type's name.
pub fn agree(stored: &str, present: &str, known: &dyn Fn(&str) -> Vec<String>) -> bool {
    if stored == present {
        return true;
    }
    let (mut own, mut apart) = (Vec::new(), Vec::new());
    for definition in definitions(present) {
        match definition.strip_prefix(APART) {
            Some(definition) => apart.push(definition),
            None => own.push(definition),
        }
    }
    if apart.is_empty() {
        return false;
    }
    let mut readable: Vec<String> = apart.iter().map(|of| (*of).to_owned()).collect();
    for definition in &apart {
        let name = definition.split(' ').next().unwrap_or_default();
        for layout in known(name) {
            readable.extend(definitions(&layout).map(|of| plain(of).to_owned()));
        }
    }
    let stored: Vec<&str> = definitions(stored).map(plain).collect();
    own.iter().all(|of| stored.contains(of))
        && stored.iter().all(|of| own.contains(of) || readable.iter().any(|known| known == of))
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
    definition.strip_prefix(APART).unwrap_or(definition)
}

/// What stands between two definitions.
const BETWEEN: &str = "; ";
/// The mark of a definition that is only needed for what is in collections.
const APART: char = '~';

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
}

struct Definition {
    of: TypeId,
    text: String,
    /// It is only in collections.
    is_apart: bool,
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
        let id = TypeId::of::<T>();
        if self.known.insert(id) {
            let place = self.definitions.len();
            let (text, is_apart) = (String::new(), self.collections > 0);
            self.definitions.push(Definition { of: id, text, is_apart });
            self.under_way.push(id);
            let content = describe(self);
            self.under_way.pop();
            self.definitions[place].text = format!("{} {content}", T::NAME);
        } else if self.under_way.contains(&id) {
            // In a collection it is no part of what holds the collection.
            self.can_nest |= self.collections == 0;
        } else if self.collections == 0
            && let Some(known) = self.definitions.iter_mut().find(|known| known.of == id)
            && known.is_apart
        {
            // It is not only in collections, and neither are its parts.
            known.is_apart = false;
            self.under_way.push(id);
            describe(self);
            self.under_way.pop();
        }
        T::NAME.to_owned()
    }

    /// What `describe` makes of the types in a collection, of which there is no more in whoever holds it than a handle.
    pub fn collection<T>(&mut self, describe: impl FnOnce(&mut Self) -> T) -> T {
        self.collections += 1;
        let described = describe(self);
        self.collections -= 1;
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
