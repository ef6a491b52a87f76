//! The book is whole: each chapter is in its table of contents, each link leads to a file, and the code that it shows
//! is run.

use crate::problem::Problem;
use crate::source::numbered;

const CHAPTERS: &str = "docs/book/src/";
const CONTENTS: &str = "docs/book/src/SUMMARY.md";
const RUNS: &str = "framework/src/book.rs";

/// Chapters that nobody finds, links that lead nowhere, and code that nobody runs.
pub(crate) fn whole(files: &[(String, String)]) -> Vec<Problem> {
    let text_of =
        |wanted: &str| files.iter().find(|(path, _)| path == wanted).map_or("", |(_, text)| text);
    let mut problems = Vec::new();
    for (path, text) in files.iter().filter(|(path, _)| path.ends_with(".md")) {
        let Some(chapter) = path.strip_prefix(CHAPTERS) else { continue };
        if path != CONTENTS && !text_of(CONTENTS).contains(&format!("({chapter})")) {
            let instead = "name it in docs/book/src/SUMMARY.md, or delete it";
            problems.push(Problem::new(path, 1, "the chapter is not in the book", instead));
        }
        if has_code_to_run(text) && !text_of(RUNS).contains(&format!("book/src/{chapter}\"")) {
            let instead = "include it in framework/src/book.rs";
            problems.push(Problem::new(path, 1, "nobody runs the chapter's code", instead));
        }
        problems.extend(broken_links(path, text, files));
    }
    problems
}

/// Whether there is Rust that is not marked as a piece of something else.
fn has_code_to_run(text: &str) -> bool {
    text.lines().any(|line| line.starts_with("```rust") && line != "```rust,ignore")
}

fn broken_links(path: &str, text: &str, files: &[(String, String)]) -> Vec<Problem> {
    let exists =
        |chapter: &str| files.iter().any(|(path, _)| *path == format!("{CHAPTERS}{chapter}"));
    let mut problems = Vec::new();
    for (line, content) in numbered(text) {
        for (_, link) in content.match_indices("](").map(|(at, _)| content[at..].split_at(2)) {
            let target = link.split([')', '#']).next().unwrap_or_default();
            if !target.is_empty() && !target.contains("://") && !exists(target) {
                let instead = "link to a file beside it";
                let what = format!("there is no {target}");
                problems.push(Problem::new(path, line, what, instead));
            }
        }
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(chapter: &str, contents: &str, runs: &str) -> usize {
        let files = [("docs/book/src/one.md", chapter), (CONTENTS, contents), (RUNS, runs)];
        whole(&files.map(|(path, text)| (path.to_owned(), text.to_owned()))).len()
    }

    #[test]
    fn a_chapter_that_is_not_in_the_book_is_caught() {
        assert_eq!(problems("One.", "- [One](one.md)", ""), 0);
        assert_eq!(problems("One.", "", ""), 1);
    }

    #[test]
    fn code_that_nobody_runs_is_caught() {
        let chapter = "```rust\nfn main() {}\n```";
        assert_eq!(problems(chapter, "(one.md)", "\"../../docs/book/src/one.md\""), 0);
        assert_eq!(problems(chapter, "(one.md)", ""), 1);
        let piece = "```rust,ignore\nring(bell);\n```";
        assert_eq!(problems(piece, "(one.md)", ""), 0);
    }

    #[test]
    fn a_link_that_leads_nowhere_is_caught() {
        assert_eq!(problems("[a](one.md#part) [b](https://example.org)", "[One](one.md)", ""), 0);
        assert_eq!(problems("[a](two.md)", "[One](one.md)", ""), 1);
    }
}
