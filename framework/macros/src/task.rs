//! `#[task]`, `#[external]`, `#[survey]`, `#[sweep]`, `#[walk]`: managed types that are registered to be run.

use proc_macro2::{Ident, TokenStream};
use quote::{quote, quote_spanned};
use syn::{Error, Result};

use crate::arguments::Arguments;
use crate::item::{self, Words};
use crate::managed;

const TASK: Words = Words { name: "task", value: "a task" };
const EXTERNAL: Words = Words { name: "external", value: "a call of the outside world" };
const SURVEY: Words = Words { name: "survey", value: "a survey" };
const SWEEP: Words = Words { name: "sweep", value: "a sweep" };
const WALK: Words = Words { name: "walk", value: "a walk" };

/// What `#[task(arguments)]` makes of `tokens`.
pub(crate) fn expand(arguments: TokenStream, tokens: TokenStream) -> Result<TokenStream> {
    register(&TASK, "of", arguments, tokens)
}

/// What `#[external(arguments)]` makes of `tokens`.
pub(crate) fn expand_external(arguments: TokenStream, tokens: TokenStream) -> Result<TokenStream> {
    register(&EXTERNAL, "of_external", arguments, tokens)
}

/// What `#[survey(arguments)]` makes of `tokens`.
pub(crate) fn expand_survey(arguments: TokenStream, tokens: TokenStream) -> Result<TokenStream> {
    register(&SURVEY, "of_survey", arguments, tokens)
}

/// What `#[sweep(arguments)]` makes of `tokens`.
pub(crate) fn expand_sweep(arguments: TokenStream, tokens: TokenStream) -> Result<TokenStream> {
    register(&SWEEP, "of_sweep", arguments, tokens)
}

/// What `#[walk(arguments)]` makes of `tokens`.
pub(crate) fn expand_walk(arguments: TokenStream, tokens: TokenStream) -> Result<TokenStream> {
    register(&WALK, "of_walk", arguments, tokens)
}

/// The managed type, and its registration by the constructor `of` of `TaskRegistration`.
fn register(
    words: &Words,
    of: &str,
    arguments: TokenStream,
    tokens: TokenStream,
) -> Result<TokenStream> {
    let (name, value) = (words.name, words.value);
    let item = item::parse(words, tokens)?;
    let arguments = Arguments::parse(name, arguments)?;
    if let Some(managed) = item::carries(&item, "managed") {
        let message = format!("{value} is managed already; keep only `#[{name}]`");
        return Err(Error::new_spanned(managed, message));
    }
    if let Some(old) = &arguments.old {
        let message = format!(
            "an old version of {value} is never run, only read to become the present one; \
             write `#[managed(..)]` instead of `#[{name}(..)]`"
        );
        return Err(Error::new_spanned(old, message));
    }
    let ident = item.ident.clone();
    let managed = managed::implement(item, &arguments)?;
    // At the type's name, so that a missing `impl` of the trait is reported there.
    let of = Ident::new(of, ident.span());
    let registration = quote_spanned!(ident.span()=> __daystar::TaskRegistration::#of::<#ident>());
    Ok(quote! {
        #managed

        const _: () = {
            use ::daystar::__private as __daystar;
            __daystar::inventory::submit! { #registration }
        };
    })
}
