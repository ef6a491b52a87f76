//! Keeps the house in order: what neither the compiler nor clippy checks, and what would rot without a guard.
//!
//! Each rule is a function from a file's path and text to the problems in it, with a test that plants a problem and
//! sees it caught. A problem says where it is and what to do instead. The rules are those of the design: crates
//! and modules know only what lies below them (`crates`, `modules`), code that does not belong does not stay
//! (`leftovers`), every file is part of the whole (`files`), what code generation names is private (`generated`), and
//! the book is whole (`book`) and shows code as it is (`quotes`).

mod book;
mod crates;
mod files;
mod generated;
mod leftovers;
mod modules;
mod problem;
mod quotes;
mod source;
mod workspace;

use problem::Problem;
use workspace::Workspace;

#[test]
fn the_house_is_in_order() {
    let workspace = Workspace::read();
    let mut problems: Vec<Problem> = Vec::new();
    for (path, text) in &workspace.files {
        problems.extend(files::names(path));
        if path.ends_with("Cargo.toml") {
            problems.extend(crates::arrows(path, text));
            problems.extend(crates::reasons(path, text));
        }
        if path.ends_with(".rs") {
            problems.extend(modules::arrows(path, text));
            problems.extend(modules::outside(path, text));
            problems.extend(leftovers::notes(path, text));
            problems.extend(leftovers::macros(path, text));
            problems.extend(leftovers::unsafe_code(path, text));
            problems.extend(files::subject(path, text));
            problems.extend(generated::paths(path, text));
        }
    }
    problems.extend(files::unreachable(&workspace.files));
    problems.extend(book::whole(&workspace.files));
    problems.extend(quotes::faithful(&workspace.files));
    let report: String = problems.iter().map(|problem| format!("{problem}\n")).collect();
    assert!(problems.is_empty(), "{} problems:\n{report}", problems.len());
}
