//! The layers of the workspace: which crate may use which.
//!
//! `docs/architecture.md` explains this table; change the two together.

/// Every crate, and the crates of this workspace that it may depend on, tests aside.
pub(crate) const LAYERS: [(&str, &[&str]); 14] = [
    ("vmd-graph", &[]),
    ("vmd-process", &[]),
    ("vmd-kernels", &[]),
    ("vmd-nn", &["vmd-kernels", "vmd-graph"]),
    ("vmd-latent", &["vmd-nn", "vmd-graph"]),
    ("vmd-denoiser", &["vmd-nn", "vmd-graph"]),
    ("vmd-model", &["vmd-process", "vmd-latent", "vmd-denoiser", "vmd-graph", "vmd-nn", "vmd-kernels"]),
    ("vmd-data", &["vmd-process"]),
    ("vmd-train", &["vmd-model", "vmd-data", "vmd-process", "vmd-nn", "vmd-kernels"]),
    ("vmd-eval", &["vmd-model"]),
    (
        "vmd-tasks",
        &[
            "vmd-graph",
            "vmd-process",
            "vmd-latent",
            "vmd-denoiser",
            "vmd-model",
            "vmd-data",
            "vmd-train",
            "vmd-eval",
        ],
    ),
    ("vmd", &LIBRARIES),
    ("vmd-cli", &ALL),
    ("xtask", &[]),
];

/// The one crate that chooses a backend and turns errors into text.
pub(crate) const TOP: &str = "vmd-cli";

/// The one crate with code for a certain backend.
pub(crate) const KERNELS: &str = "vmd-kernels";

/// The crate that must compile in seconds.
pub(crate) const AUTOMATION: &str = "xtask";

const LIBRARIES: [&str; 11] = [
    "vmd-kernels",
    "vmd-graph",
    "vmd-process",
    "vmd-nn",
    "vmd-latent",
    "vmd-denoiser",
    "vmd-model",
    "vmd-data",
    "vmd-train",
    "vmd-eval",
    "vmd-tasks",
];

const ALL: [&str; 12] = [
    "vmd",
    "vmd-kernels",
    "vmd-graph",
    "vmd-process",
    "vmd-nn",
    "vmd-latent",
    "vmd-denoiser",
    "vmd-model",
    "vmd-data",
    "vmd-train",
    "vmd-eval",
    "vmd-tasks",
];

/// Features of Burn that choose where tensors live.
pub(crate) const BACKEND_FEATURES: [&str; 17] = [
    "accelerate",
    "apple-amx",
    "blas-netlib",
    "cpu",
    "cuda",
    "flex",
    "metal",
    "ndarray",
    "openblas",
    "openblas-system",
    "remote",
    "rocm",
    "tch",
    "vulkan",
    "webgpu",
    "wgpu",
    "x86-v4",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_names_crates_of_the_table_and_comes_after_them() {
        for (row, (name, allowed)) in LAYERS.iter().enumerate() {
            for used in *allowed {
                let place = LAYERS.iter().position(|(other, _)| other == used);
                assert!(place.is_some_and(|place| place < row), "{name} comes before {used}");
            }
        }
    }
}
