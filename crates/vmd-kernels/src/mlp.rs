//! Feed-forward layers.

use burn::tensor::Tensor;

use crate::{Activation, linear};

/// `activation(x·W₁ + b₁)·W₂ + b₂` over the last dimension.
///
/// The fused backward pass keeps the hidden layer once, before the activation, and applies that again.
///
/// # Shapes
///
/// - `x` and output: `[batch, seq, width]`
/// - `up`: `[width, hidden]` and `[hidden]`; `down`: `[hidden, width]` and `[width]`
pub fn mlp(
    x: Tensor<3>,
    activation: Activation,
    up: (Tensor<2>, Tensor<1>),
    down: (Tensor<2>, Tensor<1>),
) -> Tensor<3> {
    crate::fused_or!(
        {
            use crate::fused::{Input, run};
            let inputs =
                [Input::of(&x), Input::of(&up.0), Input::of(&up.1), Input::of(&down.0), Input::of(&down.1)];
            run(fused::Mlp(activation), inputs)
        },
        linear(activation.forward(linear(x, up.0, up.1)), down.0, down.1)
    )
}

#[cfg(feature = "flex")]
mod fused {
    use crate::Activation;
    use crate::cpu::activation;
    use crate::cpu::product::{Matrix, product, sum_of_rows, transposed_product};
    use crate::cpu::scratch::Scratch;
    use crate::cpu::zeros;
    use crate::fused::{Fused, Kept, View};

    #[derive(Debug, Clone)]
    pub(super) struct Mlp(pub(super) Activation);

    impl Fused<5> for Mlp {
        /// The hidden layer before the activation.
        type Kept = Kept;

        fn forward(&self, [x, up, up_bias, down, down_bias]: [View<'_>; 5]) -> (Vec<f32>, Vec<usize>, Kept) {
            let [width, hidden] = [up.dims[0], up.dims[1]];
            let rows = x.dims[0] * x.dims[1];
            assert_eq!(x.dims[2], width, "channels of the input and rows of the weight");
            let mut before = Scratch::take(rows * hidden);
            product(
                Matrix::new(x.values, rows, width, width),
                up.matrix(),
                Some(up_bias.values),
                &mut before,
            );
            let mut after = Scratch::take(rows * hidden);
            activation::forward_into(self.0, &before, &mut after);
            let mut y = zeros(rows * down.dims[1]);
            let after = Matrix::new(&after, rows, hidden, hidden);
            product(after, down.matrix(), Some(down_bias.values), &mut y);
            (y, vec![x.dims[0], x.dims[1], down.dims[1]], Kept::new(before))
        }

        fn backward(
            &self,
            [x, up, _, down, _]: [View<'_>; 5],
            _: &[f32],
            before: &Kept,
            grad: &[f32],
            wanted: [bool; 5],
        ) -> [Option<Vec<f32>>; 5] {
            let [width, hidden] = [up.dims[0], up.dims[1]];
            let rows = x.dims[0] * x.dims[1];
            let dy = Matrix::new(grad, rows, down.dims[1], down.dims[1]);
            let mut after = Scratch::take(rows * hidden);
            activation::forward_into(self.0, before.values(), &mut after);
            let d_down = wanted[3].then(|| transposed_product(Matrix::new(&after, rows, hidden, hidden), dy));
            let mut d_hidden = after;
            product(dy, down.matrix().transposed(), None, &mut d_hidden);
            activation::backward_in_place(self.0, before.values(), &mut d_hidden);
            let d_before = Matrix::new(&d_hidden, rows, hidden, hidden);
            [
                wanted[0].then(|| {
                    let mut dx = zeros(rows * width);
                    product(d_before, up.matrix().transposed(), None, &mut dx);
                    dx
                }),
                wanted[1].then(|| transposed_product(Matrix::new(x.values, rows, width, width), d_before)),
                wanted[2].then(|| sum_of_rows(&d_hidden, hidden)),
                d_down,
                wanted[4].then(|| sum_of_rows(grad, down.dims[1])),
            ]
        }
    }
}
