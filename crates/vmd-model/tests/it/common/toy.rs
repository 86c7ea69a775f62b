//! A toy model that can be enumerated: 2 tokens, 3 values, 4 latents.

use burn::tensor::{Device, Int, Tensor, TensorData};
use vmd_latent::{LatentRows, PriorKind};
use vmd_model::VmdModel;
use vmd_sampler::{Predictor, Query, Scope};

use super::{CATEGORICAL, config, log_softmax, trained};

pub(crate) const VOCAB: u32 = 3;
pub(crate) const MASK: u32 = VOCAB;
pub(crate) type Pair = [u32; 2];

/// The toy model with all that is needed for its exact likelihood.
pub(crate) struct Toy {
    pub(crate) model: VmdModel,
    pub(crate) scope: Scope,
    pub(crate) steps: usize,
    pub(crate) latents: LatentRows,
    /// `p(z)` of each latent.
    pub(crate) weights: [f64; 4],
}

impl Toy {
    pub(crate) fn new(scope: Scope, steps: usize, kind: PriorKind, seed: u64) -> Self {
        let mut config = config(VOCAB as usize, 2, scope, Some(CATEGORICAL));
        config.latent.as_mut().unwrap().prior = kind;
        Self::of(trained(&config, seed), scope, steps, kind)
    }

    pub(crate) fn of(model: VmdModel, scope: Scope, steps: usize, kind: PriorKind) -> Self {
        let prior = model.prior().unwrap();
        let latents = prior.enumerate(4).unwrap();
        let weights = [0, 1, 2, 3].map(|z| prior.log_density(latents.row(z)).exp());
        assert_eq!(latents.n_rows(), 4);
        assert_eq!(kind != PriorKind::Standard {}, weights[0] != weights[3]);
        Self { model, scope, steps, latents, weights }
    }

    /// `−log p(x0_i | xt, z)` of both tokens.
    pub(crate) fn nll(&self, x0: Pair, xt: Pair, t: f64, z: usize) -> [f64; 2] {
        let query = Query { xt: &xt, t: &[t], z: self.latents.row(z), budget: self.steps, rows: &[] };
        let logits = self.model.predict(query).logits;
        let of = |i: usize| -log_softmax(&logits[i * 3..(i + 1) * 3])[x0[i] as usize];
        [of(0), of(1)]
    }

    /// Time and reveal probability with `left` steps to go: linear schedule, uniform grid.
    pub(crate) fn step(&self, left: usize) -> (f64, f64) {
        (left as f64 / self.steps as f64, 1.0 / left as f64)
    }

    /// Probability that the chain at `xt`, with `left` steps to go, ends in `x0`, for the given
    /// latents.
    pub(crate) fn chain(&self, x0: Pair, xt: Pair, left: usize, latents: &[usize]) -> f64 {
        if left == 0 {
            return f64::from(u8::from(xt == x0));
        }
        let (t, r) = self.step(left);
        let masked: Vec<usize> = (0..2).filter(|&i| xt[i] == MASK).collect();
        (0..1usize << masked.len())
            .map(|subset| {
                let revealed: Vec<usize> =
                    (0..masked.len()).filter(|i| subset >> i & 1 == 1).map(|i| masked[i]).collect();
                let kept = masked.len() - revealed.len();
                let chance = r.powi(revealed.len() as i32) * (1.0 - r).powi(kept as i32);
                let joint: f64 = latents
                    .iter()
                    .map(|&z| {
                        let nll = self.nll(x0, xt, t, z);
                        self.weights[z] * revealed.iter().map(|&i| -nll[i]).sum::<f64>().exp()
                    })
                    .sum::<f64>()
                    / latents.iter().map(|&z| self.weights[z]).sum::<f64>();
                let mut next = xt;
                revealed.iter().for_each(|&i| next[i] = x0[i]);
                chance * joint * self.chain(x0, next, left - 1, latents)
            })
            .sum()
    }

    /// Exact `p(x0)` of the ancestral sampler.
    pub(crate) fn likelihood(&self, x0: Pair) -> f64 {
        match self.scope {
            Scope::Step => self.chain(x0, [MASK; 2], self.steps, &[0, 1, 2, 3]),
            Scope::Block => {
                (0..4).map(|z| self.weights[z] * self.chain(x0, [MASK; 2], self.steps, &[z])).sum::<f64>()
            }
        }
    }

    /// Probability of the tokens that `step` reveals, for each latent, if `order` gives the step of
    /// each token.
    pub(crate) fn of_step(&self, x0: Pair, order: [usize; 2], step: usize) -> [f64; 4] {
        let xt = [0, 1].map(|i| if order[i] < step { x0[i] } else { MASK });
        let (t, _) = self.step(self.steps - step);
        [0, 1, 2, 3].map(|z| {
            let nll = self.nll(x0, xt, t, z);
            (0..2).filter(|&i| order[i] == step).map(|i| -nll[i]).sum::<f64>().exp()
        })
    }

    /// The mean over orders of `−ln p(x0 | order)`: a lower limit of all bounds that draw one order
    /// per sequence.
    pub(crate) fn nll_given_order(&self, x0: Pair) -> f64 {
        let orders = (0..self.steps).flat_map(|a| (0..self.steps).map(move |b| [a, b]));
        let of_order = |order: [usize; 2]| -> f64 {
            let per_step: Vec<[f64; 4]> = (0..self.steps).map(|step| self.of_step(x0, order, step)).collect();
            let mean = |p: &[f64; 4]| p.iter().zip(self.weights).map(|(p, w)| p * w).sum::<f64>();
            match self.scope {
                Scope::Step => per_step.iter().map(mean).product(),
                Scope::Block => mean(&[0, 1, 2, 3].map(|z: usize| per_step.iter().map(|p| p[z]).product())),
            }
        };
        // Linear schedule, uniform grid: a token appears in each step with the same probability.
        let n = (self.steps * self.steps) as f64;
        orders.map(|order| -of_order(order).ln()).sum::<f64>() / n
    }

    /// `ln q(z | ·)` of the four latents.
    pub(crate) fn log_posterior(&self, x0: Pair, xt: Pair) -> Vec<f64> {
        let upload = |tokens: [i32; 2]| {
            Tensor::<2, Int>::from_data(TensorData::new(tokens.to_vec(), [1, 2]), &Device::flex())
        };
        // A latent of the block covers all tokens, revealed or not.
        let masked = xt.map(|token| i32::from(self.scope == Scope::Block || token == MASK));
        let latent_mask = upload(masked);
        let q = self
            .model
            .posterior()
            .unwrap()
            .forward(upload(x0.map(|token| token as i32)), latent_mask, None)
            .to_host();
        (0..4).map(|z| q.log_density(0, self.latents.row(z))).collect()
    }

    /// Exact expectation of the objective.
    pub(crate) fn bound(&self, x0: Pair) -> f64 {
        let kl =
            |log_q: &[f64]| log_q.iter().zip(self.weights).map(|(l, p)| l.exp() * (l - p.ln())).sum::<f64>();
        let mut bound = 0.0;
        for left in 1..=self.steps {
            let (t, r) = self.step(left);
            for pattern in 0..4usize {
                let is_masked = |i: usize| pattern >> i & 1 == 1;
                let n = pattern.count_ones() as i32;
                let chance = t.powi(n) * (1.0 - t).powi(2 - n);
                let xt = [0, 1].map(|i| if is_masked(i) { MASK } else { x0[i] });
                let log_q = self.log_posterior(x0, xt);
                let recon: f64 = (0..4)
                    .map(|z| {
                        let nll = self.nll(x0, xt, t, z);
                        log_q[z].exp() * (0..2).filter(|&i| is_masked(i)).map(|i| nll[i]).sum::<f64>()
                    })
                    .sum();
                let owed = if self.scope == Scope::Step { 1.0 - (1.0 - r).powi(n) } else { 0.0 };
                bound += chance * (r * recon + owed * kl(&log_q));
            }
        }
        if self.scope == Scope::Block { bound + kl(&self.log_posterior(x0, [MASK; 2])) } else { bound }
    }
}

pub(crate) fn all_pairs() -> impl Iterator<Item = Pair> {
    (0..VOCAB).flat_map(|a| (0..VOCAB).map(move |b| [a, b]))
}
