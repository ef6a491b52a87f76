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
use crate::reference::Ref;
use crate::time::Timestamp;

/// A type whose layout can be told.
pub trait Layout {
    /// What the type is called in a layout. What it is made of is added to `parts`, if its name does not say it.
    fn describe(parts: &mut Parts) -> String;
}

/// The name under which a managed type is stored, in its present or in an old version.
pub trait Named {
    /// The name.
    const NAME: &'static str;
}

/// The layout of `T`, as a store keeps it.
pub fn of<T: Layout>() -> String {
    Parts::of::<T>().definitions.join("; ")
}

/// The layout of `T`, whatever `T` is: [`of`] says what the managed types in it are made of, this also what it is itself.
pub fn text_of<T: Layout>() -> String {
    let mut parts = Parts::default();
    let name = T::describe(&mut parts);
    parts.definitions.insert(0, name);
    parts.definitions.join("; ")
}

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
    definitions: Vec<String>,
    can_nest: bool,
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
            self.definitions.push(String::new());
            self.under_way.push(id);
            let content = describe(self);
            self.under_way.pop();
            self.definitions[place] = format!("{} {content}", T::NAME);
        } else if self.under_way.contains(&id) {
            self.can_nest = true;
        }
        T::NAME.to_owned()
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
