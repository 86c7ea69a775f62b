//! Integration tests of `vmd-kernels`: one binary, so that Burn is linked once.
#![cfg(feature = "flex")]

mod common;
mod context;
mod edges;
mod gradients;
