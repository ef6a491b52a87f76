//! The program: `client-sim demo` and `client-sim run`.

use std::process::ExitCode;

// What one thread makes another often gives back, which the system's allocator is slow at.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    client_sim::command::main()
}
