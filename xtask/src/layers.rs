//! The layers of the workspace: which crate may depend on which.
//!
//! `docs/architecture.md` contains the same table; change both together.

/// Every crate, and the crates of this workspace that it may depend on, except in tests.
pub(crate) const LAYERS: [(&str, &[&str]); 17] = [
    ("vmd-core", &[]),
    ("vmd-graph", &[]),
    ("vmd-process", &[]),
    ("vmd-kernels", &[]),
    ("vmd-nn", &["vmd-core", "vmd-kernels", "vmd-graph"]),
    ("vmd-latent", &["vmd-core", "vmd-nn", "vmd-graph"]),
    ("vmd-denoiser", &["vmd-core", "vmd-nn", "vmd-graph"]),
    ("vmd-sampler", &["vmd-core", "vmd-process", "vmd-graph", "vmd-kernels"]),
    (
        "vmd-model",
        &[
            "vmd-core",
            "vmd-sampler",
            "vmd-process",
            "vmd-latent",
            "vmd-denoiser",
            "vmd-graph",
            "vmd-nn",
            "vmd-kernels",
        ],
    ),
    ("vmd-data", &["vmd-core"]),
    (
        "vmd-train",
        &["vmd-core", "vmd-model", "vmd-sampler", "vmd-data", "vmd-process", "vmd-nn", "vmd-kernels"],
    ),
    ("vmd-eval", &["vmd-core", "vmd-sampler", "vmd-model"]),
    (
        "vmd-tasks",
        &[
            "vmd-core",
            "vmd-graph",
            "vmd-process",
            "vmd-latent",
            "vmd-denoiser",
            "vmd-sampler",
            "vmd-model",
            "vmd-data",
            "vmd-train",
            "vmd-eval",
        ],
    ),
    ("vmd-diffusion", &LIBRARIES),
    ("vmd-cli", &["vmd-diffusion"]),
    ("vmd-lab", &["vmd-diffusion", "vmd-cli"]),
    ("xtask", &[]),
];

/// The crate of the program `vmd`.
pub(crate) const PROGRAM: &str = "vmd-cli";

/// The crate of the program `vmd-lab`.
pub(crate) const LAB: &str = "vmd-lab";

/// The only crate with a feature for each backend; its library is called `vmd`.
pub(crate) const FACADE: &str = "vmd-diffusion";

/// The only crate with code for a specific backend.
pub(crate) const KERNELS: &str = "vmd-kernels";

/// The crate that must compile in seconds.
pub(crate) const AUTOMATION: &str = "xtask";

const LIBRARIES: [&str; 13] = [
    "vmd-core",
    "vmd-kernels",
    "vmd-graph",
    "vmd-process",
    "vmd-nn",
    "vmd-latent",
    "vmd-denoiser",
    "vmd-sampler",
    "vmd-model",
    "vmd-data",
    "vmd-train",
    "vmd-eval",
    "vmd-tasks",
];

/// Features of Burn that select a backend.
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
