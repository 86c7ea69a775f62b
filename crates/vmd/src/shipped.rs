//! The Sudoku model that comes with this crate.

use std::path::Path;

use burn::tensor::Device;
use vmd_model::{LoadError, LoadOptions, VmdModel, load_model};

/// Name that can be used instead of a folder.
pub const SHIPPED: &str = "shipped";

/// `config.json` of the model.
pub(crate) const CONFIG: &[u8] = include_bytes!("../models/sudoku/config.json");
const WEIGHTS: &[u8] = include_bytes!("../models/sudoku/model.safetensors");

/// Loads the model.
pub(crate) fn load(options: LoadOptions, device: &Device) -> Result<VmdModel, LoadError> {
    load_model(Path::new(SHIPPED), CONFIG, WEIGHTS, options, device)
}
