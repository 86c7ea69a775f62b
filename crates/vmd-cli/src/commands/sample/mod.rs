//! `sample`: generates unconditional sequences, and texts.

mod text;

use serde_json::json;
use vmd::sampler::{Method, Request, ValueRule};
use vmd::tasks::{TaskConfig, block_sampler, check_method};

use crate::args::SampleArgs;
use crate::failure::usage;
use vmd::models::LoadedModel;

/// Draws samples and prints them.
pub(crate) fn run(args: &SampleArgs) -> anyhow::Result<()> {
    if args.count == 0 {
        return Err(usage("--count must be 1 or more"));
    }
    let method = args.sampler.one_method(ValueRule::default())?;
    let loaded = LoadedModel::find(
        args.model.clone(),
        "finished run",
        |_| true,
        args.common.load_options(args.sampler.loops)?,
        &args.common.device()?,
    )?;
    let config = loaded.model.config();
    if let Some(encoding) = &loaded.encoding {
        let Method::Steps(config) = &method else { return Err(no_search()) };
        return text::write(&loaded, encoding, &block_sampler(&loaded.model, config)?, args);
    }
    let task = loaded.run.as_ref().map(|run| run.data.open()).transpose()?;
    let rules = task.as_ref().and_then(|task| task.checker());
    check_method(&loaded.model, &method)?;
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
    if args.sampler.search.is_some() && !task.as_ref().is_some_and(|task| task.options().contains(&"search"))
    {
        return Err(no_search());
    }
    let request = Request::new(&blank, seed);
    let request = match &rules {
        Some(rules) => request.checked(rules.as_ref()),
        None => request,
    };
    let output = method.run(&loaded.model, &request, &mut ());
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

/// The error for `--search` with a task that cannot check its rules on unfinished sequences.
fn no_search() -> anyhow::Error {
    usage(format!("--search is for {}; leave it out", TaskConfig::tasks_with("search").join(", ")))
}
