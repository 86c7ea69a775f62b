//! What a network answers.

use std::borrow::Cow;
use std::fmt::Debug;
use std::sync::Arc;

use vmd_graph::Parents;

/// What ties the tokens of one step, for networks that condition them on each other.
pub trait StepTies: Debug + Send + Sync {
    /// Who conditions on whom.
    fn parents(&self) -> &Parents;

    /// Adds to the `logits` (`[vocab]`) of token `i` of row `row` what its parents in `given` say; nothing if it has none there.
    /// `given` is `[seq]`: values of the tokens that the step has revealed so far, the mask token elsewhere.
    fn add_to(&self, logits: &mut [f32], row: usize, i: usize, given: &[u32]);
}

/// Logits of every row and, for a network whose tokens condition on each other within a step, what ties them.
#[derive(Debug, Clone)]
pub struct Prediction {
    /// `[rows, seq, vocab]`, as long as no token of the step is known.
    pub logits: Vec<f32>,
    ties: Option<Arc<dyn StepTies>>,
}

impl From<Vec<f32>> for Prediction {
    /// Tokens that are independent of each other, given the latent.
    fn from(logits: Vec<f32>) -> Self {
        Self { logits, ties: None }
    }
}

impl Prediction {
    /// Tokens that condition on their parents.
    pub fn with_ties(logits: Vec<f32>, ties: Arc<dyn StepTies>) -> Self {
        Self { logits, ties: Some(ties) }
    }

    /// The answer for one row.
    pub fn row(&self, index: usize, seq: usize, vocab: usize) -> RowPrediction<'_> {
        RowPrediction {
            logits: &self.logits[index * seq * vocab..(index + 1) * seq * vocab],
            vocab,
            row: index,
            ties: self.ties.as_deref(),
        }
    }
}

/// The answer for one row.
#[derive(Debug, Clone, Copy)]
pub struct RowPrediction<'a> {
    logits: &'a [f32],
    vocab: usize,
    row: usize,
    ties: Option<&'a dyn StepTies>,
}

impl<'a> RowPrediction<'a> {
    /// Logits of token `i` as long as no token of the step is known, `[vocab]`.
    pub fn logits(&self, i: usize) -> &'a [f32] {
        &self.logits[i * self.vocab..(i + 1) * self.vocab]
    }

    /// Logits of all tokens as long as none of the step is known, `[seq, vocab]`.
    pub(crate) fn all_logits(&self) -> &'a [f32] {
        self.logits
    }

    /// Logits of token `i` given the values of other tokens of the same step; `given` is `[seq]`, with the mask token where
    /// nothing is given.
    pub fn logits_given(&self, i: usize, given: &[u32]) -> Cow<'a, [f32]> {
        let Some(ties) = self.ties else { return Cow::Borrowed(self.logits(i)) };
        let mut logits = self.logits(i).to_vec();
        ties.add_to(&mut logits, self.row, i, given);
        Cow::Owned(logits)
    }

    /// Puts parents before their children; where the order is left open by `reveal_order` (`[seq]`), if there are any.
    pub fn sort(&self, positions: &mut [usize], reveal_order: &[u32]) {
        match self.ties.map(|ties| ties.parents()) {
            Some(parents) if !parents.is_open() => positions.sort_by_key(|&i| parents.rank(i)),
            Some(_) if !reveal_order.is_empty() => positions.sort_by_key(|&i| reveal_order[i]),
            _ => {}
        }
    }

    /// Those that condition on token `i`, where the order is open; some of them twice.
    pub(crate) fn tied_to(&self, i: usize) -> impl Iterator<Item = usize> + 'a {
        self.ties.into_iter().flat_map(move |ties| ties.parents().of(i)).map(|parent| parent.node)
    }

    /// Whether tokens of one step condition on each other in whatever order they are revealed.
    pub(crate) fn has_open_order(&self) -> bool {
        self.ties.is_some_and(|ties| ties.parents().is_open())
    }
}
