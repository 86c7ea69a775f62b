//! Gradients of a module by name.

use std::collections::BTreeMap;

use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::{Gradients, Tensor};

/// Gradients by the dotted path of their parameter, flattened.
pub type NamedGradients = BTreeMap<String, Tensor<1>>;

/// The gradient of every parameter of `module` that has one.
pub fn named_gradients<M: Module>(module: &M, gradients: &Gradients) -> NamedGradients {
    let mut collector = GradientCollector { gradients, path: Vec::new(), found: BTreeMap::new() };
    module.visit(&mut collector);
    collector.found
}

struct GradientCollector<'a> {
    gradients: &'a Gradients,
    path: Vec<String>,
    found: NamedGradients,
}

impl ModuleVisitor for GradientCollector<'_> {
    fn enter_module(&mut self, name: &str, _container_type: &str) {
        self.path.push(name.to_string());
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.path.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if let Some(gradient) = param.val().grad(self.gradients) {
            let n = gradient.shape().num_elements();
            self.found.insert(self.path.join("."), gradient.reshape([n]));
        }
    }
}
