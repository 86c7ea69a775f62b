//! Integration tests of `vmd-core`.

mod math;
mod randomness;
