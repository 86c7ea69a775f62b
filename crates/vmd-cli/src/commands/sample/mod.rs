//! `sample`: unconditional sequences, and texts.

mod text;

use serde_json::json;
use vmd::model::SamplerConfig;
use vmd::tasks::sudoku::SudokuRules;
use vmd::tasks::sudoku::{Grid, Layout, is_consistent};

use crate::args::SampleArgs;
use crate::data::DataConfig;
use crate::failure::usage;
use crate::models::LoadedModel;

/// Draws and prints.
pub(crate) fn run(args: &SampleArgs) -> anyhow::Result<()> {
    if args.nfe == 0 || args.count == 0 {
        return Err(usage("--nfe and --count must be 1 or more"));
    }
    let loaded =
        LoadedModel::find(args.model.clone(), "finished run", |_| true, args.sampler.loops, &args.common)?;
    let config = loaded.model.config();
    let sampler = SamplerConfig {
        nfe: args.nfe,
        reveal: args.reveal,
        value: args.value_rule(),
        ..args.sampler.config()?
    };
    if let Some(encoding) = &loaded.encoding {
        return text::write(&loaded, encoding, &loaded.block_sampler(&sampler)?, args);
    }
    let data = loaded.run.as_ref().map(|run| &run.data);
    let sampler = loaded.sampler(&sampler, data.is_some_and(DataConfig::is_sudoku))?;
    if args.prompt.is_some() || args.length.is_some() || args.candidates != 1 {
        return Err(usage(
            "--prompt, --length and --candidates are for models of text, and this is none; leave them out",
        ));
    }
    let blank = vec![config.mask_token(); args.count * config.seq_len];
    let seed = args.common.seed.unwrap_or(0);
    if args.sampler.best_of > 1 && data.is_none() {
        return Err(usage(
            "--best-of needs the rules of the model's data, and its folder lies in no run; leave it out",
        ));
    }
    let output = match data {
        Some(DataConfig::Sudoku { box_rows, box_cols, .. }) => {
            let rules = SudokuRules::new(Layout::new(*box_rows, *box_cols)?);
            sampler.sample_with(&loaded.model, &blank, seed, &rules)
        }
        Some(DataConfig::Synthetic { set, .. }) => {
            sampler.sample_checked(&loaded.model, &blank, seed, |_, tokens| set.contains(tokens))
        }
        _ => sampler.sample(&loaded.model, &blank, seed),
    };
    for (tokens, nfe) in output.tokens.chunks_exact(config.seq_len).zip(&output.nfe) {
        let (text, valid) = render(data, tokens);
        if args.common.json {
            println!("{}", json!({ "tokens": tokens, "text": text, "valid": valid, "nfe": nfe }));
        } else {
            let verdict = valid.map_or("", |valid| if valid { "  valid" } else { "  breaks a rule" });
            println!("{text}{verdict}");
        }
    }
    Ok(())
}

/// A sequence as text, and whether it obeys the rules of its data set, where that is known.
fn render(data: Option<&DataConfig>, tokens: &[u32]) -> (String, Option<bool>) {
    let plain = || tokens.iter().map(u32::to_string).collect::<Vec<_>>().join(" ");
    match data {
        Some(DataConfig::Synthetic { set, .. }) => (plain(), Some(set.contains(tokens))),
        Some(DataConfig::Sudoku { box_rows, box_cols, .. }) => {
            let grid = Layout::new(*box_rows, *box_cols).and_then(|layout| Grid::from_tokens(layout, tokens));
            match grid {
                Ok(grid) => (grid.to_string(), Some(is_consistent(&grid))),
                Err(_) => (plain(), None),
            }
        }
        _ => (plain(), None),
    }
}
