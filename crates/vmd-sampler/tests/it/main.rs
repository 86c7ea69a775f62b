//! Integration tests of `vmd-sampler`.

mod attempts;
mod common;
mod remask;
mod reveal;
mod rules;
mod sampler;
mod search;
