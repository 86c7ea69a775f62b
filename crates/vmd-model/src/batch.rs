//! Corrupted training batches, with all random numbers drawn in advance.

use rand::Rng;
use vmd_core::{Purpose, keyed_rng, uniform};
use vmd_process::{corrupt, low_discrepancy_times};

use crate::objective::{Assignment, DrawnTime};
use crate::{Conditioned, ModelConfig, ObjectiveConfig, Scope, TrainableDenoiser, VmdModel};

/// Host-side input of the loss.
#[derive(Debug, Clone, PartialEq)]
pub struct TrainingBatch {
    /// Clean tokens, `[rows, seq]`.
    pub x0: Vec<u32>,
    /// Partly masked tokens, `[rows, seq]`.
    pub xt: Vec<u32>,
    /// Tokens visible when the latent is drawn, `[rows, seq]`: the clues, the previous blocks or
    /// `xt`. The mask token elsewhere.
    pub observed: Vec<u32>,
    /// 1 for the tokens that the latent covers, `[rows, seq]`.
    pub latent_mask: Vec<u32>,
    /// 1 for the tokens that the reconstruction term includes, `[rows, seq]`.
    pub loss_mask: Vec<u32>,
    /// Tokens that the step reveals, `[rows, seq]`, the mask token elsewhere: input of the parent
    /// head. Empty for a network without parents.
    pub given: Vec<u32>,
    /// Order in which a step reveals its tokens, `[rows, seq]`; empty unless the order of parents
    /// is open.
    pub reveal_order: Vec<u32>,
    /// Diffusion times, `[rows]`.
    pub t: Vec<f64>,
    /// Number of sampling steps, `[rows]`; `None` in continuous time.
    pub steps: Vec<Option<usize>>,
    /// Whether the row is trained without its latent, `[rows]`.
    pub latent_free: Vec<bool>,
    /// Weight of the reconstruction term, `[rows]`.
    pub recon_weight: Vec<f64>,
    /// Factor of the KL, `[rows]`.
    pub kl_factor: Vec<f64>,
    /// Noise for the posterior sample, `[draws, rows, latent_row_len]`; empty without a latent.
    pub latent_noise: Vec<f32>,
    /// Noise for learned edges, `[rows, seq, seq]`; empty unless set by
    /// [`with_gate_noise`](Self::with_gate_noise).
    pub gate_noise: Vec<f32>,
    /// Tokens per row. For a causal model a row is a block, and the blocks of a text are
    /// consecutive rows.
    pub seq: usize,
    /// Seed and step of the random streams.
    key: (u64, u64),
}

impl TrainingBatch {
    /// Corrupts `x0` (`[texts, seq_len]`) with the random numbers of `(seed, step)`.
    ///
    /// # Panics
    ///
    /// If a token is not in the model's vocabulary.
    pub fn draw<D: TrainableDenoiser>(
        x0: Vec<u32>,
        model: &VmdModel<D>,
        objective: &ObjectiveConfig,
        seed: u64,
        step: u64,
    ) -> Self {
        Self::draw_given(x0, &[], model, objective, 0.0, (seed, step))
    }

    /// As [`draw`](Self::draw), with additional clues (`[rows, seq]`, or empty), and with a share
    /// `given` of the other tokens as random clues. The KL is scaled by the share that is left; the
    /// loss is a bound if `given` is 0.
    ///
    /// # Panics
    ///
    /// As [`draw`](Self::draw), and if the number of clues is neither 0 nor the number of tokens.
    pub fn draw_given<D: TrainableDenoiser>(
        x0: Vec<u32>,
        clues: &[bool],
        model: &VmdModel<D>,
        objective: &ObjectiveConfig,
        given: f64,
        (seed, step): (u64, u64),
    ) -> Self {
        let config = model.config();
        let (vocab, seq) = (config.vocab, config.unit_len());
        assert!(x0.iter().all(|&token| (token as usize) < vocab), "clean tokens are below {vocab}");
        assert!(clues.is_empty() || clues.len() == x0.len(), "expected as many clues as tokens, or none");
        let rows = x0.len() / seq;
        let mut rng = keyed_rng(seed, step, Purpose::Budget);
        let assigned: Vec<Assignment> =
            (0..rows).map(|_| objective.assign(uniform(&mut rng), uniform(&mut rng))).collect();
        let times = draw_times(&assigned, objective, config, seed, step);
        let mut mask_rng = keyed_rng(seed, step, Purpose::Mask);
        let mut parents_rng = keyed_rng(seed, step, Purpose::Parents);
        let mut batch = Self {
            xt: Vec::with_capacity(x0.len()),
            observed: Vec::with_capacity(x0.len()),
            latent_mask: Vec::with_capacity(x0.len()),
            loss_mask: Vec::with_capacity(x0.len()),
            given: Vec::new(),
            reveal_order: Vec::new(),
            t: times.iter().map(|drawn| drawn.t).collect(),
            steps: assigned.iter().map(|row| row.steps).collect(),
            latent_free: assigned.iter().map(|row| row.latent_free).collect(),
            recon_weight: Vec::with_capacity(rows),
            kl_factor: Vec::with_capacity(rows),
            latent_noise: Vec::new(),
            gate_noise: Vec::new(),
            seq,
            key: (seed, step),
            x0: Vec::new(),
        };
        for (i, (row, drawn)) in x0.chunks_exact(seq).zip(&times).enumerate() {
            let clues = if clues.is_empty() { &[] } else { &clues[i * seq..(i + 1) * seq] };
            batch.mask((row, clues), *drawn, assigned[i], (objective, given), config, &mut mask_rng);
            if let Some(head) = model.denoiser().parent_head() {
                batch.give(row, drawn.reveal, config, &mut parents_rng);
                if head.is_open() {
                    batch.reveal_order.extend((0..seq).map(|_| parents_rng.next_u32()));
                }
            }
        }
        batch.x0 = x0;
        if let Some(latent) = &config.latent {
            let mut rng = keyed_rng(seed, step, Purpose::Latent);
            (0..latent.n_draws() * rows)
                .for_each(|_| latent.noise_into(seq, &mut rng, &mut batch.latent_noise));
        }
        batch
    }

    /// Adds noise for learned edges, if `model` has any. The gates are then sampled and the loss
    /// contains their penalty. For training only: bounds use the gates without noise.
    #[must_use]
    pub fn with_gate_noise<D: TrainableDenoiser>(mut self, model: &VmdModel<D>) -> Self {
        if model.denoiser().edge_gates().is_none() {
            return self;
        }
        let (rows, seq) = (self.rows(), self.seq);
        let mut rng = keyed_rng(self.key.0, self.key.1, Purpose::Gates);
        self.gate_noise = vec![0.5; rows * seq * seq];
        for gates in self.gate_noise.chunks_exact_mut(seq * seq) {
            for (i, j) in (0..seq).flat_map(|i| (i + 1..seq).map(move |j| (i, j))) {
                // Inside (0, 1) in single precision too.
                let u = uniform(&mut rng).clamp(1e-6, 1.0 - 1e-6) as f32;
                (gates[i * seq + j], gates[j * seq + i]) = (u, u);
            }
        }
        self
    }

    /// Replaces the examples by `x0` (`[rows, seq]`) and keeps the masks.
    ///
    /// # Panics
    ///
    /// If `x0` differs from the current examples in a token that is not masked.
    #[must_use]
    pub fn with_examples(mut self, x0: Vec<u32>) -> Self {
        let common = |((new, old), &shown): ((&u32, &u32), &u32)| shown != *old || new == old;
        assert!(
            x0.iter().zip(&self.x0).zip(&self.xt).all(common),
            "examples must agree in the unmasked tokens"
        );
        for (given, (old, new)) in self.given.iter_mut().zip(self.x0.iter().zip(&x0)) {
            // An entry of `given` is either the token of the example or the mask token, which no
            // example contains.
            if given == old {
                *given = *new;
            }
        }
        self.x0 = x0;
        self
    }

    /// Number of sequences.
    pub fn rows(&self) -> usize {
        self.t.len()
    }

    /// Samples from the prior given `observed`, `[draws, rows, latent_row_len]`, as in sampling.
    /// Empty without a latent.
    pub fn prior_draws<D: TrainableDenoiser>(&self, model: &VmdModel<D>) -> Vec<f32> {
        let mut rng = keyed_rng(self.key.0, self.key.1, Purpose::Evaluate);
        let draws = model.config().latent.as_ref().map_or(1, |latent| latent.n_draws());
        let priors =
            Conditioned::each_block(model, &self.x0).priors_given(&[], &self.observed).unwrap_or_default();
        let mut values = Vec::new();
        let priors = priors.iter().cycle().take(draws * priors.len());
        priors.for_each(|prior| prior.sample_into(&mut rng, &mut values));
        values
    }

    /// Masks one row and appends it.
    fn mask(
        &mut self,
        (x0, clues): (&[u32], &[bool]),
        drawn: DrawnTime,
        assigned: Assignment,
        (objective, given): (&ObjectiveConfig, f64),
        config: &ModelConfig,
        rng: &mut impl Rng,
    ) {
        let mask = config.mask_token();
        let mut clamped = random_clues(x0.len(), objective.clue_share, rng);
        clamped.iter_mut().zip(clues).for_each(|(clamped, &clue)| *clamped |= clue);
        if given > 0.0 {
            clamped.iter_mut().for_each(|clamped| *clamped |= uniform(rng) < given);
        }
        let u: Vec<f64> = x0.iter().map(|_| uniform(rng)).collect();
        let xt = corrupt(x0, drawn.t, &u, Some(&clamped), mask, &config.schedule);
        let observed: Vec<u32> = match config.scope {
            Scope::Step => xt.clone(),
            Scope::Block => (0..x0.len()).map(|i| if clamped[i] { x0[i] } else { mask }).collect(),
        };
        // The loss is a mean over rows, which are blocks, in nats per sequence.
        let n_blocks = config.blocks as f64;
        let n_covered = observed.iter().filter(|&&token| token == mask).count();
        let kl_factor = match assigned.latent_free || n_covered == 0 {
            true => 0.0,
            false => n_blocks * ObjectiveConfig::kl_factor(config.scope, drawn, n_covered),
        };
        self.latent_mask.extend(observed.iter().map(|&token| u32::from(token == mask)));
        self.loss_mask.extend(xt.iter().map(|&token| u32::from(token == mask)));
        self.recon_weight.push(n_blocks * drawn.weight);
        self.kl_factor.push((1.0 - given) * kl_factor);
        self.observed.extend(observed);
        self.xt.extend(xt);
    }
}

impl TrainingBatch {
    /// Draws which target tokens of the last row the step reveals, as input for their children.
    /// Whether a token is itself revealed is independent of the others, so all targets are in the
    /// loss, each with the reveal probability of the step.
    fn give(&mut self, x0: &[u32], reveal: f64, config: &ModelConfig, rng: &mut impl Rng) {
        let loss_mask = &self.loss_mask[self.loss_mask.len() - x0.len()..];
        let given = x0.iter().zip(loss_mask).map(|(&token, &loss_mask)| {
            let revealed = uniform(rng) < reveal && loss_mask == 1;
            if revealed { token } else { config.mask_token() }
        });
        self.given.extend(given);
    }
}

/// Draws clues: none, or with probability `share` each token with a probability that is itself
/// uniform.
fn random_clues(seq: usize, share: f64, rng: &mut impl Rng) -> Vec<bool> {
    if share == 0.0 || uniform(rng) >= share {
        return vec![false; seq];
    }
    let rate = uniform(rng);
    (0..seq).map(|_| uniform(rng) < rate).collect()
}

fn draw_times(
    assigned: &[Assignment],
    objective: &ObjectiveConfig,
    config: &ModelConfig,
    seed: u64,
    step: u64,
) -> Vec<DrawnTime> {
    let mut rng = keyed_rng(seed, step, Purpose::Time);
    let times = low_discrepancy_times(assigned.len(), uniform(&mut rng));
    let draw = |(t, row): (f64, &Assignment)| objective.draw(row.steps, t, &config.schedule);
    times.into_iter().zip(assigned).map(draw).collect()
}
