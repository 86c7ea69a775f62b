//! One module per command.

mod data;
mod devices;
mod evaluate;
mod generate_sudoku;
mod presets;
mod sample;
mod solve;
mod train;

use crate::args::{Command, DataCommand};
use evaluate::Kind;

/// Runs a command.
pub(crate) fn run(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Train(args) => train::run(args),
        Command::Evaluate(args) => evaluate::run(&args, Kind::Any),
        Command::EvaluateSudoku(args) => evaluate::run(&args, Kind::Sudoku),
        Command::EvaluateSynthetic(args) => evaluate::run(&args, Kind::Synthetic),
        Command::EvaluateText(args) => evaluate::run(&args, Kind::File),
        Command::GenerateSudoku(args) => generate_sudoku::run(&args),
        Command::Sample(args) => sample::run(&args),
        Command::Solve(args) => solve::run(&args),
        Command::Data(DataCommand::Sudoku(args)) => data::sudoku(&args),
        Command::Data(DataCommand::Orders(args)) => data::orders(&args),
        Command::Data(DataCommand::Shipments(args)) => data::shipments(&args),
        Command::Presets(args) => presets::run(&args),
        Command::Devices(args) => devices::run(&args),
    }
}
