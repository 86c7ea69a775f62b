//! Integration tests of `vmd-model`: one binary, so that Burn is linked once.

mod bound;
mod causal;
mod common;
mod config;
mod folder;
mod importance;
mod loss;
mod parents;
mod priors;
mod sampling;
