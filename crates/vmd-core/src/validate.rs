//! Validation of configurations.

use std::error::Error;
use std::fmt;

/// A problem in a configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Path of the key, such as `latent.prior.hidden`; empty for the checked table itself.
    pub key: String,
    /// What is wrong and how to fix it.
    pub message: String,
}

impl Problem {
    /// Creates a problem at `key`.
    pub fn new(key: impl Into<String>, message: impl Into<String>) -> Self {
        Self { key: key.into(), message: message.into() }
    }

    /// Returns one problem for each of `sizes` that is 0; the minimum is 1.
    pub fn zeros<'a>(sizes: impl IntoIterator<Item = (&'a str, usize)>) -> impl Iterator<Item = Self> {
        let zeros = sizes.into_iter().filter(|(_, size)| *size == 0);
        zeros.map(|(key, _)| Self::new(key, "must be 1 or more, not 0"))
    }

    /// Joins `problems` into one line, separated by semicolons.
    pub fn joined(problems: &[Self]) -> String {
        problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
    }

    /// Prefixes the key with `table`, the path of the checked table in its parent.
    ///
    /// ```
    /// let problem = vmd_core::Problem::new("width", "must be 1 or more, not 0");
    /// assert_eq!(problem.under("denoiser.trunk").key, "denoiser.trunk.width");
    /// ```
    #[must_use]
    pub fn under(self, table: &str) -> Self {
        let key = if self.key.is_empty() { table.into() } else { format!("{table}.{}", self.key) };
        Self { key, ..self }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.key.as_str() {
            "" => f.write_str(&self.message),
            key => write!(f, "{key}: {}", self.message),
        }
    }
}

impl Error for Problem {}

/// A configuration that can be checked without building what it describes.
pub trait Validate {
    /// Input of the check besides the configuration.
    type Context<'a>;

    /// Returns all problems, with keys relative to this table; empty if the configuration is
    /// valid.
    fn problems(&self, context: Self::Context<'_>) -> Vec<Problem>;

    /// Returns all [`problems`](Self::problems), with keys prefixed by `table`.
    fn problems_under(&self, table: &str, context: Self::Context<'_>) -> Vec<Problem> {
        self.problems(context).into_iter().map(|problem| problem.under(table)).collect()
    }

    /// Checks the configuration.
    ///
    /// # Errors
    ///
    /// The first problem, if there is one.
    fn check(&self, context: Self::Context<'_>) -> Result<(), Problem> {
        self.problems(context).into_iter().next().map_or(Ok(()), Err)
    }
}
