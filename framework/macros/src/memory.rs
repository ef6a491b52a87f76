//! `#[derive(Memory)]`: copying a value into the memory of another, and counting that memory, field by field.

use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote};
use syn::{Data, DeriveInput, Fields, Result, Variant};

use crate::item;

/// The implementation of `Memory` for the item, which has no generics.
pub(crate) fn expand(tokens: TokenStream) -> Result<TokenStream> {
    let item: DeriveInput = syn::parse2(tokens)?;
    let ident = &item.ident;
    let types = item::fields(&item).map(|(_, field)| &field.ty);
    let shapes = shapes(&item);
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

/// One shape that a value may have: a struct has one, an enum one for each variant.
struct Shape<'a> {
    path: TokenStream,
    fields: &'a Fields,
}

fn shapes(item: &DeriveInput) -> Vec<Shape<'_>> {
    fn of_variant(variant: &Variant) -> Shape<'_> {
        let name = &variant.ident;
        Shape { path: quote!(Self::#name), fields: &variant.fields }
    }
    match &item.data {
        Data::Struct(data) => vec![Shape { path: quote!(Self), fields: &data.fields }],
        Data::Enum(data) => data.variants.iter().map(of_variant).collect(),
        Data::Union(_) => Vec::new(),
    }
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

impl Shape<'_> {
    /// A pattern that matches the shape, and the names of the variables to which it binds the fields of `whose` value.
    fn bind(&self, whose: &str) -> (TokenStream, Vec<Ident>) {
        let path = &self.path;
        let members = self.fields.members();
        let names: Vec<_> =
            (0..self.fields.len()).map(|index| format_ident!("__{whose}_{index}")).collect();
        // Also for tuples and units, whose members are numbered.
        (quote!(#path { #(#members: #names),* }), names)
    }
}
