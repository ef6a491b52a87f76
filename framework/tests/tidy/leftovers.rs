//! What must not stay behind in code: notes to oneself, placeholders, and `unsafe` outside its rooms.

use crate::problem::Problem;
use crate::source::{code_of, numbered, words};

/// Notes to oneself. Put together here, so that this file is not itself a finding.
const NOTES: [&str; 3] = [concat!("FIX", "ME"), concat!("TO", "DO"), concat!("XX", "X")];

/// Where `unsafe` may stand: files, and folders with a `/` behind them.
const UNSAFE_ROOMS: &[&str] = &[
    "framework/engine/src/cell.rs",
    "framework/engine/src/reclaim.rs",
    "framework/engine/src/slot.rs",
    "framework/store/src/lmdb/",
    "benches/src/single.rs",
    // Opening an LMDB environment beside the store, to damage or inspect it.
    "framework/store/tests/",
    // Standing in for the C library's functions, in processes of tests only.
    "framework/store/recorder/preload/src/",
];

/// Notes to oneself, also in comments.
pub(crate) fn notes(path: &str, text: &str) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (line, content) in numbered(text) {
        for note in NOTES.iter().filter(|note| words(content, note).next().is_some()) {
            let instead = "do it, or open an issue and remove the note";
            problems.push(Problem::new(path, line, format!("a left-over {note}"), instead));
        }
    }
    problems
}

/// Placeholders for code.
pub(crate) fn macros(path: &str, text: &str) -> Vec<Problem> {
    let code = code_of(text);
    let mut problems = Vec::new();
    for (line, content) in numbered(&code) {
        for name in ["todo", "unimplemented", "dbg"] {
            let is_called = |at: usize| content[at + name.len()..].starts_with('!');
            if words(content, name).any(is_called) {
                let instead =
                    "write what belongs there, or return an error that says what is missing";
                problems.push(Problem::new(path, line, format!("a left-over {name}!"), instead));
            }
        }
    }
    problems
}

/// `unsafe` outside the places that are made for it.
pub(crate) fn unsafe_code(path: &str, text: &str) -> Vec<Problem> {
    if UNSAFE_ROOMS
        .iter()
        .any(|room| path == *room || (room.ends_with('/') && path.starts_with(room)))
    {
        return Vec::new();
    }
    let code = code_of(text);
    let found = numbered(&code).filter(|(_, content)| words(content, "unsafe").next().is_some());
    let instead = "use what is safe, or move it behind a safe function in engine/src/cell.rs, reclaim.rs or slot.rs, or \
                   store/src/lmdb";
    found.map(|(line, _)| Problem::new(path, line, "unsafe has no room here", instead)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_are_caught_in_code_and_in_comments() {
        for note in NOTES {
            assert_eq!(notes("a.rs", &format!("fn f() {{}}\n// {note}: later")).len(), 1, "{note}");
        }
        assert!(notes("a.rs", concat!("const MASTO", "DONS: u8 = 3;")).is_empty());
    }

    #[test]
    fn placeholders_are_caught() {
        for source in ["todo!()", "unimplemented!(\"later\")", "let x = dbg!(1);"] {
            assert_eq!(macros("a.rs", source).len(), 1, "{source}");
        }
        assert!(macros("a.rs", "// todo!()\nlet todo = \"dbg!\";").is_empty());
    }

    #[test]
    fn unsafe_is_caught_outside_its_rooms() {
        let source = "#![forbid(unsafe_code)]\nfn f() { unsafe { g() } }";
        assert_eq!(unsafe_code("framework/engine/src/commit.rs", source).len(), 1);
        assert_eq!(unsafe_code("framework/engine/src/cell.rs.rs", source).len(), 1);
        assert!(unsafe_code("framework/engine/src/cell.rs", source).is_empty());
        assert!(unsafe_code("framework/store/src/lmdb/objects.rs", source).is_empty());
        assert!(
            unsafe_code("framework/engine/src/commit.rs", "// unsafe\nlet x = \"unsafe\";")
                .is_empty()
        );
    }
}
