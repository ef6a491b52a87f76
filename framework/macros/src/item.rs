//! The annotated item: a struct or an enum without generics, its derives and its fields.

use proc_macro2::{Group, Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote};
use syn::spanned::Spanned;
use syn::{
    Attribute, Data, DeriveInput, Error, Field, Item, Path, Result, Type, WherePredicate,
    parse_quote,
};

/// The words in which a macro's messages speak of it.
pub(crate) struct Words {
    /// The macro's name.
    pub(crate) name: &'static str,
    /// What a value of the type is.
    pub(crate) value: &'static str,
}

/// Reads the item that a macro stands on: a struct or an enum without generics, or an error that says so.
pub(crate) fn parse(words: &Words, tokens: TokenStream) -> Result<DeriveInput> {
    let item = match syn::parse2::<Item>(tokens.clone()) {
        Ok(Item::Struct(item)) => DeriveInput::from(item),
        Ok(Item::Enum(item)) => DeriveInput::from(item),
        Ok(other) => return Err(misplaced(words, &other)),
        Err(cause) => return Err(cause),
    };
    let generics = &item.generics;
    if generics.params.is_empty() && generics.where_clause.is_none() {
        return Ok(item);
    }
    let Words { name, value } = words;
    let message = format!(
        "a type with `#[{name}]` has no generic parameters, lifetimes or `where`: {value} has one type, known by its \
         name; write out the types that are meant"
    );
    match generics.params.is_empty() {
        true => Err(Error::new_spanned(&generics.where_clause, message)),
        false => Err(Error::new_spanned(&generics.params, message)),
    }
}

fn misplaced(words: &Words, item: &Item) -> Error {
    let Words { name, value } = words;
    let (this, at) = match item {
        Item::Union(item) => {
            let message = format!(
                "`#[{name}]` cannot stand on a union: nobody could tell which of its fields is the valid one; make it an enum"
            );
            return Error::new_spanned(item.union_token, message);
        }
        Item::Fn(item) => ("a function", item.sig.fn_token.span()),
        Item::Impl(item) => ("an `impl`", item.impl_token.span()),
        Item::Trait(item) => ("a trait", item.trait_token.span()),
        Item::Type(item) => ("a type alias", item.type_token.span()),
        Item::Mod(item) => ("a module", item.mod_token.span()),
        Item::Const(item) => ("a constant", item.const_token.span()),
        Item::Static(item) => ("a static", item.static_token.span()),
        other => ("something else", other.span()),
    };
    let message =
        format!("`#[{name}]` belongs on a struct or an enum ({value} is one), and this is {this}");
    Error::new(at, message)
}

/// A derive that a macro adds.
pub(crate) enum Derive {
    /// Of the trait of this name, unless the user derives it already.
    Unless(&'static str, Path),
    /// In any case.
    Always(Path),
}

/// Adds `derives` to the item, and `helpers`, the attributes that speak to them.
///
/// They stand below all other derives and Daystar macros, so that such a macro, when it expands after this
/// one, sees them and does not derive the same trait again; and above everything else, because a helper
/// attribute must not come before its derive.
pub(crate) fn derive(item: &mut DeriveInput, derives: Vec<Derive>, helpers: Vec<Attribute>) {
    let present = derived(item);
    let missing = derives.into_iter().filter_map(|derive| match derive {
        Derive::Unless(name, path) => (!present.iter().any(|p| p == name)).then_some(path),
        Derive::Always(path) => Some(path),
    });
    let expands = |attribute: &Attribute| {
        ["derive", "managed", "message", "task", "external", "survey", "sweep", "walk"]
            .iter()
            .any(|name| last_is(attribute.path(), name))
    };
    let below = item.attrs.iter().rposition(expands).map_or(0, |last| last + 1);
    let derive = parse_quote!(#[derive(#(#missing),*)]);
    item.attrs.splice(below..below, std::iter::once(derive).chain(helpers));
}

/// The names of the traits that the item derives below the macro.
pub(crate) fn derived(item: &DeriveInput) -> Vec<String> {
    let mut names = Vec::new();
    for attribute in item.attrs.iter().filter(|attribute| attribute.path().is_ident("derive")) {
        // A derive that does not parse is rustc's to report.
        let _ = attribute.parse_nested_meta(|meta| {
            names.extend(meta.path.segments.last().map(|segment| segment.ident.to_string()));
            Ok(())
        });
    }
    names
}

/// Writes out `Self` in the fields' types: in the types and bounds made from them it would mean another type.
pub(crate) fn write_out_self(item: &mut DeriveInput) {
    let own = item.ident.clone();
    for field in fields_mut(item) {
        let spelled = replace_self(field.ty.to_token_stream(), &own);
        field.ty = parse_quote!(#spelled);
    }
}

fn replace_self(tokens: TokenStream, own: &Ident) -> TokenStream {
    let replaced = tokens.into_iter().map(|token| match token {
        TokenTree::Ident(ident) if ident == "Self" => {
            let mut own = own.clone();
            own.set_span(ident.span());
            TokenTree::Ident(own)
        }
        TokenTree::Group(group) => {
            let mut inner = Group::new(group.delimiter(), replace_self(group.stream(), own));
            inner.set_span(group.span());
            TokenTree::Group(inner)
        }
        other => other,
    });
    replaced.collect()
}

/// The types of the fields that are named plainly, without arguments.
///
/// Bounds on them can be made in the derived implementations: types that contain one another do so through a
/// `Box`, a `Vec` or the like, and bounds on those would be an endless question to the compiler.
pub(crate) fn plain_types(item: &DeriveInput) -> Vec<Type> {
    fields(item).filter(is_plain).map(|(_, field)| field.ty.clone()).collect()
}

fn is_plain((conditions, field): &(Vec<&Attribute>, &Field)) -> bool {
    let Type::Path(path) = &field.ty else { return false };
    // A bound cannot stand under a `#[cfg]`.
    conditions.is_empty() && path.path.segments.iter().all(|segment| segment.arguments.is_none())
}

/// `ty: wanted`, to be reported under the whole type.
pub(crate) fn bound(ty: &Type, wanted: &TokenStream) -> WherePredicate {
    let wanted = respan(wanted.clone(), last_span(ty));
    parse_quote!(#ty: #wanted)
}

/// Calls `check::<T>()` for the types of the other fields, so that one that will not do is reported where it is
/// written.
pub(crate) fn checks(item: &DeriveInput, check: &TokenStream) -> TokenStream {
    let checks = fields(item).filter(|field| !is_plain(field)).map(|(conditions, field)| {
        let ty = &field.ty;
        quote!(#(#conditions)* #check::<#ty>();)
    });
    checks.collect()
}

/// Where `ty` ends. A bound whose trait stands there is reported under the whole type; with the span of the type
/// itself it would be under its first word, because stable Rust cannot join spans.
fn last_span(ty: &Type) -> Span {
    ty.to_token_stream().into_iter().last().map_or_else(Span::call_site, |token| token.span())
}

fn respan(tokens: TokenStream, span: Span) -> TokenStream {
    let respanned = tokens.into_iter().map(|mut token| {
        token.set_span(span);
        token
    });
    respanned.collect()
}

/// Every field, with the `#[cfg]`s under which it exists: those of its variant and its own.
pub(crate) fn fields(item: &DeriveInput) -> impl Iterator<Item = (Vec<&Attribute>, &Field)> {
    let groups = match &item.data {
        Data::Struct(data) => vec![(&[][..], &data.fields)],
        Data::Enum(data) => data.variants.iter().map(|v| (&v.attrs[..], &v.fields)).collect(),
        Data::Union(_) => Vec::new(),
    };
    groups.into_iter().flat_map(|(above, fields)| {
        fields.iter().map(move |field| {
            let conditions = above.iter().chain(&field.attrs).filter(|a| a.path().is_ident("cfg"));
            (conditions.collect(), field)
        })
    })
}

/// Every field, to be changed.
pub(crate) fn fields_mut(item: &mut DeriveInput) -> impl Iterator<Item = &mut Field> {
    let groups = match &mut item.data {
        Data::Struct(data) => vec![&mut data.fields],
        Data::Enum(data) => data.variants.iter_mut().map(|v| &mut v.fields).collect(),
        Data::Union(_) => Vec::new(),
    };
    groups.into_iter().flatten()
}

/// Whether a macro called `name` stands below this one.
pub(crate) fn carries<'a>(item: &'a DeriveInput, name: &str) -> Option<&'a Attribute> {
    item.attrs.iter().find(|attribute| last_is(attribute.path(), name))
}

fn last_is(path: &Path, name: &str) -> bool {
    path.segments.last().is_some_and(|segment| segment.ident == name)
}
