//! Every way in which a few-step sampler can reveal a short sequence.

use vmd_model::{RevealRule, SamplerConfig};
use vmd_process::NoiseSchedule;

/// One order of reveals: the step in which each token appears, and its probability.
#[derive(Debug, Clone, PartialEq)]
pub struct RevealChain {
    /// Step (from 0) of every token.
    pub step_of: Vec<usize>,
    /// Probability of this order.
    pub weight: f64,
}

/// All orders of a sampler whose reveals do not depend on the network.
#[derive(Debug, Clone, PartialEq)]
pub struct StepChain {
    /// The orders; their weights sum to 1.
    pub chains: Vec<RevealChain>,
    /// Time that the network is told in each step, if it follows the clock.
    pub times: Option<Vec<f64>>,
}

impl StepChain {
    /// Enumerates the orders for `seq` tokens, all masked at first; `None` for rules that ask the network,
    /// or when there are more than `limit` orders.
    ///
    /// Ancestral: token `i` appears in step `k` with probability `α(t_{k+1}) − α(t_k)`, independently.
    /// Random-k: every division into sets of the given sizes is equally likely.
    pub fn enumerate(
        sampler: &SamplerConfig,
        schedule: &NoiseSchedule,
        seq: usize,
        limit: usize,
    ) -> Option<Self> {
        let steps = sampler.nfe;
        let count = steps.checked_pow(u32::try_from(seq).ok()?).filter(|&n| n <= limit)?;
        let times = sampler.grid.times(steps);
        let appear: Vec<f64> =
            times.windows(2).map(|pair| schedule.alpha(pair[1]) - schedule.alpha(pair[0])).collect();
        let counts = sampler.grid.reveal_counts(seq, steps);
        let mut chains = Vec::new();
        for code in 0..count {
            let step_of: Vec<usize> = (0..seq)
                .scan(code, |rest, _| {
                    let step = *rest % steps;
                    *rest /= steps;
                    Some(step)
                })
                .collect();
            let weight = match sampler.reveal {
                RevealRule::Ancestral => step_of.iter().map(|&step| appear[step]).product(),
                RevealRule::RandomK => f64::from(u8::from(sizes(&step_of, steps) == counts)),
                _ => return None,
            };
            if weight > 0.0 {
                chains.push(RevealChain { step_of, weight });
            }
        }
        let total: f64 = chains.iter().map(|chain| chain.weight).sum();
        chains.iter_mut().for_each(|chain| chain.weight /= total);
        let times = matches!(sampler.reveal, RevealRule::Ancestral).then_some(times);
        Some(Self { chains, times })
    }
}

fn sizes(step_of: &[usize], steps: usize) -> Vec<usize> {
    (0..steps).map(|step| step_of.iter().filter(|&&s| s == step).count()).collect()
}
