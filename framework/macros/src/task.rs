//! `#[task]`: a managed type that is registered to be run.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::{Error, Result};

use crate::arguments::Arguments;
use crate::item::{self, Words};
use crate::managed;

const WORDS: Words = Words { name: "task", value: "a task" };

/// What `#[task(arguments)]` makes of `tokens`.
pub(crate) fn expand(arguments: TokenStream, tokens: TokenStream) -> Result<TokenStream> {
    let item = item::parse(&WORDS, tokens)?;
    let arguments = Arguments::parse(WORDS.name, arguments)?;
    if let Some(managed) = item::carries(&item, "managed") {
        return Err(Error::new_spanned(managed, "a task is managed already; keep only `#[task]`"));
    }
    if let Some(old) = &arguments.old {
        let message = "an old version of a task is never run, only read to become the present one; \
                       write `#[managed(..)]` instead of `#[task(..)]`";
        return Err(Error::new_spanned(old, message));
    }
    let ident = item.ident.clone();
    let managed = managed::implement(item, &arguments)?;
    // At the type's name, so that a missing `impl Task` is reported there.
    let registration = quote_spanned!(ident.span()=> __daystar::TaskRegistration::of::<#ident>());
    Ok(quote! {
        #managed

        const _: () = {
            use ::daystar::__private as __daystar;
            __daystar::inventory::submit! { #registration }
        };
    })
}
