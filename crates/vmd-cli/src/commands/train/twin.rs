//! A model with a latent and its twin without one, side by side.

use std::path::{Path, PathBuf};

use vmd::Device;
use vmd::data_config::DataConfig;
use vmd::eval::Record;
use vmd::models::{LoadedModel, RUNS};
use vmd::sampler::SamplerConfig;
use vmd::train::TrainError;
use vmd::training::Run;

use super::comparison_plot::{Curve, Point, draw};
use super::evaluate_synthetic::{Subject, figures};
use crate::args::TrainArgs;
use crate::failure::usage;
use crate::output::{percent, print_table};

/// What is appended to the folder of a run for its twin without a latent.
const WITHOUT: &str = "-mdm";

/// What both models are called.
const NAMES: [&str; 2] = ["with latent", "without latent"];

/// Two runs that differ in the latent alone.
struct Pair {
    with: Run,
    without: Run,
}

/// Trains both, evaluates both, and prints one table.
pub(super) fn run(args: &TrainArgs) -> anyhow::Result<()> {
    let device = args.common.device()?;
    let pair = if args.resume { Pair::open(args)? } else { Pair::create(args)? };
    let stop = super::stop_on_ctrl_c()?;
    let arguments = format!("--twin --run {}", pair.with.folder().path().display());
    // The run with the latent comes last, so that it is the newest one, which other commands take.
    for run in [&pair.without, &pair.with].into_iter().filter(|run| !run.is_finished()) {
        super::train(run, &device, stop.as_ref(), &arguments)?;
    }
    pair.report(args, &device)
}

impl Pair {
    fn create(args: &TrainArgs) -> anyhow::Result<Self> {
        let config = super::resolve(args, &super::chosen_text(args)?)?;
        if !matches!(config.data, DataConfig::Synthetic { .. }) {
            return Err(not_synthetic());
        }
        let twin = config.without_latent()?;
        let path = args.run.clone().unwrap_or_else(|| free_folder(&config.name));
        if path.join("config.toml").exists() {
            return Err(TrainError::RunExists { path }.into());
        }
        let without = Run::create(twin, &twin_folder(&path), &args.common.device)?;
        Ok(Self { with: Run::create(config, &path, &args.common.device)?, without })
    }

    fn open(args: &TrainArgs) -> anyhow::Result<Self> {
        let path = super::resumed_folder(args)?;
        let with = super::open(args, &path)?;
        let without = Run::open(&twin_folder(&path))?;
        without.check(&with.config().without_latent()?)?;
        Ok(Self { with, without })
    }

    fn report(&self, args: &TrainArgs, device: &Device) -> anyhow::Result<()> {
        let samplers = self.with.config().evaluate.samplers();
        let (with, without) = (measure(&self.with, args, device)?, measure(&self.without, args, device)?);
        let picture = self.with.folder().plots().join("latent-and-none.svg");
        let what = format!("samples of {} that are valid (%)", self.with.config().name);
        draw(&curves(&samplers, [&with, &without]), &what, &picture)?;
        if !args.common.json {
            println!("{what}, by network evaluations (NFE)");
            let cells = |record: &Record| percent(record.value, record.ci95);
            let rows: Vec<Vec<String>> = (samplers.iter().zip(with.iter().zip(&without)))
                .map(|(config, (with, without))| {
                    vec![row_name(config, &samplers), cells(with), cells(without)]
                })
                .collect();
            print_table(&["NFE", NAMES[0], NAMES[1]], &rows);
        }
        let folder = self.with.folder().path().display();
        eprintln!("picture in {}; draw samples with: vmd sample --model {folder} --nfe 1", picture.display());
        Ok(())
    }
}

/// The share of valid samples for each sampler of the run's configuration.
fn measure(run: &Run, args: &TrainArgs, device: &Device) -> anyhow::Result<Vec<Record>> {
    let config = run.config();
    let DataConfig::Synthetic { set, hold_out } = &config.data else { return Err(not_synthetic()) };
    let loaded = LoadedModel::load(&run.folder().model(), args.common.load_options(None)?, device)?;
    let subject = Subject::new(*set, *hold_out, config.evaluate.samples, config.evaluate.infill())?;
    let measured = figures(&loaded, &subject, &config.evaluate.samplers(), config.seed, args.common.json)?;
    let accuracy = |records: Vec<Record>| records.into_iter().find(|record| record.metric == "accuracy");
    Ok(measured.into_iter().filter_map(accuracy).collect())
}

fn not_synthetic() -> anyhow::Error {
    usage("--twin compares models of synthetic sets; leave it out and train the two models one by one")
}

/// Steps of a sampler, and its rule where there are several.
fn row_name(config: &SamplerConfig, all: &[SamplerConfig]) -> String {
    match all.iter().any(|other| other.reveal != config.reveal) {
        true => format!("{} {}", config.reveal, config.nfe),
        false => config.nfe.to_string(),
    }
}

/// One curve for each rule and model.
fn curves(samplers: &[SamplerConfig], measured: [&[Record]; 2]) -> Vec<Curve> {
    let mut curves: Vec<Curve> = Vec::new();
    for (place, records) in measured.into_iter().enumerate() {
        for (config, record) in samplers.iter().zip(records) {
            let label = match row_name(config, samplers).rsplit_once(' ') {
                Some((rule, _)) => format!("{rule}, {}", NAMES[place]),
                None => NAMES[place].to_string(),
            };
            let point = Point { nfe: config.nfe as f64, share: record.value, ci95: record.ci95 };
            match curves.iter_mut().find(|curve| curve.label == label) {
                Some(curve) => curve.points.push(point),
                None => curves.push(Curve { label, is_dashed: place > 0, points: vec![point] }),
            }
        }
    }
    curves
}

/// The first `runs/NAME-NNN` that is free, and whose twin is.
fn free_folder(name: &str) -> PathBuf {
    let candidate = |i: usize| Path::new(RUNS).join(format!("{name}-{i:03}"));
    let is_free = |path: &PathBuf| !path.exists() && !twin_folder(path).exists();
    (1..).map(candidate).find(is_free).expect("some number is free")
}

fn twin_folder(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_os_string();
    name.push(WITHOUT);
    name.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_twin_lies_beside_its_run() {
        assert_eq!(twin_folder(Path::new("runs/a-001")), Path::new("runs/a-001-mdm"));
    }

    #[test]
    fn rows_name_the_rule_where_there_are_several() {
        let of = |reveal, nfe| SamplerConfig { reveal, nfe, ..Default::default() };
        let one = [of(vmd::sampler::RevealRule::Ancestral, 1), of(vmd::sampler::RevealRule::Ancestral, 2)];
        assert_eq!(row_name(&one[1], &one), "2");
        let two = [of(vmd::sampler::RevealRule::Ancestral, 1), of(vmd::sampler::RevealRule::Margin, 2)];
        assert_eq!(row_name(&two[1], &two), "margin 2");
    }
}
