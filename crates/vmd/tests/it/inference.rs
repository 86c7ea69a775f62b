//! The model that comes with the crate, which works without training.

use vmd::VariationalMaskedDiffusion;
use vmd::sampler::{RevealRule, SamplerConfig, ValueRule};
use vmd::tasks::sudoku::{Grid, Layout, broken_rule};

const PUZZLE: &str = "080050060460907108005000029970006500000872031300049000004025003010000480603100007";

#[test]
fn the_shipped_model_is_loaded_and_solves_a_puzzle() {
    let device = vmd::device::open("flex").expect("the backend is built in").device;
    let model = VariationalMaskedDiffusion::shipped(&device).expect("the model comes with the crate");
    let puzzle: Grid = PUZZLE.parse().expect("it is a puzzle");
    let sampler =
        SamplerConfig { nfe: 20, reveal: RevealRule::Margin, value: ValueRule::Argmax, ..Default::default() };
    let solved = model.infill(&puzzle.to_tokens(), &sampler, 1);
    let layout = Layout::new(3, 3).expect("boxes of 3×3");
    let grid = Grid::from_tokens(layout, &solved.tokens).expect("81 digits");
    assert!(broken_rule(&grid).is_none(), "{}", grid.pretty());
    assert!(solved.mean_nfe() <= 20.0);
    assert_eq!(model.sample(2, &sampler, 1).tokens.len(), 2 * 81);
}

#[test]
fn a_missing_folder_or_device_is_named() {
    let device = vmd::device::open("flex").expect("the backend is built in").device;
    let error = VariationalMaskedDiffusion::from_dir("no/such/folder", &device).expect_err("there is none");
    assert!(error.to_string().contains("no/such/folder"), "{error}");
    let error = vmd::device::open("gpu").expect_err("there is no such device");
    assert!(error.is_usage() && error.to_string().contains("`gpu`"), "{error}");
}
