//! `#[message]`: serde's derives and the `Message` implementation.

use proc_macro2::TokenStream;
use quote::quote;
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{Attribute, DeriveInput, LitStr, Result, parse_quote};

use crate::arguments;
use crate::item::{self, Derive, Words};

const WORDS: Words = Words { name: "message", value: "a message" };

/// What `#[message]` makes of `tokens`.
pub(crate) fn expand(arguments: TokenStream, tokens: TokenStream) -> Result<TokenStream> {
    let mut item = item::parse(&WORDS, tokens)?;
    arguments::none(WORDS.name, &arguments)?;
    item::write_out_self(&mut item);
    derive(&mut item);

    let ident = &item.ident;
    let name = ident.unraw().to_string();
    Ok(quote! {
        #item

        const _: () = {
            #[automatically_derived]
            impl ::daystar::__private::Message for #ident {
                const NAME: &'static str = #name;
            }
        };
    })
}

/// Derives `Clone`, `Debug`, and serde's two traits. Each field goes through functions of ours, because of a type that
/// will not do serde would speak in its own words.
fn derive(item: &mut DeriveInput) {
    let is_serde = |attribute: &Attribute| attribute.path().is_ident("serde");
    // Whoever speaks to serde about a field knows what it is.
    for field in item::fields_mut(item).filter(|field| !field.attrs.iter().any(is_serde)) {
        let sent = LitStr::new("::daystar::__private::codec::sent", field.ty.span());
        field.attrs.push(parse_quote!(#[serde(with = #sent)]));
    }
    let path = "::daystar::__private::serde";
    let derives = vec![
        Derive::Unless("Clone", parse_quote!(::core::clone::Clone)),
        Derive::Unless("Debug", parse_quote!(::core::fmt::Debug)),
        Derive::Always(parse_quote!(::daystar::__private::serde::Serialize)),
        Derive::Always(parse_quote!(::daystar::__private::serde::Deserialize)),
    ];
    item::derive(item, derives, vec![parse_quote!(#[serde(crate = #path)])]);
}
