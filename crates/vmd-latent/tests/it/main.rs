//! Integration tests of `vmd-latent`: a single binary, so that Burn is linked once.

mod common;
mod distribution;
mod order;
mod posterior;
mod priors;
