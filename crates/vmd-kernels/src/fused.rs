//! Converts Burn tensors to slices and back, with a node in the autodiff graph.

#[cfg(feature = "autodiff")]
mod tracked;

use std::fmt::Debug;
use std::sync::Arc;

use burn::backend::Flex;
use burn::tensor::{DType, Tensor};
use burn_flex::{FlexTensor, Layout};

use crate::cpu::product::Matrix;
use crate::cpu::scratch::Scratch;

/// An operation on slices with `N` differentiable inputs.
pub(crate) trait Fused<const N: usize>: Debug + Clone + Send + 'static {
    /// Values that the backward pass needs besides the inputs.
    type Kept: Debug + Clone + Send + 'static;

    /// Whether the backward pass reads the output; otherwise it gets an empty slice.
    const READS_OUTPUT: bool = false;

    /// The input that is added to the output; its gradient is that of the output.
    const ADDED: Option<usize> = None;

    /// Returns the output, its shape, and the values to keep, which may be empty without `keep`.
    fn forward(&self, inputs: [View<'_>; N], keep: bool) -> (Scratch, Vec<usize>, Self::Kept);

    /// Returns the gradients of the inputs, at least of those that are `wanted`, except that of
    /// [`ADDED`](Self::ADDED).
    fn backward(
        &self,
        inputs: [View<'_>; N],
        output: &[f32],
        kept: &Self::Kept,
        grad: &[f32],
        wanted: [bool; N],
    ) -> [Option<Scratch>; N];
}

/// A contiguous input.
#[derive(Debug, Clone, Copy)]
pub(crate) struct View<'a> {
    pub(crate) values: &'a [f32],
    pub(crate) dims: &'a [usize],
}

impl<'a> View<'a> {
    /// A tensor of rank 2 as a matrix.
    pub(crate) fn matrix(self) -> Matrix<'a> {
        Matrix::new(self.values, self.dims[0], self.dims[1], self.dims[1])
    }
}

/// Values that are kept for the backward pass.
#[derive(Clone)]
pub(crate) struct Kept(Arc<Scratch>);

impl Kept {
    pub(crate) fn new(values: Scratch) -> Self {
        Self(Arc::new(values))
    }

    pub(crate) fn values(&self) -> &[f32] {
        &self.0
    }
}

impl Debug for Kept {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} values", self.0.len())
    }
}

/// An input, by backend.
pub(crate) enum Input {
    Plain(FlexTensor),
    #[cfg(feature = "autodiff")]
    Tracked(tracked::Tracked),
    /// A tensor on another backend or of another precision.
    Other,
}

impl Input {
    pub(crate) fn of<const D: usize>(tensor: &Tensor<D>) -> Self {
        if tensor.dtype() != DType::F32 {
            return Self::Other;
        }
        if let Ok(tensor) = tensor.clone().try_into_primitive::<Flex>() {
            return Self::Plain(tensor);
        }
        #[cfg(feature = "autodiff")]
        if let Some(tensor) = tracked::of(tensor) {
            return Self::Tracked(tensor);
        }
        Self::Other
    }
}

/// Runs `op`; `None` unless all inputs are `f32` tensors on `flex`, either all or none with
/// autodiff.
pub(crate) fn run<O: Fused<N>, const N: usize, const D: usize>(
    op: O,
    inputs: [Input; N],
) -> Option<Tensor<D>> {
    if inputs.iter().all(|input| matches!(input, Input::Plain(_))) {
        let inputs = inputs.map(|input| match input {
            Input::Plain(tensor) => contiguous(tensor),
            _ => unreachable!("all are plain"),
        });
        let (values, shape, _) = op.forward(views(&inputs), false);
        return Some(Tensor::from_primitive::<Flex>(upload(values, &shape)));
    }
    #[cfg(feature = "autodiff")]
    let output = tracked::run(op, inputs);
    #[cfg(not(feature = "autodiff"))]
    let output = None;
    output
}

fn contiguous(tensor: FlexTensor) -> FlexTensor {
    if tensor.is_contiguous() { tensor } else { tensor.to_contiguous() }
}

/// The values of a contiguous tensor.
fn values(tensor: &FlexTensor) -> &[f32] {
    let layout = tensor.layout();
    &tensor.storage::<f32>()[layout.start_offset()..layout.start_offset() + layout.num_elements()]
}

fn views<const N: usize>(inputs: &[FlexTensor; N]) -> [View<'_>; N] {
    inputs.each_ref().map(|tensor| View { values: values(tensor), dims: tensor.layout().shape() })
}

fn upload(values: Scratch, dims: &[usize]) -> FlexTensor {
    assert_eq!(values.len(), dims.iter().product::<usize>(), "values of the shape {dims:?}");
    FlexTensor::new(values.into_bytes(), Layout::contiguous(dims.to_vec().into()), DType::F32)
}

#[cfg(all(test, feature = "autodiff"))]
mod tests {
    use burn::tensor::Device;

    use super::*;
    use crate::cpu;

    #[derive(Debug, Clone)]
    struct Double;

    impl Fused<1> for Double {
        type Kept = ();

        fn forward(&self, [x]: [View<'_>; 1], _: bool) -> (Scratch, Vec<usize>, ()) {
            let mut y = Scratch::copy(x.values);
            y.iter_mut().for_each(|y| *y *= 2.0);
            (y, x.dims.to_vec(), ())
        }

        fn backward(
            &self,
            _: [View<'_>; 1],
            _: &[f32],
            (): &(),
            grad: &[f32],
            _: [bool; 1],
        ) -> [Option<Scratch>; 1] {
            [Some(cpu::activation::forward(crate::Activation::Relu, grad))]
        }
    }

    fn doubled(x: &Tensor<2>) -> Option<Tensor<2>> {
        run(Double, [Input::of(x)])
    }

    #[test]
    fn runs_on_flex_in_single_precision_only() {
        for device in [Device::flex(), Device::flex().autodiff()] {
            let x = Tensor::<2>::from_data([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], &device);
            let y = doubled(&x).expect("fused").into_data();
            assert_eq!(y.iter::<f32>().collect::<Vec<_>>(), [2.0, 4.0, 6.0, 8.0, 10.0, 12.0]);
            assert!(doubled(&x.cast(burn::tensor::FloatDType::F64)).is_none());
        }
    }

    #[test]
    fn reads_views_and_passes_gradients_through_them() {
        let device = Device::flex().autodiff();
        let leaf = Tensor::<2>::from_data([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], &device).require_grad();
        let y = doubled(&leaf.clone().transpose().slice([1..3, 0..2])).expect("fused");
        assert_eq!(y.to_data().iter::<f32>().collect::<Vec<_>>(), [4.0, 10.0, 6.0, 12.0]);
        let gradients = y.sum().backward();
        let gradient = leaf.grad(&gradients).expect("tracked").into_data();
        assert_eq!(gradient.iter::<f32>().collect::<Vec<_>>(), [0.0, 1.0, 1.0, 0.0, 1.0, 1.0]);
    }
}
