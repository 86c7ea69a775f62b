//! `sample`: generates unconditional sequences, and texts.

mod text;

use serde_json::json;
use vmd::sampler::{Request, ValueRule};
use vmd::tasks::{block_sampler, sequence_sampler};

use crate::args::SampleArgs;
use crate::failure::usage;
use vmd::models::LoadedModel;

/// Draws samples and prints them.
pub(crate) fn run(args: &SampleArgs) -> anyhow::Result<()> {
    if args.count == 0 {
        return Err(usage("--count must be 1 or more"));
    }
    let sampler = args.sampler.one(ValueRule::default())?;
    let loaded = LoadedModel::find(
        args.model.clone(),
        "finished run",
        |_| true,
        args.common.load_options(args.sampler.loops)?,
        &args.common.device()?,
    )?;
    let config = loaded.model.config();
    if let Some(encoding) = &loaded.encoding {
        return text::write(&loaded, encoding, &block_sampler(&loaded.model, &sampler)?, args);
    }
    let task = loaded.run.as_ref().map(|run| run.data.open()).transpose()?;
    let rules = task.as_ref().and_then(|task| task.checker());
    let sampler = sequence_sampler(&loaded.model, &sampler)?;
    if args.prompt.is_some() || args.length.is_some() || args.candidates != 1 {
        return Err(usage("--prompt, --length and --candidates are for models of text; leave them out"));
    }
    let blank = vec![config.mask_token(); args.count * config.seq_len];
    let seed = args.common.seed.unwrap_or(0);
    if args.sampler.best_of > 1 && rules.is_none() {
        return Err(usage(
            "--best-of needs the rules of the model's data, and the model is not in a run folder of data with rules; leave it out",
        ));
    }
    let output = match &rules {
        Some(rules) => {
            sampler.run(&loaded.model, &Request::new(&blank, seed).checked(rules.as_ref()), &mut ())
        }
        None => sampler.sample(&loaded.model, &blank, seed),
    };
    for (tokens, nfe) in output.tokens.chunks_exact(config.seq_len).zip(&output.nfe) {
        let text = match &task {
            Some(task) => task.render(tokens),
            None => tokens.iter().map(u32::to_string).collect::<Vec<_>>().join(" "),
        };
        let valid = rules.as_ref().map(|rules| rules.accepts(0, tokens));
        if args.common.json {
            println!("{}", json!({ "tokens": tokens, "text": text, "valid": valid, "nfe": nfe }));
        } else {
            let verdict = valid.map_or("", |valid| if valid { "  valid" } else { "  breaks a rule" });
            println!("{text}{verdict}");
        }
    }
    Ok(())
}
