//! `AdamW` with decoupled weight decay, global-norm clipping and an average of the weights.
//!
//! Burn's optimisers key their state by parameter ids that differ from process to process, put a loaded state
//! on the default device, and skip in silence what does not fit; a resumed run needs names, the given device,
//! and an error.

use std::collections::BTreeMap;

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::{Device, Gradients, Tensor, TensorData};
use vmd_nn::{ParameterError, named_parameters};

use crate::TrainConfig;

/// Added to the root of the second moment.
const EPSILON: f64 = 1e-8;

/// Gradients by parameter name, flattened.
pub(crate) type NamedGradients = BTreeMap<String, Tensor<1>>;

#[derive(Debug, Clone)]
struct Slot {
    first: Tensor<1>,
    second: Tensor<1>,
    average: Tensor<1>,
}

/// `AdamW` (arXiv 1711.05101) and the exponential moving average of the weights, in one pass over all parameters.
#[derive(Debug, Clone)]
pub struct AdamW {
    slots: BTreeMap<String, Slot>,
    betas: [f64; 2],
    weight_decay: f64,
    ema_decay: f64,
    /// Updates made so far.
    updates: u64,
}

impl AdamW {
    /// A fresh state for `module`; the average starts as the weights themselves.
    pub fn new<M: Module>(config: &TrainConfig, module: &M, device: &Device) -> Self {
        let slots = named_parameters(module)
            .into_iter()
            .map(|(name, data)| {
                let n = data.num_elements();
                let zeros = Tensor::zeros([n], device);
                let average = Tensor::<1>::from_data(TensorData::new(values(&data), [n]), device);
                (name, Slot { first: zeros.clone(), second: zeros, average })
            })
            .collect();
        Self {
            slots,
            betas: config.betas,
            weight_decay: config.weight_decay,
            ema_decay: config.ema_decay,
            updates: 0,
        }
    }

    /// One update; parameters without a gradient stay as they are.
    pub(crate) fn step<M: Module>(
        &mut self,
        module: M,
        gradients: NamedGradients,
        scale: f64,
        learning_rate: f64,
    ) -> M {
        self.updates += 1;
        module.map(&mut Update { optimizer: self, gradients, scale, learning_rate, path: Vec::new() })
    }

    /// Moments (`NAME.first`, `NAME.second`) for a checkpoint.
    pub fn state(&self) -> BTreeMap<String, TensorData> {
        let pair = |(name, slot): (&String, &Slot)| {
            [
                (format!("{name}.first"), slot.first.to_data()),
                (format!("{name}.second"), slot.second.to_data()),
            ]
        };
        self.slots.iter().flat_map(pair).collect()
    }

    /// The averaged weights by name, flattened.
    pub fn average(&self) -> BTreeMap<String, TensorData> {
        self.slots.iter().map(|(name, slot)| (name.clone(), slot.average.to_data())).collect()
    }

    /// Restores what [`state`](Self::state) and [`average`](Self::average) returned after `updates` updates.
    ///
    /// # Errors
    ///
    /// [`ParameterError`] unless names and sizes agree exactly.
    pub fn restore(
        &mut self,
        mut state: BTreeMap<String, TensorData>,
        mut average: BTreeMap<String, TensorData>,
        updates: u64,
        device: &Device,
    ) -> Result<(), ParameterError> {
        let take = |from: &mut BTreeMap<String, TensorData>, name: String, n: usize| {
            let Some(data) = from.remove(&name) else { return Err(ParameterError::Missing { name }) };
            if data.num_elements() != n {
                let found = data.shape().to_vec();
                return Err(ParameterError::Shape { name, expected: vec![n], found });
            }
            Ok(Tensor::<1>::from_data(TensorData::new(values(&data), [n]), device))
        };
        for (name, slot) in &mut self.slots {
            let [n] = slot.first.dims();
            slot.first = take(&mut state, format!("{name}.first"), n)?;
            slot.second = take(&mut state, format!("{name}.second"), n)?;
            slot.average = take(&mut average, name.clone(), n)?;
        }
        self.updates = updates;
        match state.into_keys().chain(average.into_keys()).next() {
            Some(name) => Err(ParameterError::Extra { name }),
            None => Ok(()),
        }
    }
}

fn values(data: &TensorData) -> Vec<f32> {
    data.iter::<f32>().collect()
}

struct Update<'a> {
    optimizer: &'a mut AdamW,
    gradients: NamedGradients,
    scale: f64,
    learning_rate: f64,
    path: Vec<String>,
}

impl ModuleMapper for Update<'_> {
    fn enter_module(&mut self, name: &str, _container_type: &str) {
        self.path.push(name.to_string());
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.path.pop();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let name = self.path.join(".");
        let Some(gradient) = self.gradients.remove(&name) else { return param };
        let [beta_1, beta_2] = self.optimizer.betas;
        let updates = self.optimizer.updates as f64;
        let bias_1 = 1.0 - beta_1.powf(updates);
        let bias_2 = 1.0 - beta_2.powf(updates);
        // Early averages would be dominated by the random start, so the decay rises with the updates.
        let ema = self.optimizer.ema_decay.min((1.0 + updates) / (10.0 + updates));
        let decay = if D >= 2 { self.learning_rate * self.optimizer.weight_decay } else { 0.0 };
        let Some(slot) = self.optimizer.slots.get_mut(&name) else { return param };
        let gradient = gradient * self.scale;
        slot.first = slot.first.clone() * beta_1 + gradient.clone() * (1.0 - beta_1);
        slot.second = slot.second.clone() * beta_2 + gradient.clone() * gradient * (1.0 - beta_2);
        let delta = slot.first.clone() * (self.learning_rate / bias_1)
            / ((slot.second.clone() / bias_2).sqrt() + EPSILON);
        param.map(|old| {
            let trainable = old.is_require_grad();
            let shape = old.dims();
            let [n] = slot.first.dims();
            let new = old.inner().reshape([n]) * (1.0 - decay) - delta;
            slot.average = slot.average.clone() * ema + new.clone() * (1.0 - ema);
            let new = Tensor::from_inner(new.reshape(shape));
            if trainable { new.require_grad() } else { new }
        })
    }
}

/// The gradients of `module`'s parameters by name, on the device without autodiff.
pub(crate) fn named_gradients<M: Module>(module: &M, gradients: &Gradients) -> NamedGradients {
    let mut collector = Collector { gradients, path: Vec::new(), found: BTreeMap::new() };
    module.visit(&mut collector);
    collector.found
}

/// Root of the sum of squares over all gradients.
pub(crate) fn global_norm(gradients: &NamedGradients) -> f64 {
    let squares: Vec<Tensor<1>> = gradients.values().map(|g| (g.clone() * g.clone()).sum()).collect();
    if squares.is_empty() {
        return 0.0;
    }
    f64::from(Tensor::cat(squares, 0).sum().into_scalar::<f32>()).sqrt()
}

struct Collector<'a> {
    gradients: &'a Gradients,
    path: Vec<String>,
    found: NamedGradients,
}

impl ModuleVisitor for Collector<'_> {
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
