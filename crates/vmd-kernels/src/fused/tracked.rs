//! Fused operations as nodes of the autodiff graph.

use std::fmt::Debug;

use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Flex};
use burn::tensor::Tensor;
use burn_autodiff::checkpoint::{base::Checkpointer, strategy::NoCheckpointing};
use burn_autodiff::grads::Gradients;
use burn_autodiff::ops::{Backward, Ops, OpsKind};
use burn_flex::FlexTensor;

use super::{Fused, Input, contiguous, upload, values, views};

type Tracking = Autodiff<Flex, NoCheckpointing>;

/// A tensor on `flex` with autodiff.
pub(super) type Tracked = FloatTensor<Tracking>;

/// `tensor` as a tracked tensor, if it is one.
pub(super) fn of<const D: usize>(tensor: &Tensor<D>) -> Option<Tracked> {
    tensor.clone().try_into_primitive::<Tracking>().ok()
}

/// Runs `op`; `None` unless all inputs are tracked.
pub(super) fn run<O: Fused<N>, const N: usize, const D: usize>(
    op: O,
    inputs: [Input; N],
) -> Option<Tensor<D>> {
    if !inputs.iter().all(|input| matches!(input, Input::Tracked(_))) {
        return None;
    }
    let mut inputs = inputs.map(|input| match input {
        Input::Tracked(tensor) => {
            let (primitive, node) = tensor.into_parts();
            (Some(contiguous(primitive)), Some(node))
        }
        _ => unreachable!("all are tracked"),
    });
    let nodes = inputs.each_mut().map(|(_, node)| node.take().expect("taken once"));
    let inputs = inputs.map(|(tensor, _)| tensor.expect("taken once"));
    let (values, shape, kept) = op.forward(views(&inputs), true);
    let output = upload(values, &shape);
    let output = match Node::<O, N>(std::marker::PhantomData)
        .prepare::<NoCheckpointing>(nodes)
        .compute_bound()
        .stateful()
    {
        OpsKind::Tracked(prep) => {
            let read = O::READS_OUTPUT.then(|| output.clone());
            prep.finish((op, inputs, read, kept), output)
        }
        OpsKind::UnTracked(prep) => prep.finish(output),
    };
    Some(Tensor::from_primitive::<Tracking>(output))
}

struct Node<O, const N: usize>(std::marker::PhantomData<O>);

impl<O, const N: usize> Debug for Node<O, N> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("fused operation")
    }
}

impl<O: Fused<N>, const N: usize> Backward<Flex, N> for Node<O, N> {
    type State = (O, [FlexTensor; N], Option<FlexTensor>, O::Kept);

    fn backward(self, ops: Ops<Self::State, N>, grads: &mut Gradients, _: &mut Checkpointer) {
        let grad = contiguous(grads.consume::<Flex>(&ops.node));
        let (op, inputs, output, kept) = ops.state;
        let wanted = ops.parents.each_ref().map(Option::is_some);
        let gradients =
            op.backward(views(&inputs), output.as_ref().map_or(&[], values), &kept, values(&grad), wanted);
        for (index, (parent, gradient)) in ops.parents.into_iter().zip(gradients).enumerate() {
            let Some(parent) = parent else { continue };
            if O::ADDED == Some(index) {
                grads.register::<Flex>(parent.id, grad.clone());
            } else if let Some(gradient) = gradient {
                grads.register::<Flex>(parent.id, upload(gradient, inputs[index].layout().shape()));
            }
        }
    }
}
