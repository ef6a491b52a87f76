//! What all handles of collections have in common: each is the id of a collection, with the types in it.

/// Writes what a handle needs to be a field of a type with `#[managed]`. By hand, because derives would demand all of
/// it of the types in the collection, too. `$role` says of each type whether it is that
/// of a `key` or of a `value`. `$part` are the fields with the ids of the parts that the collection begins with; `$refer` collects
/// what an entry refers to, given the bytes of its key and its value.
macro_rules! handle {
    ($name:ident<$($parameter:ident: $role:ident),+>, $raw:ident $(+ $part:ident)*, $kind:literal, $refer:expr) => {
        impl<$($parameter),+> Clone for $name<$($parameter),+> {
            fn clone(&self) -> Self {
                *self
            }
        }
        impl<$($parameter),+> Copy for $name<$($parameter),+> {}
        impl<$($parameter),+> PartialEq for $name<$($parameter),+> {
            fn eq(&self, other: &Self) -> bool {
                self.$raw == other.$raw
            }
        }
        impl<$($parameter),+> Eq for $name<$($parameter),+> {}
        impl<$($parameter),+> std::fmt::Debug for $name<$($parameter),+> {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, "{}{}", $kind, daystar_model::ObjectId::from_raw(self.$raw))
            }
        }
        impl<$($parameter),+> daystar_model::memory::Memory for $name<$($parameter),+> {
            const HAS_HEAP: bool = false;

            fn heap_bytes(&self) -> usize {
                0
            }

            fn copy_from(&mut self, other: &Self) {
                *self = *other;
            }
        }
        impl<$($parameter: daystar_model::layout::Layout),+> daystar_model::layout::Layout
            for $name<$($parameter),+>
        {
            fn describe(parts: &mut daystar_model::layout::Parts) -> String {
                let parameters = [$(parts.$role::<$parameter>()),+];
                format!("daystar.{}<{}>", $kind, parameters.join(", "))
            }
        }
        // As a reference to the collection's first part, as `inspect` is asked for it.
        impl<$($parameter: $crate::game::collections::item::Item),+> daystar_model::show::Show
            for $name<$($parameter),+>
        {
            const IS_TEXT: bool = true;

            fn show(&self) -> daystar_model::show::Value {
                daystar_model::show::Value::String(format!("{self:?}"))
            }

            fn refer(&self, found: &mut daystar_model::show::References) {
                fn entry<$($parameter: $crate::game::collections::item::Item),+>(
                    key: &[u8],
                    value: &[u8],
                    found: &mut daystar_model::show::References,
                ) -> bool {
                    let refer: daystar_model::show::Entries = $refer;
                    refer(key, value, found)
                }
                for part in [self.$raw $(, self.$part)*] {
                    found.collection(daystar_model::ObjectId::from_raw(part), entry::<$($parameter),+>);
                }
            }
        }
    };
}

pub(super) use handle;
