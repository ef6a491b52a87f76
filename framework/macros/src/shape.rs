//! The shapes that a value may have: a struct has one, an enum one for each variant.

use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote};
use syn::{Data, DeriveInput, Fields, Variant};

/// One shape: how it is named in an `impl`, and what it holds.
pub(crate) struct Shape<'a> {
    /// `Self`, or `Self::Variant`.
    path: TokenStream,
    /// The variant, if it is one.
    pub(crate) variant: Option<&'a Ident>,
    /// What it holds.
    pub(crate) fields: &'a Fields,
}

impl<'a> Shape<'a> {
    /// The shapes of the item's values.
    pub(crate) fn all(item: &'a DeriveInput) -> Vec<Self> {
        match &item.data {
            Data::Struct(data) => {
                vec![Shape { path: quote!(Self), variant: None, fields: &data.fields }]
            }
            Data::Enum(data) => data.variants.iter().map(Self::of_variant).collect(),
            Data::Union(_) => Vec::new(),
        }
    }

    fn of_variant(variant: &'a Variant) -> Self {
        let name = &variant.ident;
        Shape { path: quote!(Self::#name), variant: Some(name), fields: &variant.fields }
    }

    /// A pattern that matches the shape, and the names of the variables to which it binds the fields of `whose` value.
    pub(crate) fn bind(&self, whose: &str) -> (TokenStream, Vec<Ident>) {
        let path = &self.path;
        let members = self.fields.members();
        let names: Vec<_> =
            (0..self.fields.len()).map(|index| format_ident!("__{whose}_{index}")).collect();
        // Also for tuples and units, whose members are numbered.
        (quote!(#path { #(#members: #names),* }), names)
    }
}
