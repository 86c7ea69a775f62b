//! `AdamW` with decoupled weight decay, global-norm clipping and an average of the weights.
//!
//! Burn's optimisers key their state by parameter ids that differ between processes, load it onto
//! the default device, and skip entries that do not fit. A resumed run needs parameter names, the
//! given device, and an error.

use std::collections::BTreeMap;

use burn::module::{Module, ModuleMapper, Param};
use burn::tensor::{Device, Tensor, TensorData};
use vmd_kernels::{AdamWState, AdamWStep, adamw};
use vmd_nn::{NamedGradients, ParameterError, named_parameters};

use crate::TrainConfig;

/// Added to the square root of the second moment.
const EPSILON: f64 = 1e-8;

#[derive(Debug, Clone)]
struct Slot {
    first: Tensor<1>,
    second: Tensor<1>,
    average: Tensor<1>,
}

/// Decay rates of the first and the second moment.
const BETAS: [f64; 2] = [0.9, 0.98];

/// `AdamW` (arXiv 1711.05101) and the exponential moving average of the weights, in one pass over all parameters.
#[derive(Debug, Clone)]
pub struct AdamW {
    slots: BTreeMap<String, Slot>,
    weight_decay: f64,
    ema_decay: f64,
    /// Updates made so far.
    updates: u64,
}

impl AdamW {
    /// Creates a fresh state for `module`. The average starts with the weights themselves.
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
        Self { slots, weight_decay: config.weight_decay, ema_decay: config.ema_decay, updates: 0 }
    }

    /// One update with the learning rate of each name. Parameters without a gradient stay
    /// unchanged.
    pub(crate) fn step<M: Module>(
        &mut self,
        module: M,
        gradients: NamedGradients,
        scale: f64,
        learning_rate: &dyn Fn(&str) -> f64,
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

    /// Restores what [`state`](Self::state) and [`average`](Self::average) returned after `updates`
    /// updates.
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
    learning_rate: &'a dyn Fn(&str) -> f64,
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
        let Some(Slot { first, second, average }) = self.optimizer.slots.remove(&name) else { return param };
        let updates = self.optimizer.updates as f64;
        let learning_rate = (self.learning_rate)(&name);
        // Gates have their own penalty. Decay to 0 would open them.
        let decays = D >= 2 && !name.starts_with("denoiser.gates.");
        let step = AdamWStep {
            gradient_scale: self.scale,
            learning_rate,
            betas: BETAS,
            bias: BETAS.map(|beta| 1.0 - beta.powf(updates)),
            epsilon: EPSILON,
            decay: if decays { learning_rate * self.optimizer.weight_decay } else { 0.0 },
            // Early averages would be dominated by the initial weights, so the decay rises with the
            // updates.
            ema: self.optimizer.ema_decay.min((1.0 + updates) / (10.0 + updates)),
        };
        param.map(|old| {
            let trainable = old.is_require_grad();
            let shape = old.dims();
            let weights = old.inner().reshape([shape.iter().product::<usize>()]);
            let new = adamw(step, AdamWState { weights, first, second, average }, gradient);
            let slot = Slot { first: new.first, second: new.second, average: new.average };
            self.optimizer.slots.insert(name, slot);
            let new = Tensor::from_inner(new.weights.reshape(shape));
            if trainable { new.require_grad() } else { new }
        })
    }
}

/// Root of the sum of squares over all gradients.
pub(crate) fn global_norm(gradients: &NamedGradients) -> f64 {
    let squares: Vec<Tensor<1>> = gradients.values().map(|g| (g.clone() * g.clone()).sum()).collect();
    if squares.is_empty() {
        return 0.0;
    }
    f64::from(Tensor::cat(squares, 0).sum().into_scalar::<f32>()).sqrt()
}

/// Adds gradients by name.
pub(crate) fn add(sum: &mut NamedGradients, more: NamedGradients) {
    for (name, gradient) in more {
        let gradient = match sum.remove(&name) {
            Some(old) => old + gradient,
            None => gradient,
        };
        sum.insert(name, gradient);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "helpers of tests may panic too")]

    use rand::SeedableRng;
    use rand::rngs::ChaCha8Rng;
    use vmd_nn::{Linear, ParameterInit, Weights};

    use super::*;

    fn config() -> TrainConfig {
        let text = "steps = 9\nbatch_size = 1\nlearning_rate = 0.1\nweight_decay = 0.3\nema_decay = 0.6";
        toml::from_str(text).unwrap()
    }

    fn layer(device: &Device) -> Linear {
        let init = &mut ParameterInit::new(ChaCha8Rng::seed_from_u64(1), device);
        Linear::new(3, 2, Weights::Scaled { gain: 1.0 }, init)
    }

    fn gradients(update: usize, device: &Device) -> NamedGradients {
        let of = |name: &str, n: usize| {
            let values: Vec<f32> = (0..n).map(|i| ((7 * i + 3 * update) % 5) as f32 - 1.5).collect();
            (name.to_string(), Tensor::from_data(TensorData::new(values, [n]), device))
        };
        [of("weight", 6), of("bias", 2)].into()
    }

    fn host(data: &BTreeMap<String, TensorData>, name: &str) -> Vec<f64> {
        data[name].iter::<f64>().collect()
    }

    /// Adam with decoupled decay and averaging of one scalar, in double precision.
    fn reference(start: f64, gradients: &[f64], decayed: bool) -> (f64, f64) {
        let (mut x, mut average, mut first, mut second) = (start, start, 0.0, 0.0);
        for (update, g) in (1..).zip(gradients) {
            first = 0.9 * first + 0.1 * g;
            second = 0.98 * second + 0.02 * g * g;
            let first = first / (1.0 - 0.9f64.powi(update));
            let second: f64 = second / (1.0 - 0.98f64.powi(update));
            x -= 0.1 * (if decayed { 0.3 * x } else { 0.0 } + first / (second.sqrt() + 1e-8));
            let keep = f64::min(0.6, (1.0 + f64::from(update)) / (10.0 + f64::from(update)));
            average = keep * average + (1.0 - keep) * x;
        }
        (x, average)
    }

    #[test]
    fn updates_are_those_of_the_scalar_algorithm() {
        let device = Device::flex();
        let mut layer = layer(&device);
        let start = named_parameters(&layer);
        let mut optimizer = AdamW::new(&config(), &layer, &device);
        for update in 0..6 {
            // Twice the gradient with scale 1/2.
            let doubled = gradients(update, &device).into_iter().map(|(name, g)| (name, g * 2.0)).collect();
            layer = optimizer.step(layer, doubled, 0.5, &|_| 0.1);
        }
        let (end, average) = (named_parameters(&layer), optimizer.average());
        for name in ["weight", "bias"] {
            let all: Vec<Vec<f64>> = (0..6)
                .map(|update| gradients(update, &device)[name].to_data().iter::<f64>().collect())
                .collect();
            for (i, &x) in host(&start, name).iter().enumerate() {
                let gradients: Vec<f64> = all.iter().map(|g| g[i]).collect();
                // Only matrices decay.
                let (x, mean) = reference(x, &gradients, name == "weight");
                assert!((host(&end, name)[i] - x).abs() < 1e-6, "{name}[{i}]");
                assert!((host(&average, name)[i] - mean).abs() < 1e-6, "average of {name}[{i}]");
            }
        }
    }

    #[test]
    fn a_restored_state_goes_on_bit_by_bit() {
        let device = Device::flex();
        let (mut straight, config) = (layer(&device), config());
        let mut optimizer = AdamW::new(&config, &straight, &device);
        for update in 0..3 {
            straight = optimizer.step(straight, gradients(update, &device), 1.0, &|_| 0.1);
        }
        let mut resumed = straight.clone();
        let mut again = AdamW::new(&config, &layer(&device), &device);
        again.restore(optimizer.state(), optimizer.average(), 3, &device).unwrap();
        for update in 3..6 {
            straight = optimizer.step(straight, gradients(update, &device), 1.0, &|_| 0.1);
            resumed = again.step(resumed, gradients(update, &device), 1.0, &|_| 0.1);
        }
        assert_eq!(named_parameters(&straight), named_parameters(&resumed));
        assert_eq!((optimizer.state(), optimizer.average()), (again.state(), again.average()));
    }

    #[test]
    fn a_state_that_does_not_fit_is_refused() {
        let device = Device::flex();
        let optimizer = AdamW::new(&config(), &layer(&device), &device);
        let restore = |state: BTreeMap<String, TensorData>| {
            optimizer.clone().restore(state, optimizer.average(), 1, &device).unwrap_err()
        };
        let mut missing = optimizer.state();
        missing.remove("bias.second");
        assert!(matches!(restore(missing), ParameterError::Missing { name } if name == "bias.second"));
        let mut longer = optimizer.state();
        longer.insert("bias.first".into(), TensorData::new(vec![0.0f32; 5], [5]));
        assert!(matches!(restore(longer), ParameterError::Shape { name, .. } if name == "bias.first"));
        let mut extra = optimizer.state();
        extra.insert("other.first".into(), TensorData::new(vec![0.0f32; 1], [1]));
        assert!(matches!(restore(extra), ParameterError::Extra { name } if name == "other.first"));
    }
}
