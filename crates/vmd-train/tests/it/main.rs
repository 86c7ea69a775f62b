//! Integration tests of `vmd-train`: one binary, so that Burn is linked once.

mod collapse;
mod config;
mod curriculum;
mod distill;
mod files;
mod pretrained;
mod trainer;
