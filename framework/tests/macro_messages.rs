//! What the compiler says to a game programmer is part of the API.
//!
//! Each program in `ui/fail` is a mistake that is easy to make; the `.stderr` beside it is what the compiler
//! answers, and a change of it is to be read as a newcomer would read it. After a change on purpose, or with a new
//! toolchain: `TRYBUILD=overwrite cargo test -p daystar --test macro_messages`. The programs in `ui/pass` are tests by
//! themselves (see `Cargo.toml`): were they run from here, all that they need would be built once more.

use std::process::Command;

/// The flags with which trybuild has the programs compiled. What they are made of it has compiled before, without the last of
/// them; where flags differ cargo compiles everything anew, and what is in this variable goes before what trybuild asks for.
const FLAGS: [&str; 6] =
    ["--cfg", "trybuild", "--verbose", "-A", "dead_code", "--diagnostic-width=140"];

#[test]
fn mistakes_are_explained() {
    let child = Command::new(std::env::current_exe().expect("this program is somewhere"))
        .args(["--exact", "child_that_compiles", "--ignored", "--nocapture"])
        .env("CARGO_ENCODED_RUSTFLAGS", FLAGS.join("\x1f"))
        .status();
    assert!(child.expect("this program can be started again").success());
}

#[test]
#[ignore = "run by another test, as a process of its own"]
fn child_that_compiles() {
    trybuild::TestCases::new().compile_fail("tests/ui/fail/*.rs");
}
