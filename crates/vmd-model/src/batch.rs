//! A corrupted batch with everything random already drawn.

use rand::Rng;
use vmd_process::{Purpose, corrupt, index_below, keyed_rng, low_discrepancy_times, uniform};

use crate::objective::{Assignment, DrawnTime};
use crate::{ModelConfig, ObjectiveConfig, Scope, VmdModel};

/// Host-side input of one evaluation of the loss.
#[derive(Debug, Clone, PartialEq)]
pub struct TrainingBatch {
    /// Clean tokens, `[rows, seq]`.
    pub x0: Vec<u32>,
    /// Partly masked tokens, `[rows, seq]`.
    pub xt: Vec<u32>,
    /// What is known when the latent is drawn, `[rows, seq]`, masked elsewhere: the clues, the blocks before, or `xt`.
    pub known: Vec<u32>,
    /// 1 for the tokens that the latent ties, `[rows, seq]`; the posterior sees them marked.
    pub tied: Vec<u32>,
    /// 1 for the tokens whose prediction counts, `[rows, seq]`.
    pub target: Vec<u32>,
    /// Diffusion times, `[rows]`.
    pub t: Vec<f64>,
    /// Steps of every row's sampler, `[rows]`; `None` in continuous time.
    pub steps: Vec<Option<usize>>,
    /// Whether a row is trained without its latent, `[rows]`.
    pub latent_free: Vec<bool>,
    /// Factor on every row's reconstruction term.
    pub recon_weight: Vec<f64>,
    /// Factor on every row's KL.
    pub kl_factor: Vec<f64>,
    /// Noise for the posterior's draw, `[draws, rows, latent_row_len]`; empty without a latent.
    pub latent_noise: Vec<f32>,
    /// Tokens per row.
    pub seq: usize,
    /// What its random numbers are keyed by.
    key: (u64, u64),
}

impl TrainingBatch {
    /// Corrupts `x0` (`[rows, seq]`) with the random numbers of `(seed, step)`.
    ///
    /// # Panics
    ///
    /// If a token is no value of the model's vocabulary.
    pub fn draw(x0: Vec<u32>, model: &VmdModel, objective: &ObjectiveConfig, seed: u64, step: u64) -> Self {
        let config = model.config();
        let (vocab, seq) = (config.vocab, config.seq_len);
        assert!(x0.iter().all(|&token| (token as usize) < vocab), "clean tokens are below {vocab}");
        let rows = x0.len() / seq;
        let mut rng = keyed_rng(seed, step, Purpose::Budget);
        let assigned: Vec<Assignment> =
            (0..rows).map(|_| objective.assign(uniform(&mut rng), uniform(&mut rng))).collect();
        let times = draw_times(&assigned, objective, config, seed, step);
        let mut mask_rng = keyed_rng(seed, step, Purpose::Mask);
        let mut batch = Self {
            xt: Vec::with_capacity(x0.len()),
            known: Vec::with_capacity(x0.len()),
            tied: Vec::with_capacity(x0.len()),
            target: Vec::with_capacity(x0.len()),
            t: times.iter().map(|drawn| drawn.t).collect(),
            steps: assigned.iter().map(|row| row.steps).collect(),
            latent_free: assigned.iter().map(|row| row.latent_free).collect(),
            recon_weight: Vec::with_capacity(rows),
            kl_factor: Vec::with_capacity(rows),
            latent_noise: Vec::new(),
            seq,
            key: (seed, step),
            x0: Vec::new(),
        };
        for ((row, drawn), assigned) in x0.chunks_exact(seq).zip(&times).zip(&assigned) {
            batch.mask(row, *drawn, *assigned, objective, config, &mut mask_rng);
        }
        batch.x0 = x0;
        if let Some(latent) = &config.latent {
            let mut rng = keyed_rng(seed, step, Purpose::Latent);
            (0..latent.n_draws() * rows)
                .for_each(|_| latent.noise_into(seq, &mut rng, &mut batch.latent_noise));
        }
        batch
    }

    /// Number of sequences.
    pub fn rows(&self) -> usize {
        self.t.len()
    }

    /// Draws from the prior given what is known, `[draws, rows, latent_row_len]`: what a sampler would get; empty without a
    /// latent.
    pub fn prior_draws(&self, model: &VmdModel) -> Vec<f32> {
        let mut rng = keyed_rng(self.key.0, self.key.1, Purpose::Evaluate);
        let draws = model.config().latent.as_ref().map_or(1, |latent| latent.n_draws());
        let priors = model.priors_given(&self.known).unwrap_or_default();
        let mut values = Vec::new();
        let priors = priors.iter().cycle().take(draws * priors.len());
        priors.for_each(|prior| prior.sample_into(&mut rng, &mut values));
        values
    }

    /// Masks one row and appends it.
    fn mask(
        &mut self,
        x0: &[u32],
        drawn: DrawnTime,
        assigned: Assignment,
        objective: &ObjectiveConfig,
        config: &ModelConfig,
        rng: &mut impl Rng,
    ) {
        let mask = config.mask_token();
        let clamped = clues(x0.len(), objective.clue_share, rng);
        let block = drawn_block(config, rng);
        let u: Vec<f64> = x0.iter().map(|_| uniform(rng)).collect();
        let mut xt = corrupt(x0, drawn.t, &u, Some(&clamped), mask, &config.schedule);
        for i in 0..x0.len() {
            if i < block.start {
                xt[i] = x0[i];
            } else if i >= block.end && !clamped[i] {
                xt[i] = mask;
            }
        }
        // Told what a step reveals, a network answers for that alone. Its tokens are then drawn here, with the
        // probability that would else be their weight. Continuous time has no steps.
        let aware = config.reveal_aware && assigned.steps.is_some();
        let asked = |i: usize| block.contains(&i) && xt[i] == mask;
        let revealed: Vec<bool> =
            (0..x0.len()).map(|i| asked(i) && (!aware || uniform(rng) < drawn.reveal)).collect();
        let known: Vec<u32> = match config.scope {
            Scope::Step => xt.clone(),
            Scope::Block | Scope::Sequence => {
                let start = if config.scope == Scope::Block { block.start } else { 0 };
                (0..x0.len()).map(|i| if clamped[i] || i < start { x0[i] } else { mask }).collect()
            }
        };
        let tied = |i: usize| match config.scope {
            Scope::Sequence => known[i] == mask,
            Scope::Block => known[i] == mask && block.contains(&i),
            Scope::Step => revealed[i],
        };
        let n_blocks = config.blocks as f64;
        // A latent of the whole sequence is paid for once, whichever block was drawn.
        let n_paid = if config.scope == Scope::Sequence { 1.0 } else { n_blocks };
        let n_tied = (0..x0.len()).filter(|&i| tied(i)).count();
        let kl_factor = match assigned.latent_free || n_tied == 0 {
            true => 0.0,
            // Paid in full wherever the step reveals something.
            false if aware => n_paid * drawn.weight / drawn.reveal,
            false => n_paid * objective.kl_factor(config.scope, drawn, n_tied),
        };
        let reveal = if aware { drawn.reveal } else { 1.0 };
        self.tied.extend((0..x0.len()).map(|i| u32::from(tied(i))));
        self.target.extend(revealed.into_iter().map(u32::from));
        self.recon_weight.push(n_blocks * drawn.weight / reveal);
        self.kl_factor.push(kl_factor);
        self.known.extend(known);
        self.xt.extend(xt);
    }
}

/// Which tokens are given: none, or with probability `share` each with a probability that is itself uniform.
fn clues(seq: usize, share: f64, rng: &mut impl Rng) -> Vec<bool> {
    if share == 0.0 || uniform(rng) >= share {
        return vec![false; seq];
    }
    let rate = uniform(rng);
    (0..seq).map(|_| uniform(rng) < rate).collect()
}

/// The block that a row is trained on, every one equally likely.
fn drawn_block(config: &ModelConfig, rng: &mut impl Rng) -> std::ops::Range<usize> {
    if config.blocks == 1 {
        return 0..config.seq_len;
    }
    config.block(index_below(rng, config.blocks))
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
    let draw =
        |(t, row): (f64, &Assignment)| objective.draw(row.steps, t, uniform(&mut rng), &config.schedule);
    times.into_iter().zip(assigned).map(draw).collect()
}
