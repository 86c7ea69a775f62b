//! Integration tests of `vmd`: one binary, so that Burn is linked once.
#![cfg(feature = "flex")]

#[cfg(feature = "train")]
mod fit;
mod inference;
