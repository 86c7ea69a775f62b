//! Affine maps.

use burn::tensor::Tensor;

/// `x·W + b` over the last dimension.
///
/// # Shapes
///
/// - `x`: `[batch, seq, d_input]`; `weight`: `[d_input, d_output]`; `bias`: `[d_output]`
/// - output: `[batch, seq, d_output]`
pub fn linear(x: Tensor<3>, weight: Tensor<2>, bias: Tensor<1>) -> Tensor<3> {
    crate::fused_or!(
        {
            use crate::fused::{Input, run};
            run(fused::Linear, [Input::of(&x), Input::of(&weight), Input::of(&bias)])
        },
        {
            let [batch, seq, d_input] = x.dims();
            let [_, d_output] = weight.dims();
            // One tall product instead of `batch` small ones.
            let y = x.reshape([batch * seq, d_input]).matmul(weight);
            (y + bias.unsqueeze()).reshape([batch, seq, d_output])
        }
    )
}

#[cfg(feature = "flex")]
mod fused {
    use crate::cpu::product::{Matrix, product, sum_of_rows, transposed_product};
    use crate::cpu::zeros;
    use crate::fused::{Fused, View};

    #[derive(Debug, Clone)]
    pub(super) struct Linear;

    impl Fused<3> for Linear {
        type Kept = ();

        fn forward(&self, [x, weight, bias]: [View<'_>; 3]) -> (Vec<f32>, Vec<usize>, ()) {
            let [d_input, d_output] = [weight.dims[0], weight.dims[1]];
            let rows = x.dims[0] * x.dims[1];
            assert_eq!(x.dims[2], d_input, "channels of the input and rows of the weight");
            let mut y = zeros(rows * d_output);
            let x_matrix = Matrix::new(x.values, rows, d_input, d_input);
            product(x_matrix, weight.matrix(), Some(bias.values), &mut y);
            (y, vec![x.dims[0], x.dims[1], d_output], ())
        }

        fn backward(
            &self,
            [x, weight, _]: [View<'_>; 3],
            _: &[f32],
            (): &(),
            grad: &[f32],
            wanted: [bool; 3],
        ) -> [Option<Vec<f32>>; 3] {
            let [d_input, d_output] = [weight.dims[0], weight.dims[1]];
            let rows = x.dims[0] * x.dims[1];
            let dy = Matrix::new(grad, rows, d_output, d_output);
            [
                wanted[0].then(|| {
                    let mut dx = zeros(rows * d_input);
                    product(dy, weight.matrix().transposed(), None, &mut dx);
                    dx
                }),
                wanted[1].then(|| transposed_product(Matrix::new(x.values, rows, d_input, d_input), dy)),
                wanted[2].then(|| sum_of_rows(grad, d_output)),
            ]
        }
    }
}
