//! Collects the figures of finished runs, and their spread over seeds.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::Context;
use serde::Serialize;
use vmd::eval::Record;
use vmd::model::BoundEstimate;
use vmd::model::files::write_atomically;
use vmd::train::{MetricRecord, RunFolder, read_metrics};

use super::plan::{Arm, Job, Section, State, Study};

/// Name of a figure and sampler that it was measured with; the order is that of the columns.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    pub(super) metric: String,
    /// Reveal rule; empty for figures without one, and for the ancestral sampler, for which the
    /// bounds hold.
    pub(super) reveal: String,
    /// Steps of the sampler or of the bound; absent in continuous time, and for figures of the
    /// whole run.
    pub(super) steps: Option<usize>,
}

/// One arm and its finished runs.
#[derive(Debug)]
pub(super) struct ArmResult<'a> {
    pub(super) arm: &'a Arm,
    pub(super) records: Vec<Record>,
    /// The figures of each run.
    runs: Vec<BTreeMap<Key, f64>>,
    /// Training step and bound of each run's validations, at the smallest number of steps.
    curves: Vec<Vec<(u64, f64)>>,
}

/// A figure over seeds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Spread {
    pub(super) mean: f64,
    /// Standard deviation over seeds; absent for one seed.
    pub(super) deviation: Option<f64>,
    pub(super) n: usize,
}

impl Spread {
    /// The spread of `values`; `None` if there are none.
    fn of(values: &[f64]) -> Option<Self> {
        let n = values.len();
        let mean = values.iter().sum::<f64>() / n as f64;
        let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
        let deviation = (n > 1).then(|| (squares / (n - 1) as f64).sqrt());
        (n > 0).then_some(Self { mean, deviation, n })
    }
}

impl<'a> ArmResult<'a> {
    /// An arm without runs.
    fn new(arm: &'a Arm) -> Self {
        Self { arm, records: Vec::new(), runs: Vec::new(), curves: Vec::new() }
    }
}

impl ArmResult<'_> {
    /// A figure over the arm's runs.
    pub(super) fn spread(&self, key: &Key) -> Option<Spread> {
        Spread::of(&self.runs.iter().filter_map(|run| run.get(key).copied()).collect::<Vec<_>>())
    }

    /// Numbers of steps at which `metric` was measured, in ascending order.
    pub(super) fn keys<'k>(&'k self, metric: &'k str) -> BTreeSet<&'k Key> {
        self.runs.iter().flat_map(BTreeMap::keys).filter(|key| key.metric == metric).collect()
    }

    /// `metric` of the ancestral sampler: steps and spread, in ascending order of steps.
    pub(super) fn by_steps(&self, metric: &str) -> Vec<(usize, Spread)> {
        let plain = self.keys(metric).into_iter().filter(|key| key.reveal.is_empty());
        plain.filter_map(|key| Some((key.steps?, self.spread(key)?))).collect()
    }

    /// The mean of the runs' curves: training step and bound.
    pub(super) fn curve(&self) -> Vec<(u64, f64)> {
        let Some(first) = self.curves.first() else { return Vec::new() };
        let mean = |place: usize| {
            let bounds = self.curves.iter().map(|curve| curve.get(place).map(|point| point.1));
            bounds.sum::<Option<f64>>().map(|sum| sum / self.curves.len() as f64)
        };
        first.iter().enumerate().map_while(|(place, &(step, _))| Some((step, mean(place)?))).collect()
    }

    /// The bound that this arm, a baseline, reaches after nine tenths of its total decrease since
    /// the first validation.
    pub(super) fn stated_bound(&self) -> Option<f64> {
        let curve = self.curve();
        let (first, last) = (curve.first()?.1, curve.last()?.1);
        (curve.len() > 1 && last < first).then_some(last + 0.1 * (first - last))
    }

    /// The first training step at which a validation is at most `bound`, over runs; absent unless
    /// all runs reach it.
    pub(super) fn steps_to(&self, bound: f64) -> Option<Spread> {
        let first = |curve: &Vec<(u64, f64)>| curve.iter().find(|point| point.1 <= bound).map(|p| p.0 as f64);
        Spread::of(&self.curves.iter().map(first).collect::<Option<Vec<_>>>()?)
    }
}

/// Reads the records of the finished runs among `jobs`; omits arms without any.
pub(super) fn collect<'a>(study: &'a Study, jobs: &[Job]) -> anyhow::Result<Vec<ArmResult<'a>>> {
    let mut results: Vec<ArmResult<'a>> = study.arms.iter().map(ArmResult::new).collect();
    for job in jobs.iter().filter(|job| job.state() == State::Finished) {
        let records = read_records(&job.records())?;
        let folder = RunFolder::open(&job.folder, None)?;
        let model = &job.config.model;
        let mut figures = of_records(&records, model.blocks);
        let metrics = read_metrics(&folder.metrics())?;
        figures.extend(of_metrics(&metrics));
        results[job.arm].records.extend(records);
        results[job.arm].curves.push(curve(&metrics));
        results[job.arm].runs.push(figures);
    }
    results.retain(|result| !result.runs.is_empty());
    Ok(results)
}

fn read_records(file: &Path) -> anyhow::Result<Vec<Record>> {
    let remedy = || format!("{}: delete this file to evaluate the run again", file.display());
    let text = std::fs::read_to_string(file).with_context(remedy)?;
    text.lines().map(|line| serde_json::from_str(line).with_context(remedy)).collect()
}

/// The figures of a run by key. A figure of the whole data comes before those of its parts, which
/// have the same key; the figure of the whole is kept. The steps of a causal model are those of one
/// of its `blocks`; here they are multiplied by the number of blocks.
fn of_records(records: &[Record], blocks: usize) -> BTreeMap<Key, f64> {
    let figure = |record: &Record| {
        let reveal = if record.reveal == "ancestral" { String::new() } else { record.reveal.clone() };
        (
            Key { metric: record.metric.clone(), reveal, steps: record.nfe.map(|nfe| nfe * blocks) },
            record.value,
        )
    };
    // The last of several equal keys is kept.
    records.iter().rev().map(figure).collect()
}

/// Bounds and diagnostics of the latent at the last validation, and the training time.
fn of_metrics(records: &[MetricRecord]) -> Vec<(Key, f64)> {
    let key = |metric: &str, steps| Key { metric: metric.into(), reveal: String::new(), steps };
    let last = records.iter().filter_map(validation).map(|(step, _)| step).max();
    let mut figures = Vec::new();
    for (_, estimate) in records.iter().filter_map(validation).filter(|(step, _)| Some(*step) == last) {
        let of_bound = |(metric, value): (&str, Option<f64>)| {
            value.map(|value| (key(&format!("bound {metric}"), estimate.steps), value))
        };
        figures.extend(parts(&estimate).into_iter().filter_map(of_bound));
    }
    let seconds = records.iter().rev().find_map(|record| match record {
        MetricRecord::Train { seconds, .. } => Some(*seconds),
        MetricRecord::Validation { .. } => None,
    });
    figures.extend(seconds.map(|seconds| (key("seconds", None), seconds)));
    figures
}

fn validation(record: &MetricRecord) -> Option<(u64, BoundEstimate)> {
    match record {
        MetricRecord::Validation { step, estimate } => Some((*step, *estimate)),
        MetricRecord::Train { .. } => None,
    }
}

/// Training step and bound of the validations at the smallest number of steps; continuous time
/// counts as the largest.
fn curve(records: &[MetricRecord]) -> Vec<(u64, f64)> {
    let all = || records.iter().filter_map(validation);
    let fewest = all().map(|(_, estimate)| estimate.steps.unwrap_or(usize::MAX)).min();
    let of_fewest = all().filter(|(_, estimate)| Some(estimate.steps.unwrap_or(usize::MAX)) == fewest);
    of_fewest.map(|(step, estimate)| (step, estimate.bound)).collect()
}

fn parts(estimate: &BoundEstimate) -> [(&'static str, Option<f64>); 7] {
    let health = estimate.health;
    [
        ("total", Some(estimate.bound)),
        ("kl", health.map(|_| estimate.kl)),
        ("gain", estimate.latent_gain),
        ("active units", health.map(|health| health.active_units as f64)),
        ("information", health.map(|health| health.mutual_information)),
        ("latent headroom", estimate.latent_headroom()),
        ("latent savings", estimate.latent_savings()),
    ]
}

/// A record with the arm that it belongs to.
#[derive(Serialize)]
struct StudyRecord<'a> {
    arm: &'a str,
    section: Section,
    label: &'a str,
    #[serde(flatten)]
    record: &'a Record,
}

/// Writes all records, one per line.
pub(super) fn write_records(results: &[ArmResult<'_>], file: &Path) -> anyhow::Result<()> {
    let of_arm = |result: &ArmResult<'_>| {
        let arm = result.arm;
        let line = |record| StudyRecord { arm: &arm.name, section: arm.section, label: &arm.label, record };
        let lines = result.records.iter().map(line);
        lines
            .map(|line| serde_json::to_string(&line).expect("a record serialises") + "\n")
            .collect::<String>()
    };
    let text: String = results.iter().map(of_arm).collect();
    Ok(write_atomically(file, text.as_bytes())?)
}

/// The rows of a section: every arm, and its baseline directly below it. The second component is
/// the position of the arm, which a baseline shares with the arm above it.
pub(super) fn rows<'r, 'a>(
    results: &'r [ArmResult<'a>],
    section: Section,
) -> Vec<(&'r ArmResult<'a>, usize)> {
    let of_section = || results.iter().filter(|result| result.arm.section == section);
    let below = |name: &str| of_section().any(|result| result.arm.baseline.as_deref() == Some(name));
    let with_baseline = |(place, result): (usize, &'r ArmResult<'a>)| {
        let baseline = results.iter().filter(|other| Some(&other.arm.name) == result.arm.baseline.as_ref());
        [result].into_iter().chain(baseline).map(move |result| (result, place))
    };
    of_section().filter(|result| !below(&result.arm.name)).enumerate().flat_map(with_baseline).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arm(name: &str, baseline: Option<&str>) -> Arm {
        Arm {
            name: name.into(),
            section: Section::Long,
            preset: String::new(),
            set: Vec::new(),
            seeds: Vec::new(),
            default_seeds: None,
            needs: None,
            label: String::new(),
            baseline: baseline.map(str::to_string),
        }
    }

    #[test]
    fn a_spread_is_that_of_a_sample() {
        // Deviations −1, 0, 1: the variance with n − 1 is 1.
        let spread = Spread::of(&[1.0, 2.0, 3.0]).unwrap();
        assert_eq!((spread.mean, spread.deviation, spread.n), (2.0, Some(1.0), 3));
        assert_eq!(Spread::of(&[4.0]).unwrap().deviation, None);
        assert_eq!(Spread::of(&[]), None);
    }

    #[test]
    fn the_stated_bound_is_nine_tenths_down_and_the_first_step_below_it_counts() {
        let arm = arm("base", None);
        let mut result = ArmResult::new(&arm);
        assert_eq!((result.stated_bound(), result.steps_to(1.0)), (None, None));
        result.curves = vec![vec![(10, 11.0), (20, 3.0), (30, 1.0)], vec![(10, 11.0), (20, 1.0), (30, 1.0)]];
        // The mean curve is 11, 2, 1.
        assert_eq!(result.curve(), [(10, 11.0), (20, 2.0), (30, 1.0)]);
        assert_eq!(result.stated_bound(), Some(2.0));
        assert_eq!(result.steps_to(2.0).map(|spread| (spread.mean, spread.n)), Some((25.0, 2)));
        assert_eq!(result.steps_to(0.5), None);
        result.curves = vec![vec![(10, 1.0), (20, 2.0)]];
        assert_eq!(result.stated_bound(), None);
    }

    #[test]
    fn the_whole_counts_and_not_its_parts() {
        let record = |band: Option<&str>, value: f64| -> Record {
            let mut record = serde_json::json!({
                "task": "sudoku", "dataset": "", "split": "test", "metric": "solved", "value": value, "ci95": [0.0, 1.0],
                "n": 1, "nfe": 5, "reveal": "margin", "value_rule": "argmax", "remask": "none",
                "best_of": 1, "model": "", "seed": 0, "revision": "", "config_sha256": "",
            });
            record["band"] = band.into();
            serde_json::from_value(record).unwrap()
        };
        let records =
            [record(None, 0.5), record(Some("31-33 clues"), 0.25), record(Some("34-36 clues"), 0.75)];
        assert_eq!(of_records(&records, 1).into_values().collect::<Vec<_>>(), [0.5]);
        // All evaluations of a model that generates in four blocks count.
        assert_eq!(of_records(&records, 4).keys().map(|key| key.steps).collect::<Vec<_>>(), [Some(20)]);
    }

    #[test]
    fn a_baseline_stands_below_its_arm() {
        let arms = [arm("base", None), arm("a", Some("base")), arm("alone", None), arm("b", Some("base"))];
        let results: Vec<_> = arms.iter().map(ArmResult::new).collect();
        let rows: Vec<_> =
            rows(&results, Section::Long).iter().map(|(r, place)| (r.arm.name.as_str(), *place)).collect();
        assert_eq!(rows, [("a", 0), ("base", 0), ("alone", 1), ("b", 2), ("base", 2)]);
        assert!(super::rows(&results, Section::Litmus).is_empty());
    }
}
