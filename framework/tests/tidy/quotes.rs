//! What the book shows of a program's code is that code.
//!
//! A piece of it begins with a comment that says from which file it is, `// sample-game/src/game.rs`, and a comment
//! `// …` stands for lines that are left out.

use crate::problem::Problem;
use crate::source::numbered;

const CHAPTERS: &str = "docs/book/src/";
const LEFT_OUT: &str = "// …";

/// Pieces of code that are not in the file that they name.
pub(crate) fn faithful(files: &[(String, String)]) -> Vec<Problem> {
    let mut problems = Vec::new();
    let is_chapter = |path: &str| path.starts_with(CHAPTERS) && path.ends_with(".md");
    for (path, text) in files.iter().filter(|(path, _)| is_chapter(path)) {
        for (line, quote) in quotes(text) {
            let Some(named) = quote.first().and_then(|first| first.strip_prefix("// ")) else {
                continue;
            };
            let Some(named) = named.strip_suffix(".rs").map(|_| named) else { continue };
            let source = files.iter().find(|(path, _)| path == named);
            let is_there = source.is_some_and(|(_, source)| shows(source, &quote[1..]));
            if !is_there {
                let what = format!("this is not what {named} says");
                problems.push(Problem::new(path, line, what, "show it as it is there"));
            }
        }
    }
    problems
}

/// The pieces of Rust in a chapter, without their indentation, and where they begin.
fn quotes(text: &str) -> Vec<(usize, Vec<&str>)> {
    let mut found = Vec::new();
    let mut lines = numbered(text);
    while let Some((line, opening)) = lines.next() {
        if opening.starts_with("```rust") {
            let inside = lines.by_ref().map(|(_, inside)| inside);
            let inside = inside.take_while(|inside| !inside.starts_with("```"));
            found.push((line, inside.map(str::trim).filter(|line| !line.is_empty()).collect()));
        }
    }
    found
}

/// Whether the parts of a piece of code, between what is left out, all stand in `source`, one behind the other.
fn shows(source: &str, quote: &[&str]) -> bool {
    let lines: Vec<&str> = source.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let mut rest = &lines[..];
    for part in quote.split(|line| *line == LEFT_OUT).filter(|part| !part.is_empty()) {
        let Some(at) = rest.windows(part.len()).position(|window| window == part) else {
            return false;
        };
        rest = &rest[at + part.len()..];
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: &str = "//! Steps.\n\nfn step() {\n    one();\n\n    two();\n    three();\n}\n";

    fn problems(quote: &str) -> usize {
        let chapter = format!("Look:\n\n```rust,ignore\n{quote}\n```\n");
        let files = [("docs/book/src/one.md", chapter.as_str()), ("x/src/steps.rs", SOURCE)];
        faithful(&files.map(|(path, text)| (path.to_owned(), text.to_owned()))).len()
    }

    #[test]
    fn what_is_shown_as_it_is_passes() {
        assert_eq!(problems("// x/src/steps.rs\none();\ntwo();"), 0);
        assert_eq!(problems("// x/src/steps.rs\nfn step() {\n    // …\n    three();\n}"), 0);
        assert_eq!(problems("let code = \"of the chapter's own\";"), 0);
    }

    #[test]
    fn what_is_not_there_is_caught() {
        assert_eq!(problems("// x/src/steps.rs\none();\nthree();"), 1, "something is left out");
        assert_eq!(problems("// x/src/steps.rs\ntwo();\n// …\none();"), 1, "the order is another");
        assert_eq!(problems("// x/src/steps.rs\nfour();"), 1);
        assert_eq!(problems("// x/src/gone.rs\none();"), 1);
    }
}
