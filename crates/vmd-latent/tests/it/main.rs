//! Integration tests of `vmd-latent`: one binary, so that Burn is linked once.

mod common;
mod distribution;
mod order;
mod posterior;
mod priors;
