//! Initial values of learned edges.

use burn::tensor::TensorData;
use vmd_core::DataSource;
use vmd_model::{TrainableDenoiser, VmdModel};
use vmd_nn::{load_parameters, named_parameters};

use crate::examples::first_tokens;

/// Name of the gate parameter.
const LOGITS: &str = "denoiser.gates.logits";
/// Initial logit of dependent pairs; that of other pairs is its negative. One gate in forty starts
/// closed for the former, three in five for the latter.
const START: f32 = 2.0;
/// Number of examples in which pairs of tokens are tested for dependence. Without the test, a
/// single edge among thousands is hard to find.
const EVIDENCE: usize = 4096;
/// Larger vocabularies are reduced to this many groups, as a table with more cells needs more
/// examples.
const MOST_VALUES: usize = 16;
/// Expected number of false positives over all pairs of independent tokens.
const FALSE_PAIRS: f64 = 0.1;

/// Initialises the gates of `model`: open for pairs of tokens that are dependent in the first
/// examples, mostly closed for others. Returns `None` if the model has no gates, if they are not
/// zero, or if no pair is dependent. Dependencies of more than two tokens are left to training.
pub(crate) fn start_by_evidence<D: TrainableDenoiser>(
    model: &VmdModel<D>,
    data: &dyn DataSource,
) -> Option<VmdModel<D>> {
    let mut parameters = named_parameters(model);
    let gates = parameters.get(LOGITS)?;
    if gates.iter::<f32>().any(|logit| logit != 0.0) {
        return None;
    }
    let seq = data.seq_len();
    let pairs = dependent_pairs(&first_tokens(data, EVIDENCE), seq, data.vocab());
    if pairs.is_empty() {
        return None;
    }
    let mut logits = vec![-START; seq * seq];
    for (i, j) in pairs {
        (logits[i * seq + j], logits[j * seq + i]) = (START, START);
    }
    parameters.insert(LOGITS.into(), TensorData::new(logits, [seq, seq]));
    Some(load_parameters(model.clone(), parameters).expect("gates are a square matrix over positions"))
}

/// The pairs of positions with dependent values: likelihood ratio test with Williams' correction
/// (1976), at a level corrected for the number of pairs.
///
/// # Shapes
///
/// - `tokens`: `[examples, seq]`
fn dependent_pairs(tokens: &[u32], seq: usize, vocab: usize) -> Vec<(usize, usize)> {
    let n = tokens.len() / seq;
    let values = vocab.min(MOST_VALUES);
    let columns: Vec<Vec<usize>> = (0..seq)
        .map(|i| tokens.iter().skip(i).step_by(seq).map(|&value| value as usize % values).collect())
        .collect();
    let counts = |column: &Vec<usize>| {
        let mut counts = vec![0_u32; values];
        column.iter().for_each(|&value| counts[value] += 1);
        counts
    };
    let margins: Vec<Vec<u32>> = columns.iter().map(counts).collect();
    let x_ln_x = |count: &u32| if *count == 0 { 0.0 } else { f64::from(*count) * f64::from(*count).ln() };
    let sum = |counts: &[u32]| counts.iter().map(x_ln_x).sum::<f64>();
    let seen = |margin: &Vec<u32>| margin.iter().filter(|&&count| count > 0).count();
    let n_pairs = (seq * (seq - 1) / 2).max(1);
    // `P(X > x) ≤ exp(−x²/2)` for a standard normal variable.
    let critical = (2.0 * (n_pairs as f64 / FALSE_PAIRS).ln()).sqrt();
    let mut joint = vec![0_u32; values * values];
    let mut is_dependent = |i: usize, j: usize| {
        let freedom = (seen(&margins[i]).saturating_sub(1) * seen(&margins[j]).saturating_sub(1)) as f64;
        if freedom == 0.0 {
            return false;
        }
        joint.fill(0);
        columns[i].iter().zip(&columns[j]).for_each(|(&a, &b)| joint[a * values + b] += 1);
        let ratio = 2.0 * (sum(&joint) + x_ln_x(&(n as u32)) - sum(&margins[i]) - sum(&margins[j]));
        let rare = |margin: &Vec<u32>| {
            let counts = margin.iter().filter(|&&count| count > 0);
            counts.map(|&count| n as f64 / f64::from(count)).sum::<f64>() - 1.0
        };
        let ratio = ratio / (1.0 + rare(&margins[i]) * rare(&margins[j]) / (6.0 * n as f64 * freedom));
        // The cube root of a chi-squared variable is nearly normal (Wilson and Hilferty, 1931).
        let variance = 2.0 / (9.0 * freedom);
        ((ratio.max(0.0) / freedom).cbrt() - (1.0 - variance)) / variance.sqrt() > critical
    };
    let pairs = (0..seq).flat_map(|i| (i + 1..seq).map(move |j| (i, j)));
    pairs.filter(|&(i, j)| is_dependent(i, j)).collect()
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;
    use vmd_core::{Purpose, index_below, keyed_rng};
    use vmd_model::ModelConfig;
    use vmd_tasks::synthetic::{SyntheticSet, SyntheticSource};

    use super::*;

    #[test]
    fn ties_of_the_data_are_found_and_chance_is_not() {
        let pairs_of = |set: SyntheticSet| {
            let source = SyntheticSource { set, seed: 1 };
            dependent_pairs(&first_tokens(&source, 2048), set.seq_len(), set.vocab())
        };
        assert_eq!(pairs_of(SyntheticSet::Needle(24)), [(0, 23)]);
        assert_eq!(pairs_of(SyntheticSet::D2), [(0, 1), (2, 3)]);
        // No two bits are dependent, and constant tokens allow no test.
        assert!(pairs_of(SyntheticSet::Parity(8)).is_empty());
        assert!(dependent_pairs(&[3; 200], 2, 10).is_empty());
        // With many values, few examples have large ratios by chance alone; the last token repeats
        // the first.
        let mut rng = keyed_rng(1, 0, Purpose::Data);
        let mut tokens: Vec<u32> = (0..512 * 8).map(|_| index_below(&mut rng, 40) as u32).collect();
        tokens.chunks_exact_mut(8).for_each(|row| row[7] = row[0]);
        assert_eq!(dependent_pairs(&tokens, 8, 40), [(0, 7)]);
    }

    fn open_pairs<D: TrainableDenoiser>(model: &VmdModel<D>) -> Vec<(usize, usize)> {
        let graph = model.denoiser().edge_gates().unwrap().graph().unwrap();
        graph.pairs().into_iter().collect()
    }

    #[test]
    fn gates_start_as_the_pairs_are_and_nothing_else_changes() {
        let model = |gates: &str| {
            let trunk = "[denoiser.trunk]\nmixing = \"messages\"\nwidth = 8\nlayers = 1\nheads = 1";
            let config: ModelConfig =
                toml::from_str(&format!("vocab = 10\nseq_len = 24\n{trunk}\n{gates}")).unwrap();
            VmdModel::new(&config, keyed_rng(1, 0, Purpose::Init), &Device::flex()).unwrap()
        };
        let data = SyntheticSource { set: SyntheticSet::Needle(24), seed: 1 };
        let gated = model("[denoiser.gates]\npenalty = 0.05");
        let started = start_by_evidence(&gated, &data).unwrap();
        assert_eq!(open_pairs(&started), [(0, 23)]);
        let (mut before, mut after) = (named_parameters(&gated), named_parameters(&started));
        assert!(before.remove(LOGITS).is_some() && after.remove(LOGITS).is_some());
        assert_eq!(before, after);

        assert!(start_by_evidence(&started, &data).is_none(), "gates that are not zero stay unchanged");
        let bits = SyntheticSource { set: SyntheticSet::Parity(24), seed: 1 };
        assert!(start_by_evidence(&gated, &bits).is_none(), "no two bits are dependent");
        assert!(start_by_evidence(&model(""), &data).is_none());
    }
}
