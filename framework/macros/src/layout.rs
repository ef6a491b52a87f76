//! `#[derive(Layout)]`: the names and types of the fields, as a text, and how older values are read.

use proc_macro2::{Ident, TokenStream};
use quote::quote;
use syn::ext::IdentExt;
use syn::{Data, DeriveInput, Fields, Result};

use crate::shape::Shape;

/// The implementation of `Layout` for the item, which has no generics.
pub(crate) fn expand(tokens: TokenStream) -> Result<TokenStream> {
    let item: DeriveInput = syn::parse2(tokens)?;
    let ident = &item.ident;
    let shapes = Shape::all(&item);
    let contents = shapes.iter().map(|shape| content(shape.fields));
    let content = match &item.data {
        Data::Enum(_) => {
            let names = shapes.iter().filter_map(|shape| shape.variant).map(name_of);
            quote!(__layout::variants([#(#names),*], [#(#contents),*]))
        }
        _ => quote!(#(#contents)*),
    };
    Ok(quote! {
        const _: () = {
            use ::daystar::__private::layout as __layout;
            // Needed when the type of a field is not a `Layout` itself.
            #[allow(unused_imports)]
            use __layout::UnknownField as _;

            #[automatically_derived]
            impl __layout::Layout for #ident {
                fn describe(parts: &mut __layout::Parts) -> ::std::string::String {
                    // A type without fields has no use for it.
                    parts.define::<Self>(|_parts| #content)
                }

                fn versioned() -> ::core::option::Option<__layout::Versioned<Self>> {
                    // Needed when it is an old version, which is no managed type.
                    #[allow(unused_imports)]
                    use __layout::NoVersions as _;
                    __layout::Versions::<Self>::of()
                }
            }
        };
    })
}

fn content(fields: &Fields) -> TokenStream {
    let types = fields.iter().map(|field| &field.ty);
    let types = quote!([#(__layout::Field::<#types>::describe(_parts)),*]);
    match fields {
        Fields::Named(_) => {
            let names = fields.iter().filter_map(|field| field.ident.as_ref()).map(name_of);
            quote!(__layout::named([#(#names),*], #types))
        }
        Fields::Unnamed(_) => quote!(__layout::numbered(#types)),
        Fields::Unit => quote!(::std::string::String::new()),
    }
}

fn name_of(ident: &Ident) -> String {
    ident.unraw().to_string()
}
