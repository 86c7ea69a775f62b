//! The program `vmd`.
//!
//! Invariant: all code is in the library of this crate.

/// With the system's allocator, page faults take a tenth of a training step.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    vmd_cli::main()
}
