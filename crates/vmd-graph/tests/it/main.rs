//! Integration tests of `vmd-graph`: one binary, so that Burn is linked once.

mod graphs;
