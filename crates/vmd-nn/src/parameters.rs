//! Parameters of a module by name, and their safetensors format.

use std::collections::BTreeMap;

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::{Tensor, TensorData};
use safetensors::{Dtype, SafeTensors, tensor::TensorView};
use thiserror::Error;

/// The error for parameters that do not fit a module, or for bytes that are not a safetensors file.
#[derive(Debug, Error, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ParameterError {
    /// The bytes cannot be parsed.
    #[error(
        "not a readable safetensors file ({reason}); it is truncated or was edited: fetch or save it again"
    )]
    Malformed {
        /// The parser's reason.
        reason: String,
    },
    /// A parameter of the module is not in the file.
    #[error("tensor `{name}` is missing; the file belongs to another configuration")]
    Missing {
        /// Name of the parameter.
        name: String,
    },
    /// The file holds a tensor that the module does not have.
    #[error("tensor `{name}` is not part of this network; the file belongs to another configuration")]
    Extra {
        /// Name of the tensor.
        name: String,
    },
    /// A tensor has another shape than the parameter.
    #[error("tensor `{name}` has shape {found:?}, the network needs {expected:?}; the configurations differ")]
    Shape {
        /// Name of the parameter.
        name: String,
        /// Shape that the module needs.
        expected: Vec<usize>,
        /// Shape in the file.
        found: Vec<usize>,
    },
    /// A tensor is not stored as 32-bit floats.
    #[error("tensor `{name}` is stored as {found}, expected F32; save the weights in 32 bits")]
    Dtype {
        /// Name of the parameter.
        name: String,
        /// Type in the file.
        found: String,
    },
    /// A value is NaN or infinite.
    #[error("tensor `{name}` holds a value that is not finite; the file is damaged")]
    NotFinite {
        /// Name of the parameter.
        name: String,
    },
}

/// Every float parameter of `module` as 32-bit data, by its dotted path
/// (`trunk.blocks.0.up.weight`).
pub fn named_parameters<M: Module>(module: &M) -> BTreeMap<String, TensorData> {
    let mut collector = Collector::default();
    module.visit(&mut collector);
    collector.found
}

/// Replaces every float parameter of `module` by the tensor of the same name.
///
/// # Errors
///
/// [`ParameterError`] unless names and shapes agree exactly.
pub fn load_parameters<M: Module>(
    module: M,
    mut tensors: BTreeMap<String, TensorData>,
) -> Result<M, ParameterError> {
    for (name, expected) in named_parameters(&module) {
        let Some(found) = tensors.get(&name) else { return Err(ParameterError::Missing { name }) };
        if found.shape() != expected.shape() {
            return Err(ParameterError::Shape {
                name,
                expected: expected.shape().to_vec(),
                found: found.shape().to_vec(),
            });
        }
    }
    let mut replacer = Replacer { path: Vec::new(), tensors: &mut tensors };
    let module = module.map(&mut replacer);
    match tensors.into_keys().next() {
        Some(name) => Err(ParameterError::Extra { name }),
        None => Ok(module),
    }
}

/// Serialises named 32-bit tensors as safetensors.
///
/// # Panics
///
/// If a tensor is not 32-bit float data; [`named_parameters`] returns only such tensors.
pub fn parameters_to_safetensors(tensors: &BTreeMap<String, TensorData>) -> Vec<u8> {
    let views: Vec<(&str, TensorView<'_>)> = tensors
        .iter()
        .map(|(name, data)| {
            let view = TensorView::new(Dtype::F32, data.shape().to_vec(), data.as_bytes())
                .expect("parameters are contiguous 32-bit floats");
            (name.as_str(), view)
        })
        .collect();
    let metadata = std::collections::HashMap::from([("format".to_string(), "pt".to_string())]);
    safetensors::serialize(views, Some(metadata)).expect("views were checked above")
}

/// Parses safetensors bytes into named 32-bit tensors.
///
/// # Errors
///
/// [`ParameterError::Malformed`], [`ParameterError::Dtype`] or [`ParameterError::NotFinite`].
pub fn parameters_from_safetensors(bytes: &[u8]) -> Result<BTreeMap<String, TensorData>, ParameterError> {
    let file = SafeTensors::deserialize(bytes)
        .map_err(|error| ParameterError::Malformed { reason: error.to_string() })?;
    let mut tensors = BTreeMap::new();
    for (name, view) in file.tensors() {
        if view.dtype() != Dtype::F32 {
            return Err(ParameterError::Dtype { name, found: format!("{:?}", view.dtype()) });
        }
        let values: Vec<f32> = view
            .data()
            .chunks_exact(4)
            .map(|bytes| f32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
            .collect();
        if values.iter().any(|value| !value.is_finite()) {
            return Err(ParameterError::NotFinite { name });
        }
        tensors.insert(name, TensorData::new(values, view.shape().to_vec()));
    }
    Ok(tensors)
}

#[derive(Default)]
struct Collector {
    path: Vec<String>,
    found: BTreeMap<String, TensorData>,
}

impl ModuleVisitor for Collector {
    fn enter_module(&mut self, name: &str, _container_type: &str) {
        self.path.push(name.to_string());
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.path.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        self.found.insert(self.path.join("."), param.val().into_data().convert::<f32>());
    }
}

struct Replacer<'a> {
    path: Vec<String>,
    tensors: &'a mut BTreeMap<String, TensorData>,
}

impl ModuleMapper for Replacer<'_> {
    fn enter_module(&mut self, name: &str, _container_type: &str) {
        self.path.push(name.to_string());
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.path.pop();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let Some(data) = self.tensors.remove(&self.path.join(".")) else { return param };
        param.map(|old| {
            let tensor = Tensor::from_data(data, &old.device());
            if old.is_require_grad() { tensor.require_grad() } else { tensor }
        })
    }
}
