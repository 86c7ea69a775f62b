//! Saved files, and errors for damaged ones.

#![allow(clippy::unwrap_used, reason = "helpers of tests may panic too")]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use burn::tensor::TensorData;
use vmd_train::{Checkpoint, MetricRecord, TrainerState, read_metrics};

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
    // The two with the largest steps are kept; no temporary folder is left.
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
