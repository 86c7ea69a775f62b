//! Enumeration of the reveal orders of a few-step sampler.

use vmd_process::{NoiseSchedule, reveal_counts, step_times};
use vmd_sampler::{RevealRule, SamplerConfig};

/// One reveal order and its probability.
#[derive(Debug, Clone, PartialEq)]
pub struct RevealChain {
    /// Step (from 0) of every token.
    pub step_of: Vec<usize>,
    /// Probability of this order.
    pub weight: f64,
}

/// All reveal orders of a sampler whose reveals do not depend on the network.
#[derive(Debug, Clone, PartialEq)]
pub struct StepChain {
    /// The orders; their weights sum to 1.
    pub chains: Vec<RevealChain>,
    /// Time input of the network in each step, for rules with fixed times.
    pub times: Option<Vec<f64>>,
}

impl StepChain {
    /// Enumerates the orders for `seq` initially masked tokens in `blocks` blocks. Steps are
    /// numbered across blocks. `None` for rules that depend on the network, or if there are more
    /// than `limit` orders.
    ///
    /// Ancestral: token `i` is revealed in step `k` with probability `α(t_{k+1}) − α(t_k)`,
    /// independently. Random-k: all partitions into sets of the given sizes are equally likely.
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
