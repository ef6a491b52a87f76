//! What handles in game code that are nothing but an id have in common.

/// Writes how a handle with the field `raw` is described in layouts, and shown: as its id, which `inspect` can be asked for.
macro_rules! by_id {
    ($name:ident) => {
        impl daystar_model::layout::Layout for $name {
            fn describe(_: &mut daystar_model::layout::Parts) -> String {
                stringify!($name).to_owned()
            }
        }

        impl daystar_model::show::Show for $name {
            const IS_TEXT: bool = true;

            fn show(&self) -> daystar_model::show::Value {
                let id = daystar_model::ObjectId::from_raw(self.raw);
                daystar_model::show::Value::String(id.to_string())
            }

            fn refer(&self, found: &mut daystar_model::show::References) {
                found.object(daystar_model::ObjectId::from_raw(self.raw));
            }
        }
    };
}

pub(super) use by_id;
