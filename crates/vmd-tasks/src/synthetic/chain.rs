//! Every way in which a few-step sampler can reveal a short sequence.

use vmd_process::{NoiseSchedule, reveal_counts, step_times};
use vmd_sampler::{RevealRule, SamplerConfig};

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
    /// Time that the network gets as input in each step, for rules with fixed times.
    pub times: Option<Vec<f64>>,
}

impl StepChain {
    /// Enumerates the orders for `seq` tokens in `blocks` blocks, all masked at first; `None` for rules that ask the
    /// network, or when there are more than `limit` orders. Steps are counted through all blocks.
    ///
    /// Ancestral: token `i` appears in step `k` with probability `α(t_{k+1}) − α(t_k)`, independently.
    /// Random-k: every division into sets of the given sizes is equally likely.
    pub fn enumerate(
        sampler: &SamplerConfig,
        schedule: &NoiseSchedule,
        seq: usize,
        blocks: usize,
        limit: usize,
    ) -> Option<Self> {
        let of_block = Self::of_block(sampler, schedule, seq / blocks, sampler.nfe / blocks, limit)?;
        let count = of_block.chains.len().checked_pow(u32::try_from(blocks).ok()?).filter(|&n| n <= limit)?;
        let chains = (0..count).map(|mut code| {
            let mut all = RevealChain { step_of: Vec::with_capacity(seq), weight: 1.0 };
            for block in 0..blocks {
                let chain = &of_block.chains[code % of_block.chains.len()];
                code /= of_block.chains.len();
                let first = block * (sampler.nfe / blocks);
                all.step_of.extend(chain.step_of.iter().map(|step| first + step));
                all.weight *= chain.weight;
            }
            all
        });
        let times = of_block.times.map(|times| times[..times.len() - 1].repeat(blocks));
        Some(Self { chains: chains.collect(), times })
    }

    fn of_block(
        sampler: &SamplerConfig,
        schedule: &NoiseSchedule,
        seq: usize,
        steps: usize,
        limit: usize,
    ) -> Option<Self> {
        let count = steps.checked_pow(u32::try_from(seq).ok()?).filter(|&n| n <= limit)?;
        let times = step_times(steps);
        let appear: Vec<f64> =
            times.windows(2).map(|pair| schedule.alpha(pair[1]) - schedule.alpha(pair[0])).collect();
        let counts = reveal_counts(seq, steps);
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
