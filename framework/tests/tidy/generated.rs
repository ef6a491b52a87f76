//! What the macros generate names `::daystar::__private` and the standard library, nothing else: a game depends on
//! `daystar` alone.

use crate::problem::Problem;
use crate::source::{code_of, numbered, words};

const INSTEAD: &str = "re-export it in __private in framework/src/lib.rs, and name it from there";

/// Paths from outside in the templates of framework/macros.
pub(crate) fn paths(path: &str, text: &str) -> Vec<Problem> {
    if !path.starts_with("framework/macros/src/") {
        return Vec::new();
    }
    let code = code_of(text);
    let mut problems = Vec::new();
    for ((line, content), (_, with_strings)) in numbered(&code).zip(numbered(text)) {
        let absolute = absolute_paths(content).into_iter().chain(absolute_in_strings(with_strings));
        for named in absolute.filter(|named| !is_allowed(named)) {
            problems.push(Problem::new(
                path,
                line,
                format!("generated code names {named}"),
                INSTEAD,
            ));
        }
        for name in ["daystar_model", "daystar_engine", "daystar_store", "daystar_protocol"] {
            if words(with_strings, name).next().is_some() {
                let what = format!("generated code names {name}");
                problems.push(Problem::new(path, line, what, INSTEAD));
            }
        }
    }
    problems
}

/// The first two parts of each path in `code` that begins with `::`.
fn absolute_paths(code: &str) -> Vec<String> {
    let begins = |at: &usize| {
        let before = code[..*at].chars().next_back();
        before.is_none_or(|c| !(c.is_ascii_alphanumeric() || "_>)]}:".contains(c)))
    };
    let starts = code.match_indices("::").map(|(at, _)| at).filter(begins);
    starts.map(|at| first_two(&code[at..])).filter(|named| named != "::").collect()
}

/// The same, for paths in string literals, which serde's attributes take.
fn absolute_in_strings(line: &str) -> Vec<String> {
    line.match_indices("\"::").map(|(at, _)| first_two(&line[at + 1..])).collect()
}

fn first_two(path: &str) -> String {
    let is_path = |c: &char| c.is_ascii_alphanumeric() || *c == '_' || *c == ':';
    let path: String = path.chars().take_while(is_path).collect();
    path.split("::").take(3).collect::<Vec<_>>().join("::")
}

fn is_allowed(named: &str) -> bool {
    named == "::daystar::__private" || named.starts_with("::core::") || named.starts_with("::std::")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<usize> {
        paths("framework/macros/src/managed.rs", text).iter().map(Problem::line).collect()
    }

    #[test]
    fn a_path_past_private_is_caught() {
        assert_eq!(lines("quote!(::daystar::Ref)"), [1]);
        assert_eq!(lines("quote! {\n    impl ::serde::Serialize for #x {}\n}"), [2]);
        assert_eq!(lines("quote!(fn f() -> <T as ::rkyv::Archive>::Archived)"), [1]);
        assert_eq!(lines("let path = \"::serde\";"), [1]);
        assert_eq!(lines("quote!(daystar_model::Ref)"), [1]);
    }

    #[test]
    fn private_and_the_standard_library_are_fine() {
        assert!(lines("quote!(::daystar::__private::Managed, ::core::clone::Clone)").is_empty());
        assert!(lines("let v = Vec::<u8>::new(); x.iter().collect::<Vec<_>>()").is_empty());
        assert!(lines("let path = \"::daystar::__private::serde\"; // ::serde").is_empty());
        assert!(paths("framework/src/lib.rs", "::serde::x").is_empty());
    }
}
