//! Generates texts with a model of text.

use std::io::Write;

use serde_json::json;
use vmd::data::text::{Encoding, Form};
use vmd::model::Writing;
use vmd::sampler::{Observer, Sampler};

use crate::args::SampleArgs;
use crate::failure::usage;
use vmd::models::LoadedModel;

/// Generates texts; a single text is printed as it is generated.
pub(super) fn write(
    loaded: &LoadedModel,
    encoding: &Encoding,
    sampler: &Sampler,
    args: &SampleArgs,
) -> anyhow::Result<()> {
    let template = template(loaded, encoding, args)?;
    let compared = template.len() <= loaded.model.config().seq_len && encoding.stop().is_none();
    if args.candidates == 0 || args.candidates > 1 && !compared {
        return Err(usage(format!(
            "--candidates {}: must be 1 or more, and more than 1 only for texts of at most {} tokens, not lines; set it to 1, or \
             shorten the text",
            args.candidates,
            loaded.model.config().seq_len
        )));
    }
    let (length, seed) = (template.len(), args.common.seed.unwrap_or(0));
    let template = template.repeat(args.count);
    let writing = Writing { template: &template, texts: args.count, stop: encoding.stop(), seed };
    let streams = args.count == 1 && args.candidates == 1 && !args.common.json;
    let mut stream = Stream { encoding, length, shown: 0 };
    let output = match args.candidates {
        1 if streams => loaded.model.write(sampler, writing, &mut stream),
        1 => loaded.model.write(sampler, writing, &mut ()),
        _ => loaded.model.write_likeliest(sampler, writing, args.candidates),
    };
    for (tokens, nfe) in output.tokens.chunks_exact(length).zip(&output.nfe) {
        let text = encoding.decode(tokens);
        if args.common.json {
            println!("{}", json!({ "tokens": tokens, "text": text, "nfe": nfe }));
        } else if streams {
            stream.show(&text);
            println!();
        } else {
            println!("{text}");
        }
    }
    Ok(())
}

/// Prints a single text as it is generated.
struct Stream<'a> {
    encoding: &'a Encoding,
    /// Number of tokens of the text.
    length: usize,
    /// Bytes already printed.
    shown: usize,
}

impl Stream<'_> {
    /// Prints the new part of `text`, except for an incomplete last character.
    fn show(&mut self, text: &str) {
        let ready = text.trim_end_matches(char::REPLACEMENT_CHARACTER);
        if let Some(new) = ready.get(self.shown..) {
            print!("{new}");
            // A closed pipe is reported when the next line is printed.
            let _ = std::io::stdout().flush();
            self.shown = ready.len();
        }
    }
}

impl Observer for Stream<'_> {
    fn on_block(&mut self, texts: &[Vec<u32>]) {
        let tokens = &texts[0][..texts[0].len().min(self.length)];
        self.show(&self.encoding.decode(tokens));
    }
}

/// The given tokens of every text, with the mask token elsewhere.
fn template(loaded: &LoadedModel, encoding: &Encoding, args: &SampleArgs) -> anyhow::Result<Vec<u32>> {
    let config = loaded.model.config();
    let mask = config.mask_token();
    let prompt = args.prompt.as_deref().unwrap_or_default();
    let mut template = match encoding.form {
        Form::Table if !prompt.is_empty() => {
            return Err(usage(
                "--prompt is for text, and this model generates rows of a table; leave it out",
            ));
        }
        _ => encoding.template(prompt).map_err(|error| usage(format!("--prompt: {error}")))?,
    };
    let whole = template.contains(&mask).then_some(template.len());
    // A prompt that fills a whole sequence is continued by another sequence, if the model supports
    // it.
    let given = template.len();
    let goes_on = config.is_causal() && encoding.form == Form::Text && given >= config.seq_len;
    let length = args.length.or(whole).unwrap_or(if goes_on {
        given + config.seq_len
    } else {
        config.seq_len.max(given)
    });
    if length < template.len() || length == 0 {
        return Err(usage(format!(
            "--length {length} is 0 or less than the {} tokens of the prompt; increase it",
            template.len()
        )));
    }
    if length > config.seq_len && (!config.is_causal() || encoding.form != Form::Text) {
        return Err(usage(format!(
            "{length} tokens are more than the {} tokens of this model's sequences; lower --length, or shorten the prompt",
            config.seq_len
        )));
    }
    template.resize(length, mask);
    Ok(template)
}
