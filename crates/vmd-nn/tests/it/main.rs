//! Integration tests of `vmd-nn`: one binary, so that Burn is linked once.

mod common;
mod edges;
mod gates;
mod parameters;
mod trunk;
