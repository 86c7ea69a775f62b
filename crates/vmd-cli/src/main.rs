//! The program `vmd`.
//!
//! Invariant: everything is in the library beside it.

/// Page faults are a tenth of a training step with the system's allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    vmd_cli::main()
}
