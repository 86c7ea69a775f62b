//! Unconditional grids.

use std::collections::BTreeSet;

use vmd::eval::{Figure, mean_interval, wilson_interval};
use vmd::model::{SampleOutput, Sampler};
use vmd::tasks::sudoku::{Grid, Layout, SudokuRules, is_consistent};

use super::Task;
use super::plot::{Curves, Point};
use crate::data::DataConfig;
use crate::failure::usage;
use crate::models::LoadedModel;
use crate::output::{describe_latent, percent, print_json, print_table};

/// The shape of the grids that a model draws.
pub(in crate::commands) fn grid_layout(loaded: &LoadedModel) -> anyhow::Result<Layout> {
    let config = loaded.model.config();
    // Six cells in a row have boxes of two shapes, and the run knows which.
    let layout = match loaded.run.as_ref().map(|run| &run.data) {
        Some(DataConfig::Sudoku { box_rows, box_cols, .. }) => Layout::new(*box_rows, *box_cols),
        _ => Layout::from_cells(config.seq_len),
    };
    layout.ok().filter(|layout| layout.size() == config.vocab).ok_or_else(|| {
        let (tokens, values) = (config.seq_len, config.vocab);
        usage(format!(
            "a model of {tokens} tokens with {values} values draws no Sudoku grids; give another --model"
        ))
    })
}

/// The valid ones among `count` unconditional grids, and all of them as they came.
pub(in crate::commands) fn draw_grids(
    loaded: &LoadedModel,
    sampler: &Sampler,
    layout: Layout,
    count: usize,
    seed: u64,
) -> (Vec<Grid>, SampleOutput) {
    let blank = vec![loaded.model.config().mask_token(); count * layout.cells()];
    let grid = |tokens: &[u32]| Grid::from_tokens(layout, tokens).ok().filter(is_consistent);
    let output = sampler.sample_with(&loaded.model, &blank, seed, &SudokuRules::new(layout));
    (output.tokens.chunks_exact(layout.cells()).filter_map(grid).collect(), output)
}

/// How many of the grids differ.
pub(in crate::commands) fn distinct(grids: &[Grid]) -> usize {
    grids.iter().map(Grid::cells).collect::<BTreeSet<_>>().len()
}

/// Share of valid grids among `count` unconditional grids. Their values are better drawn too: the likeliest ones give the
/// same grid every time.
pub(super) fn report(task: &Task<'_>, count: usize) -> anyhow::Result<()> {
    let layout = grid_layout(task.model)?;
    if let Some(baseline) = task.baseline
        && grid_layout(baseline)? != layout
    {
        return Err(usage("the baseline draws grids of another shape; give another --baseline"));
    }
    let contenders = task.contenders()?;
    let provenances = task.provenances(&format!("{} cells, unconditional", layout.cells()), "samples");
    let mut curves = Curves::new(task, "valid unconditional grids (%)");
    let mut rows = Vec::new();
    for (i, config) in task.samplers.iter().enumerate() {
        let mut cells = vec![describe_latent(config), config.nfe.to_string()];
        for (place, ((loaded, samplers), provenance)) in contenders.iter().zip(&provenances).enumerate() {
            let (grids, output) = draw_grids(loaded, &samplers[i], layout, count, task.seed);
            let (valid, distinct) = (wilson_interval(grids.len(), count), distinct(&grids));
            curves.add(config, place, Point { nfe: output.mean_nfe(), share: valid });
            if task.json {
                let different = Figure { n: count, ..Figure::exact(distinct as f64) };
                let mean_nfe = mean_interval(&output.nfe_values());
                print_json(&[
                    provenance.record("valid_unconditional", valid, config, None),
                    provenance.record("distinct", different, config, None),
                    provenance.record("mean_nfe_unconditional", mean_nfe, config, None),
                ]);
            }
            let percent = percent(valid.value, valid.ci95);
            cells.extend([percent, distinct.to_string(), format!("{:.1}", output.mean_nfe())]);
        }
        rows.push(cells);
    }
    if !task.json {
        println!("{}", task.headline(&format!("{count} unconditional grids")));
        let header = ["reveal", "NFE", "valid [95 %]", "different", "mean NFE"].into_iter();
        let baseline = task.baseline.map(|_| ["baseline", "different", "mean NFE"]);
        print_table(&header.chain(baseline.into_iter().flatten()).collect::<Vec<_>>(), &rows);
    }
    curves.draw(task.plot.as_deref())
}
