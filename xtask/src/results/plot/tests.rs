use super::super::{Document, records};
use super::*;

fn drawn(plot: &str) -> Result<String, Problem> {
    let text = format!("{}\n[[plot]]\nname = \"p\"\n{plot}", records::tests::DEFINITIONS);
    let definitions = Definitions::parse(&text).unwrap();
    let file = Document { path: "lab/results/a.jsonl".into(), text: records::tests::RECORDS.into() };
    let (records, _) = records::parse(&[file], &definitions);
    draw(&definitions.plot[0], &definitions, &records)
}

const AXES: &str = "table = \"grids\"\nseries = [\"model\"]\nx_title = \"a < b\"\nrange = [0.0, 100.0]\n";

#[test]
fn a_line_for_each_series_with_its_bars() {
    let svg = drawn(&format!("{AXES}x = \"nfe\"\nfilter = {{ metric = \"valid\" }}\n")).unwrap();
    // Three points and two legend entries; error bars of a spread and of an interval.
    assert_eq!(svg.matches("<circle").count(), 3 + 2);
    assert_eq!(svg.matches("<polyline").count(), 2);
    let bars = svg.lines().filter(|line| line.starts_with("<line") && line.contains(COLOURS[0]));
    assert_eq!(bars.count(), 2);
    assert!(svg.contains("a &lt; b"));
}

#[test]
fn a_row_for_each_record_without_an_axis() {
    let svg = drawn(&format!("{AXES}filter = {{ metric = \"valid\", nfe = 2 }}\n")).unwrap();
    assert_eq!(svg.matches("<circle").count(), 2);
    assert!(svg.contains(">latent<") && svg.contains(">none<"));
}

#[test]
fn ticks_are_round_numbers() {
    let labels = |range| ticks(range).into_iter().map(|(_, label)| label).collect::<Vec<_>>().join(" ");
    assert_eq!(labels([0.0, 100.0]), "0 20 40 60 80 100");
    assert_eq!(labels([0.0, 6.0]), "0 2 4 6");
    assert_eq!(labels([0.0, 2.5]), "0.0 0.5 1.0 1.5 2.0 2.5");
}

#[test]
fn a_plot_without_records_is_a_problem_at_its_definition() {
    let problem = drawn(&format!("{AXES}filter = {{ metric = \"kl\", nfe = 3 }}\n")).unwrap_err();
    assert_eq!(problem.path, "lab/results/tables.toml");
    assert!(problem.line > 1 && problem.message.contains("no records"));
}
