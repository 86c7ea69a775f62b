//! The importance-weighted bound.

use rand::Rng;
use rand::rngs::ChaCha8Rng;
use vmd_core::{Purpose, keyed_rng, log_mean_exp, uniform};
use vmd_denoiser::ParentHead;
use vmd_kernels::softmax_f64;
use vmd_process::step_times;
use vmd_sampler::{Predictor, Query, Scope};

use crate::{Conditioned, TrainableDenoiser, VmdModel};

/// Target number of rows per forward pass.
const BATCH_ROWS: usize = 1024;

/// Upper bound of `−log p(x0)` for the ancestral sampler with `steps` steps per block, from `k`
/// samples of the posterior. Returns the mean over the sequences `x0` (`[rows, seq]`) and its
/// standard error, in nats per sequence.
///
/// Each sequence draws one reveal order, shared by all `k` samples, and evaluates all its steps.
/// Block scope: `−ln (1/k) Σ_j p(x0 | order, z_j) p(z_j)/q(z_j)`, summed over blocks. Step scope:
/// the sum over steps of `−ln (1/k) Σ_j p(x0^S | xt, z_j) p(z_j)/q(z_j)`, where `S` are the tokens
/// revealed in it. With `k = 1` its expectation is that of
/// [`estimate_bounds`](crate::estimate_bounds), and it falls with `k`. Without a latent, `k` has no
/// effect.
///
/// # Panics
///
/// If `steps` or `k` is 0, or `x0` is empty.
///
/// # Source
///
/// arXiv 1509.00519 (eq. 8); derived for several steps in `docs/method.md`.
pub fn importance_bound<D: TrainableDenoiser>(
    model: &VmdModel<D>,
    steps: usize,
    x0: &[u32],
    k: usize,
    seed: u64,
) -> (f64, f64) {
    assert!(k > 0 && !x0.is_empty(), "k and the number of sequences must be 1 or more");
    let per_text = model.config().seq_len / model.config().unit_len();
    let units = unit_bounds(model, steps, x0, k, seed);
    let bounds: Vec<f64> = units.chunks_exact(per_text).map(|text| text.iter().sum()).collect();
    let n = bounds.len() as f64;
    let mean = bounds.iter().sum::<f64>() / n;
    let variance = bounds.iter().map(|bound| (bound - mean).powi(2)).sum::<f64>() / (n - 1.0).max(1.0);
    (mean, (variance / n).sqrt())
}

/// The bound of each sequence or, for a causal model, of each block given the blocks before it.
pub(crate) fn unit_bounds<D: TrainableDenoiser>(
    model: &VmdModel<D>,
    steps: usize,
    x0: &[u32],
    k: usize,
    seed: u64,
) -> Vec<f64> {
    let (seq, times) = (model.config().seq_len, step_times(steps));
    let draws = if model.posterior().is_some() { k } else { 1 };
    // The blocks of a causal model are evaluated in parallel, each as a sequence.
    let unit = model.config().unit_len();
    let per_text = seq / unit;
    let per_batch = (BATCH_ROWS / (draws * per_text)).max(1);
    let mut bounds = Vec::with_capacity(x0.len() / unit);
    for (index, texts) in x0.chunks(per_batch * seq).enumerate() {
        let first = index * per_batch * per_text;
        let trajectory = |(i, x0): (usize, &[u32])| {
            let rng = keyed_rng(seed, (first + i) as u64, Purpose::Evaluate);
            Trajectory::draw(x0.to_vec(), model, &times, rng)
        };
        let mut units: Vec<Trajectory> = texts.chunks_exact(unit).enumerate().map(trajectory).collect();
        let given = Conditioned::each_block(model, texts);
        Batch { model, given, times: &times, draws }.evaluate(&mut units);
        bounds.extend(units.into_iter().map(|unit| unit.bound));
    }
    bounds
}

/// A sequence, the step that reveals each of its tokens, and its bound so far.
struct Trajectory {
    x0: Vec<u32>,
    step_of: Vec<usize>,
    /// Order of the tokens within a step, where the order of parents is open; empty otherwise.
    reveal_order: Vec<u32>,
    rng: ChaCha8Rng,
    /// One latent per draw.
    z: Vec<Vec<f32>>,
    /// `ln p(tokens so far | z) p(z)/q(z)` per draw.
    log_weights: Vec<f64>,
    bound: f64,
}

impl Trajectory {
    /// Draws the step of each token. A step from `t` to `s` reveals a token with probability
    /// `α(s) − α(t)`.
    fn draw<D: TrainableDenoiser>(
        x0: Vec<u32>,
        model: &VmdModel<D>,
        times: &[f64],
        mut rng: ChaCha8Rng,
    ) -> Self {
        let config = model.config();
        let alpha: Vec<f64> = times[1..].iter().map(|&s| config.schedule.alpha(s)).collect();
        let step_of: Vec<usize> = x0
            .iter()
            .map(|_| {
                let u = uniform(&mut rng);
                alpha.iter().position(|&alpha| u < alpha).unwrap_or(alpha.len() - 1)
            })
            .collect();
        let is_open = model.denoiser().parent_head().is_some_and(ParentHead::is_open);
        let reveal_order = (0..if is_open { x0.len() } else { 0 }).map(|_| rng.next_u32()).collect();
        Self { x0, step_of, reveal_order, rng, z: Vec::new(), log_weights: Vec::new(), bound: 0.0 }
    }

    /// Input tokens at the start of `step`.
    fn xt(&self, step: usize, mask_token: u32) -> Vec<u32> {
        let seen = |(&token, &at): (&u32, &usize)| if at < step { token } else { mask_token };
        self.x0.iter().zip(&self.step_of).map(seen).collect()
    }

    /// Adds `−ln (1/k) Σ_j e^{log_weights_j}` to the bound.
    fn close(&mut self) {
        self.bound -= log_mean_exp(&self.log_weights);
    }
}

/// Shared state of the trajectories of a forward pass.
struct Batch<'a, D: TrainableDenoiser> {
    model: &'a VmdModel<D>,
    given: Conditioned<'a, D>,
    times: &'a [f64],
    draws: usize,
}

impl<D: TrainableDenoiser> Batch<'_, D> {
    fn steps(&self) -> usize {
        self.times.len() - 1
    }

    fn evaluate(&self, rows: &mut [Trajectory]) {
        let (config, steps) = (self.model.config(), self.steps());
        for step in 0..steps {
            let (opens, closes) = match config.scope {
                Scope::Block => (step == 0, step + 1 == steps),
                Scope::Step => (true, true),
            };
            // A latent of a step is drawn only if the step reveals a token.
            let owes = |row: &&mut Trajectory| config.scope != Scope::Step || row.step_of.contains(&step);
            let numbered = rows.iter_mut().enumerate();
            if opens {
                let (numbers, mut rows): (Vec<_>, Vec<_>) = numbered.filter(|(_, row)| owes(row)).unzip();
                self.draw_latents(&numbers, &mut rows, step);
            }
            // Blocks evaluated in parallel are evaluated all together or not at all.
            let asked = |row: &&mut Trajectory| config.is_causal() || row.step_of.contains(&step);
            self.reveal(&mut rows.iter_mut().filter(asked).collect::<Vec<_>>(), step);
            if closes {
                rows.iter_mut().filter(owes).for_each(|row| row.close());
            }
        }
    }

    /// Samples latents from the posterior and initialises their weights with `p(z)/q(z)`.
    fn draw_latents(&self, numbers: &[usize], rows: &mut [&mut Trajectory], step: usize) {
        if rows.is_empty() {
            return;
        }
        let (model, seq) = (self.model, self.model.config().unit_len());
        let Some(latent) = &model.config().latent else {
            rows.iter_mut().for_each(|row| {
                row.z = vec![Vec::new()];
                row.log_weights = vec![0.0];
            });
            return;
        };
        let mask_token = model.config().mask_token();
        let x0: Vec<u32> = rows.iter().flat_map(|row| row.x0.iter().copied()).collect();
        // Tokens visible when the latent is drawn: none, the previous blocks, or the unmasked
        // tokens.
        let observed: Vec<u32> = rows.iter().flat_map(|row| row.xt(step, mask_token)).collect();
        let latent_mask: Vec<u32> = rows.iter().flat_map(|row| self.latent_mask(row, step)).collect();
        let priors = self.given.priors_given(numbers, &observed).unwrap_or_default();
        let q = self.given.posterior(numbers, &x0, &latent_mask).expect("a latent has a posterior");
        let row_len = latent.row_len(seq);
        let mut noise = Vec::with_capacity(self.draws * rows.len() * row_len);
        for _ in 0..self.draws {
            rows.iter_mut().for_each(|row| latent.noise_into(seq, &mut row.rng, &mut noise));
        }
        let z = q.repeat(self.draws).sample(model.upload_latent(&noise, &model.device()), false);
        let (z, q): (Vec<f32>, _) = (z.into_data().iter::<f32>().collect(), q.to_host());
        let n_rows = rows.len();
        for (i, (row, prior)) in rows.iter_mut().zip(&priors).enumerate() {
            let of_draw = |draw: usize| {
                let at = (draw * n_rows + i) * row_len;
                z[at..at + row_len].to_vec()
            };
            row.z = (0..self.draws).map(of_draw).collect();
            row.log_weights = row.z.iter().map(|z| prior.log_density(z) - q.log_density(i, z)).collect();
        }
    }

    /// Number of values of a latent, 0 without one.
    fn row_len(&self) -> usize {
        let config = self.model.config();
        config.latent.as_ref().map_or(0, |latent| latent.row_len(config.unit_len()))
    }

    /// 1 for the tokens that a latent drawn in `step` covers.
    fn latent_mask(&self, row: &Trajectory, step: usize) -> Vec<u32> {
        let config = self.model.config();
        let of_token = |&at: &usize| config.scope == Scope::Block || at >= step;
        row.step_of.iter().map(|at| u32::from(of_token(at))).collect()
    }

    /// Multiplies each weight by the probability of the tokens that `step` reveals.
    fn reveal(&self, rows: &mut [&mut Trajectory], step: usize) {
        if rows.is_empty() {
            return;
        }
        let config = self.model.config();
        let (seq, vocab, row_len) = (config.unit_len(), config.vocab, self.row_len());
        let xt: Vec<u32> = rows.iter().flat_map(|row| row.xt(step, config.mask_token())).collect();
        let latents: Vec<f32> = (0..self.draws)
            .flat_map(|draw| rows.iter().map(move |row| row.z.get(draw).map_or(&[][..], Vec::as_slice)))
            // Zeros for rows without a latent, of which this step reveals no token.
            .flat_map(|z| (0..row_len).map(|i| z.get(i).copied().unwrap_or_default()))
            .collect();
        let prediction = self.given.predict(Query {
            xt: &xt.repeat(self.draws),
            t: &vec![self.times[step]; self.draws * rows.len()],
            z: &latents,
            budget: self.steps(),
            rows: &[],
        });
        let (n_rows, mut probabilities) = (rows.len(), Vec::new());
        for index in 0..self.draws * n_rows {
            let (draw, row) = (index / n_rows, &mut rows[index % n_rows]);
            let answer = prediction.row(index, seq, vocab);
            let revealed = |i: &usize| row.step_of[*i] == step;
            let mut order: Vec<usize> = (0..seq).filter(revealed).collect();
            if order.is_empty() {
                continue;
            }
            answer.sort(&mut order, &row.reveal_order);
            let mut given = vec![config.mask_token(); seq];
            for i in order {
                softmax_f64(&answer.logits_given(i, &given), 1.0, &mut probabilities);
                row.log_weights[draw] += probabilities[row.x0[i] as usize].ln();
                given[i] = row.x0[i];
            }
        }
    }
}
