//! Parameters: initialisation, names, saving, loading.

#![allow(clippy::unwrap_used, reason = "helpers of tests may panic too")]

use std::collections::BTreeMap;

use crate::common::{config, rng, shaken, trunk};
use burn::tensor::{Device, TensorData};
use proptest::prelude::*;
use safetensors::{Dtype, tensor::TensorView};
use vmd_nn::{
    ParameterError, ParameterInit, PositionEncoding, Trunk, load_parameters, named_parameters,
    parameters_from_safetensors, parameters_to_safetensors,
};

fn small(seed: u64) -> Trunk {
    trunk(&config(&[], PositionEncoding::Learned), 3, Some(2), None, seed, &Device::flex())
}

fn bytes(trunk: &Trunk) -> Vec<u8> {
    parameters_to_safetensors(&named_parameters(trunk))
}

#[test]
fn a_round_trip_keeps_every_bit() {
    let (saved, other) = (shaken(small(1), 9), small(2));
    let bytes = bytes(&saved);
    assert_ne!(self::bytes(&other), bytes);
    let read = parameters_from_safetensors(&bytes).unwrap();
    let loaded = load_parameters(other, read).unwrap();
    assert_eq!(self::bytes(&loaded), bytes);
    for (name, data) in named_parameters(&loaded) {
        let expected = &named_parameters(&saved)[&name];
        let bits = |data: &TensorData| data.iter::<f32>().map(f32::to_bits).collect::<Vec<_>>();
        assert_eq!(bits(&data), bits(expected), "{name}");
    }
}

#[test]
fn names_are_dotted_paths() {
    let names: Vec<String> = named_parameters(&small(1)).into_keys().collect();
    for name in ["blocks.0.attention.qkv.weight", "blocks.0.up.bias", "norm.gamma", "position.weight"] {
        assert!(names.iter().any(|found| found == name), "{name} is not in {names:#?}");
    }
}

#[test]
fn the_same_seed_gives_the_same_bits_on_any_device() {
    assert_eq!(bytes(&small(1)), bytes(&small(1)));
    assert_ne!(bytes(&small(1)), bytes(&small(2)));
    let tracked =
        trunk(&config(&[], PositionEncoding::Learned), 3, Some(2), None, 1, &Device::flex().autodiff());
    assert_eq!(bytes(&tracked), bytes(&small(1)));
}

#[test]
fn initial_values_are_uniform_with_the_asked_deviation() {
    const N: usize = 40_000;
    let device = Device::flex();
    let mut init = ParameterInit::new(rng(1), &device);
    let values = crate::common::host(init.uniform([N], 0.5).val());
    let mean = values.iter().map(|&x| f64::from(x)).sum::<f64>() / N as f64;
    let variance = values.iter().map(|&x| f64::from(x).powi(2)).sum::<f64>() / N as f64;
    // Five standard errors: 0.5/200 for the mean, 0.25·√0.8/200 for the variance of a uniform draw.
    assert!(mean.abs() < 5.0 * 0.0025, "{mean}");
    assert!((variance - 0.25).abs() < 5.0 * 0.25 * 0.8f64.sqrt() / 200.0, "{variance}");
    assert!(values.iter().all(|x| x.abs() <= 0.5 * 3f32.sqrt() * 1.000_001));
    assert!(crate::common::host(init.constant([7], 0.25).val()).iter().all(|&x| x == 0.25));
}

#[test]
fn what_does_not_fit_is_named() {
    let fitting = named_parameters(&small(1));
    let name = "norm.gamma".to_string();
    let load =
        |tensors: BTreeMap<String, TensorData>| load_parameters(small(1), tensors).map(|_| ()).unwrap_err();

    let mut missing = fitting.clone();
    missing.remove(&name);
    assert_eq!(load(missing), ParameterError::Missing { name: name.clone() });

    let mut extra = fitting.clone();
    extra.insert("z.weight".into(), TensorData::from([1.0f32]));
    assert_eq!(load(extra), ParameterError::Extra { name: "z.weight".into() });

    // The same number of values in another shape is refused.
    let mut reshaped = fitting.clone();
    let values: Vec<f32> = fitting[&name].iter::<f32>().collect();
    reshaped.insert(name.clone(), TensorData::new(values, [2, 4]));
    assert_eq!(load(reshaped), ParameterError::Shape { name, expected: vec![8], found: vec![2, 4] });
}

fn file(name: &str, dtype: Dtype, data: &[u8]) -> Vec<u8> {
    let n = data.len() / if dtype == Dtype::F32 { 4 } else { 2 };
    safetensors::serialize([(name, TensorView::new(dtype, vec![n], data).unwrap())], None).unwrap()
}

#[test]
fn unusable_files_are_named() {
    let whole = bytes(&small(1));
    for length in [0, 7, 8, 100, whole.len() - 1] {
        let error = parameters_from_safetensors(&whole[..length]).unwrap_err();
        assert!(matches!(error, ParameterError::Malformed { .. }), "{length}: {error}");
    }
    let half = file("w", Dtype::F16, &[0, 0, 0, 0]);
    let error = ParameterError::Dtype { name: "w".into(), found: "F16".into() };
    assert_eq!(parameters_from_safetensors(&half).unwrap_err(), error);
    for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let damaged = file("w", Dtype::F32, &[1f32.to_le_bytes(), bad.to_le_bytes()].concat());
        let error = parameters_from_safetensors(&damaged).unwrap_err();
        assert_eq!(error, ParameterError::NotFinite { name: "w".into() });
    }
    let sound = file("w", Dtype::F32, &1.5f32.to_le_bytes());
    assert_eq!(parameters_from_safetensors(&sound).unwrap()["w"].iter::<f32>().collect::<Vec<_>>(), [1.5]);
}

proptest! {
    #[test]
    fn hostile_bytes_never_panic(bytes: Vec<u8>) {
        let _ = parameters_from_safetensors(&bytes);
    }

    #[test]
    fn a_hostile_header_never_panics(header in "\\PC{0,200}", tail: Vec<u8>) {
        let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
        bytes.extend(header.as_bytes());
        bytes.extend(tail);
        let _ = parameters_from_safetensors(&bytes);
    }

    #[test]
    fn a_plausible_header_never_panics(
        dtype in prop::sample::select(vec!["F32", "F16", "BOOL", "X"]),
        shape in prop::collection::vec(prop_oneof![0..5u64, Just(u64::MAX), Just(1 << 32)], 0..4),
        start in 0..9u64,
        end in prop_oneof![0..40u64, Just(u64::MAX)],
        tail in 0..40usize,
    ) {
        let header = format!(r#"{{"w":{{"dtype":"{dtype}","shape":{shape:?},"data_offsets":[{start},{end}]}}}}"#);
        let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
        bytes.extend(header.as_bytes());
        bytes.resize(bytes.len() + tail, 0);
        if let Ok(tensors) = parameters_from_safetensors(&bytes) {
            // Accepted data agrees with its own shape.
            let n: u64 = shape.iter().product();
            prop_assert_eq!(tensors["w"].iter::<f32>().count() as u64, n);
        }
    }

    #[test]
    fn a_flipped_byte_is_an_error_or_leaves_a_loadable_shape(position: prop::sample::Index, flip in 1..=255u8) {
        let mut bytes = bytes(&small(1));
        let position = position.index(bytes.len());
        bytes[position] ^= flip;
        if let Ok(tensors) = parameters_from_safetensors(&bytes) {
            let _ = load_parameters(small(1), tensors);
        }
    }
}
