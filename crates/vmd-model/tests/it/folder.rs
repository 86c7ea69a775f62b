//! Model folders and files.

#![allow(clippy::unwrap_used, reason = "helpers of tests may panic too")]

use std::fs;
use std::path::{Path, PathBuf};

use burn::tensor::Device;
use vmd_core::{Purpose, keyed_rng};
use vmd_model::files::write_atomically;
use vmd_model::{LoadOptions, ModelConfig, VmdModel, load_model_dir, save_model_dir};
use vmd_sampler::{Predictor, Query};

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<String> =
        entries.map(|e| e.unwrap().file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

#[test]
fn files_are_replaced_whole() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    write_atomically(&path, b"old and long").unwrap();
    write_atomically(&path, b"new").unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"new");
    assert_eq!(names(folder.path()), ["file"]);
    let missing: PathBuf = folder.path().join("no/file");
    let message = write_atomically(&missing, b"x").unwrap_err().to_string();
    assert!(message.contains("no"), "{message}");
}

fn model() -> VmdModel {
    let trunk = "width = 8\nlayers = 1\nheads = 2\n";
    let text = format!(
        "vocab = 5\nseq_len = 3\n[denoiser.trunk]\n{trunk}[latent]\nfamily = {{ kind = \"gaussian\", dim = 2 }}\n\
         [latent.posterior.trunk]\n{trunk}"
    );
    let config: ModelConfig = toml::from_str(&text).unwrap();
    VmdModel::new(&config, keyed_rng(1, 0, Purpose::Init), &Device::flex()).unwrap()
}

#[test]
fn a_model_folder_comes_back_with_the_same_logits() {
    let folder = tempfile::tempdir().unwrap();
    let (model, path) = (model(), folder.path().join("model"));
    save_model_dir(&model, "# a card\n", &path).unwrap();
    let loaded = load_model_dir(&path, LoadOptions::default(), &Device::flex()).unwrap();
    assert_eq!(loaded.config(), model.config());
    let z = [0.3, -0.4];
    let query = Query { xt: &[1, 5, 2], t: &[0.5], z: &z, budget: 1, rows: &[] };
    let logits = |model: &VmdModel| model.predict(query).logits;
    assert_eq!(logits(&loaded), logits(&model));
}

#[test]
fn a_damaged_model_folder_is_refused_in_words() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model");
    save_model_dir(&model(), "# a card\n", &path).unwrap();
    let weights = names(&path).into_iter().find(|name| name.ends_with(".safetensors")).unwrap();
    let check = |name: &str, change: &dyn Fn(Vec<u8>) -> Option<Vec<u8>>| {
        let file = path.join(name);
        let good = fs::read(&file).unwrap();
        match change(good.clone()) {
            Some(bytes) => fs::write(&file, bytes).unwrap(),
            None => fs::remove_file(&file).unwrap(),
        }
        let message = load_model_dir(&path, LoadOptions::default(), &Device::flex()).unwrap_err().to_string();
        fs::write(&file, good).unwrap();
        message
    };
    check(&weights, &|bytes| Some(bytes[..bytes.len() - 10].to_vec()));
    check(&weights, &|bytes| Some(bytes[..4].to_vec()));
    check(&weights, &|_| None);
    // Header lengths beyond the end of the file.
    check(&weights, &|mut bytes| {
        bytes[..8].copy_from_slice(&u64::MAX.to_le_bytes());
        Some(bytes)
    });
    let huge = br#"{"a":{"dtype":"F32","shape":[9223372036854775807,9],"data_offsets":[0,4]}}"#;
    check(&weights, &|_| Some([&(huge.len() as u64).to_le_bytes()[..], huge, &[0; 4]].concat()));
    let message = check("config.json", &|bytes| {
        let text = String::from_utf8(bytes).unwrap();
        let changed = text.replacen("\"vocab\": 5", "\"vocab\": 6", 1);
        assert_ne!(changed, text);
        Some(changed.into_bytes())
    });
    assert!(message.contains("shape") || message.contains('['), "{message}");
    check("config.json", &|_| Some(b"{".to_vec()));
    check("config.json", &|_| None);
    assert!(load_model_dir(&path, LoadOptions::default(), &Device::flex()).is_ok());
}
