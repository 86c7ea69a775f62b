//! Integration tests of `vmd-cli`: one binary, so that Burn is linked once.

mod bad_input;
mod bench;
mod common;
#[cfg(any(feature = "wgpu", feature = "cuda"))]
mod devices;
mod evaluate;
mod graphs;
mod output;
mod resume;
mod samplers;
mod study;
mod sudoku;
mod text;
