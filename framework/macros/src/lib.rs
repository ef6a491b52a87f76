//! Daystar's attribute macros: `#[managed]`, `#[message]`, `#[task]`, `#[external]`, `#[survey]`, `#[sweep]`,
//! `#[walk]`.
//!
//! A game names them through `daystar`, never through this crate. What they generate names nothing but
//! `::daystar::__private`, so that it compiles in whichever module, under whichever imports, it lands.

#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod arguments;
mod item;
mod layout;
mod managed;
mod memory;
mod message;
mod shape;
mod show;
mod task;
mod versions;

use proc_macro::TokenStream;
use proc_macro2::TokenStream as Tokens;
use syn::Result;

/// Makes a struct or an enum a managed type: its values can be objects of the world, and parts of other
/// managed types.
///
/// ```text
/// #[managed]
/// pub struct Player { pub name: String, pub gold: u64, pub pack: Vec<Ref<Item>> }
/// ```
///
/// Fields may be numbers (not `usize` and `isize`, whose size depends on the machine), `bool`, `char`, `String`,
/// `Vec`, `Option`, `Box`, maps and sets, tuples, arrays, `Duration`, `Timestamp`, `Session`, `Ref<T>`, and other
/// managed types, the type itself included.
///
/// Arguments, all optional, as in `#[managed(version = 2, name = "player")]`:
///
/// - `version`: the schema version that the program writes, from 1, which it is when nothing is said.
///   A stored value of another version is refused, unless `from` tells how to read it.
/// - `name`: the name under which values are stored; else the type's own. With it a type can be renamed in
///   the program and still finds its stored values.
/// - `from`: the type of the version before. A stored value of that version is read as that type and converted, by
///   `From` or `TryFrom`, when it is loaded.
/// - `old`: the type is an earlier version, and is only read. Needs `name` and `version`; may itself have a `from`.
///
/// ```text
/// #[managed(name = "Player", version = 1, old)]
/// struct PlayerV1 { name: String }
///
/// #[managed(version = 2, from = PlayerV1)]
/// pub struct Player { pub name: String, pub gold: u64 }
///
/// impl From<PlayerV1> for Player { .. }
/// ```
///
/// The type also gets `Clone`. Other derives are up to you, and stand below `#[managed]`. A type that is a map's
/// key needs `#[derive(PartialEq, Eq, Hash)]`, in an ordered map `#[derive(PartialEq, Eq, PartialOrd, Ord)]`.
/// It cannot implement `Drop`: copies of an object come and go all the time. What is to be done when an object is removed says
/// `OnRemove`.
#[proc_macro_attribute]
pub fn managed(arguments: TokenStream, item: TokenStream) -> TokenStream {
    expand(managed::expand, arguments, item)
}

/// Makes a struct or an enum a message, to be sent to and from clients.
///
/// ```text
/// #[message]
/// pub enum Request { Give { to: String, gold: u64 }, Say(String) }
/// ```
///
/// Fields may be numbers, `bool`, `char`, `String`, `Vec`, `Option`, `Box`, maps and sets, tuples, arrays, `Duration`,
/// `Timestamp`, `Session`, `Ref<T>`, and other messages. Takes no arguments.
///
/// The type also gets `Clone` and `Debug`. Other derives are up to you, and stand below `#[message]`. A type may
/// be a message and managed at once.
#[proc_macro_attribute]
pub fn message(arguments: TokenStream, item: TokenStream) -> TokenStream {
    expand(message::expand, arguments, item)
}

/// Makes a struct or an enum a task: a managed type whose values can be handed to `ctx.spawn` and
/// `ctx.schedule`, to be run later.
///
/// ```text
/// #[task]
/// struct Regrow { tree: Ref<Tree> }
///
/// impl Task for Regrow {
///     fn run(&self, ctx: &Ctx) -> Result<()> { .. }
/// }
/// ```
///
/// Fields and arguments are those of [`managed`](macro@managed).
#[proc_macro_attribute]
pub fn task(arguments: TokenStream, item: TokenStream) -> TokenStream {
    expand(task::expand, arguments, item)
}

/// Makes a struct or an enum a call of the outside world: a managed type whose values can be handed to
/// `ctx.after_commit`.
///
/// ```text
/// #[external]
/// struct Buy { player: Ref<Player>, gold: u64 }
///
/// impl External for Buy {
///     type Output = Receipt;
///     async fn call(self, key: CallKey) -> Result<Receipt> { .. }
///     fn done(&self, ctx: &Ctx, receipt: Receipt) -> Result<()> { .. }
/// }
/// ```
///
/// Fields and arguments are those of [`managed`](macro@managed).
#[proc_macro_attribute]
pub fn external(arguments: TokenStream, item: TokenStream) -> TokenStream {
    expand(task::expand_external, arguments, item)
}

/// Makes a struct or an enum a survey: a managed type whose values can be handed to `ctx.survey`, to look at the whole world
/// as it is at one moment, beside the game.
///
/// ```text
/// #[survey]
/// struct Census {}
///
/// impl Survey for Census {
///     type Found = Wealth;
///     fn look(&self, world: &World) -> Result<Wealth> { .. }
///     fn done(&self, ctx: &Ctx, found: Wealth) -> Result<()> { .. }
/// }
/// ```
///
/// Fields and arguments are those of [`managed`](macro@managed).
#[proc_macro_attribute]
pub fn survey(arguments: TokenStream, item: TokenStream) -> TokenStream {
    expand(task::expand_survey, arguments, item)
}

/// Makes a struct or an enum a sweep: a managed type whose values can be handed to `ctx.sweep`, to visit all objects of a
/// type, a few at a time.
///
/// ```text
/// #[sweep]
/// struct Tax { percent: u64 }
///
/// impl Sweep for Tax {
///     type Object = Chest;
///     fn visit(&self, ctx: &Ctx, chest: Ref<Chest>) -> Result<()> { .. }
/// }
/// ```
///
/// Fields and arguments are those of [`managed`](macro@managed).
#[proc_macro_attribute]
pub fn sweep(arguments: TokenStream, item: TokenStream) -> TokenStream {
    expand(task::expand_sweep, arguments, item)
}

/// Makes a struct or an enum a walk: a managed type whose values can be handed to `ctx.walk`, to visit all entries of a
/// collection, a few at a time.
///
/// ```text
/// #[walk]
/// struct Pay { members: Map<String, Ref<Player>>, gold: u64 }
///
/// impl Walk for Pay {
///     type Collection = Map<String, Ref<Player>>;
///     fn collection(&self) -> Self::Collection { self.members }
///     fn visit(&self, ctx: &Ctx, (name, player): (String, Ref<Player>)) -> Result<()> { .. }
/// }
/// ```
///
/// Fields and arguments are those of [`managed`](macro@managed).
#[proc_macro_attribute]
pub fn walk(arguments: TokenStream, item: TokenStream) -> TokenStream {
    expand(task::expand_walk, arguments, item)
}

/// Implements `::daystar::__private::memory::Memory`, field by field. Added by [`managed`](macro@managed), not by hand.
///
/// It is a derive because a derive is given the item as it is after every `#[cfg]`.
#[doc(hidden)]
#[proc_macro_derive(Memory)]
pub fn memory(item: TokenStream) -> TokenStream {
    memory::expand(item.into()).unwrap_or_else(|error| error.to_compile_error()).into()
}

/// Implements `::daystar::__private::show::Show`, field by field. Added by [`managed`](macro@managed), not by hand.
///
/// It is a derive for the same reason as [`Memory`](derive@Memory).
#[doc(hidden)]
#[proc_macro_derive(Show)]
pub fn show(item: TokenStream) -> TokenStream {
    show::expand(item.into()).unwrap_or_else(|error| error.to_compile_error()).into()
}

/// Implements `::daystar::__private::layout::Layout`. Added by [`managed`](macro@managed), not by hand.
///
/// It is a derive for the same reason as [`Memory`](derive@Memory).
#[doc(hidden)]
#[proc_macro_derive(Layout)]
pub fn layout(item: TokenStream) -> TokenStream {
    layout::expand(item.into()).unwrap_or_else(|error| error.to_compile_error()).into()
}

/// What `with` makes of the item; or its error, beside the item as it stood, so that whatever else names the
/// item does not report a second error that hides the first.
fn expand(
    with: fn(Tokens, Tokens) -> Result<Tokens>,
    arguments: TokenStream,
    item: TokenStream,
) -> TokenStream {
    let item = Tokens::from(item);
    with(arguments.into(), item.clone())
        .unwrap_or_else(|error| {
            let error = error.to_compile_error();
            quote::quote!(#error #item)
        })
        .into()
}
