//! Trains on rows of tokens, saves the model and samples from it.
//!
//! `cargo run --release -p vmd-diffusion --example own_tokens`

use vmd::latent::LatentConfig;
use vmd::model::{ModelConfig, ObjectiveConfig};
use vmd::nn::TrunkConfig;
use vmd::sampler::SamplerConfig;
use vmd::train::TrainConfig;

fn main() -> Result<(), vmd::Error> {
    // Four consecutive digits modulo 10, such as 8 9 0 1: each digit determines the others.
    let rows: Vec<Vec<u32>> = (0..1000).map(|i| (i..i + 4).map(|token| token % 10).collect()).collect();

    let model = ModelConfig::new(10, 4)
        .with_denoiser(TrunkConfig::new(64, 2, 4))
        .with_latent(LatentConfig::categorical(6, 8));
    let objective = ObjectiveConfig::new([1, 2]).with_latent_free_share(0.1);
    let train = TrainConfig::new(1000).with_learning_rate(2e-3).with_ema_decay(0.99);
    let device = vmd::device::open("auto")?.device;
    let model = vmd::fit(&rows, &model, &objective, &train, 1, &device)?;

    let folder = std::env::temp_dir().join("vmd-own-tokens");
    model.save(&folder)?;
    println!("saved to {}", folder.display());

    // One network evaluation samples all four digits.
    let samples = model.sample(8, &SamplerConfig::new(1), 1);
    samples.tokens.chunks(4).for_each(|row| println!("{row:?}"));
    Ok(())
}
