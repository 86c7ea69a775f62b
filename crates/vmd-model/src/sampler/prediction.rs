//! What a network answers.

use std::borrow::Cow;

use vmd_denoiser::HostParentHead;

/// Logits of every row and, for a network whose tokens condition on each other within a step, what that takes.
#[derive(Debug, Clone)]
pub struct Prediction {
    /// `[rows, seq, vocab]`, as long as no token of the step is known.
    pub logits: Vec<f32>,
    /// The head, and its features of all rows.
    parents: Option<(HostParentHead, Vec<f32>)>,
}

impl From<Vec<f32>> for Prediction {
    /// Tokens that are independent of each other, given the latent.
    fn from(logits: Vec<f32>) -> Self {
        Self { logits, parents: None }
    }
}

impl Prediction {
    /// Tokens that condition on their parents; `features` is `[rows, seq, hidden]`.
    pub fn with_parents(logits: Vec<f32>, head: HostParentHead, features: Vec<f32>) -> Self {
        Self { logits, parents: Some((head, features)) }
    }

    /// The answer for one row.
    pub fn row(&self, index: usize, seq: usize, vocab: usize) -> RowPrediction<'_> {
        let of = |values, len: usize| -> &[f32] {
            let values: &[f32] = values;
            &values[index * len..(index + 1) * len]
        };
        RowPrediction {
            logits: of(&self.logits, seq * vocab),
            vocab,
            parents: self.parents.as_ref().map(|(head, all)| (head, of(all, seq * head.hidden()))),
        }
    }
}

/// The answer for one row.
#[derive(Debug, Clone, Copy)]
pub struct RowPrediction<'a> {
    logits: &'a [f32],
    vocab: usize,
    parents: Option<(&'a HostParentHead, &'a [f32])>,
}

impl<'a> RowPrediction<'a> {
    /// Logits of token `i` as long as no token of the step is known, `[vocab]`.
    pub fn logits(&self, i: usize) -> &'a [f32] {
        &self.logits[i * self.vocab..(i + 1) * self.vocab]
    }

    /// Logits of all tokens as long as none of the step is known, `[seq, vocab]`.
    pub(super) fn all_logits(&self) -> &'a [f32] {
        self.logits
    }

    /// Logits of token `i` given the values of other tokens of the same step; `given` is `[seq]`, with the mask token where
    /// nothing is given.
    pub fn logits_given(&self, i: usize, given: &[u32]) -> Cow<'a, [f32]> {
        let Some((head, features)) = self.parents else { return Cow::Borrowed(self.logits(i)) };
        let mut logits = self.logits(i).to_vec();
        head.add_to(&mut logits, i, &features[i * head.hidden()..(i + 1) * head.hidden()], given);
        Cow::Owned(logits)
    }

    /// Puts parents before their children; where the order is left open by `reveal_order` (`[seq]`), if there are any.
    pub(crate) fn sort(&self, positions: &mut [usize], reveal_order: &[u32]) {
        match self.parents {
            Some((head, _)) if !head.parents().is_open() => {
                positions.sort_by_key(|&i| head.parents().rank(i));
            }
            Some(_) if !reveal_order.is_empty() => positions.sort_by_key(|&i| reveal_order[i]),
            _ => {}
        }
    }

    /// Those that condition on token `i`, where the order is open; some of them twice.
    pub(super) fn tied_to(&self, i: usize) -> impl Iterator<Item = usize> + 'a {
        self.parents.into_iter().flat_map(move |(head, _)| head.parents().of(i)).map(|parent| parent.node)
    }

    /// Whether tokens of one step condition on each other in whatever order they are revealed.
    pub(super) fn has_open_order(&self) -> bool {
        self.parents.is_some_and(|(head, _)| head.parents().is_open())
    }
}
