//! Negative log-likelihoods.

use burn::tensor::{Int, Tensor, activation::log_softmax};

/// `−log softmax(logits)[target]` where `masked` is not 0, and 0 elsewhere.
///
/// The fused kernel reads only the logits of masked positions, and keeps one number per position
/// for the backward pass.
///
/// # Shapes
///
/// - `logits`: `[batch, seq, vocab]`; `targets`, `masked` and output: `[batch, seq]`
///
/// # Panics
///
/// If a target is not below `vocab`.
pub fn masked_nll(logits: Tensor<3>, targets: Tensor<2, Int>, masked: Tensor<2, Int>) -> Tensor<2> {
    crate::fused_or!(fused::run(&logits, &targets, &masked), {
        let chosen = log_softmax(logits, 2).gather(2, targets.unsqueeze_dim::<3>(2)).squeeze_dim::<2>(2);
        chosen.neg().mask_fill(masked.equal_elem(0), 0.0)
    })
}

#[cfg(feature = "flex")]
mod fused {
    use burn::tensor::{Int, Tensor};

    use crate::cpu::nll::{backward, forward};
    use crate::cpu::scratch::Scratch;
    use crate::fused::{Fused, Input, Kept, View};

    /// Targets of the masked positions.
    #[derive(Debug, Clone)]
    struct Nll(Vec<Option<usize>>);

    pub(super) fn run(
        logits: &Tensor<3>,
        targets: &Tensor<2, Int>,
        masked: &Tensor<2, Int>,
    ) -> Option<Tensor<2>> {
        let input = Input::of(logits);
        if matches!(input, Input::Other) {
            return None;
        }
        let [batch, seq, vocab] = logits.dims();
        assert!(targets.dims() == [batch, seq] && masked.dims() == [batch, seq], "one target per position");
        let (targets, masked) = (targets.to_data(), masked.to_data());
        let targets = targets.iter::<i64>().zip(masked.iter::<i64>()).map(|(target, masked)| {
            let target =
                usize::try_from(target).ok().filter(|&target| target < vocab).expect("target < vocab");
            (masked != 0).then_some(target)
        });
        crate::fused::run(Nll(targets.collect()), [input])
    }

    impl Fused<1> for Nll {
        /// `ln Σ exp` of the logits of every position.
        type Kept = Kept;

        fn forward(&self, [logits]: [View<'_>; 1], _: bool) -> (Scratch, Vec<usize>, Kept) {
            let mut log_sum = Scratch::take(self.0.len());
            let nll = forward(logits.values, &self.0, &mut log_sum);
            (nll, logits.dims[..2].to_vec(), Kept::new(log_sum))
        }

        fn backward(
            &self,
            [logits]: [View<'_>; 1],
            _: &[f32],
            log_sum: &Kept,
            grad: &[f32],
            _: [bool; 1],
        ) -> [Option<Scratch>; 1] {
            [Some(backward(logits.values, &self.0, log_sum.values(), grad))]
        }
    }
}
