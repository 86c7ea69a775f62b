//! Guesses that can be taken back.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use vmd_kernels::keep_top;
use vmd_process::gumbel;

use super::probabilities::{argmax, choose, softmax};
use super::{Checker, Row, ValueRule};

/// Values that are less probable are not tried.
const LEAST_PROBABILITY: f64 = 1e-6;

/// What `remask = backtrack` does to one row.
#[derive(Debug, Default)]
pub(super) struct Search {
    /// What was not looked at yet.
    open: BinaryHeap<Node>,
    /// What the network was asked about.
    asked: Vec<Asked>,
    /// Log-probability of the guesses that stand.
    score: f64,
}

/// Tokens that the network was asked about, and what it was surest of.
#[derive(Debug)]
struct Asked {
    tokens: Vec<u32>,
    surest: Vec<(usize, u32)>,
}

/// Tokens that the network was not asked about yet: those of `asked`, with the first `taken` of what the network was surest of and,
/// unless that is all, another value for the next.
#[derive(Debug)]
struct Node {
    /// The largest is looked at first.
    promise: f64,
    score: f64,
    asked: usize,
    /// Its number among those that were opened with it.
    number: usize,
    taken: usize,
    other: Option<u32>,
}

impl Search {
    /// Goes on from one answer of the network, `logits` (`[seq, vocab]`), about `row`: with all values that are sure, or the
    /// surest one where none is. Nothing is for sure, however: what else each of these tokens could be stays open, and the row
    /// goes on with the most promising tokens of all, here or elsewhere.
    ///
    /// Promise is the log-probability of what was guessed, less the checker's strain at the answer that it was guessed from.
    /// The tokens of an answer are right or wrong together: their probability is that of the least sure one.
    pub(super) fn advance(
        &mut self,
        row: &mut Row,
        logits: &[f32],
        (tau, value): (f64, ValueRule),
        checker: &impl Checker,
    ) {
        let vocab = row.mask_token() as usize;
        let probabilities = probabilities(row, logits);
        let strain = checker.strain(row.index, &probabilities);
        let surety = |i: usize| probabilities[i * vocab..(i + 1) * vocab].iter().copied().fold(0.0, f64::max);
        let mut ranked: Vec<usize> = row.masked().collect();
        ranked.sort_by(|&i, &j| surety(j).total_cmp(&surety(i)));
        let sure = ranked.iter().take_while(|&&i| surety(i) >= tau).count();
        ranked.truncate(sure.max(1));

        let mut tokens = row.tokens.clone();
        let (mut surest, mut others, mut least) = (Vec::new(), Vec::new(), 0.0_f64);
        for position in ranked {
            let scores = scores(&logits[position * vocab..(position + 1) * vocab], value, row);
            let best = argmax(&scores);
            for (token, score) in scores.iter().enumerate().filter(|(_, score)| score.is_finite()) {
                tokens[position] = token as u32;
                if token != best && checker.accepts(row.index, &tokens) {
                    others.push((self.score + least + score, surest.len(), Some(token as u32)));
                }
            }
            tokens[position] = best as u32;
            surest.push((position, best as u32));
            least = least.min(scores[best]);
        }
        let mut open = Vec::new();
        if checker.accepts(row.index, &tokens) {
            if surest.len() == row.n_masked() {
                row.tokens = tokens;
                return;
            }
            open.push((self.score + least, surest.len(), None));
        }
        open.append(&mut others);
        let asked = self.asked.len();
        self.open.extend(open.into_iter().enumerate().map(|(number, (score, taken, other))| Node {
            promise: score - strain,
            score,
            asked,
            number,
            taken,
            other,
        }));
        self.asked.push(Asked { tokens: row.tokens.clone(), surest });
        match self.open.pop() {
            Some(node) => {
                self.score = node.score;
                row.tokens = node.tokens(&self.asked[node.asked]);
            }
            // Everything was tried.
            None => Self::finish(row, logits, value),
        }
    }

    /// Reveals everything.
    pub(super) fn finish(row: &mut Row, logits: &[f32], value: ValueRule) {
        let vocab = row.mask_token() as usize;
        for position in row.masked().collect::<Vec<_>>() {
            let logits = &logits[position * vocab..(position + 1) * vocab];
            row.tokens[position] = choose(value, logits, &mut row.rng) as u32;
        }
    }
}

/// Probabilities of all tokens (`[seq, vocab]`); a token that is there has its value.
fn probabilities(row: &Row, logits: &[f32]) -> Vec<f64> {
    let vocab = row.mask_token() as usize;
    let of_token = |(i, logits)| match row.is_masked(i) {
        true => softmax(logits, 1.0),
        false => (0..vocab).map(|token| if row.tokens[i] == token as u32 { 1.0 } else { 0.0 }).collect(),
    };
    logits.chunks_exact(vocab).enumerate().flat_map(of_token).collect()
}

/// Log-probability of every value of a token; where values are drawn, with the noise that makes the largest one a draw (Gumbel-max).
fn scores(logits: &[f32], value: ValueRule, row: &mut Row) -> Vec<f64> {
    let (temperature, top_p) = match value {
        ValueRule::Argmax => (1.0, 1.0),
        ValueRule::Categorical { temperature, top_p } => (temperature, top_p),
    };
    let mut scores = softmax(logits, temperature);
    if top_p < 1.0 {
        keep_top(&mut scores, top_p);
    }
    for score in &mut scores {
        let noise = if value == ValueRule::Argmax { 0.0 } else { gumbel(&mut row.rng) };
        *score = if *score < LEAST_PROBABILITY { f64::NEG_INFINITY } else { score.ln() + noise };
    }
    scores
}

impl Node {
    fn tokens(&self, asked: &Asked) -> Vec<u32> {
        let mut tokens = asked.tokens.clone();
        asked.surest[..self.taken].iter().for_each(|&(position, token)| tokens[position] = token);
        if let Some(token) = self.other {
            tokens[asked.surest[self.taken].0] = token;
        }
        tokens
    }
}

impl Ord for Node {
    fn cmp(&self, other: &Self) -> Ordering {
        // Of two with the same promise the older one, so that the order is the same everywhere.
        let older = (other.asked, other.number).cmp(&(self.asked, self.number));
        self.promise.total_cmp(&other.promise).then(older)
    }
}

impl PartialOrd for Node {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Node {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Node {}
