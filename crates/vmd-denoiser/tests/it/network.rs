//! The denoising network: shapes, conditions, and the count of its evaluations.

#![allow(clippy::unwrap_used, reason = "helpers of tests may panic too")]

use std::collections::BTreeMap;

use burn::module::Module;
use burn::tensor::{Device, Int, Tensor, TensorData};
use rand::rngs::ChaCha8Rng;
use rand::{Rng, SeedableRng};
use vmd_denoiser::{Denoiser, DenoiserConfig, DenoiserInput, LatentShape, Network, NetworkShape};
use vmd_nn::{Activation, ParameterInit, PositionEncoding, TrunkConfig, load_parameters, named_parameters};

const VOCAB: usize = 5;
const SEQ: usize = 4;
const CHANNELS: usize = 3;

fn config(adaln_on_latent: bool) -> DenoiserConfig {
    let trunk = TrunkConfig {
        mixing: vmd_nn::Mixing::Attention,
        width: 8,
        layers: 1,
        loops: 1,
        heads: 2,
        mlp_ratio: 2,
        activation: Activation::Silu,
        position: PositionEncoding::Learned,
        edge_heads: Vec::new(),
        precision: Default::default(),
    };
    DenoiserConfig { trunk, adaln_on_latent, sees_budget: false, parents: None, gates: None }
}

fn fresh(config: &DenoiserConfig, d_latent: Option<usize>, device: &Device) -> Network {
    let init = &mut ParameterInit::new(ChaCha8Rng::seed_from_u64(1), device);
    Network::new(
        config,
        NetworkShape {
            vocab: VOCAB,
            seq: SEQ,
            blocks: None,
            latent: d_latent.map(|channels| LatentShape { channels, square: channels }),
        },
        None,
        init,
    )
    .unwrap()
}

/// Sets every parameter, including zero-initialised ones, to draws from `(-0.5, 0.5)`.
fn trained(network: Network) -> Network {
    let mut rng = ChaCha8Rng::seed_from_u64(2);
    let drawn: BTreeMap<String, TensorData> = named_parameters(&network)
        .into_iter()
        .map(|(name, old)| {
            let n: usize = old.shape().iter().product();
            let values: Vec<f32> = (0..n).map(|_| (rng.next_u32() as f32 / u32::MAX as f32) - 0.5).collect();
            (name, TensorData::new(values, old.shape().to_vec()))
        })
        .collect();
    load_parameters(network, drawn).unwrap()
}

/// Two rows: one fully masked, one not at all.
fn input(z: Option<Tensor<3>>, device: &Device) -> DenoiserInput {
    let mask = VOCAB as i32;
    let tokens = vec![mask, mask, mask, mask, 0, 1, 4, 2];
    DenoiserInput { z, ..DenoiserInput::of(Tensor::from_data(TensorData::new(tokens, [2, SEQ]), device)) }
}

fn latent(value: f32, n_latents: usize, device: &Device) -> Option<Tensor<3>> {
    let n = 2 * n_latents * CHANNELS;
    let values: Vec<f32> = (0..n).map(|i| value * (1.0 + i as f32).sin()).collect();
    Some(Tensor::from_data(TensorData::new(values, [2, n_latents, CHANNELS]), device))
}

fn host(logits: Tensor<3>) -> Vec<f32> {
    assert_eq!(logits.dims(), [2, SEQ, VOCAB]);
    logits.into_data().iter::<f32>().collect()
}

#[test]
fn a_fresh_network_is_undecided() {
    let device = Device::flex();
    let network = fresh(&config(true), Some(CHANNELS), &device);
    let logits = host(network.logits(input(latent(1.0, 1, &device), &device)));
    assert!(logits.iter().all(|&logit| logit == 0.0));
}

#[test]
fn a_latent_shifts_the_logits_where_it_belongs() {
    let device = Device::flex();
    for adaln in [false, true] {
        let network = trained(fresh(&config(adaln), Some(CHANNELS), &device));
        for n_latents in [1, SEQ] {
            let run = |value| host(network.logits(input(latent(value, n_latents, &device), &device)));
            let (a, b) = (run(1.0), run(-1.0));
            let moved = a.iter().zip(&b).filter(|(a, b)| (*a - *b).abs() > 1e-4).count();
            // Most logits change, and equal latents give equal logits.
            assert!(moved > a.len() * 3 / 4, "adaln {adaln}, {n_latents} latents: {moved}");
            assert_eq!(a, run(1.0));
        }
    }
}

#[test]
fn adaln_on_the_latent_is_another_function() {
    let device = Device::flex();
    let count = |adaln| named_parameters(&fresh(&config(adaln), Some(CHANNELS), &device)).len();
    // Weight and bias of one modulation.
    assert_eq!(count(true), count(false) + 2);
    // The latent reaches the norms: without the modulation's weights, the output of the same
    // network differs.
    let network = trained(fresh(&config(true), Some(CHANNELS), &device));
    let mut parameters = named_parameters(&network);
    for (_, weights) in parameters.iter_mut().filter(|(name, _)| name.contains("modulation")) {
        *weights = TensorData::zeros::<f32, _>(weights.shape().clone());
    }
    let without = load_parameters(network.clone(), parameters).unwrap();
    let run = |network: &Network| host(network.logits(input(latent(1.0, 1, &device), &device)));
    let change = run(&network).iter().zip(run(&without)).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(change > 1e-2, "{change}");
    // Without a latent there is nothing to modulate.
    let without = |adaln| named_parameters(&fresh(&config(adaln), None, &device)).len();
    assert_eq!(without(true), without(false));
}

#[test]
fn the_mask_token_is_a_token_of_its_own() {
    let device = Device::flex();
    let network = trained(fresh(&config(false), None, &device));
    let logits = host(network.logits(input(None, &device)));
    assert!(logits[..SEQ * VOCAB] != logits[SEQ * VOCAB..]);
}

#[test]
fn evaluations_are_counted_in_rows_and_by_all_clones_together() {
    let device = Device::flex().autodiff();
    let network = fresh(&config(false), None, &device);
    let plain = Device::flex();
    let count = || network.nfe_counter().evaluated();
    assert_eq!(count(), 0);
    network.logits(input(None, &device));
    assert_eq!(count(), 2);
    network.clone().logits(input(None, &device));
    assert_eq!(count(), 4);
    network.valid().logits(input(None, &plain));
    assert_eq!(count(), 6);
    let one = Tensor::<2, Int>::from_data(TensorData::new(vec![0, 1, 2, 3], [1, SEQ]), &plain);
    network.valid().logits(DenoiserInput::of(one));
    assert_eq!(count(), 7);
    let other = fresh(&config(false), None, &plain);
    other.logits(input(None, &plain));
    assert_eq!((count(), other.nfe_counter().evaluated()), (7, 2));
}

#[test]
fn parameters_keep_the_counter_and_the_gradients() {
    let device = Device::flex().autodiff();
    let network = fresh(&config(true), Some(CHANNELS), &device);
    let counter = network.nfe_counter().clone();
    let network = trained(network);
    let logits = network.logits(input(latent(1.0, 1, &device), &device));
    assert_eq!(counter.evaluated(), 2);
    assert!(logits.sum().is_tracked(), "loaded parameters are still trainable");
}
