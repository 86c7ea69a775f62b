//! Data sets by configuration.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use anyhow::Context;
use serde::{Deserialize, Serialize};
use vmd::data::source::DataSource;
use vmd::data::text::{Corpus, CsvColumn, Split, Symbols, Vocabulary, cache_folder, download};
use vmd::graph::DependencyGraph;
use vmd::tasks::sudoku::{Layout, PuzzleRecord, SudokuGrids, parse_puzzles, read_puzzles, solve_within};
use vmd::tasks::synthetic::{SyntheticSet, SyntheticSource, TrainingPart};

use crate::failure::usage;

/// Puzzles that come with the program; see `datasets/sudoku-easy`.
const EMBEDDED_PUZZLES: &str = include_str!("../../../datasets/sudoku-easy/puzzles.csv");

/// Where text8 comes from.
const TEXT8: &str = include_str!("../../../datasets/text8/dataset.toml");

/// Partly filled grids that the solver looks at before it gives up on a puzzle of a user: seconds.
pub(crate) const SOLVER_NODES: u64 = 2_000_000;

/// Largest side of a grid for which puzzles are made while training.
const LARGEST_PUZZLES: usize = 9;

/// Validation examples come from a stream of their own.
const VALIDATION_STREAM: u64 = 0x5eed_0000_0000_0000;

/// What is learned.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum DataConfig {
    /// A synthetic set.
    Synthetic {
        /// Its name, such as `d1`.
        set: SyntheticSet,
        /// Sequences of the set that never enter training, the same ones for every seed.
        #[serde(default)]
        hold_out: usize,
    },
    /// Random full Sudoku grids.
    Sudoku {
        /// Rows of a box.
        #[serde(default = "three")]
        box_rows: usize,
        /// Columns of a box.
        #[serde(default = "three")]
        box_cols: usize,
        /// Puzzle files whose solutions never enter training, besides those that come with the program.
        #[serde(default)]
        exclude: Vec<PathBuf>,
        /// Share of the training examples that are puzzles: their clues are never masked, leave one solution, and would
        /// leave several if one more were taken away. For grids up to 9×9.
        #[serde(default)]
        puzzles: f64,
        /// Puzzles that are dug from the grid of each of these, of which the hardest is taken.
        #[serde(default = "one")]
        puzzle_digs: usize,
    },
    /// Windows of a text, of which the first 90 % are trained on, and the next 5 % validate.
    Text {
        /// The file, plain or packed with gzip or zip.
        path: PathBuf,
        /// What it is made of.
        #[serde(default)]
        symbols: Symbols,
        /// Tokens of a window.
        seq_len: usize,
    },
    /// The 100 million characters of text8, downloaded where `path` is left out.
    Text8 {
        /// `text8`, or `text8.zip`.
        #[serde(default)]
        path: Option<PathBuf>,
        /// Tokens of a window.
        seq_len: usize,
    },
    /// Lines of a file, each a sequence: molecules, code, JSON.
    Lines {
        /// The file, plain or packed with gzip or zip.
        path: PathBuf,
        /// The column that holds the lines, where the file is CSV: its name, or its number from 1.
        #[serde(default)]
        column: Option<CsvColumn>,
        /// What they are made of.
        #[serde(default)]
        symbols: Symbols,
        /// Tokens of a sequence: one more than those of the longest line, which a stop token closes.
        seq_len: usize,
        /// What makes a line valid; nothing is judged if absent.
        #[serde(default)]
        syntax: Option<Syntax>,
    },
    /// Rows of a CSV file, a token for each value.
    Table {
        /// The file, with a header.
        path: PathBuf,
    },
}

/// What makes a line valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Syntax {
    /// A molecule whose atoms have the valences that they may have.
    Smiles,
    /// A JSON value.
    Json,
    /// A JSON value that is an order as `data orders` makes them.
    Order,
}

fn one() -> usize {
    1
}

fn three() -> usize {
    3
}

impl DataConfig {
    /// Whether these are Sudoku grids.
    pub(crate) fn is_sudoku(&self) -> bool {
        matches!(self, Self::Sudoku { .. })
    }

    /// Whether the data are in a file: text, lines, or a table.
    pub(crate) fn is_file(&self) -> bool {
        !matches!(self, Self::Synthetic { .. } | Self::Sudoku { .. })
    }

    /// What the file is called in records.
    pub(crate) fn file_name(&self) -> String {
        match self {
            Self::Text { path, .. } | Self::Lines { path, .. } | Self::Table { path } => {
                path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
            }
            Self::Text8 { .. } => "text8".into(),
            Self::Synthetic { .. } | Self::Sudoku { .. } => String::new(),
        }
    }

    /// Tokens of a sequence as far as the configuration says; 1 of a table.
    pub(crate) fn seq_len(&self) -> usize {
        match self {
            Self::Text { seq_len, .. } | Self::Text8 { seq_len, .. } | Self::Lines { seq_len, .. } => {
                *seq_len
            }
            _ => 1,
        }
    }

    /// What makes a line valid.
    pub(crate) fn syntax(&self) -> Option<Syntax> {
        match self {
            Self::Lines { syntax, .. } => *syntax,
            _ => None,
        }
    }

    /// Number of values and of tokens.
    ///
    /// # Errors
    ///
    /// A file that has to be read for it and cannot be.
    pub(crate) fn sizes(&self) -> anyhow::Result<(usize, usize)> {
        Ok(match self {
            Self::Synthetic { set, .. } => (set.vocab(), set.seq_len()),
            Self::Sudoku { box_rows, box_cols, .. } => {
                let size = box_rows.saturating_mul(*box_cols);
                (size, size.saturating_mul(size))
            }
            Self::Text { symbols: Symbols::Text27, seq_len, .. } | Self::Text8 { seq_len, .. } => {
                (Vocabulary::Text27.len(), *seq_len)
            }
            Self::Text { .. } | Self::Lines { .. } | Self::Table { .. } => {
                let corpus = self.corpus()?.expect("these are files");
                (corpus.encoding().n_values(), corpus.source(Split::Train, 0)?.seq_len())
            }
        })
    }

    /// The file that holds the data, where they are in a file.
    pub(crate) fn corpus(&self) -> anyhow::Result<Option<Corpus>> {
        let cache = cache_folder();
        let windows = |path: &Path, symbols, seq_len: usize| match seq_len {
            0 => Err(usage("data.seq_len is 0; set it to 1 or more")),
            _ => Corpus::text(path, symbols, seq_len, &cache).context("data.path"),
        };
        Ok(Some(match self {
            Self::Synthetic { .. } | Self::Sudoku { .. } => return Ok(None),
            Self::Text { path, symbols, seq_len } => windows(path, *symbols, *seq_len)?,
            Self::Text8 { path: Some(path), seq_len } => windows(path, Symbols::Text27, *seq_len)?,
            Self::Text8 { path: None, seq_len } => {
                windows(&downloaded_text8(&cache)?, Symbols::Text27, *seq_len)?
            }
            Self::Lines { path, column, symbols, seq_len, .. } => {
                Corpus::lines(path, column.as_ref(), *symbols, *seq_len).context("data.path")?
            }
            Self::Table { path } => Corpus::table(path).context("data.path")?,
        }))
    }

    /// The ties between positions, which these data have for certain.
    pub(crate) fn graph(&self) -> Option<DependencyGraph> {
        match self {
            Self::Synthetic { set, .. } => Some(set.graph()),
            Self::Sudoku { box_rows, box_cols, .. } => DependencyGraph::sudoku(*box_rows, *box_cols).ok(),
            _ => None,
        }
    }

    /// Training and validation data.
    pub(crate) fn sources(&self, seed: u64) -> anyhow::Result<(Box<dyn DataSource>, Box<dyn DataSource>)> {
        let held_out = seed ^ VALIDATION_STREAM;
        match self {
            Self::Synthetic { set, hold_out } => {
                let part = |seed| {
                    TrainingPart::new(SyntheticSource { set: *set, seed }, *hold_out)
                        .map_err(|error| usage(format!("data.hold_out: {error}")))
                };
                Ok((Box::new(part(seed)?), Box::new(part(held_out)?)))
            }
            Self::Sudoku { box_rows, box_cols, exclude, puzzles, puzzle_digs } => {
                if *puzzle_digs == 0 {
                    return Err(usage("data.puzzle_digs is 0; set it to 1 or more"));
                }
                if !(0.0..=1.0).contains(puzzles) {
                    return Err(usage(format!("data.puzzles = {puzzles}; it must be between 0 and 1")));
                }
                let layout = Layout::new(*box_rows, *box_cols).map_err(usage)?;
                if *puzzles > 0.0 && layout.size() > LARGEST_PUZZLES {
                    return Err(usage(format!(
                        "data.puzzles = {puzzles}: to find puzzles that can spare no clue takes minutes each beyond \
                         {LARGEST_PUZZLES}×{LARGEST_PUZZLES}; set it to 0"
                    )));
                }
                let excluded = excluded_grids(layout, exclude)?;
                let in_exclude = |error| usage(format!("data.exclude: {error}"));
                Ok((
                    Box::new(
                        SudokuGrids::new(layout, seed, excluded.clone())
                            .map_err(in_exclude)?
                            .with_puzzles(*puzzles, *puzzle_digs),
                    ),
                    Box::new(SudokuGrids::new(layout, held_out, excluded).map_err(in_exclude)?),
                ))
            }
            Self::Text { .. } | Self::Text8 { .. } | Self::Lines { .. } | Self::Table { .. } => {
                let corpus = self.corpus()?.expect("these are files");
                Ok((corpus.source(Split::Train, seed)?, corpus.source(Split::Validation, seed)?))
            }
        }
    }
}

/// text8 in the cache folder.
fn downloaded_text8(cache: &Path) -> anyhow::Result<PathBuf> {
    #[derive(Deserialize)]
    struct Card {
        files: [CardFile; 1],
    }
    #[derive(Deserialize)]
    struct CardFile {
        url: String,
        path: String,
        sha256: String,
    }
    let card: Card = toml::from_str(TEXT8).expect("the card is checked by a test");
    let [CardFile { url, path, sha256 }] = card.files;
    let to = cache.join(path);
    let mut bytes = 0;
    download(&url, &sha256, &to, &mut |done, _| {
        if done / (1 << 22) > bytes / (1 << 22) {
            eprintln!("text8: {} MB", done >> 20);
        }
        bytes = done;
    })
    .context("data.path is left out, and text8 cannot be downloaded")?;
    Ok(to)
}

/// The puzzles that come with the program.
pub(crate) fn embedded_puzzles() -> Vec<PuzzleRecord> {
    parse_puzzles(EMBEDDED_PUZZLES, "datasets/sudoku-easy/puzzles.csv".as_ref())
        .expect("the embedded puzzles were checked when they were made")
}

/// Cells of every solution that must not be trained on.
fn excluded_grids(layout: Layout, files: &[PathBuf]) -> anyhow::Result<HashSet<Vec<u8>>> {
    let mut puzzles = embedded_puzzles();
    for file in files {
        puzzles.extend(read_puzzles(file).context("data.exclude")?);
    }
    let mut excluded = HashSet::new();
    for record in puzzles.into_iter().filter(|record| record.puzzle.layout() == layout) {
        let solution = match record.solution {
            Some(solution) => Some(solution),
            None => {
                let solutions = solve_within(&record.puzzle, 1, SOLVER_NODES);
                let unsettled = || {
                    usage(format!(
                        "data.exclude: puzzle {} is too open to be solved; give its solution in the file",
                        record.puzzle
                    ))
                };
                solutions.ok_or_else(unsettled)?.first
            }
        };
        excluded.extend(solution.map(|grid| grid.cells().to_vec()));
    }
    Ok(excluded)
}
