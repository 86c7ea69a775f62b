//! Integration tests of `vmd-process`: one binary, so that Burn is linked once.

mod corruption;
mod schedules;
