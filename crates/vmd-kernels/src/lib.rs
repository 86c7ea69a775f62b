//! Fused kernels for the networks of vmd.
//!
//! Each operation is a function of Burn tensors. On the CPU backend `flex`, with this crate's
//! feature `flex`, it runs as one vectorised, multi-threaded kernel with a hand-written backward
//! pass. On every other backend it is composed of Burn's own operations, which compute the same.
//!
//! The feature `autodiff` connects the backward passes; without it, tensors with autodiff use the
//! composed operations.
//!
//! Invariant: a kernel works on slices and shapes. The crate does not depend on networks, mask
//! tokens or latents, nor, without the feature `flex`, on a backend. Results do not depend on the
//! number of threads.
//!
//! The vector instructions (AVX-512, AVX2 or the target's default) are selected at run time
//! (`instructions`).

#![cfg_attr(
    all(feature = "flex", not(feature = "autodiff")),
    expect(dead_code, reason = "backward passes are called by the autodiff graph only")
)]

mod activation;
mod adamw;
mod attention;
mod choice;
mod context;
#[cfg(feature = "flex")]
mod cpu;
mod edges;
#[cfg(feature = "flex")]
mod fused;
mod linear;
mod mlp;
mod nll;
mod norm;
mod precision;
mod rotary;
mod rotary_table;

pub use activation::Activation;
pub use adamw::{AdamWState, AdamWStep, adamw};
pub use attention::{HeadEdges, Mask, attention, composed_attention};
pub use choice::{draw, gumbel_argmax, keep_top, softmax_f64};
pub use context::{KeyRanges, Keys, context_attention};
#[cfg(feature = "flex")]
pub use cpu::instructions;
pub use edges::edge_sum;
pub use linear::linear;
pub use mlp::mlp;
pub use nll::masked_nll;
pub use norm::layer_norm;
pub use precision::Precision;
pub use rotary::rotary;
pub use rotary_table::RotaryTable;

/// Whether tensors on `device` use the fused kernels.
pub fn is_fused(device: &burn::tensor::Device) -> bool {
    #[cfg(feature = "flex")]
    let fused =
        !matches!(fused::Input::of(&burn::tensor::Tensor::<1>::zeros([1], device)), fused::Input::Other);
    #[cfg(not(feature = "flex"))]
    let fused = {
        let _ = device;
        false
    };
    fused
}

/// Evaluates `$fused` (an [`Option`]) if there are fused kernels, and `$composed` if there are none
/// or they do not apply.
macro_rules! fused_or {
    ($fused:expr, $composed:expr) => {{
        #[cfg(feature = "flex")]
        let done = $fused;
        #[cfg(not(feature = "flex"))]
        let done = None;
        match done {
            Some(tensor) => tensor,
            None => $composed,
        }
    }};
}
pub(crate) use fused_or;

/// The examples of the README are tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
