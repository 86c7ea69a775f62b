//! What is written to disk, and what is made of damaged files.

#![allow(clippy::unwrap_used, reason = "helpers of tests may panic too")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use burn::tensor::{Device, TensorData};
use vmd_core::{Purpose, keyed_rng};
use vmd_model::{LoadOptions, ModelConfig, VmdModel, load_model_dir};
use vmd_sampler::{Predictor, Query};
use vmd_train::{Checkpoint, MetricRecord, TrainerState, read_metrics, save_model_dir, write_atomically};

fn tensors(first: f32) -> BTreeMap<String, TensorData> {
    let values: Vec<f32> = (0..12).map(|i| first + i as f32).collect();
    BTreeMap::from([("a.weight".to_string(), TensorData::new(values, [3, 4]))])
}

fn checkpoint(step: u64) -> Checkpoint {
    let state = TrainerState {
        step,
        seed: 7,
        data_position: 8 * step,
        seconds: 1.5,
        config_sha256: "abc".into(),
        files: BTreeMap::new(),
    };
    Checkpoint { state, model: tensors(0.0), ema: tensors(0.5), optimizer: tensors(step as f32) }
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<String> =
        entries.map(|e| e.unwrap().file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

#[test]
fn a_checkpoint_comes_back_as_it_was() {
    let root = tempfile::tempdir().unwrap();
    assert!(Checkpoint::load_newest(&root.path().join("none")).unwrap().is_none());
    for step in [5, 100, 20] {
        checkpoint(step).save(root.path()).unwrap();
    }
    // The newest two stay, by step; nothing half-written is left.
    assert_eq!(names(root.path()), ["step-00000020", "step-00000100"]);
    let (folder, loaded) = Checkpoint::load_newest(root.path()).unwrap().unwrap();
    assert_eq!(folder, root.path().join("step-00000100"));
    let expected = checkpoint(100);
    assert_eq!((loaded.state.step, loaded.state.seed, loaded.state.data_position), (100, 7, 800));
    assert_eq!(loaded.state.config_sha256, "abc");
    assert_eq!(
        (loaded.model, loaded.ema, loaded.optimizer),
        (expected.model, expected.ema, expected.optimizer)
    );
    // An unfinished folder is not a checkpoint.
    fs::create_dir(root.path().join(".writing-x")).unwrap();
    assert!(Checkpoint::load_newest(root.path()).is_ok());
}

#[test]
fn a_damaged_checkpoint_is_refused_by_name() {
    let files = |folder: &Path| -> Vec<String> { names(folder) };
    let root = tempfile::tempdir().unwrap();
    let folder = checkpoint(3).save(root.path()).unwrap();
    assert_eq!(files(&folder).len(), 4);
    for name in files(&folder) {
        let path = folder.join(&name);
        let good = fs::read(&path).unwrap();
        let truncated = good[..good.len() / 2].to_vec();
        let mut edited = good.clone();
        // A byte of a tensor's values, or of the JSON text.
        let place = good.len() - 3;
        edited[place] ^= 0x55;
        for damage in [Some(truncated), Some(edited), None] {
            match &damage {
                Some(bytes) => fs::write(&path, bytes).unwrap(),
                None => fs::remove_file(&path).unwrap(),
            }
            let message = Checkpoint::load_newest(root.path()).unwrap_err().to_string();
            assert!(message.contains("step-00000003") && message.contains(&name), "{name}: {message}");
            fs::write(&path, &good).unwrap();
        }
    }
    assert!(Checkpoint::load_newest(root.path()).is_ok());
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

#[test]
fn metrics_survive_a_line_cut_short() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("metrics.jsonl");
    let line = |step: u64| {
        format!(
            "{{\"kind\":\"train\",\"step\":{step},\"loss\":1.0,\"recon\":1.0,\"kl_weight\":1.0,\
             \"gradient_norm\":1.0,\"learning_rate\":0.1,\"seconds\":2.0}}"
        )
    };
    fs::write(&path, format!("{}\n{}\n{}", line(1), line(2), &line(3)[..40])).unwrap();
    let steps: Vec<u64> = read_metrics(&path).unwrap().iter().map(MetricRecord::step).collect();
    assert_eq!(steps, [1, 2]);
    assert!(read_metrics(&folder.path().join("none")).unwrap_err().to_string().contains("none"));
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
    // A header that claims more than there is, and one that claims the whole address space.
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
