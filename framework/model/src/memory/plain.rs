//! The memory of values without buffers of their own: numbers and the like, and what is put together from other
//! values.

use std::num::{NonZeroI8, NonZeroI16, NonZeroI32, NonZeroI64, NonZeroI128};
use std::num::{NonZeroU8, NonZeroU16, NonZeroU32, NonZeroU64, NonZeroU128};
use std::time::Duration;

use super::{Memory, heap_of_all};
use crate::reference::Ref;
use crate::time::Timestamp;

/// For types that are copied by assignment and keep nothing on the heap.
macro_rules! plain {
    ($([$($parameter:ident)?] $type:ty),* $(,)?) => {$(
        impl$(<$parameter>)? Memory for $type {
            const HAS_HEAP: bool = false;

            #[inline]
            fn heap_bytes(&self) -> usize {
                0
            }

            #[inline]
            fn copy_from(&mut self, other: &Self) {
                *self = *other;
            }
        }
    )*};
}

plain!([] u8, [] u16, [] u32, [] u64, [] u128, [] i8, [] i16, [] i32, [] i64, [] i128);
plain!([] NonZeroU8, [] NonZeroU16, [] NonZeroU32, [] NonZeroU64, [] NonZeroU128);
plain!([] NonZeroI8, [] NonZeroI16, [] NonZeroI32, [] NonZeroI64, [] NonZeroI128);
plain!([] f32, [] f64, [] bool, [] char, [] (), [] Duration, [] Timestamp, [T] Ref<T>);

/// For tuples: part by part.
macro_rules! tuple {
    ($($part:ident $index:tt),*) => {
        impl<$($part: Memory),*> Memory for ($($part,)*) {
            const HAS_HEAP: bool = $($part::HAS_HEAP)||*;

            #[inline]
            fn heap_bytes(&self) -> usize {
                0 $(+ self.$index.heap_bytes())*
            }

            #[inline]
            fn copy_from(&mut self, other: &Self) {
                $(self.$index.copy_from(&other.$index);)*
            }
        }
    };
}

// As many as have `Clone`.
tuple!(A 0);
tuple!(A 0, B 1);
tuple!(A 0, B 1, C 2);
tuple!(A 0, B 1, C 2, D 3);
tuple!(A 0, B 1, C 2, D 3, E 4);
tuple!(A 0, B 1, C 2, D 3, E 4, F 5);
tuple!(A 0, B 1, C 2, D 3, E 4, F 5, G 6);
tuple!(A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7);
tuple!(A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8);
tuple!(A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9);
tuple!(A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9, K 10);
tuple!(A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9, K 10, L 11);

impl<T: Memory, const N: usize> Memory for [T; N] {
    const HAS_HEAP: bool = T::HAS_HEAP;

    #[inline]
    fn heap_bytes(&self) -> usize {
        heap_of_all(self)
    }

    #[inline]
    fn copy_from(&mut self, other: &Self) {
        for (element, other) in self.iter_mut().zip(other) {
            element.copy_from(other);
        }
    }
}

impl<T: Memory> Memory for Option<T> {
    const HAS_HEAP: bool = T::HAS_HEAP;

    #[inline]
    fn heap_bytes(&self) -> usize {
        heap_of_all(self)
    }

    #[inline]
    fn copy_from(&mut self, other: &Self) {
        match (self, other) {
            (Some(value), Some(other)) => value.copy_from(other),
            (option, other) => *option = other.clone(),
        }
    }
}

impl<T: Memory> Memory for Box<T> {
    // Also when `T` has no size, so that types which contain themselves do not ask about themselves.
    const HAS_HEAP: bool = true;

    #[inline]
    fn heap_bytes(&self) -> usize {
        size_of::<T>() + T::heap_bytes(self)
    }

    #[inline]
    fn copy_from(&mut self, other: &Self) {
        T::copy_from(self, other);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::ObjectId;

    #[test]
    fn what_is_put_together_keeps_what_its_parts_keep() {
        let text = String::with_capacity(10);
        let option = Some((1_u8, Box::new([text, String::new()])));
        assert_eq!(option.heap_bytes(), size_of::<[String; 2]>() + 10);
        const { assert!(<Option<(u8, String)>>::HAS_HEAP && !<Option<(u8, [char; 2])>>::HAS_HEAP) };
        assert_eq!(Some(Ref::<String>::from_id(ObjectId::from_raw(1))).heap_bytes(), 0);
    }

    #[test]
    fn a_box_stays_where_it_is() {
        let mut boxed = Box::new((7_u64, Some('a')));
        let before = &raw const *boxed;
        boxed.copy_from(&Box::new((8, None)));
        assert_eq!((&raw const *boxed, *boxed), (before, (8, None)));
    }
}
