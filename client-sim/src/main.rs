//! The program: `client-sim demo` and `client-sim run`.

use std::process::ExitCode;

fn main() -> ExitCode {
    client_sim::command::main()
}
