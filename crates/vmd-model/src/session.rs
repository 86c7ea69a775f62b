//! Block-by-block generation with a key-value cache.

use rand::Rng;
use vmd_core::{Purpose, keyed_rng};
use vmd_denoiser::Context;
use vmd_sampler::{Observer, Request, SampleOutput, Sampler};

use crate::importance::unit_bounds;
use crate::model::upload_tokens;
use crate::{Conditioned, TrainableDenoiser, VmdModel};

/// Texts in progress, with cached keys and values for the next block.
#[derive(Debug)]
pub struct Session<'a, D: TrainableDenoiser> {
    model: &'a VmdModel<D>,
    context: Option<Context>,
}

impl<'a, D: TrainableDenoiser> Session<'a, D> {
    /// Starts with empty texts.
    ///
    /// # Panics
    ///
    /// If the model is not causal.
    pub fn new(model: &'a VmdModel<D>) -> Self {
        assert!(model.config().is_causal(), "a session needs a causal model");
        Self { model, context: None }
    }

    /// The next block of each text.
    pub fn next_block(&self) -> Conditioned<'a, D> {
        Conditioned::next_block(self.model, self.context.clone())
    }

    /// Appends `tokens` (`[texts, n]`) to the texts: whole blocks without mask tokens.
    ///
    /// # Panics
    ///
    /// If `n` is not a positive multiple of the block length, or the number of texts has changed.
    pub fn append(&mut self, tokens: &[u32], texts: usize) {
        let (model, n) = (self.model, tokens.len() / texts);
        let mask = model.config().block_mask().expect("the model is causal");
        assert!(n > 0 && n.is_multiple_of(mask.block_len), "{n} tokens are not a whole number of blocks");
        let tokens = upload_tokens(tokens, n, &model.device());
        let read = model.denoiser().read(tokens, self.context.as_ref());
        let Context { past, features, positions } =
            read.expect("the network of a causal model encodes context");
        let width = model.config().denoiser.trunk.width;
        let past = past.compact(width);
        let past = match self.context.take() {
            Some(before) => before.past.extended(past, mask.window),
            None => past.last(mask.window),
        };
        let positions = positions.end - past.n_tokens()..positions.end;
        self.context = Some(Context { past, features: features.narrow(1, n - 1, 1), positions });
    }

    /// Keeps only these texts.
    pub fn keep(&mut self, texts: &[usize]) {
        self.context = self.context.take().map(|context| context.select(texts));
    }
}

/// Arguments of [`VmdModel::write`].
#[derive(Debug, Clone, Copy)]
pub struct Writing<'a> {
    /// Initial tokens, `[texts, length]`, with the mask token where text is to be generated.
    pub template: &'a [u32],
    /// Number of texts.
    pub texts: usize,
    /// End-of-sequence token: a text ends after it.
    pub stop: Option<u32>,
    /// Seed of all random numbers.
    pub seed: u64,
}

impl<D: TrainableDenoiser> VmdModel<D> {
    /// Fills the mask tokens of texts of any length, block by block, with `sampler`. A model that
    /// is not causal is limited to its sequence length. `observer` receives each evaluation and
    /// each block.
    ///
    /// Tokens after a text's `stop` are `stop` too. Each block of a causal model depends on the
    /// tokens before it, not on those after it.
    ///
    /// # Panics
    ///
    /// If the template is not a whole number of texts or longer than the model allows, or as
    /// [`Sampler::run`].
    pub fn write(
        &self,
        sampler: &Sampler,
        writing: Writing<'_>,
        observer: &mut dyn Observer,
    ) -> SampleOutput {
        let (written, nfe) = self.write_blocks(sampler, writing, observer);
        let length = writing.template.len() / writing.texts;
        SampleOutput { tokens: finished(written, length, writing.stop), nfe }
    }

    /// The generated blocks of each text and the number of evaluations per text. Blocks are not cut
    /// to the length.
    fn write_blocks(
        &self,
        sampler: &Sampler,
        writing: Writing<'_>,
        observer: &mut dyn Observer,
    ) -> (Vec<Vec<u32>>, Vec<usize>) {
        let Writing { template, texts, stop, seed } = writing;
        assert!(
            texts > 0 && template.len().is_multiple_of(texts),
            "the template must be a whole number of texts"
        );
        let (length, len, mask) =
            (template.len() / texts, self.config().unit_len(), self.config().mask_token());
        assert!(self.config().is_causal() || length <= len, "at most {len} tokens");
        let mut session = self.config().is_causal().then(|| Session::new(self));
        let mut written: Vec<Vec<u32>> = vec![Vec::new(); texts];
        let mut nfe = vec![0; texts];
        let mut open: Vec<usize> = (0..texts).collect();
        for block in 0..length.div_ceil(len) {
            let given = |&text: &usize| {
                let (start, end) = (block * len, ((block + 1) * len).min(length));
                let padding = std::iter::repeat_n(mask, (block + 1) * len - end);
                template[text * length..][start..end].iter().copied().chain(padding)
            };
            let xt: Vec<u32> = open.iter().flat_map(given).collect();
            let next =
                session.as_ref().map_or_else(|| Conditioned::next_block(self, None), Session::next_block);
            let of_block = keyed_rng(seed, block as u64, Purpose::Block).next_u64();
            let filled = sampler.run(&next, &Request::new(&xt, of_block).numbered(&open), observer);
            for (i, &text) in open.iter().enumerate() {
                nfe[text] += filled.nfe[i];
                written[text].extend(&filled.tokens[i * len..(i + 1) * len]);
            }
            observer.on_block(&written);
            let tokens = |i: usize| &filled.tokens[i * len..(i + 1) * len];
            let goes_on = |i: &usize| stop.is_none_or(|stop| !tokens(*i).contains(&stop));
            let going: Vec<usize> = (0..open.len()).filter(goes_on).collect();
            if going.is_empty() {
                break;
            }
            if let Some(session) = session.as_mut().filter(|_| (block + 1) * len < length) {
                if going.len() < open.len() {
                    session.keep(&going);
                }
                let kept: Vec<u32> = going.iter().flat_map(|&i| tokens(i)).copied().collect();
                session.append(&kept, going.len());
            }
            open = going.into_iter().map(|i| open[i]).collect();
        }
        (written, nfe)
    }

    /// As [`write`](Self::write), with several attempts per text, of which the one with the highest
    /// likelihood under the model is kept. This way a causal model takes given tokens after a gap
    /// into account. The result counts the evaluations of all attempts and of their bounds: `nfe`
    /// steps per block.
    ///
    /// # Panics
    ///
    /// If `attempts` is 0, if there is a stop token, if the texts are longer than in training, or
    /// as `write`.
    pub fn write_likeliest(&self, sampler: &Sampler, writing: Writing<'_>, attempts: usize) -> SampleOutput {
        let Writing { template, texts, stop, seed } = writing;
        let (seq, unit, length) =
            (self.config().seq_len, self.config().unit_len(), template.len() / texts.max(1));
        assert!(
            attempts > 0 && stop.is_none() && length <= seq,
            "needs 1 attempt or more, no stop token, and texts of at most {seq} tokens"
        );
        // Attempt `a` at text `i` is text `a · texts + i` of one call.
        let all = Writing { template: &template.repeat(attempts), texts: attempts * texts, ..writing };
        let (written, nfe) = self.write_blocks(sampler, all, &mut ());
        let padded: Vec<u32> = written
            .iter()
            .flat_map(|text| text.iter().copied().chain(std::iter::repeat_n(0, seq - text.len())))
            .collect();
        let per_unit = sampler.config().nfe;
        let bounds = unit_bounds(self, per_unit, &padded, 1, seed);
        // Blocks before the first gap are the same in all attempts. The last block is included as a
        // whole, with the tokens drawn beyond the end of the text. Later blocks are excluded.
        let gap = |text: &[u32]| text.iter().position(|&token| token == self.config().mask_token());
        let counted = |text: usize| {
            let first = gap(&template[text * length..][..length]).unwrap_or(length) / unit;
            first..length.div_ceil(unit)
        };
        let of_attempt = |i: usize| bounds[i * (seq / unit)..][counted(i % texts)].iter().sum::<f64>();
        let mut best =
            SampleOutput { tokens: Vec::with_capacity(template.len()), nfe: Vec::with_capacity(texts) };
        for text in 0..texts {
            let mine = || (0..attempts).map(|attempt| attempt * texts + text);
            let kept = mine().min_by(|&a, &b| of_attempt(a).total_cmp(&of_attempt(b))).unwrap_or(text);
            best.tokens.extend(&written[kept][..length]);
            let compared = attempts * per_unit * length.div_ceil(unit);
            best.nfe.push(mine().map(|i| nfe[i]).sum::<usize>() + compared);
        }
        best
    }
}

/// Texts cut to `length`, filled with `stop` from its first occurrence.
fn finished(written: Vec<Vec<u32>>, length: usize, stop: Option<u32>) -> Vec<u32> {
    let of_text = |mut text: Vec<u32>| {
        let end = stop.and_then(|stop| text.iter().position(|&token| token == stop));
        text.truncate(end.unwrap_or(length));
        text.resize(length, stop.unwrap_or(0));
        text
    };
    written.into_iter().flat_map(of_text).collect()
}
