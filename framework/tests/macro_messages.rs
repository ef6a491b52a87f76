//! What the compiler says to a game programmer is part of the API.
//!
//! Each program in `ui/fail` is a mistake that is easy to make; the `.stderr` beside it is what the compiler
//! answers, and a change of it is to be read as a newcomer would read it. After a change on purpose, or with a new
//! toolchain: `TRYBUILD=overwrite cargo test -p daystar --test macro_messages`. The programs in `ui/pass` are tests by
//! themselves (see `Cargo.toml`): were they run from here, all that they need would be built once more.

#[test]
fn mistakes_are_explained() {
    trybuild::TestCases::new().compile_fail("tests/ui/fail/*.rs");
}
