//! A value as people and tools that look at a world see it: as JSON, and what it refers to.
//!
//! The JSON is made to be read, and nothing reads it back: what is stored is written by rkyv. [`Show`] is implemented here
//! for the types that a managed type is made of, and derived for the managed types themselves; [`Field`] lets
//! derived code handle fields of any other type as well.

mod collections;
mod plain;
mod references;

use std::any::type_name;
use std::marker::PhantomData;

pub use serde_json::Value;

pub use self::references::{Entries, Reference, References};

/// A type whose values can be shown.
pub trait Show {
    /// Whether each value of the type is shown as a text. A map with such keys is shown as an object, any other
    /// as a list of pairs; so all values of one type look alike.
    const IS_TEXT: bool = false;

    /// The value as JSON. Numbers that JSON's readers may not take exactly, those beyond 64 bits, are texts.
    fn show(&self) -> Value;

    /// Collects what the value refers to.
    fn refer(&self, found: &mut References) {
        let _ = found;
    }
}

/// A field of type `T` of a managed type, as derived code sees it.
///
/// What `Field::<T>` names is found here, on the type itself, if `T` is a [`Show`]. If not, the compiler looks on
/// among the traits and finds [`UnknownField`].
pub struct Field<T>(PhantomData<T>);

impl<T: Show> Field<T> {
    /// [`Show::IS_TEXT`].
    pub const IS_TEXT: bool = T::IS_TEXT;

    /// [`Show::show`].
    pub fn show(field: &T) -> Value {
        field.show()
    }

    /// [`Show::refer`].
    pub fn refer(field: &T, found: &mut References) {
        field.refer(found);
    }
}

/// A field of a type that may be stored, but that nobody knows how to look into.
pub trait UnknownField {
    /// The field's type.
    type Type;

    /// All are shown alike, so none could be told from another as a key.
    const IS_TEXT: bool = false;

    /// What it is, instead of what it holds.
    fn show(_: &Self::Type) -> Value {
        not_shown::<Self::Type>()
    }

    /// Nobody knows, and whoever asks is told so.
    fn refer(_: &Self::Type, found: &mut References) {
        found.unreadable();
    }
}

impl<T> UnknownField for Field<T> {
    type Type = T;
}

/// What stands in the place of a value that nobody knows how to show.
pub fn not_shown<T>() -> Value {
    Value::String(format!("(a {}, not shown)", type_name::<T>()))
}

/// A value with named parts, in the order in which they are declared.
pub fn named<const N: usize>(names: [&'static str; N], parts: [Value; N]) -> Value {
    names.into_iter().map(str::to_owned).zip(parts).collect()
}

/// A value with numbered parts. One that has a single part is shown as that part; one without any, as `null`.
pub fn numbered<const N: usize>(parts: [Value; N]) -> Value {
    let mut parts = Vec::from(parts);
    match parts.len() {
        0 | 1 => parts.pop().unwrap_or_default(),
        _ => Value::Array(parts),
    }
}

/// The variant `name` of an enum, with `content` beside it.
pub fn variant(name: &'static str, content: Value) -> Value {
    named([name], [content])
}

/// The variant `name` of an enum, which has no content.
pub fn unit_variant(name: &'static str) -> Value {
    Value::from(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Foreign;

    #[test]
    fn a_field_of_a_type_that_is_not_known_says_what_it_is() {
        let shown = Field::<Foreign>::show(&Foreign);
        assert!(shown.as_str().is_some_and(|text| text.contains("Foreign, not shown")), "{shown}");
        let shown = Field::<Vec<Foreign>>::show(&vec![Foreign]);
        assert!(shown.is_string(), "{shown}");
        let mut found = References::default();
        Field::<Foreign>::refer(&Foreign, &mut found);
        assert_eq!(found.into_found().1, 1, "what it refers to is not known");
        const { assert!(!Field::<Foreign>::IS_TEXT && Field::<String>::IS_TEXT) };
    }

    #[test]
    fn parts_are_shown_as_few_or_as_many_as_there_are() {
        assert_eq!(numbered([]), Value::Null);
        assert_eq!(numbered([Value::from(1)]), 1);
        assert_eq!(numbered([Value::from(1), Value::from(2)]), serde_json::json!([1, 2]));
        let shown = named(["b", "a"], [Value::Null, Value::Null]);
        assert_eq!(shown.to_string(), r#"{"b":null,"a":null}"#);
    }
}
