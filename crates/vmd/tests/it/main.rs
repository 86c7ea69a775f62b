//! Integration tests of `vmd`: one binary, so that Burn is linked once.
#![cfg(feature = "flex")]

mod inference;
