//! Every file has a subject, a name that says it, and a place in the whole.

use std::collections::{BTreeMap, BTreeSet};

use crate::problem::Problem;
use crate::source::{code_of, words};

/// Names that say nothing about what is inside.
const NAMES: [&str; 4] = ["util", "utils", "helper", "helpers"];

/// Files and folders whose name says nothing.
pub(crate) fn names(path: &str) -> Vec<Problem> {
    let parts =
        path.split('/').filter(|part| NAMES.contains(&part.split('.').next().unwrap_or_default()));
    let instead =
        "name it after the one subject it is about, or give its parts to the files that need them";
    parts
        .map(|part| Problem::new(path, 1, format!("the name {part} says nothing"), instead))
        .collect()
}

/// Files that do not begin by saying what they are about.
pub(crate) fn subject(path: &str, text: &str) -> Vec<Problem> {
    if text.starts_with("//! ") {
        return Vec::new();
    }
    let instead = "begin with `//! ` and the file's one subject";
    vec![Problem::new(path, 1, "the file does not say what it is about", instead)]
}

/// Files under a `src` that no `mod` leads to.
pub(crate) fn unreachable(files: &[(String, String)]) -> Vec<Problem> {
    let sources: BTreeMap<&str, &str> = files
        .iter()
        .filter(|(path, _)| path.ends_with(".rs") && path.split('/').any(|part| part == "src"))
        .map(|(path, text)| (path.as_str(), text.as_str()))
        .collect();
    let mut waiting: Vec<String> =
        sources.keys().filter(|path| is_root(path)).map(|path| (*path).to_owned()).collect();
    let mut reached = BTreeSet::new();
    while let Some(path) = waiting.pop() {
        if let Some(text) = sources.get(path.as_str())
            && reached.insert(path.clone())
        {
            waiting.extend(children(&path, text));
        }
    }
    let instead = "name it by a `mod` where it belongs, or delete it";
    let dead = sources.keys().filter(|path| !reached.contains(**path));
    dead.map(|path| Problem::new(path, 1, "no `mod` leads to this file", instead)).collect()
}

fn is_root(path: &str) -> bool {
    let inside = path.rsplit("src/").next().unwrap_or_default();
    inside == "lib.rs" || inside == "main.rs" || path.contains("/src/bin/")
}

/// The files that the `mod`s of a file may mean.
fn children(path: &str, text: &str) -> Vec<String> {
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
    let stem = name.trim_end_matches(".rs");
    let within = match is_root(path) || stem == "mod" {
        true => folder.to_owned(),
        false => format!("{folder}/{stem}"),
    };
    let code = code_of(text);
    let modules = words(&code, "mod").filter_map(|at| {
        let rest = code[at + "mod".len()..].trim_start();
        let (name, _) = rest.split_once(';')?;
        name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_').then(|| name.to_owned())
    });
    modules
        .flat_map(|name| [format!("{within}/{name}.rs"), format!("{within}/{name}/mod.rs")])
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_says_nothing_is_caught() {
        assert_eq!(names("framework/src/net/utils.rs").len(), 1);
        assert_eq!(names("client-sim/src/helpers/mod.rs").len(), 1);
        assert!(names("framework/src/net/outbox.rs").is_empty());
    }

    #[test]
    fn a_file_without_a_subject_is_caught() {
        assert_eq!(subject("a.rs", "use std::fmt;\n//! Late.\n").len(), 1);
        assert!(subject("a.rs", "//! Outboxes.\n").is_empty());
    }

    #[test]
    fn a_dead_file_is_caught() {
        let files = [
            ("x/src/lib.rs", "pub mod net;\nmod inline { }\n// mod dead;\n"),
            ("x/src/net/mod.rs", "mod outbox;\n#[cfg(test)]\nmod tests;\n"),
            ("x/src/net/outbox.rs", ""),
            ("x/src/net/tests.rs", "mod limits;\n"),
            ("x/src/net/tests/limits.rs", ""),
            ("x/src/main.rs", "fn main() {}\n"),
            ("x/src/dead.rs", "mod child;\n"),
            ("x/src/dead/child.rs", ""),
            ("x/tests/story.rs", ""),
        ];
        let files = files.map(|(path, text)| (path.to_owned(), text.to_owned()));
        let dead: Vec<String> = unreachable(&files).iter().map(ToString::to_string).collect();
        assert_eq!(dead.len(), 2, "{dead:?}");
        assert!(
            dead[0].starts_with("x/src/dead.rs:1") && dead[1].starts_with("x/src/dead/child.rs:1")
        );
    }
}
