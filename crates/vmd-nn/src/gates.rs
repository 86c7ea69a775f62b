//! Learned edges.

use burn::module::{Module, Param};
use burn::tensor::{Tensor, TensorData, activation::sigmoid};
use serde::{Deserialize, Serialize};
use vmd_graph::{DependencyGraph, GraphError};

use crate::ParameterInit;

/// Ends of the interval to which a gate is stretched before it is clipped to [0, 1].
const STRETCH: (f64, f64) = (-0.1, 1.1);
/// Temperature of the relaxed Bernoulli variable.
const TEMPERATURE: f64 = 2.0 / 3.0;

/// Configuration of [`EdgeGates`].
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GatesConfig {
    /// Penalty per open edge, in nats per sequence: an edge stays open if it saves more.
    pub penalty: f64,
}

/// A gate for every pair of positions, the same in both directions, that is open or closed with a
/// learned probability.
///
/// In training a gate is a draw from the hard concrete distribution, exactly 0 or 1 with positive
/// probability, so that other weights cannot compensate for a nearly closed gate. Otherwise it is
/// the median of the distribution.
///
/// # Source
///
/// Learning sparse networks through L0 regularisation, arXiv 1712.01312 (eqs. 10–13).
#[derive(Module, Debug)]
pub struct EdgeGates {
    /// `[seq, seq]`; the gate of a pair uses the mean of its two entries.
    logits: Param<Tensor<2>>,
    /// 0 on the diagonal, 1 elsewhere, `[seq, seq]`.
    pairs: Tensor<2>,
    #[module(skip)]
    penalty: f64,
}

impl EdgeGates {
    /// Creates gates between `seq` positions; most of them start open.
    pub fn new(config: GatesConfig, seq: usize, init: &mut ParameterInit<'_>) -> Self {
        let pairs: Vec<f32> = (0..seq * seq).map(|i| if i / seq == i % seq { 0.0 } else { 1.0 }).collect();
        Self {
            logits: init.constant([seq, seq], 0.0),
            pairs: Tensor::from_data(TensorData::new(pairs, [seq, seq]), init.device()),
            penalty: config.penalty,
        }
    }

    /// The gates, `[rows, seq, seq]` by receiver and sender.
    ///
    /// `noise` is `[rows, seq, seq]`, uniform on (0, 1) and symmetric; without it the gates are the
    /// medians, `[1, seq, seq]`.
    pub fn forward(&self, noise: Option<Tensor<3>>) -> Tensor<3> {
        let logits = self.symmetric().unsqueeze::<3>();
        let concrete = match noise {
            Some(u) => {
                let logistic = u.clone().log() - (u * -1.0 + 1.0).log();
                sigmoid((logits + logistic) / TEMPERATURE)
            }
            None => sigmoid(logits / TEMPERATURE),
        };
        let (low, high) = STRETCH;
        (concrete * (high - low) + low).clamp(0.0, 1.0) * self.pairs.clone().unsqueeze::<3>()
    }

    /// Penalty of the expected number of open edges, `[1]`, in nats.
    pub fn price(&self) -> Tensor<1> {
        // Every pair occurs twice in the matrix.
        (self.open() * self.pairs.clone()).sum() * (self.penalty / 2.0)
    }

    /// Probability that each gate is not closed, `[seq, seq]`, on the host.
    pub fn probabilities(&self) -> Vec<f64> {
        (self.open() * self.pairs.clone()).into_data().iter::<f64>().collect()
    }

    /// The graph of the gates with a probability above 1/2; its edge type is "learned".
    ///
    /// # Errors
    ///
    /// [`GraphError::NodeCount`] if there are more positions than a graph may have.
    pub fn graph(&self) -> Result<DependencyGraph, GraphError> {
        let open = self.probabilities();
        let seq = self.logits.dims()[0];
        let pairs = (0..seq).flat_map(|i| (i + 1..seq).map(move |j| (i, j)));
        let edges = pairs.filter(|&(i, j)| open[i * seq + j] > 0.5).collect();
        DependencyGraph::from_edges(seq, [("learned", edges)])
    }

    fn symmetric(&self) -> Tensor<2> {
        let logits = self.logits.val();
        (logits.clone() + logits.transpose()) * 0.5
    }

    fn open(&self) -> Tensor<2> {
        let (low, high) = STRETCH;
        sigmoid(self.symmetric() - TEMPERATURE * (-low / high).ln())
    }
}
