//! The registry of tasks: the `[data]` table of a configuration.

use serde::{Deserialize, Serialize};

use crate::lines::LinesConfig;
use crate::molecules::MoleculesConfig;
use crate::sudoku::SudokuConfig;
use crate::synthetic::SyntheticConfig;
use crate::table::TableConfig;
use crate::text::{Text8Config, TextConfig};
use crate::{Sizes, Task, TaskError};

/// The keys of one kind of data, and how they are opened.
pub trait TaskSettings {
    /// Name of the task.
    const NAME: &'static str;
    /// Options of an evaluation that the task understands.
    const OPTIONS: &'static [&'static str];
    /// Whether it has rules that samples can be checked by, for repeated attempts.
    const HAS_RULES: bool = false;

    /// The sizes, where they are known without reading the data.
    fn known_sizes(&self) -> Option<Sizes>;

    /// Opens the data.
    ///
    /// # Errors
    ///
    /// [`TaskError`] for settings that are out of range and files that cannot be used.
    fn open(&self) -> Result<Box<dyn Task>, TaskError>;
}

macro_rules! registry {
    ($($(#[$doc:meta])* $kind:ident($settings:ty),)*) => {
        /// What is learned: the `[data]` table of a configuration, whose key `kind` names one of these.
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
        #[serde(tag = "kind", rename_all = "snake_case")]
        pub enum TaskConfig {
            $($(#[$doc])* $kind($settings),)*
        }

        impl TaskConfig {
            /// Opens the data, once for everything that is done with them.
            ///
            /// # Errors
            ///
            /// [`TaskError`] for settings that are out of range and files that cannot be used.
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

            /// The sizes, where they are known without reading the data.
            pub fn known_sizes(&self) -> Option<Sizes> {
                match self {
                    $(Self::$kind(settings) => settings.known_sizes(),)*
                }
            }

            /// Options of an evaluation that the task understands.
            pub fn options(&self) -> &'static [&'static str] {
                match self {
                    $(Self::$kind(_) => <$settings>::OPTIONS,)*
                }
            }

            /// Whether the task has rules that samples can be checked by.
            pub fn has_rules(&self) -> bool {
                match self {
                    $(Self::$kind(_) => <$settings>::HAS_RULES,)*
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
    /// Lines of a file, each a sequence.
    Lines(LinesConfig),
    /// Molecules as SMILES, one a line.
    Molecules(MoleculesConfig),
    /// Rows of a CSV file, a token for each value.
    Table(TableConfig),
}

/// Names of the tasks that have an option.
pub(crate) fn tasks_with(option: &str) -> Vec<&'static str> {
    let mut names: Vec<&str> =
        TASKS.iter().filter(|(_, options)| options.contains(&option)).map(|(name, _)| *name).collect();
    names.dedup();
    names
}

impl TaskConfig {
    /// Names of the tasks that have an option of an evaluation.
    #[must_use]
    pub fn tasks_with(option: &str) -> Vec<&'static str> {
        tasks_with(option)
    }
}
