//! Managed values: what may live in the world, and how the parts that do not know its type handle it.

use std::any::Any;
use std::any::TypeId;
use std::fmt;
use std::sync::Arc;

use crate::layout::agree;
use crate::record::RecordError;
use crate::show::{References, Value, not_shown};

/// A type whose values may be objects of the world. Written by `#[managed]`, not by hand.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a managed type, so it cannot be an object of the world",
    label = "not managed",
    note = "put `#[managed]` above the definition of `{Self}`",
    note = "a type with `#[managed(.., old)]` is only read, to become the type that is made `from` it"
)]
pub trait Managed: Clone + Send + Sync + Sized + 'static {
    /// The name under which values are stored. Changing it makes stored values unknown.
    const TYPE_NAME: &'static str;
    /// The schema version that this program writes.
    const VERSION: u32;

    /// The value's stored form.
    fn encode(&self) -> Result<Vec<u8>, RecordError>;

    /// The value that `payload`, written by schema `version`, stands for. One of an older version is upgraded.
    ///
    /// # Errors
    /// Bytes that are not a value of this type (checked, never assumed), a version that this program
    /// cannot read, or an upgrade that refuses the value.
    fn decode(version: u32, payload: &[u8]) -> Result<Self, RecordError>;

    /// Whether [`decode`](Self::decode) reads values of `version`: its own, and those that it upgrades.
    fn reads(version: u32) -> bool {
        version == Self::VERSION
    }

    /// All versions that [`decode`](Self::decode) reads.
    fn versions() -> Vec<u32> {
        vec![Self::VERSION]
    }

    /// How values of `version` are laid out, as far as the program knows: the names and types of the fields.
    fn layout(version: u32) -> Option<String> {
        let _ = version;
        None
    }

    /// Whether values may be nested without end, so that some are nested too deep to be written. Each change of such a value
    /// is encoded once more, before it is committed.
    fn can_nest() -> bool {
        false
    }

    /// What the parts that do not know the type call.
    fn descriptor() -> &'static TypeDescriptor;

    /// Makes this value equal to `other`, in the memory that this value already has where that suits: what a copy
    /// costs is mostly its allocations. Memory far beyond what `other` needs is given back.
    ///
    /// # Panics
    /// If the `clone` of a part does. The value is then a mixture of both.
    fn copy_from(&mut self, other: &Self) {
        *self = other.clone();
    }

    /// Bytes kept on the heap, beside `size_of::<Self>()`: capacities, not lengths; for maps and sets an estimate.
    fn heap_bytes(&self) -> usize {
        0
    }

    /// The value as JSON, for people and tools that look at a world. Not what is stored.
    fn json(&self) -> Value {
        not_shown::<Self>()
    }

    /// Collects what the value refers to, for tools that look at a world.
    fn refer(&self, found: &mut References) {
        let _ = found;
    }
}

/// A managed value whose type has been forgotten. Implemented for every [`Managed`] type.
pub trait Object: Any + Send + Sync {
    /// The forgotten type.
    fn descriptor(&self) -> &'static TypeDescriptor;
    /// The value's stored form.
    fn encode(&self) -> Result<Vec<u8>, RecordError>;
    /// That the value can be written, as far as its type leaves that open.
    ///
    /// # Errors
    /// [`RecordError::Encode`]: its parts are nested too deep.
    fn check_nesting(&self) -> Result<(), RecordError>;
    /// Bytes of memory: the value itself and its [`heap_bytes`](Managed::heap_bytes).
    fn bytes(&self) -> usize;
    /// The value as JSON, for people and tools that look at a world: [`Managed::json`].
    fn to_json(&self) -> Value;
    /// What the value refers to: [`Managed::refer`].
    fn references(&self, found: &mut References);
    /// To try a downcast.
    fn as_any(&self) -> &dyn Any;
    /// To try a downcast.
    fn as_any_mut(&mut self) -> &mut dyn Any;
}

impl<T: Managed> Object for T {
    fn descriptor(&self) -> &'static TypeDescriptor {
        T::descriptor()
    }
    fn encode(&self) -> Result<Vec<u8>, RecordError> {
        Managed::encode(self)
    }
    fn check_nesting(&self) -> Result<(), RecordError> {
        match T::can_nest() {
            true => Managed::encode(self).map(drop),
            false => Ok(()),
        }
    }
    fn bytes(&self) -> usize {
        size_of::<T>() + self.heap_bytes()
    }
    fn to_json(&self) -> Value {
        self.json()
    }
    fn references(&self, found: &mut References) {
        self.refer(found);
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
    fn as_any_mut(&mut self) -> &mut dyn Any {
        self
    }
}

impl fmt::Debug for dyn Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.descriptor().name)
    }
}

/// [`Managed::decode`], with the type forgotten.
pub type Decode = fn(version: u32, payload: &[u8]) -> Result<Arc<dyn Object>, RecordError>;

/// One managed type of the program, found by its name when a record is loaded.
#[derive(Debug)]
pub struct TypeDescriptor {
    /// [`Managed::TYPE_NAME`].
    pub name: &'static str,
    /// [`Managed::VERSION`].
    pub version: u32,
    /// Rust's own identity of the type.
    pub type_id: fn() -> TypeId,
    /// [`Managed::decode`], with the type forgotten.
    pub decode: Decode,
    /// [`Managed::reads`].
    pub reads: fn(version: u32) -> bool,
    /// [`Managed::versions`].
    pub versions: fn() -> Vec<u32>,
    /// [`Managed::layout`].
    pub layout: fn(version: u32) -> Option<String>,
    /// The pointer to a value of this type as one to a value whose type has been forgotten: so a value can be kept
    /// as one thin pointer.
    pub erase: fn(value: *const ()) -> *const dyn Object,
}

impl TypeDescriptor {
    /// The descriptor of `T`, to be kept in a static.
    pub const fn of<T: Managed>() -> Self {
        Self {
            name: T::TYPE_NAME,
            version: T::VERSION,
            type_id: TypeId::of::<T>,
            decode: |version, payload| Ok(Arc::new(T::decode(version, payload)?)),
            reads: T::reads,
            versions: T::versions,
            layout: T::layout,
            erase: |value| value.cast::<T>() as *const dyn Object,
        }
    }

    /// Every managed type linked into the program.
    pub fn all() -> impl Iterator<Item = &'static TypeDescriptor> {
        inventory::iter::<Registration>.into_iter().map(|r| (r.0)())
    }

    /// A name that two types of the program claim, if there is one: stored values of it could be read as either.
    pub fn claimed_twice() -> Option<&'static str> {
        let mut seen = std::collections::HashMap::new();
        Self::all().find_map(|descriptor| {
            let other = seen.insert(descriptor.name, (descriptor.type_id)())?;
            (other != (descriptor.type_id)()).then_some(descriptor.name)
        })
    }

    /// Whether the program can read what is stored under `name` in schema `version`. A store asks this about all
    /// that it holds before anyone uses it.
    ///
    /// # Errors
    /// [`RecordError::UnknownType`] or [`RecordError::UnknownVersion`], which say what to do.
    pub fn check(name: &str, version: u32) -> Result<(), RecordError> {
        let known =
            Self::find(name).ok_or_else(|| RecordError::UnknownType { name: name.to_owned() })?;
        if (known.reads)(version) {
            return Ok(());
        }
        Err(RecordError::UnknownVersion { name: known.name, stored: version, known: known.version })
    }

    /// Whether the program reads what is stored under `name` in schema `version` as what it was when its layout was
    /// `stored`. A store that keeps [`layout`](Self::layout) beside the name and the version asks this instead of
    /// [`check`](Self::check): bytes alone do not tell that two numbers have changed places.
    ///
    /// # Errors
    /// Those of [`check`](Self::check), and [`RecordError::Changed`].
    pub fn check_layout(name: &str, version: u32, stored: &str) -> Result<(), RecordError> {
        Self::check(name, version)?;
        let known = Self::find(name).and_then(|known| Some((known, (known.layout)(version)?)));
        match known {
            Some((known, present)) if !agree(stored, &present, &Self::layouts) => {
                let stored = stored.to_owned();
                Err(RecordError::Changed { name: known.name, version, stored, present })
            }
            _ => Ok(()),
        }
    }

    /// The layouts of all versions of the type stored under `name` that the program reads.
    fn layouts(name: &str) -> Vec<String> {
        let Some(known) = Self::find(name) else { return Vec::new() };
        (known.versions)().into_iter().filter_map(known.layout).collect()
    }

    /// The type stored under `name`, if the program has one.
    pub fn find(name: &str) -> Option<&'static TypeDescriptor> {
        use std::collections::HashMap;
        use std::sync::LazyLock;
        static BY_NAME: LazyLock<HashMap<&'static str, &'static TypeDescriptor>> =
            LazyLock::new(|| TypeDescriptor::all().map(|d| (d.name, d)).collect());
        BY_NAME.get(name).copied()
    }
}

/// How `#[managed]` makes a type known to [`TypeDescriptor::find`].
#[doc(hidden)]
pub struct Registration(pub fn() -> &'static TypeDescriptor);
inventory::collect!(Registration);
