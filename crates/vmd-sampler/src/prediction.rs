//! Network outputs.

use std::borrow::Cow;
use std::fmt::Debug;
use std::sync::Arc;

use vmd_graph::Parents;

/// Dependencies between the tokens of one step, for networks with parents.
pub trait StepTies: Debug + Send + Sync {
    /// The parents of each token.
    fn parents(&self) -> &Parents;

    /// Adds the contribution of the revealed parents to the `logits` (`[vocab]`) of token `i` of
    /// row `row`. `given` (`[seq]`) contains the tokens that the step has revealed so far and the
    /// mask token elsewhere.
    fn add_to(&self, logits: &mut [f32], row: usize, i: usize, given: &[u32]);
}

/// Logits of each row, and the dependencies between tokens of one step, if the network has any.
#[derive(Debug, Clone)]
pub struct Prediction {
    /// `[rows, seq, vocab]`, not conditioned on tokens of the same step.
    pub logits: Vec<f32>,
    ties: Option<Arc<dyn StepTies>>,
}

impl From<Vec<f32>> for Prediction {
    /// A prediction of tokens that are conditionally independent given the latent.
    fn from(logits: Vec<f32>) -> Self {
        Self { logits, ties: None }
    }
}

impl Prediction {
    /// A prediction of tokens that depend on their parents.
    pub fn with_ties(logits: Vec<f32>, ties: Arc<dyn StepTies>) -> Self {
        Self { logits, ties: Some(ties) }
    }

    /// The prediction for one row.
    pub fn row(&self, index: usize, seq: usize, vocab: usize) -> RowPrediction<'_> {
        RowPrediction {
            logits: &self.logits[index * seq * vocab..(index + 1) * seq * vocab],
            vocab,
            row: index,
            ties: self.ties.as_deref(),
        }
    }
}

/// The prediction for one row.
#[derive(Debug, Clone, Copy)]
pub struct RowPrediction<'a> {
    logits: &'a [f32],
    vocab: usize,
    row: usize,
    ties: Option<&'a dyn StepTies>,
}

impl<'a> RowPrediction<'a> {
    /// Logits of token `i`, `[vocab]`, not conditioned on tokens of the same step.
    pub fn logits(&self, i: usize) -> &'a [f32] {
        &self.logits[i * self.vocab..(i + 1) * self.vocab]
    }

    /// Logits of all tokens, `[seq, vocab]`, not conditioned on tokens of the same step.
    pub(crate) fn all_logits(&self) -> &'a [f32] {
        self.logits
    }

    /// Logits of token `i` given other tokens of the same step, `[vocab]`. `given` is `[seq]`, with
    /// the mask token elsewhere.
    pub fn logits_given(&self, i: usize, given: &[u32]) -> Cow<'a, [f32]> {
        let Some(ties) = self.ties else { return Cow::Borrowed(self.logits(i)) };
        let mut logits = self.logits(i).to_vec();
        ties.add_to(&mut logits, self.row, i, given);
        Cow::Owned(logits)
    }

    /// Sorts parents before their children. If the order is open, sorts by `reveal_order`
    /// (`[seq]`), unless it is empty.
    pub fn sort(&self, positions: &mut [usize], reveal_order: &[u32]) {
        match self.ties.map(|ties| ties.parents()) {
            Some(parents) if !parents.is_open() => positions.sort_by_key(|&i| parents.rank(i)),
            Some(_) if !reveal_order.is_empty() => positions.sort_by_key(|&i| reveal_order[i]),
            _ => {}
        }
    }

    /// The tokens that depend on token `i` if the order is open; some may occur twice.
    pub(crate) fn tied_to(&self, i: usize) -> impl Iterator<Item = usize> + 'a {
        self.ties.into_iter().flat_map(move |ties| ties.parents().of(i)).map(|parent| parent.node)
    }

    /// Whether tokens of one step depend on each other in the order in which they are revealed.
    pub(crate) fn has_open_order(&self) -> bool {
        self.ties.is_some_and(|ties| ties.parents().is_open())
    }
}
