//! Bound names: a name's binding is an object like any other, found by the name's hash.
//!
//! A bucket holds every name of one hash, so that two names that collide cost a conflict now and then and
//! never a wrong answer. A name that is not bound is a bucket that is absent: reading that is remembered like any
//! other read, so a task that found nothing conflicts with one that binds.

use daystar_engine::Error;
use daystar_macros::managed;
use daystar_model::managed::Object;
use daystar_model::{Managed, ObjectId, Ref, Space};

use crate::game::ctx::Ctx;

/// All names of one hash.
#[managed(name = "daystar.Names")]
pub(crate) struct Names {
    bindings: Vec<Binding>,
}

#[managed(name = "daystar.Binding")]
pub(crate) struct Binding {
    name: String,
    type_name: String,
    object: u64,
}

fn bucket(name: &str) -> Ref<Names> {
    let hash = xxhash_rust::xxh3::xxh3_64(name.as_bytes());
    Ref::from_id(ObjectId::new(Space::Name, hash))
}

/// Where the name `name` is kept, if anything is called so.
pub(crate) fn bucket_of(name: &str) -> ObjectId {
    bucket(name).id()
}

/// The names that `value` holds, if it is a bucket of them, and what they are bound to.
pub(crate) fn bindings(value: &dyn Object) -> impl Iterator<Item = (&str, ObjectId)> {
    let names = value.as_any().downcast_ref::<Names>();
    let bindings = names.map_or(&[][..], |names| &names.bindings);
    bindings.iter().map(|binding| (&*binding.name, ObjectId::from_raw(binding.object)))
}

pub(crate) fn find<T: Managed>(ctx: &Ctx, name: &str) -> Result<Option<Ref<T>>, Error> {
    let Some(names) = ctx.attempt().find::<Names>(bucket(name).id())? else { return Ok(None) };
    let Some(binding) = names.bindings.iter().find(|binding| binding.name == name) else {
        return Ok(None);
    };
    if binding.type_name != T::TYPE_NAME {
        return Err(NameError::OtherType {
            name: name.to_owned(),
            wanted: T::TYPE_NAME,
            found: binding.type_name.clone(),
        }
        .into());
    }
    Ok(Some(Ref::from_id(ObjectId::from_raw(binding.object))))
}

/// What the names begin with that the framework gives. Only it binds and unbinds them.
pub(crate) const RESERVED: &str = "daystar/";

/// Refuses the framework's names to a game.
pub(crate) fn check_not_reserved(name: &str) -> Result<(), NameError> {
    if name.starts_with(RESERVED) {
        return Err(NameError::Reserved { name: name.to_owned() });
    }
    Ok(())
}

pub(crate) fn bind<T: Managed>(ctx: &Ctx, name: &str, object: Ref<T>) -> Result<(), Error> {
    let binding = Binding {
        name: name.to_owned(),
        type_name: T::TYPE_NAME.to_owned(),
        object: object.id().to_raw(),
    };
    let id = bucket(name).id();
    if ctx.attempt().find::<Names>(id)?.is_none() {
        ctx.attempt().insert_at(id, Names { bindings: vec![binding] })?;
        return Ok(());
    }
    let mut names = ctx.attempt().get_mut::<Names>(id)?;
    if names.bindings.iter().any(|other| other.name == name) {
        return Err(NameError::Bound { name: name.to_owned() }.into());
    }
    names.bindings.push(binding);
    Ok(())
}

pub(crate) fn unbind(ctx: &Ctx, name: &str) -> Result<(), Error> {
    let id = bucket(name).id();
    let unbound = || NameError::Unbound { name: name.to_owned() };
    ctx.attempt().find::<Names>(id)?.ok_or_else(unbound)?;
    let is_empty = {
        let mut names = ctx.attempt().get_mut::<Names>(id)?;
        let place = names.bindings.iter().position(|binding| binding.name == name);
        names.bindings.swap_remove(place.ok_or_else(unbound)?);
        names.bindings.is_empty()
    };
    if is_empty {
        ctx.attempt().remove::<Names>(id)?;
    }
    Ok(())
}

/// Why a name could not be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NameError {
    /// Nothing is bound to the name.
    #[error("nothing is called `{name}`")]
    Unbound {
        /// The name.
        name: String,
    },
    /// Something is bound to the name already.
    #[error("something is called `{name}` already: unbind that name first, or take another")]
    Bound {
        /// The name.
        name: String,
    },
    /// The name is one of the framework's.
    #[error("`{name}` begins as only names of Daystar itself do: choose another")]
    Reserved {
        /// The name.
        name: String,
    },
    /// What is bound to the name is of another type.
    #[error("`{name}` is a {found}, not a {wanted}")]
    OtherType {
        /// The name.
        name: String,
        /// The type that was asked for.
        wanted: &'static str,
        /// The type that is bound.
        found: String,
    },
}
