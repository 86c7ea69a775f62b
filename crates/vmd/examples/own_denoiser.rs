//! A custom denoiser. Objective, latent, prior, trainer, samplers and exact figures work with it
//! unchanged.
//!
//! `cargo run --release -p vmd-diffusion --features flex --example own_denoiser`
//!
//! The network is a perceptron over the concatenated tokens. It learns `d1`,
//! `(k, k+1, k+2, k+3) mod 10`, with a latent, and then generates all four tokens in one
//! evaluation.

use burn::module::Module;
use burn::tensor::{Device, Tensor, activation::relu};
use vmd::core::{Purpose, keyed_rng};
use vmd::denoiser::{Denoiser, DenoiserInput, LatentShape, NfeCounter};
use vmd::latent::{LatentConfig, PriorKind};
use vmd::model::{ModelConfig, ObjectiveConfig, VmdModel};
use vmd::nn::{Embedding, Linear, ParameterInit, Weights};
use vmd::sampler::{Sampler, SamplerConfig};
use vmd::tasks::synthetic::exact_synthetic;
use vmd::tasks::synthetic::{SyntheticSet, SyntheticSource};
use vmd::train::{TrainConfig, Trainer, TrainerParts};

const STEPS: u64 = 1500;

/// Concatenated embeddings of all tokens, one hidden layer, logits of all tokens.
#[derive(Module, Debug)]
struct Perceptron {
    token: Embedding,
    latent: Option<Linear>,
    hidden: Linear,
    out: Linear,
    #[module(skip)]
    vocab: usize,
    #[module(skip)]
    nfe: NfeCounter,
}

impl Perceptron {
    const WIDTH: usize = 32;
    const HIDDEN: usize = 256;

    fn new(vocab: usize, seq: usize, latent: Option<LatentShape>, init: &mut ParameterInit<'_>) -> Self {
        let scaled = |gain| Weights::Scaled { gain };
        Self {
            // One more embedding than the data have values: the mask token.
            token: Embedding::new(vocab + 1, Self::WIDTH, init),
            // Same scale as the token embeddings, so that the latent is not ignored.
            latent: latent.map(|LatentShape { channels, square }| {
                let gain = (channels as f64 / square as f64).sqrt();
                Linear::new(channels, Self::HIDDEN, scaled(gain), init)
            }),
            hidden: Linear::new(seq * Self::WIDTH, Self::HIDDEN, scaled(1.0), init),
            out: Linear::new(Self::HIDDEN, seq * vocab, Weights::Zero, init),
            vocab,
            nfe: NfeCounter::default(),
        }
    }
}

impl Denoiser for Perceptron {
    fn logits(&self, input: DenoiserInput) -> Tensor<3> {
        let [batch, seq] = input.xt.dims();
        self.nfe.record(batch);
        let tokens = self.token.forward(input.xt).reshape([batch, 1, seq * Self::WIDTH]);
        let mut hidden = self.hidden.forward(tokens);
        if let Some((projection, z)) = self.latent.as_ref().zip(input.z) {
            hidden = hidden + projection.forward(z);
        }
        self.out.forward(relu(hidden)).reshape([batch, seq, self.vocab])
    }

    fn nfe_counter(&self) -> &NfeCounter {
        &self.nfe
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let set = SyntheticSet::D1;
    // `denoiser` describes the built-in network; a model with a custom denoiser ignores it.
    let prior = PriorKind::Autoregressive { hidden: 64 };
    let config = ModelConfig::new(10, 4).with_latent(LatentConfig::categorical(6, 8).with_prior(prior));
    let objective = ObjectiveConfig::new([1, 2, 4]);
    let train = TrainConfig::new(STEPS).with_batch_size(128).with_learning_rate(0.002).with_ema_decay(0.995);

    let device = Device::flex();
    let autodiff = device.clone().autodiff();
    let init = &mut ParameterInit::new(keyed_rng(1, 0, Purpose::Init), &autodiff);
    let model = VmdModel::around(&config, init, |latent, _, init| {
        Ok(Perceptron::new(config.vocab, config.seq_len, latent, init))
    })?;

    let parts =
        TrainerParts { model: &config, objective: &objective, train: &train, seed: 1, device: &device };
    let mut trainer = Trainer::with_model(parts, model)?;
    let data = SyntheticSource { set, seed: 1 };
    for _ in 0..STEPS {
        trainer.train_step(&data)?;
    }

    let model = trainer.averaged_model();
    let sampler = SamplerConfig::new(1);
    let exact = exact_synthetic(&model, &set, &sampler, 1)?;
    println!("one evaluation a sample: {:.1} % right, KL {:.3} nats", 100.0 * exact.accuracy, exact.kl);
    let blank = vec![config.mask_token(); 5 * config.seq_len];
    let samples = Sampler::new(sampler).sample(&model, &blank, 1);
    samples.tokens.chunks(config.seq_len).for_each(|tokens| println!("{tokens:?}"));
    Ok(())
}
