//! Integration tests of `vmd-graph`.

mod graphs;
