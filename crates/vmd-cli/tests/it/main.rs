//! Integration tests of `vmd-cli`: one binary, so that Burn is linked once.

mod bad_input;
mod common;
#[cfg(any(feature = "wgpu", feature = "cuda"))]
mod devices;
mod evaluate;
mod output;
mod resume;
mod samplers;
mod sudoku;
mod text;
mod twin;
