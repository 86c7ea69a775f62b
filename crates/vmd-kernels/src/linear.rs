//! Affine maps.

use burn::tensor::Tensor;

use crate::Precision;

/// `x·W + b` over the last dimension, plus `added` if given.
///
/// If `precision` is lower than single precision, the factors of the product are rounded, in the
/// forward and in the backward pass.
///
/// # Shapes
///
/// - `x`: `[batch, seq, d_input]`; `weight`: `[d_input, d_output]`; `bias`: `[d_output]`
/// - `added` and output: `[batch, seq, d_output]`
pub fn linear(
    x: Tensor<3>,
    weight: Tensor<2>,
    bias: Tensor<1>,
    added: Option<Tensor<3>>,
    precision: Precision,
) -> Tensor<3> {
    crate::fused_or!(
        {
            use crate::fused::{Input, run};
            let [x, weight, bias] = [Input::of(&x), Input::of(&weight), Input::of(&bias)];
            match &added {
                _ if !precision.is_fused() => None,
                None => run(fused::Linear(precision), [x, weight, bias]),
                Some(added) => run(fused::Linear(precision), [x, weight, bias, Input::of(added)]),
            }
        },
        {
            let [batch, seq, d_input] = x.dims();
            let [_, d_output] = weight.dims();
            // One tall product instead of `batch` small ones.
            let y = precision.matmul(x.reshape([batch * seq, d_input]), weight);
            let y = (y + bias.unsqueeze()).reshape([batch, seq, d_output]);
            match added {
                None => y,
                Some(added) => added + y,
            }
        }
    )
}

#[cfg(feature = "flex")]
mod fused {
    use rayon::prelude::*;

    use crate::Precision;
    use crate::cpu::packed::{Packed, add_rows, block_rows, parts, shares, total};
    use crate::cpu::product::{Matrix, Start};
    use crate::cpu::scratch::Scratch;
    use crate::fused::{Fused, View};

    #[derive(Debug, Clone)]
    pub(super) struct Linear(pub(super) Precision);

    fn forward(
        x: View<'_>,
        weight: View<'_>,
        bias: View<'_>,
        added: Option<View<'_>>,
        precision: Precision,
    ) -> (Scratch, Vec<usize>, ()) {
        let [d_input, d_output] = [weight.dims[0], weight.dims[1]];
        let rows = x.dims[0] * x.dims[1];
        assert_eq!(x.dims[2], d_input, "channels of the input and rows of the weight");
        let mut y = Scratch::take(rows * d_output);
        let x_matrix = Matrix::new(x.values, rows, d_input, d_input);
        let packed = Packed::new(weight.matrix(), precision);
        let block = block_rows(rows);
        y.par_chunks_mut((block * d_output).max(1)).enumerate().for_each(|(index, y)| {
            let from = index * block;
            let x = x_matrix.rows(from, block);
            let start = match added {
                None => Start::Bias(bias.values),
                Some(added) => {
                    y.copy_from_slice(&added.values[from * d_output..][..y.len()]);
                    Start::AccumulateBias(bias.values)
                }
            };
            packed.multiply(x, start, y, d_output);
        });
        (y, vec![x.dims[0], x.dims[1], d_output], ())
    }

    /// Gradients of the input, the weight and the bias.
    fn backward(
        x: View<'_>,
        weight: View<'_>,
        grad: &[f32],
        input_wanted: bool,
        precision: Precision,
    ) -> [Option<Scratch>; 3] {
        let [d_input, d_output] = [weight.dims[0], weight.dims[1]];
        let rows = x.dims[0] * x.dims[1];
        let (x, dy) =
            (Matrix::new(x.values, rows, d_input, d_input), Matrix::new(grad, rows, d_output, d_output));
        let packed = input_wanted.then(|| Packed::new(weight.matrix().transposed(), precision));
        let mut dx = Scratch::take(if input_wanted { rows * d_input } else { 0 });
        let (n_parts, size) = parts(rows);
        let sums: Vec<(Scratch, Scratch)> = shares(&mut dx, size * d_input, n_parts)
            .into_par_iter()
            .enumerate()
            .map(|(index, dx)| {
                let (x, dy) = (x.rows(index * size, size), dy.rows(index * size, size));
                if let Some(packed) = &packed {
                    packed.multiply(dy, Start::Zero, dx, d_input);
                }
                let (mut weight, mut bias) = (Scratch::take(d_input * d_output), Scratch::zeroed(d_output));
                x.transposed().multiply(dy, precision, Start::Zero, &mut weight, d_output);
                let from = index * size * d_output;
                add_rows(&grad[from..from + dy.n_rows() * d_output], &mut bias);
                (weight, bias)
            })
            .collect();
        let (weights, biases) = sums.into_iter().unzip();
        [input_wanted.then_some(dx), Some(total(weights, d_input * d_output)), Some(total(biases, d_output))]
    }

    impl Fused<3> for Linear {
        type Kept = ();

        fn forward(&self, [x, weight, bias]: [View<'_>; 3], _: bool) -> (Scratch, Vec<usize>, ()) {
            forward(x, weight, bias, None, self.0)
        }

        fn backward(
            &self,
            [x, weight, _]: [View<'_>; 3],
            _: &[f32],
            (): &(),
            grad: &[f32],
            wanted: [bool; 3],
        ) -> [Option<Scratch>; 3] {
            backward(x, weight, grad, wanted[0], self.0)
        }
    }

    impl Fused<4> for Linear {
        type Kept = ();

        const ADDED: Option<usize> = Some(3);

        fn forward(&self, [x, weight, bias, added]: [View<'_>; 4], _: bool) -> (Scratch, Vec<usize>, ()) {
            forward(x, weight, bias, Some(added), self.0)
        }

        fn backward(
            &self,
            [x, weight, _, _]: [View<'_>; 4],
            _: &[f32],
            (): &(),
            grad: &[f32],
            wanted: [bool; 4],
        ) -> [Option<Scratch>; 4] {
            let [x, weight, bias] = backward(x, weight, grad, wanted[0], self.0);
            [x, weight, bias, None]
        }
    }
}
