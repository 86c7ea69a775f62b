//! A corrupted batch with everything random already drawn.

use vmd_process::{Purpose, corrupt, keyed_rng, low_discrepancy_times, n_masked, uniform};

use crate::objective::{Assignment, DrawnTime};
use crate::{ModelConfig, ObjectiveConfig, Scope, VmdModel};

/// Host-side input of one evaluation of the loss.
#[derive(Debug, Clone, PartialEq)]
pub struct TrainingBatch {
    /// Clean tokens, `[rows, seq]`.
    pub x0: Vec<u32>,
    /// Partly masked tokens, `[rows, seq]`.
    pub xt: Vec<u32>,
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
    /// Draws from the prior, `[draws, rows, latent_row_len]`, for the latent gain; empty without a latent.
    pub prior_draws: Vec<f32>,
    /// Tokens per row.
    pub seq: usize,
}

impl TrainingBatch {
    /// Corrupts `x0` (`[rows, seq]`) with the random numbers of `(seed, step)`.
    ///
    /// # Panics
    ///
    /// If a token is no value of the model's vocabulary.
    pub fn draw(x0: Vec<u32>, model: &VmdModel, objective: &ObjectiveConfig, seed: u64, step: u64) -> Self {
        let config = model.config();
        let vocab = config.vocab;
        assert!(x0.iter().all(|&token| (token as usize) < vocab), "clean tokens are below {vocab}");
        let rows = x0.len() / config.seq_len;
        let mut budget_rng = keyed_rng(seed, step, Purpose::Budget);
        let assigned: Vec<Assignment> =
            (0..rows).map(|_| objective.assign(uniform(&mut budget_rng), uniform(&mut budget_rng))).collect();
        let times = draw_times(&assigned, objective, config, seed, step);
        let mut mask_rng = keyed_rng(seed, step, Purpose::Mask);
        let mut xt = Vec::with_capacity(x0.len());
        for (row, drawn) in x0.chunks_exact(config.seq_len).zip(&times) {
            let u: Vec<f64> = row.iter().map(|_| uniform(&mut mask_rng)).collect();
            xt.extend(corrupt(row, drawn.t, &u, None, config.mask_token(), &config.schedule));
        }
        let kl_factor = xt
            .chunks_exact(config.seq_len)
            .zip(times.iter().zip(&assigned))
            .map(|(row, (drawn, assigned))| match assigned.latent_free {
                true => 0.0,
                false => objective.kl_factor(config.scope, *drawn, n_masked(row, config.mask_token())),
            })
            .collect();
        let (mut latent_noise, mut prior_draws) = (Vec::new(), Vec::new());
        if let Some(prior) = model.prior() {
            let mut rng = keyed_rng(seed, step, Purpose::Latent);
            let draws = config.latent.as_ref().map_or(1, |latent| latent.n_draws());
            (0..draws * rows).for_each(|_| prior.noise_into(&mut rng, &mut latent_noise));
            let given = (config.scope == Scope::Step).then(|| model.priors_given(&xt)).flatten();
            let priors = given.unwrap_or_else(|| vec![prior; rows]);
            let priors = priors.iter().cycle().take(draws * rows);
            priors.for_each(|prior| prior.sample_into(&mut rng, &mut prior_draws));
        }
        Self {
            x0,
            xt,
            t: times.iter().map(|drawn| drawn.t).collect(),
            steps: assigned.iter().map(|row| row.steps).collect(),
            latent_free: assigned.iter().map(|row| row.latent_free).collect(),
            recon_weight: times.iter().map(|drawn| drawn.weight).collect(),
            kl_factor,
            latent_noise,
            prior_draws,
            seq: config.seq_len,
        }
    }

    /// Number of sequences.
    pub fn rows(&self) -> usize {
        self.t.len()
    }
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
