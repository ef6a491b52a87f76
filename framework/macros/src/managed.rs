//! `#[managed]`: the derives, the `Managed` implementation and its registration.

use proc_macro2::{Ident, TokenStream, TokenTree};
use quote::{ToTokens, format_ident, quote};
use syn::ext::IdentExt;
use syn::{DeriveInput, Error, Path, Result, parse_quote};

use crate::arguments::Arguments;
use crate::item::{self, Derive, Words};
use crate::versions;

const WORDS: Words = Words { name: "managed", value: "an object of the world" };

/// What `#[managed(arguments)]` makes of `tokens`.
pub(crate) fn expand(arguments: TokenStream, tokens: TokenStream) -> Result<TokenStream> {
    let item = item::parse(&WORDS, tokens)?;
    let arguments = Arguments::parse(WORDS.name, arguments)?;
    for (name, value) in [
        ("task", "a task"),
        ("external", "a call of the outside world"),
        ("survey", "a survey"),
        ("sweep", "a sweep"),
        ("walk", "a walk"),
    ] {
        if let Some(other) = item::carries(&item, name) {
            let message = format!("{value} is managed already; keep only `#[{name}]`");
            return Err(Error::new_spanned(other, message));
        }
    }
    implement(item, &arguments)
}

/// The item with its archive, and its implementation of `Managed`; or of `Old`, if it is one.
pub(crate) fn implement(mut item: DeriveInput, arguments: &Arguments) -> Result<TokenStream> {
    refuse_machine_sized(&item)?;
    item::write_out_self(&mut item);
    let checks = item::checks(&item, &quote!(__daystar::codec::storable));
    archive(&mut item, arguments.old.is_some());
    let stored = versions::stored(&item.ident, arguments, &checks);
    let order = versions::order(&item.ident, arguments);
    let (ident, name) = (&item.ident, versions::name(&item.ident, arguments));
    let implementation = match &arguments.old {
        Some(_) => versions::old(ident, &stored),
        None => present(ident, &stored),
    };
    Ok(quote! {
        #item

        const _: () = {
            use ::daystar::__private as __daystar;

            #[automatically_derived]
            impl __daystar::layout::Named for #ident {
                const NAME: &'static str = #name;
            }

            #implementation

            #order

            // Copies of an object come and go, at any time and in any thread: whatever `Drop` did would be done for each of them.
            // The two implementations are in each other's way if there is one.
            #[allow(dead_code)]
            trait ManagedTypesCannotImplementDrop {}
            #[allow(drop_bounds)]
            impl<T: ::core::ops::Drop> ManagedTypesCannotImplementDrop for T {}
            #[automatically_derived]
            impl ManagedTypesCannotImplementDrop for #ident {}
        };
    })
}

/// The implementation of `Managed`, and its registration.
fn present(ident: &Ident, stored: &TokenStream) -> TokenStream {
    quote! {
        #[automatically_derived]
        // Who used a type that is not managed needs to hear what to do, not which other types are.
        #[diagnostic::do_not_recommend]
        impl __daystar::Managed for #ident {
            fn encode(
                &self,
            ) -> ::core::result::Result<::std::vec::Vec<u8>, __daystar::RecordError> {
                __daystar::codec::encode(self)
            }

            #stored

            fn can_nest() -> bool {
                static CAN_NEST: ::std::sync::OnceLock<bool> = ::std::sync::OnceLock::new();
                // Without memory of its own a value holds nothing but itself.
                <Self as __daystar::memory::Memory>::HAS_HEAP
                    && *CAN_NEST.get_or_init(__daystar::layout::can_nest::<Self>)
            }

            fn descriptor() -> &'static __daystar::TypeDescriptor {
                const { &__daystar::TypeDescriptor::of::<Self>() }
            }

            fn copy_from(&mut self, other: &Self) {
                __daystar::memory::Memory::copy_from(self, other);
            }

            fn heap_bytes(&self) -> usize {
                __daystar::memory::Memory::heap_bytes(self)
            }

            fn json(&self) -> __daystar::show::Value {
                __daystar::show::Show::show(self)
            }

            fn refer(&self, found: &mut __daystar::show::References) {
                __daystar::show::Show::refer(self, found);
            }
        }

        __daystar::inventory::submit! {
            __daystar::Registration(<#ident as __daystar::Managed>::descriptor)
        }

        // Needed when the type is no `OnRemove`.
        #[allow(unused_imports)]
        use __daystar::NotHooked as _;

        __daystar::inventory::submit! { __daystar::Hooked::<#ident>::REGISTRATION }
    }
}

/// Derives `Clone`, rkyv's archive, whose types nobody shall meet, and what is asked of a value that lives in the
/// world, which one of an old version does not.
///
/// rkyv's own bounds are omitted, for two reasons. They would make types that contain one another an endless
/// question to the compiler. And when a field's type will not do, each of the derived implementations would
/// report it, in rkyv's words, a screen long; the bounds given here are reported once, in ours.
fn archive(item: &mut DeriveInput, is_old: bool) {
    let private = quote!(::daystar::__private);
    let rkyv = quote!(#private::rkyv);
    let (archived, resolver) = (hidden(&item.ident, "Archived"), hidden(&item.ident, "Resolver"));
    let keys = key_traits(item);
    let plain = item::plain_types(item);
    let storable = quote!(#private::codec::Storable);
    let storable = plain.iter().map(|ty| item::bound(ty, &storable));
    let attribute = parse_quote! {
        #[rkyv(
            crate = #rkyv,
            archived = #archived,
            resolver = #resolver,
            attr(doc(hidden)),
            derive(#(#keys),*),
            archive_bounds(#(#storable),*),
            serialize_bounds(__S: #private::codec::Writes),
            deserialize_bounds(__D: #private::codec::Reads),
            bytecheck(bounds(
                __C: #rkyv::validation::ArchiveContext,
                <__C as #rkyv::rancor::Fallible>::Error: #rkyv::rancor::Source,
                #(<#plain as #rkyv::Archive>::Archived: #rkyv::bytecheck::CheckBytes<__C>),*
            )),
        )]
    };
    for field in item::fields_mut(item) {
        field.attrs.push(parse_quote!(#[rkyv(omit_bounds, with = #private::codec::Kept)]));
    }
    let mut derives = vec![
        Derive::Unless("Clone", parse_quote!(::core::clone::Clone)),
        Derive::Always(parse_quote!(#private::Layout)),
        Derive::Always(parse_quote!(#rkyv::Archive)),
        Derive::Always(parse_quote!(#rkyv::Serialize)),
        Derive::Always(parse_quote!(#rkyv::Deserialize)),
    ];
    if !is_old {
        derives.push(Derive::Always(parse_quote!(#private::Memory)));
        derives.push(Derive::Always(parse_quote!(#private::Show)));
    }
    item::derive(item, derives, vec![attribute]);
}

/// The archive of a map demands of the archive of its key what the map demands of the key itself.
fn key_traits(item: &DeriveInput) -> Vec<Path> {
    let derived = item::derived(item);
    let has = |name: &str| derived.iter().any(|d| d == name);
    let mut paths = Vec::new();
    if has("Hash") || has("Ord") {
        paths.push(parse_quote!(::core::cmp::PartialEq));
        paths.push(parse_quote!(::core::cmp::Eq));
    }
    if has("Hash") {
        paths.push(parse_quote!(::core::hash::Hash));
    }
    if has("Ord") {
        paths.push(parse_quote!(::core::cmp::PartialOrd));
        paths.push(parse_quote!(::core::cmp::Ord));
    }
    paths
}

fn hidden(ident: &Ident, what: &str) -> Ident {
    format_ident!("__{}{what}", ident.unraw())
}

/// `usize` and `isize` are written as 32 bits, and what does not fit would be lost without a word.
fn refuse_machine_sized(item: &DeriveInput) -> Result<()> {
    let found = item::fields(item).find_map(|(_, field)| machine_sized(field.ty.to_token_stream()));
    let Some(found) = found else { return Ok(()) };
    let fixed = if found == "usize" { "`u32` or `u64`" } else { "`i32` or `i64`" };
    Err(Error::new_spanned(
        &found,
        format!("`{found}` is not the same on every machine, so it cannot be stored; use {fixed}"),
    ))
}

/// The first type of a machine-dependent size in `ty`; what stands behind a `;` is the length of an array.
fn machine_sized(ty: TokenStream) -> Option<Ident> {
    let semicolon = |token: &TokenTree| matches!(token, TokenTree::Punct(p) if p.as_char() == ';');
    ty.into_iter().take_while(|token| !semicolon(token)).find_map(|token| match token {
        TokenTree::Ident(ident) if ident == "usize" || ident == "isize" => Some(ident),
        TokenTree::Group(group) => machine_sized(group.stream()),
        _ => None,
    })
}
