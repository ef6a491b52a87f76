//! The memory behind a value: how much of it there is, and how one value becomes a copy of another within it.
//!
//! What a task changes is a copy, and most of a copy's cost is asking for memory. A value that is no longer
//! wanted has memory already, of about the right size, because it mostly was an earlier version of the same
//! object. [`Memory`] is implemented here for the types that a managed type is made of, and derived for the managed
//! types themselves; [`Field`] lets derived code handle fields of any other type as well.

mod collections;
mod plain;

use std::marker::PhantomData;

/// A type whose values know what they keep on the heap.
pub trait Memory: Clone {
    /// Whether any value of the type can keep memory on the heap. When none can, a list of a million of them
    /// is counted without a look at its elements.
    const HAS_HEAP: bool;

    /// Bytes kept on the heap, beside `size_of::<Self>()`. Capacities count, not lengths. Maps and sets do not tell
    /// what they keep, so theirs is an estimate.
    fn heap_bytes(&self) -> usize;

    /// Makes this value what `other.clone()` is, in the memory that it already has where that suits.
    ///
    /// # Panics
    /// If a field's `clone` does. The value is then a mixture of both.
    fn copy_from(&mut self, other: &Self);
}

/// A field of type `T` of a managed type, as derived code sees it.
///
/// What `Field::<T>` names is found here, on the type itself, if `T` is a [`Memory`]. If not, the compiler looks on
/// among the traits and finds [`UnknownField`].
pub struct Field<T>(PhantomData<T>);

impl<T: Memory> Field<T> {
    /// [`Memory::HAS_HEAP`].
    pub const HAS_HEAP: bool = T::HAS_HEAP;

    /// [`Memory::heap_bytes`].
    #[inline]
    pub fn heap_bytes(field: &T) -> usize {
        field.heap_bytes()
    }

    /// [`Memory::copy_from`].
    #[inline]
    pub fn copy_from(field: &mut T, other: &T) {
        field.copy_from(other);
    }
}

/// A field of a type that may be stored, but of whose memory nothing is known.
pub trait UnknownField {
    /// The field's type.
    type Type;

    /// Nobody can tell; no.
    const HAS_HEAP: bool = false;

    /// Nobody can tell; none.
    fn heap_bytes(_: &Self::Type) -> usize {
        0
    }

    /// Replaces the field by a clone. The type's own `clone_from` might keep any amount of memory, with nobody to
    /// notice.
    fn copy_from(field: &mut Self::Type, other: &Self::Type)
    where
        Self::Type: Clone,
    {
        *field = other.clone();
    }
}

impl<T> UnknownField for Field<T> {
    type Type = T;
}

/// Whether a buffer of `kept` bytes is to be used again for `needed` bytes: it must hold them, and must not be so
/// large that a value which shrank would never give its memory back.
fn suits(kept: usize, needed: usize) -> bool {
    needed <= kept && kept <= needed.saturating_mul(2).saturating_add(SLACK_BYTES)
}

/// The heap of all `values` together.
fn heap_of_all<'a, T: Memory + 'a>(values: impl IntoIterator<Item = &'a T>) -> usize {
    if !T::HAS_HEAP {
        return 0;
    }
    values.into_iter().map(T::heap_bytes).sum()
}

/// What a buffer may always keep beyond twice its need, so that short texts, whose lengths often differ by more
/// than twice, stay where they are. A cache line: an allocation of less is hardly any cheaper.
const SLACK_BYTES: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_suits_when_it_is_large_enough_and_not_far_too_large() {
        assert!(suits(100, 100));
        assert!(!suits(99, 100));
        assert!(suits(264, 100));
        assert!(!suits(265, 100));
        assert!(suits(SLACK_BYTES, 0));
        assert!(!suits(SLACK_BYTES + 1, 0));
        assert!(suits(usize::MAX, usize::MAX));
    }

    #[derive(Clone, PartialEq, Debug)]
    struct Foreign(Vec<u8>);

    #[test]
    fn a_field_of_a_type_that_is_not_known_is_cloned_and_not_counted() {
        let (mut field, other) = (Foreign(vec![1]), Foreign(vec![2, 3]));
        Field::<Foreign>::copy_from(&mut field, &other);
        assert_eq!(field, other);
        assert_eq!(Field::<Foreign>::heap_bytes(&field), 0);
        const { assert!(!Field::<Foreign>::HAS_HEAP && !Field::<Vec<Foreign>>::HAS_HEAP) };
        const { assert!(Field::<Vec<u8>>::HAS_HEAP && !Field::<[u8; 3]>::HAS_HEAP) };
    }
}
