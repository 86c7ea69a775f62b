//! The registry of tasks: the `[data]` table of a configuration.

use serde::{Deserialize, Serialize};

use crate::lines::LinesConfig;
use crate::molecules::MoleculesConfig;
use crate::sudoku::SudokuConfig;
use crate::synthetic::SyntheticConfig;
use crate::table::TableConfig;
use crate::text::{Text8Config, TextConfig};
use crate::{Sizes, Task, TaskError};

/// Settings of one kind of data.
pub trait TaskSettings {
    /// Name of the task.
    const NAME: &'static str;
    /// Evaluation options that the task accepts.
    const OPTIONS: &'static [&'static str];

    /// Sizes of the data, if they are known without opening it.
    fn known_sizes(&self) -> Option<Sizes>;

    /// Opens the data.
    ///
    /// # Errors
    ///
    /// [`TaskError`] for settings out of range and unusable files.
    fn open(&self) -> Result<Box<dyn Task>, TaskError>;
}

macro_rules! registry {
    ($($(#[$doc:meta])* $kind:ident($settings:ty),)*) => {
        /// The `[data]` table of a configuration. The key `kind` selects the variant.
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
        #[serde(tag = "kind", rename_all = "snake_case")]
        pub enum TaskConfig {
            $($(#[$doc])* $kind($settings),)*
        }

        impl TaskConfig {
            /// Opens the data.
            ///
            /// # Errors
            ///
            /// [`TaskError`] for settings out of range and unusable files.
            pub fn open(&self) -> Result<Box<dyn Task>, TaskError> {
                match self {
                    $(Self::$kind(settings) => settings.open(),)*
                }
            }

            /// Name of the task.
            pub fn name(&self) -> &'static str {
                match self {
                    $(Self::$kind(_) => <$settings>::NAME,)*
                }
            }

            /// Sizes of the data, if they are known without opening it.
            pub fn known_sizes(&self) -> Option<Sizes> {
                match self {
                    $(Self::$kind(settings) => settings.known_sizes(),)*
                }
            }

            /// Evaluation options that the task accepts.
            pub fn options(&self) -> &'static [&'static str] {
                match self {
                    $(Self::$kind(_) => <$settings>::OPTIONS,)*
                }
            }
        }

        /// Name and options of every task.
        const TASKS: &[(&str, &[&str])] = &[$((<$settings>::NAME, <$settings>::OPTIONS)),*];
    };
}

registry! {
    /// A synthetic set.
    Synthetic(SyntheticConfig),
    /// Random full Sudoku grids.
    Sudoku(SudokuConfig),
    /// Windows of a text.
    Text(TextConfig),
    /// The 100 million characters of text8.
    Text8(Text8Config),
    /// Lines of a file, one sequence each.
    Lines(LinesConfig),
    /// Molecules as SMILES, one per line.
    Molecules(MoleculesConfig),
    /// Rows of a CSV file, one token per value.
    Table(TableConfig),
}

/// Names of the tasks that accept the evaluation option `option`.
pub(crate) fn tasks_with(option: &str) -> Vec<&'static str> {
    let mut names: Vec<&str> =
        TASKS.iter().filter(|(_, options)| options.contains(&option)).map(|(name, _)| *name).collect();
    names.dedup();
    names
}

impl TaskConfig {
    /// Names of the tasks that accept the evaluation option `option`.
    #[must_use]
    pub fn tasks_with(option: &str) -> Vec<&'static str> {
        tasks_with(option)
    }
}
