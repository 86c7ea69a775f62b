//! Integration tests of `vmd-lab`: one binary, so that Burn is linked once.

mod bench;
mod common;
mod graphs;
mod study;
