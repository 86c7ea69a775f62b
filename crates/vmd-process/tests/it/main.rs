//! Integration tests of `vmd-process`.

mod corruption;
mod schedules;
