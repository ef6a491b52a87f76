//! `#[derive(Show)]`: a value as JSON, and what it refers to, field by field.

use proc_macro2::{Ident, TokenStream};
use quote::quote;
use syn::ext::IdentExt;
use syn::{Data, DeriveInput, Fields, Result};

use crate::shape::Shape;

/// The implementation of `Show` for the item, which has no generics.
pub(crate) fn expand(tokens: TokenStream) -> Result<TokenStream> {
    let item: DeriveInput = syn::parse2(tokens)?;
    let ident = &item.ident;
    let is_text = is_text(&item);
    let shapes = Shape::all(&item);
    let shown = shapes.iter().map(show);
    let referring = shapes.iter().map(refer);
    Ok(quote! {
        const _: () = {
            use ::daystar::__private::show as __show;
            // Needed when the type of a field is not a `Show` itself.
            #[allow(unused_imports)]
            use __show::UnknownField as _;

            #[automatically_derived]
            impl __show::Show for #ident {
                const IS_TEXT: bool = #is_text;

                fn show(&self) -> __show::Value {
                    match self { #(#shown)* }
                }

                #[allow(unused_variables)]
                fn refer(&self, found: &mut __show::References) {
                    match self { #(#referring)* }
                }
            }
        };
    })
}

/// Whether every value is shown as a text: an enum whose variants are mere names, or a struct around a text.
fn is_text(item: &DeriveInput) -> TokenStream {
    match &item.data {
        Data::Enum(data) => {
            let names = data.variants.iter().all(|variant| matches!(variant.fields, Fields::Unit));
            quote!(#names)
        }
        Data::Struct(data) => match &data.fields {
            Fields::Unnamed(fields) if fields.unnamed.len() == 1 => {
                let inner = &fields.unnamed[0].ty;
                quote!(__show::Field::<#inner>::IS_TEXT)
            }
            _ => quote!(false),
        },
        Data::Union(_) => quote!(false),
    }
}

fn show(shape: &Shape) -> TokenStream {
    let (pattern, bound) = shape.bind("own");
    let content = content(shape.fields, &bound);
    let shown = match (shape.variant.map(name_of), shape.fields) {
        (Some(name), Fields::Unit) => quote!(__show::unit_variant(#name)),
        (Some(name), _) => quote!(__show::variant(#name, #content)),
        (None, _) => content,
    };
    quote!(#pattern => #shown,)
}

fn refer(shape: &Shape) -> TokenStream {
    let (pattern, bound) = shape.bind("own");
    let types = shape.fields.iter().map(|field| &field.ty);
    quote!(#pattern => { #(__show::Field::<#types>::refer(#bound, found);)* })
}

/// What the fields hold, which are bound to the names `bound`.
fn content(fields: &Fields, bound: &[Ident]) -> TokenStream {
    let types = fields.iter().map(|field| &field.ty);
    let values = quote!(#(__show::Field::<#types>::show(#bound)),*);
    if matches!(fields, Fields::Named(_)) {
        let names = fields.iter().filter_map(|field| field.ident.as_ref()).map(name_of);
        return quote!(__show::named([#(#names),*], [#values]));
    }
    quote!(__show::numbered([#values]))
}

fn name_of(ident: &Ident) -> String {
    ident.unraw().to_string()
}
