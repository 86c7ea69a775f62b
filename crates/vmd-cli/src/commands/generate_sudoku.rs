//! `generate-sudoku`: full grids, and what they are worth.

use std::collections::HashSet;
use std::path::Path;

use indicatif::{ProgressBar, ProgressStyle};
use vmd::data::source::DataSource;
use vmd::eval::{Figure, mean_interval, wilson_interval};
use vmd::model::SamplerConfig;
use vmd::process::{Purpose, keyed_rng};
use vmd::tasks::sudoku::{
    DigitTest, Fingerprint, Grid, Layout, PuzzleQuality, fingerprint, make_puzzles, random_grid,
    read_puzzles, test_digits,
};
use vmd::train::{Checkpoint, RunFolder, write_atomically};

use super::evaluate_sudoku::{distinct, draw_grids, grid_layout};
use crate::args::GenerateSudokuArgs;
use crate::data::embedded_puzzles;
use crate::failure::usage;
use crate::models::LoadedModel;
use crate::output::{describe_latent, describe_rest, percent, print_json};

/// Draws the grids, writes them and reports.
pub(crate) fn run(args: &GenerateSudokuArgs) -> anyhow::Result<()> {
    if args.count == 0 || args.nfe == 0 {
        return Err(usage("--count and --nfe must be 1 or more"));
    }
    let loaded = LoadedModel::find_sudoku(args.model.clone(), args.sampler.loops, &args.common)?;
    let layout = grid_layout(&loaded)?;
    let patterns = patterns(args.patterns.as_deref(), layout)?;
    let config =
        SamplerConfig { nfe: args.nfe, reveal: args.reveal, value: args.value, ..args.sampler.config()? };
    let sampler = loaded.sampler(&config, true)?;
    let seed = args.common.seed.unwrap_or(0);
    // What can fail comes before what takes long.
    let training = TrainingGrids::of(&loaded)?;
    let (grids, output) = draw_grids(&loaded, &sampler, layout, args.count, seed);
    if let Some(out) = &args.out {
        let lines: String = grids.iter().map(|grid| format!("{grid}\n")).collect();
        write_atomically(out, lines.as_bytes())?;
    }
    let worth = Worth::of(&grids, &patterns, layout, training, seed);
    let valid = wilson_interval(grids.len(), args.count);
    if args.common.json {
        let dataset = format!("{} cells, unconditional", layout.cells());
        let provenance = loaded.provenance("sudoku", dataset, "samples", seed);
        let exact = |value: f64| Figure { n: grids.len(), ..Figure::exact(value) };
        let mut figures = vec![
            ("valid_unconditional", valid),
            ("mean_nfe_unconditional", mean_interval(&output.nfe_values())),
            ("distinct", exact(distinct(&grids) as f64)),
            ("distinct_up_to_symmetry", exact(worth.classes as f64)),
        ];
        figures.extend(worth.copied.map(|(copied, _)| ("copied", exact(copied as f64))));
        if let Some(digits) = worth.digits {
            figures.push(("digits_chi_square", exact(digits.chi_square)));
            figures.push(("digits_p_value", exact(digits.p_value)));
        }
        if let Some((ours, random)) = worth.puzzles {
            figures.push(("puzzles_unique", ours.unique));
            figures.push(("puzzles_human", ours.human));
            figures.push(("random_puzzles_unique", random.unique));
            figures.push(("random_puzzles_human", random.human));
        }
        let record = |(metric, figure): &(&str, Figure)| provenance.record(metric, *figure, &config, None);
        print_json(&figures.iter().map(record).collect::<Vec<_>>());
        return Ok(());
    }
    let (reveal, rest) = (describe_latent(&config), describe_rest(std::slice::from_ref(&config)));
    println!("{} unconditional grids, model {}, {reveal}, {}{rest}", args.count, loaded.name, config.value);
    println!("evaluations   {:.1} a grid", output.mean_nfe());
    println!("valid         {}", percent(valid.value, valid.ci95));
    println!("different     {}, up to symmetry {}", distinct(&grids), worth.classes);
    worth.print();
    if let Some(out) = &args.out {
        println!("{} grids in {}", grids.len(), out.display());
    }
    Ok(())
}

/// Grids whose clues are patterns.
fn patterns(file: Option<&Path>, layout: Layout) -> anyhow::Result<Vec<Grid>> {
    let records = match file {
        Some(file) => read_puzzles(file)?,
        None => embedded_puzzles(),
    };
    // Boxes of 3×2 or 2×3: a file does not say which, and where clues stand is the same.
    let of_size =
        records.into_iter().map(|record| record.puzzle.to_tokens()).filter(|t| t.len() == layout.cells());
    let patterns: Vec<Grid> =
        of_size.map(|tokens| Grid::from_tokens(layout, &tokens)).collect::<Result<_, _>>()?;
    match file {
        Some(file) if patterns.is_empty() => {
            let size = layout.size();
            Err(usage(format!("{} holds no {size}×{size} puzzle; give another --patterns", file.display())))
        }
        _ => Ok(patterns),
    }
}

/// What valid grids are worth.
struct Worth {
    /// Different ones up to symmetry.
    classes: usize,
    /// How many may be training grids up to symmetry, and how many of those there were; where the run is known.
    copied: Option<(usize, u64)>,
    digits: Option<DigitTest>,
    /// As puzzles, and random grids with the same clues.
    puzzles: Option<(PuzzleQuality, PuzzleQuality)>,
}

impl Worth {
    fn of(
        grids: &[Grid],
        patterns: &[Grid],
        layout: Layout,
        training: Option<TrainingGrids>,
        seed: u64,
    ) -> Self {
        let fingerprints: Vec<Fingerprint> = grids.iter().map(fingerprint).collect();
        let classes: HashSet<&Fingerprint> = fingerprints.iter().collect();
        let copied = training.map(|training| (training.copied(&fingerprints, layout), training.seen));
        let mut rng = keyed_rng(seed, 0, Purpose::Evaluate);
        let random: Vec<Grid> = grids.iter().map(|_| random_grid(layout, &mut rng)).collect();
        let is_measured = !patterns.is_empty() && !grids.is_empty();
        Self {
            classes: classes.len(),
            copied,
            digits: test_digits(grids, seed),
            puzzles: is_measured.then(|| (make_puzzles(grids, patterns), make_puzzles(&random, patterns))),
        }
    }

    fn print(&self) {
        if let Some((copied, seen)) = self.copied {
            println!("copied        {copied} may be among the {seen} grids of the training, up to symmetry");
        }
        if let Some(DigitTest { chi_square, expected, p_value }) = self.digits {
            println!(
                "digits        χ² {chi_square:.0} over cells, random grids {expected:.0}, p = {p_value:.2}"
            );
        }
        if let Some((ours, random)) = self.puzzles {
            for (name, ours, random) in
                [("one solution", ours.unique, random.unique), ("by techniques", ours.human, random.human)]
            {
                let share = |figure: Figure| percent(figure.value, figure.ci95);
                println!("{name:<13} {} as puzzles, random grids {}", share(ours), share(random));
            }
        }
    }
}

/// What a run was trained on; models that it started from, or learned from, have seen other grids.
struct TrainingGrids {
    source: Box<dyn DataSource>,
    seen: u64,
}

impl TrainingGrids {
    /// Those of the run that the model comes from, where it lies in one.
    fn of(loaded: &LoadedModel) -> anyhow::Result<Option<Self>> {
        let Some((run, folder)) = loaded.run.as_ref().zip(loaded.run_folder.as_ref()) else {
            return Ok(None);
        };
        let (source, _) = run.data.sources(run.seed)?;
        let checkpoint = Checkpoint::load_newest(&RunFolder::open(folder, None)?.checkpoints())?;
        let planned = run.train.steps * run.train.batch_size as u64;
        let seen = checkpoint.map_or(planned, |(_, checkpoint)| checkpoint.state.data_position);
        Ok(Some(Self { source, seen }))
    }

    /// How many of `fingerprints` belong to a grid of the training.
    fn copied(&self, fingerprints: &[Fingerprint], layout: Layout) -> usize {
        let drawn: HashSet<&Fingerprint> = fingerprints.iter().collect();
        if drawn.is_empty() {
            return 0;
        }
        let mut found = HashSet::new();
        let mut tokens = vec![0; layout.cells()];
        let style = "looking for copies in the training  {wide_bar} {pos}/{len}";
        let bar = ProgressBar::new(self.seen)
            .with_style(ProgressStyle::with_template(style).expect("the template is well-formed"));
        for index in 0..self.seen {
            self.source.fill(index, &mut tokens);
            let grid = Grid::from_tokens(layout, &tokens).expect("training grids are grids");
            found.extend(Some(fingerprint(&grid)).filter(|print| drawn.contains(print)));
            if index.is_multiple_of(1024) {
                bar.set_position(index);
            }
        }
        bar.finish_and_clear();
        fingerprints.iter().filter(|print| found.contains(print)).count()
    }
}

#[cfg(test)]
mod tests {
    use vmd::tasks::sudoku::SudokuGrids;

    use super::*;

    #[test]
    fn grids_of_the_training_are_copies_and_others_are_not() {
        let layout = Layout::new(3, 3).unwrap();
        let grids = |seed| Box::new(SudokuGrids::new(layout, seed, Default::default()).unwrap());
        let print = |seed, index| {
            let mut tokens = vec![0; 81];
            grids(seed).fill(index, &mut tokens);
            // Other names for the digits.
            tokens.iter_mut().for_each(|digit| *digit = (*digit + 1) % 9);
            fingerprint(&Grid::from_tokens(layout, &tokens).unwrap())
        };
        let training = TrainingGrids { source: grids(1), seen: 10 };
        let drawn = [print(1, 0), print(1, 9), print(1, 9), print(1, 10), print(2, 0)];
        assert_eq!(training.copied(&drawn, layout), 3);
    }
}
