//! The arguments of the macros: what stands in the parentheses of `#[managed(…)]`.

use proc_macro2::TokenStream;
use syn::parse::Parser;
use syn::punctuated::Punctuated;
use syn::{Error, Expr, ExprLit, ExprPath, Ident, Lit, LitInt, LitStr, Result, Token};

/// What `#[managed]` and `#[task]` can be told.
#[derive(Default)]
pub(crate) struct Arguments {
    /// The schema version, if one was given.
    pub(crate) version: Option<LitInt>,
    /// The stored name, if one was given.
    pub(crate) name: Option<LitStr>,
    /// The type of the version before, if one was given.
    pub(crate) from: Option<ExprPath>,
    /// The word `old`, if the type is an earlier version.
    pub(crate) old: Option<Ident>,
}

impl Arguments {
    /// Reads the arguments of the macro called `macro_name`.
    pub(crate) fn parse(macro_name: &str, tokens: TokenStream) -> Result<Self> {
        let mut arguments = Self::default();
        for argument in Punctuated::<Expr, Token![,]>::parse_terminated.parse2(tokens)? {
            arguments.take(macro_name, &argument)?;
        }
        arguments.agree()?;
        Ok(arguments)
    }

    /// Refuses what makes no sense together.
    fn agree(&self) -> Result<()> {
        if let (Some(old), true) = (&self.old, self.name.is_none() || self.version.is_none()) {
            let message = "`old` needs the name under which the type is stored and the version that it describes, as in \
                           `name = \"Player\", version = 1, old`";
            return Err(Error::new_spanned(old, message));
        }
        if let (Some(from), None) = (&self.from, &self.version) {
            let message = "`from` needs a version of this type, higher than the one it is made from, as in \
                           `version = 2, from = PlayerV1`";
            return Err(Error::new_spanned(from, message));
        }
        Ok(())
    }

    fn take(&mut self, macro_name: &str, argument: &Expr) -> Result<()> {
        let (key, value) = match argument {
            Expr::Assign(assign) => (&*assign.left, Some(&*assign.right)),
            other => (other, None),
        };
        if names(key, "version") {
            once(&mut self.version, "version", argument, version(argument, value)?)
        } else if names(key, "name") {
            once(&mut self.name, "name", argument, name(argument, value)?)
        } else if names(key, "from") {
            once(&mut self.from, "from", argument, from(argument, value)?)
        } else if names(key, "old") {
            once(&mut self.old, "old", argument, old(argument, key, value)?)
        } else {
            let known = KNOWN;
            Err(Error::new_spanned(
                key,
                format!("unknown argument; `#[{macro_name}]` knows {known}"),
            ))
        }
    }
}

/// Refuses any argument of the macro called `macro_name`.
pub(crate) fn none(macro_name: &str, tokens: &TokenStream) -> Result<()> {
    if tokens.is_empty() {
        return Ok(());
    }
    Err(Error::new_spanned(tokens, format!("`#[{macro_name}]` takes no arguments")))
}

fn names(key: &Expr, wanted: &str) -> bool {
    matches!(key, Expr::Path(path) if path.path.is_ident(wanted))
}

fn once<T>(slot: &mut Option<T>, name: &str, argument: &Expr, value: T) -> Result<()> {
    match slot.replace(value) {
        Some(_) => Err(Error::new_spanned(argument, format!("`{name}` is given twice"))),
        None => Ok(()),
    }
}

fn version(argument: &Expr, value: Option<&Expr>) -> Result<LitInt> {
    match literal(value) {
        Some(Lit::Int(number)) if number.base10_parse::<u32>().is_ok_and(|n| n > 0) => {
            Ok(number.clone())
        }
        _ => Err(Error::new_spanned(
            value.unwrap_or(argument),
            "`version` is a whole number from 1 to 4294967295, as in `version = 2`",
        )),
    }
}

fn name(argument: &Expr, value: Option<&Expr>) -> Result<LitStr> {
    match literal(value) {
        Some(Lit::Str(name)) if !name.value().is_empty() => Ok(name.clone()),
        _ => Err(Error::new_spanned(
            value.unwrap_or(argument),
            "`name` is the stored name in quotes, as in `name = \"player\"`",
        )),
    }
}

fn from(argument: &Expr, value: Option<&Expr>) -> Result<ExprPath> {
    match value {
        Some(Expr::Path(path)) => Ok(path.clone()),
        _ => Err(Error::new_spanned(
            value.unwrap_or(argument),
            "`from` is the type of the version before, as in `from = PlayerV1`",
        )),
    }
}

fn old(argument: &Expr, key: &Expr, value: Option<&Expr>) -> Result<Ident> {
    match (key, value) {
        (Expr::Path(path), None) => path.path.require_ident().cloned(),
        _ => Err(Error::new_spanned(
            argument,
            "`old` stands alone, as in `name = \"Player\", version = 1, old`",
        )),
    }
}

fn literal(value: Option<&Expr>) -> Option<&Lit> {
    match value {
        Some(Expr::Lit(ExprLit { lit, .. })) => Some(lit),
        _ => None,
    }
}

const KNOWN: &str = "`version = 2`, `name = \"stored name\"`, `from = PlayerV1` and `old`";

#[cfg(test)]
mod tests {
    use quote::quote;

    use super::*;

    fn refusal(tokens: TokenStream) -> String {
        Arguments::parse("managed", tokens).err().expect("these arguments are wrong").to_string()
    }

    #[test]
    fn arguments_are_read_in_any_order() {
        let tokens = quote!(name = "player", old, from = before::Player, version = 7);
        let arguments = Arguments::parse("managed", tokens).unwrap();
        assert_eq!(arguments.version.unwrap().base10_digits(), "7");
        assert_eq!(arguments.name.unwrap().value(), "player");
        assert_eq!(arguments.from.unwrap().path.segments.len(), 2);
        assert!(arguments.old.is_some());
        let neither = Arguments::parse("managed", quote!()).unwrap();
        assert!(neither.version.is_none() && neither.name.is_none());
    }

    #[test]
    fn an_unknown_argument_is_answered_with_the_known_ones() {
        for tokens in [quote!(form = Old), quote!(2), quote!(versions), quote!(a::version = 1)] {
            let message = refusal(tokens);
            assert!(message.contains(KNOWN), "{message}");
        }
    }

    #[test]
    fn a_wrong_value_is_answered_with_an_example() {
        for tokens in [
            quote!(version),
            quote!(version = "2"),
            quote!(version = 0),
            quote!(version = 5_000_000_000),
        ] {
            let message = refusal(tokens);
            assert!(message.contains("as in `version = 2`"), "{message}");
        }
        for tokens in [quote!(name), quote!(name = Player), quote!(name = ""), quote!(name = 3)] {
            let message = refusal(tokens);
            assert!(message.contains("as in `name = \"player\"`"), "{message}");
        }
        for tokens in [quote!(from), quote!(from = "PlayerV1"), quote!(from = PlayerV1 {})] {
            let message = refusal(tokens);
            assert!(message.contains("as in `from = PlayerV1`"), "{message}");
        }
        assert!(refusal(quote!(old = true)).contains("`old` stands alone"));
        assert_eq!(refusal(quote!(version = 1, version = 2)), "`version` is given twice");
    }

    #[test]
    fn arguments_that_need_others_say_so() {
        for tokens in [quote!(old), quote!(name = "Player", old), quote!(version = 1, old)] {
            let message = refusal(tokens);
            assert!(message.contains("`name = \"Player\", version = 1, old`"), "{message}");
        }
        let message = refusal(quote!(from = PlayerV1));
        assert!(message.contains("`version = 2, from = PlayerV1`"), "{message}");
    }
}
