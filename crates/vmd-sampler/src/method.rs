//! The step sampler and the search as one type.

use std::fmt;

use vmd_core::Problem;

use crate::{
    Observer, Predictor, Request, SampleOutput, Sampler, SamplerConfig, Search, SearchConfig, ValueRule,
};

/// A sampling method.
#[derive(Debug, Clone, PartialEq)]
pub enum Method {
    /// The step-by-step [`Sampler`].
    Steps(SamplerConfig),
    /// The [`Search`].
    Search(SearchConfig),
}

impl From<SamplerConfig> for Method {
    fn from(config: SamplerConfig) -> Self {
        Self::Steps(config)
    }
}

impl From<SearchConfig> for Method {
    fn from(config: SearchConfig) -> Self {
        Self::Search(config)
    }
}

impl Method {
    /// Problems that prevent it from running with `model`; see [`Sampler::problems_with`].
    pub fn problems_with(&self, model: &dyn Predictor) -> Vec<Problem> {
        match self {
            Self::Steps(config) => Sampler::new(config.clone()).problems_with(model),
            Self::Search(config) => Search::new(*config).problems_with(model),
        }
    }

    /// Fills the rows of `request`.
    ///
    /// # Panics
    ///
    /// As [`Sampler::run`] and [`Search::run`].
    pub fn run(
        &self,
        model: &dyn Predictor,
        request: &Request<'_>,
        observer: &mut dyn Observer,
    ) -> SampleOutput {
        match self {
            Self::Steps(config) => Sampler::new(config.clone()).run(model, request, observer),
            Self::Search(config) => Search::new(*config).run(model, request, observer),
        }
    }

    /// Maximum number of steps of an attempt; `None` for rules that take as many as they need.
    pub fn nfe(&self) -> Option<usize> {
        match self {
            Self::Steps(config) => (!config.sets_own_pace()).then_some(config.nfe),
            Self::Search(config) => Some(config.nfe),
        }
    }

    /// The rule for the values of tokens.
    pub fn value(&self) -> ValueRule {
        match self {
            Self::Steps(config) => config.value,
            Self::Search(config) => config.value,
        }
    }
}

/// Writes the reveal rule, or `search(THRESHOLD)`.
impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Steps(config) => config.reveal.fmt(f),
            Self::Search(config) => write!(f, "search({})", config.threshold),
        }
    }
}
