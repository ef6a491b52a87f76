//! Numbers, texts and references, and what is put together from other values, shown.

use std::num::{NonZeroI8, NonZeroI16, NonZeroI32, NonZeroI64, NonZeroI128};
use std::num::{NonZeroU8, NonZeroU16, NonZeroU32, NonZeroU64, NonZeroU128};
use std::time::Duration;

use serde_json::Number;

use super::{References, Show, Value, named};
use crate::managed::Managed;
use crate::reference::Ref;
use crate::time::Timestamp;

/// For what JSON has itself.
macro_rules! same {
    ($($type:ty),*) => {$(
        impl Show for $type {
            fn show(&self) -> Value {
                Value::from(*self)
            }
        }
    )*};
}
same!(u8, u16, u32, u64, i8, i16, i32, i64, bool);

/// For what is one of those inside.
macro_rules! non_zero {
    ($($type:ty),*) => {$(
        impl Show for $type {
            fn show(&self) -> Value {
                self.get().show()
            }
        }
    )*};
}
non_zero!(NonZeroU8, NonZeroU16, NonZeroU32, NonZeroU64, NonZeroU128);
non_zero!(NonZeroI8, NonZeroI16, NonZeroI32, NonZeroI64, NonZeroI128);

/// For what is written as a text.
macro_rules! text {
    ($($type:ty, $value:ident => $text:expr;)*) => {$(
        impl Show for $type {
            const IS_TEXT: bool = true;

            fn show(&self) -> Value {
                let $value = self;
                Value::String($text)
            }
        }
    )*};
}
text! {
    String, text => text.clone();
    char, letter => letter.to_string();
    // Beyond what readers of JSON take exactly.
    u128, number => number.to_string();
    i128, number => number.to_string();
    // Exact, and with its unit: `1.5s`, `20ms`.
    Duration, time => format!("{time:?}");
}

impl<T: Managed> Show for Ref<T> {
    const IS_TEXT: bool = true;

    /// With the type, as it is asked for: `Player#17`.
    fn show(&self) -> Value {
        Value::String(format!("{}{self}", T::TYPE_NAME))
    }

    fn refer(&self, found: &mut References) {
        found.object(self.id());
    }
}

impl Show for Timestamp {
    fn show(&self) -> Value {
        named(["unix_ms"], [Value::from(self.unix_ms)])
    }
}

impl Show for f64 {
    fn show(&self) -> Value {
        // JSON has no infinities and no NaN.
        Number::from_f64(*self).map_or_else(|| Value::String(self.to_string()), Value::Number)
    }
}

impl Show for f32 {
    fn show(&self) -> Value {
        // The `f64` that is written with the same digits, not the one of the same value: 0.1, not 0.10000000149.
        self.to_string().parse::<f64>().unwrap_or_else(|_| f64::from(*self)).show()
    }
}

impl Show for () {
    fn show(&self) -> Value {
        Value::Null
    }
}

impl<T: Show> Show for Option<T> {
    fn show(&self) -> Value {
        self.as_ref().map_or(Value::Null, T::show)
    }

    fn refer(&self, found: &mut References) {
        self.iter().for_each(|value| value.refer(found));
    }
}

impl<T: Show> Show for Box<T> {
    // Not asked of `T`, so that types which contain themselves do not ask about themselves.
    const IS_TEXT: bool = false;

    fn show(&self) -> Value {
        T::show(self)
    }

    fn refer(&self, found: &mut References) {
        T::refer(self, found);
    }
}

/// For tuples: part by part.
macro_rules! tuple {
    ($($part:ident $index:tt),*) => {
        impl<$($part: Show),*> Show for ($($part,)*) {
            fn show(&self) -> Value {
                Value::Array(vec![$(self.$index.show()),*])
            }

            fn refer(&self, found: &mut References) {
                $(self.$index.refer(found);)*
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn numbers_are_exact() {
        assert_eq!(u64::MAX.show().to_string(), "18446744073709551615");
        assert_eq!(i64::MIN.show().to_string(), "-9223372036854775808");
        assert_eq!(u128::MAX.show(), json!("340282366920938463463374607431768211455"));
        assert_eq!(0.1_f32.show().to_string(), "0.1");
        assert_eq!(0.1_f64.show().to_string(), "0.1");
        assert_eq!(f32::NAN.show(), json!("NaN"));
        assert_eq!(f64::NEG_INFINITY.show(), json!("-inf"));
    }

    #[test]
    fn parts_are_shown_within_the_whole() {
        assert_eq!((1_u8, ('x', None::<bool>)).show(), json!([1, ["x", null]]));
        assert_eq!(Box::new(Some("a".to_owned())).show(), json!("a"));
        assert_eq!(NonZeroU8::MIN.show(), json!(1));
        assert_eq!(Duration::from_millis(1_500).show(), json!("1.5s"));
        assert_eq!(Timestamp { unix_ms: 7 }.show(), json!({"unix_ms": 7}));
    }
}
