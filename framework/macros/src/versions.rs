//! A type's stored name, its version, and how values of older versions are read.

use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::ExprPath;
use syn::ext::IdentExt;
use syn::spanned::Spanned;

use crate::arguments::Arguments;

/// What `Managed` and `Old` have in common, written the same way for both. `checks` are run while the name is computed.
pub(crate) fn stored(ident: &Ident, arguments: &Arguments, checks: &TokenStream) -> TokenStream {
    let name = name(ident, arguments);
    let version = version(arguments);
    let older = arguments.from.as_ref().map(older);
    let (also, before) = (arguments.from.iter(), arguments.from.iter());
    let otherwise = match &arguments.from {
        Some(before) => quote!(<#before as __daystar::upgrade::Old>::layout(version)),
        None => quote!(::core::option::Option::None),
    };
    quote! {
        const TYPE_NAME: &'static str = {
            #checks
            #name
        };
        const VERSION: u32 = #version;

        fn decode(
            version: u32,
            payload: &[u8],
        ) -> ::core::result::Result<Self, __daystar::RecordError> {
            let form = __daystar::codec::Form { name: #name, version: #version };
            #older
            __daystar::codec::decode(form, version, payload)
        }

        fn reads(version: u32) -> bool {
            version == #version #(|| <#also as __daystar::upgrade::Old>::reads(version))*
        }

        fn versions() -> ::std::vec::Vec<u32> {
            #[allow(unused_mut)]
            let mut versions = ::std::vec![#version];
            #(versions.extend(<#before as __daystar::upgrade::Old>::versions());)*
            versions
        }

        fn layout(version: u32) -> ::core::option::Option<::std::string::String> {
            if version == #version {
                return ::core::option::Option::Some(__daystar::layout::of::<Self>());
            }
            #otherwise
        }
    }
}

/// The stored name.
pub(crate) fn name(ident: &Ident, arguments: &Arguments) -> TokenStream {
    let own_name = ident.unraw().to_string();
    arguments.name.as_ref().map_or(own_name.to_token_stream(), ToTokens::to_token_stream)
}

fn version(arguments: &Arguments) -> TokenStream {
    arguments.version.as_ref().map_or(quote!(1), ToTokens::to_token_stream)
}

/// The implementation of `Old`.
pub(crate) fn old(ident: &Ident, stored: &TokenStream) -> TokenStream {
    quote! {
        #[automatically_derived]
        #[diagnostic::do_not_recommend]
        impl __daystar::upgrade::Old for #ident {
            #stored
        }
    }
}

/// Leaves a value of an older version to the type `before`, and converts what that makes of it.
fn older(before: &ExprPath) -> TokenStream {
    // A missing conversion is reported at the type that it would convert.
    let itself = quote_spanned!(before.span()=> Self);
    quote! {
        if version != form.version {
            return __daystar::upgrade::decode::<#before, #itself>(form, version, payload);
        }
    }
}

/// Compiles if the type that this one is made from, if it is, is of the same name and of a lower version. A constant by itself,
/// so that it is evaluated also where no code is made.
pub(crate) fn order(ident: &Ident, arguments: &Arguments) -> TokenStream {
    let Some(before) = &arguments.from else { return TokenStream::new() };
    let (name, version) = (name(ident, arguments), version(arguments));
    let before_is = before.to_token_stream().to_string();
    let other_name = format!(
        "`{before_is}` is stored under another name than `{ident}`, which is made from it; give both the same `name`"
    );
    let not_lower = format!(
        "the version of `{ident}` must be higher than that of `{before_is}`, which it is made from"
    );
    // Reported at the type it is made from.
    quote_spanned! {before.span()=>
        const _: () = {
            ::core::assert!(
                __daystar::upgrade::is_same_name(#name, <#before as __daystar::upgrade::Old>::TYPE_NAME),
                #other_name
            );
            ::core::assert!(<#before as __daystar::upgrade::Old>::VERSION < #version, #not_lower);
        };
    }
}
