//! Layer normalisation.

use burn::tensor::Tensor;

/// Added to the variance before the square root.
const EPSILON: f64 = 1e-5;

/// Layer normalisation over the last dimension, optionally modulated.
///
/// `norm(x) = (x − mean)/√(var + 1e-5) · gamma + beta` (arXiv 1607.06450); with a modulation
/// `(scale, shift)`, `norm(x)·(1 + scale) + shift` (arXiv 2212.09748).
///
/// # Shapes
///
/// - `x` and output: `[batch, seq, width]`; `gamma`, `beta`: `[width]`
/// - `scale`, `shift`: each `[batch, 1 | seq, width]`
pub fn layer_norm(
    x: Tensor<3>,
    gamma: Tensor<1>,
    beta: Tensor<1>,
    modulation: Option<(Tensor<3>, Tensor<3>)>,
) -> Tensor<3> {
    crate::fused_or!(
        {
            use crate::fused::{Input, run};
            let affine = [Input::of(&x), Input::of(&gamma), Input::of(&beta)];
            match &modulation {
                None => run(fused::Norm, affine),
                Some((scale, shift)) => {
                    let [x, gamma, beta] = affine;
                    run(fused::Norm, [x, gamma, beta, Input::of(scale), Input::of(shift)])
                }
            }
        },
        composed(x, gamma, beta, modulation)
    )
}

fn composed(
    x: Tensor<3>,
    gamma: Tensor<1>,
    beta: Tensor<1>,
    modulation: Option<(Tensor<3>, Tensor<3>)>,
) -> Tensor<3> {
    let centred = x.clone() - x.mean_dim(2);
    let variance = (centred.clone() * centred.clone()).mean_dim(2);
    let normalised = centred / (variance + EPSILON).sqrt();
    let y = normalised * gamma.unsqueeze() + beta.unsqueeze();
    match modulation {
        None => y,
        Some((scale, shift)) => y * (scale + 1.0) + shift,
    }
}

#[cfg(feature = "flex")]
mod fused {
    use crate::cpu::norm::{Modulation, NormInput, backward, forward};
    use crate::cpu::scratch::Scratch;
    use crate::fused::{Fused, Kept, View};

    #[derive(Debug, Clone)]
    pub(super) struct Norm;

    fn input<'a>(
        x: View<'a>,
        gamma: View<'a>,
        beta: View<'a>,
        modulation: Option<[View<'a>; 2]>,
    ) -> NormInput<'a> {
        NormInput {
            x: x.values,
            seq: x.dims[1],
            gamma: gamma.values,
            beta: beta.values,
            modulation: modulation.map(|[scale, shift]| {
                assert_eq!(scale.dims, shift.dims, "scale and shift");
                assert!(scale.dims[0] == x.dims[0] && scale.dims[2] == x.dims[2], "scale and input");
                assert!(
                    scale.dims[1] == 1 || scale.dims[1] == x.dims[1],
                    "one scale per sequence or per token"
                );
                Modulation { scale: scale.values, shift: shift.values, per_token: scale.dims[1] == x.dims[1] }
            }),
            epsilon: super::EPSILON as f32,
        }
    }

    impl Fused<3> for Norm {
        /// Mean and inverse deviation of every row.
        type Kept = Kept;

        fn forward(&self, [x, gamma, beta]: [View<'_>; 3], _: bool) -> (Scratch, Vec<usize>, Kept) {
            let (y, moments) = forward(input(x, gamma, beta, None));
            (y, x.dims.to_vec(), Kept::new(moments))
        }

        fn backward(
            &self,
            [x, gamma, beta]: [View<'_>; 3],
            _: &[f32],
            moments: &Kept,
            grad: &[f32],
            _: [bool; 3],
        ) -> [Option<Scratch>; 3] {
            let gradients = backward(input(x, gamma, beta, None), moments.values(), grad);
            [Some(gradients.x), Some(gradients.gamma), Some(gradients.beta)]
        }
    }

    impl Fused<5> for Norm {
        type Kept = Kept;

        fn forward(
            &self,
            [x, gamma, beta, scale, shift]: [View<'_>; 5],
            _: bool,
        ) -> (Scratch, Vec<usize>, Kept) {
            let (y, moments) = forward(input(x, gamma, beta, Some([scale, shift])));
            (y, x.dims.to_vec(), Kept::new(moments))
        }

        fn backward(
            &self,
            [x, gamma, beta, scale, shift]: [View<'_>; 5],
            _: &[f32],
            moments: &Kept,
            grad: &[f32],
            _: [bool; 5],
        ) -> [Option<Scratch>; 5] {
            let gradients = backward(input(x, gamma, beta, Some([scale, shift])), moments.values(), grad);
            let [scale, shift] = [gradients.scale, gradients.shift];
            [Some(gradients.x), Some(gradients.gamma), Some(gradients.beta), Some(scale), Some(shift)]
        }
    }
}
