//! `#[derive(Memory)]`: copying a value into the memory of another, and counting that memory, field by field.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{DeriveInput, Result};

use crate::item;
use crate::shape::Shape;

/// The implementation of `Memory` for the item, which has no generics.
pub(crate) fn expand(tokens: TokenStream) -> Result<TokenStream> {
    let item: DeriveInput = syn::parse2(tokens)?;
    let ident = &item.ident;
    let types = item::fields(&item).map(|(_, field)| &field.ty);
    let shapes = Shape::all(&item);
    let counts = shapes.iter().map(count);
    let copies = shapes.iter().map(copy);
    // A value of another variant has other fields, so there is nothing to copy into.
    let otherwise = (shapes.len() > 1)
        .then(|| quote!((this, other) => *this = ::core::clone::Clone::clone(other),));
    Ok(quote! {
        const _: () = {
            use ::daystar::__private::memory as __memory;
            // Needed when the type of a field is not a `Memory` itself.
            #[allow(unused_imports)]
            use __memory::UnknownField as _;

            #[automatically_derived]
            impl __memory::Memory for #ident {
                const HAS_HEAP: bool = false #(|| __memory::Field::<#types>::HAS_HEAP)*;

                fn heap_bytes(&self) -> usize {
                    match self { #(#counts)* }
                }

                fn copy_from(&mut self, other: &Self) {
                    match (self, other) { #(#copies)* #otherwise }
                }
            }
        };
    })
}

fn count(shape: &Shape) -> TokenStream {
    let (pattern, fields) = shape.bind("own");
    let types = shape.fields.iter().map(|field| &field.ty);
    quote!(#pattern => 0 #(+ __memory::Field::<#types>::heap_bytes(#fields))*,)
}

fn copy(shape: &Shape) -> TokenStream {
    let (to_pattern, to) = shape.bind("own");
    let (from_pattern, from) = shape.bind("other");
    let types = shape.fields.iter().map(|field| &field.ty);
    quote! {
        (#to_pattern, #from_pattern) => {
            #(__memory::Field::<#types>::copy_from(#to, #from);)*
        }
    }
}
