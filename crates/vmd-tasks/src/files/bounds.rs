//! Bounds on held-out sequences.

use std::f64::consts::LN_2;

use vmd_eval::text::{TextBound, text_bound, text_importance_bound};
use vmd_eval::{Figure, Record};
use vmd_sampler::{RevealRule, SamplerConfig};

use super::run::FileRun;
use crate::TaskError;

impl FileRun<'_, '_> {
    /// Estimates the bound for each number of steps and for continuous time.
    pub(super) fn measure_bounds(&mut self) -> Result<(), TaskError> {
        let x0 = self.data.held_out(self.amounts.split, self.amounts.texts)?;
        let (model, objective) = (self.subject.model, &self.subject.objective);
        for steps in self.bound_steps() {
            let bound = text_bound(model, objective, steps, &x0, self.seed);
            self.record_bound(steps, None, bound_figures(&bound));
            if let Some((steps, k)) = steps.zip(self.amounts.iwae) {
                let tight = text_importance_bound(model, steps, &x0, k, self.seed);
                self.record_bound(Some(steps), Some(k), vec![("bits_per_token_iwae", bits(tight))]);
            }
        }
        Ok(())
    }

    /// Steps per block; `None` for continuous time.
    fn bound_steps(&self) -> Vec<Option<usize>> {
        let config = self.subject.model.config();
        let mut steps: Vec<Option<usize>> = self.ready.iter().map(|(sampler, _)| Some(sampler.nfe)).collect();
        steps.sort_unstable();
        steps.dedup();
        // A block of one token has one step; more steps give the same bound.
        let one_token = config.unit_len() == 1;
        steps.retain(|steps| !one_token || *steps == Some(1));
        if one_token && steps.is_empty() {
            steps.push(Some(1));
        }
        // In continuous time tokens are revealed one at a time, so a latent has no effect.
        if self.subject.model.posterior().is_none() && !one_token {
            steps.push(None);
        }
        steps
    }

    fn record_bound(&mut self, nfe: Option<usize>, latent_draws: Option<usize>, figures: super::Figures) {
        let sampler = SamplerConfig {
            nfe: nfe.unwrap_or(usize::MAX),
            reveal: RevealRule::Ancestral,
            ..SamplerConfig::default()
        };
        let provenance = self.provenance(&self.amounts.split.to_string());
        for (metric, figure) in figures {
            let record = provenance.record(metric, figure, &sampler, None);
            self.recorder.push(Record { nfe, latent_draws, ..record });
        }
    }
}

fn bits(figure: Figure) -> Figure {
    figure.map(|nats| nats / LN_2)
}

fn bound_figures(bound: &TextBound) -> super::Figures {
    let mut figures = vec![
        ("nats_per_token", bound.bound),
        ("bits_per_token", bits(bound.bound)),
        ("perplexity", bound.bound.map(f64::exp)),
        ("recon_nats_per_token", bound.recon),
        ("kl_nats_per_token", bound.kl),
    ];
    figures.extend(bound.latent_gain.map(|gain| ("latent_gain_nats_per_token", gain)));
    figures.extend(bound.latent_free.map(|free| ("latent_free_nats_per_token", free)));
    figures
}
