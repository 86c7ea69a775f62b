//! Integration tests of `vmd-denoiser`: one binary, so that Burn is linked once.

mod network;
mod parents;
