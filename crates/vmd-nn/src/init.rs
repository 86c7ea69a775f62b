//! Initialisation of parameters on the host.

use burn::module::Param;
use burn::tensor::{Device, Tensor, TensorData};
use rand::RngExt;
use rand::rngs::ChaCha8Rng;

/// Draws initial parameters on the host and uploads them to one device.
///
/// Burn's initialisers read one process-global stream that can be neither keyed nor saved. Drawing
/// on the host makes a network a pure function of its seed.
#[derive(Debug)]
pub struct ParameterInit<'a> {
    rng: ChaCha8Rng,
    device: &'a Device,
}

impl<'a> ParameterInit<'a> {
    /// Creates an initialiser that draws from `rng` and uploads to `device`.
    pub fn new(rng: ChaCha8Rng, device: &'a Device) -> Self {
        Self { rng, device }
    }

    /// The device to which parameters are uploaded.
    pub fn device(&self) -> &Device {
        self.device
    }

    /// Creates a parameter of independent uniform draws with mean 0 and standard deviation `std`.
    ///
    /// Uniform draws are bounded and take one random number per value.
    pub fn uniform<const D: usize>(&mut self, shape: [usize; D], std: f64) -> Param<Tensor<D>> {
        let limit = std * 3f64.sqrt();
        let n = shape.iter().product();
        let values: Vec<f32> =
            (0..n).map(|_| ((self.rng.random::<f64>() * 2.0 - 1.0) * limit) as f32).collect();
        Param::from_tensor(Tensor::from_data(TensorData::new(values, shape), self.device))
    }

    /// Creates a parameter in which every element is `value`.
    pub fn constant<const D: usize>(&mut self, shape: [usize; D], value: f32) -> Param<Tensor<D>> {
        let values = vec![value; shape.iter().product()];
        Param::from_tensor(Tensor::from_data(TensorData::new(values, shape), self.device))
    }
}
