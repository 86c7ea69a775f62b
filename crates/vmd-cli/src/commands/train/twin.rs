//! Trains a model with a latent and the same model without one, and compares them.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use vmd::Device;
use vmd::eval::{Record, Unit};
use vmd::models::{LoadedModel, RUNS};
use vmd::tasks::Task;
use vmd::train::TrainError;
use vmd::training::Run;

use super::comparison_plot::{Curve, Point, draw};
use crate::args::TrainArgs;
use crate::commands::evaluate::Console;
use crate::failure::usage;
use crate::output::{percent, print_table};

/// Suffix of the folder of the run without a latent.
const WITHOUT: &str = "-mdm";

/// Names of the two models.
const NAMES: [&str; 2] = ["with latent", "without latent"];

/// Two runs that differ only in the latent.
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
    // Train the run with the latent last, so that other commands use it as the newest one.
    for run in [&pair.without, &pair.with].into_iter().filter(|run| !run.is_finished()) {
        super::train(run, &device, stop.as_ref(), &arguments)?;
    }
    pair.report(args, &device)
}

impl Pair {
    fn create(args: &TrainArgs) -> anyhow::Result<Self> {
        let (config, task) = super::resolve(args, &super::chosen_text(args)?)?;
        let twin = config.without_latent()?;
        let path = args.run.clone().unwrap_or_else(|| free_folder(&config.name));
        if path.join("config.toml").exists() {
            return Err(TrainError::RunExists { path }.into());
        }
        let task: Arc<dyn Task> = task.into();
        let without = Run::create(twin, Arc::clone(&task), &twin_folder(&path), &args.common.device)?;
        Ok(Self { with: Run::create(config, task, &path, &args.common.device)?, without })
    }

    fn open(args: &TrainArgs) -> anyhow::Result<Self> {
        let path = super::resumed_folder(args)?;
        let with = super::open(args, &path)?;
        let twin = with.config().without_latent()?;
        let without = Run::resume(twin, Arc::clone(with.task()), &twin_folder(&path))?;
        Ok(Self { with, without })
    }

    fn report(&self, args: &TrainArgs, device: &Device) -> anyhow::Result<()> {
        let (with, without) = (measure(&self.with, args, device)?, measure(&self.without, args, device)?);
        let Some(first) = with.first() else {
            return Err(usage("the evaluation of these data has no share to compare; leave --twin out"));
        };
        let picture = self.with.folder().plots().join("latent-and-none.svg");
        let what = format!("{}: {}, % of samples", self.with.config().name, first.metric);
        draw(&curves([&with, &without]), &what, &picture)?;
        if !args.common.json {
            println!("{what}, by network evaluations (NFE)");
            let cell = |record: &Record| percent(record.value, record.ci95);
            let row = |(one, other): (&Record, &Record)| vec![row_name(one, &with), cell(one), cell(other)];
            let rows: Vec<Vec<String>> = with.iter().zip(&without).map(row).collect();
            print_table(&["NFE", NAMES[0], NAMES[1]], &rows);
        }
        let folder = self.with.folder().path().display();
        eprintln!("picture in {}; draw samples with: vmd sample --model {folder} --nfe 1", picture.display());
        Ok(())
    }
}

/// The records of the first share that the run's evaluation measures, such as that of valid
/// samples, one per sampler.
fn measure(run: &Run, args: &TrainArgs, device: &Device) -> anyhow::Result<Vec<Record>> {
    let config = run.config();
    let loaded = LoadedModel::load(&run.folder().model(), args.common.load_options(None)?, device)?;
    let evaluation = config.evaluate.evaluation(config.seed);
    let mut console = Console::new(args.common.json);
    let records = run.task().evaluate(&loaded.subject(), &evaluation, &mut console)?;
    let is_whole = |record: &Record| record.unit == Unit::Share && record.band.is_none();
    let metric = records.iter().find(|record| is_whole(record)).map(|record| record.metric.clone());
    let is_wanted = |record: &Record| is_whole(record) && Some(&record.metric) == metric.as_ref();
    Ok(records.into_iter().filter(is_wanted).collect())
}

/// The number of evaluations of a sampler, and its rule if there are several.
fn row_name(record: &Record, all: &[Record]) -> String {
    let nfe = record.nfe.map_or_else(|| "–".into(), |nfe| nfe.to_string());
    match all.iter().any(|other| other.reveal != record.reveal) {
        true => format!("{} {nfe}", record.reveal),
        false => nfe,
    }
}

/// One curve per rule and model.
fn curves(measured: [&[Record]; 2]) -> Vec<Curve> {
    let mut curves: Vec<Curve> = Vec::new();
    for (place, records) in measured.into_iter().enumerate() {
        for record in records {
            let Some(nfe) = record.nfe else { continue };
            let label = match row_name(record, records).rsplit_once(' ') {
                Some((rule, _)) => format!("{rule}, {}", NAMES[place]),
                None => NAMES[place].to_string(),
            };
            let point = Point { nfe: nfe as f64, share: record.value, ci95: record.ci95 };
            match curves.iter_mut().find(|curve| curve.label == label) {
                Some(curve) => curve.points.push(point),
                None => curves.push(Curve { label, is_dashed: place > 0, points: vec![point] }),
            }
        }
    }
    curves
}

/// The first `runs/NAME-NNN` that is free and whose twin folder is free.
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
    use vmd::eval::{Figure, Provenance};
    use vmd::sampler::{RevealRule, SamplerConfig};

    use super::*;

    #[test]
    fn the_twin_lies_beside_its_run() {
        assert_eq!(twin_folder(Path::new("runs/a-001")), Path::new("runs/a-001-mdm"));
    }

    #[test]
    fn rows_name_the_rule_where_there_are_several() {
        let of = |reveal: RevealRule, nfe| {
            let sampler = SamplerConfig { reveal, nfe, ..Default::default() };
            Provenance::default().record("valid", Figure::exact(1.0), &sampler, None)
        };
        let one = [of(RevealRule::Ancestral, 1), of(RevealRule::Ancestral, 2)];
        assert_eq!(row_name(&one[1], &one), "2");
        let two = [of(RevealRule::Ancestral, 1), of(RevealRule::Margin, 2)];
        assert_eq!(row_name(&two[1], &two), "margin 2");
    }
}
