use super::super::{Document, records};
use super::*;

fn rendered(definitions: &str, records: &str) -> Result<String, Vec<Problem>> {
    let definitions = Definitions::parse(definitions).unwrap();
    let file = Document { path: "lab/results/a.jsonl".into(), text: records.into() };
    let (records, problems) = records::parse(&[file], &definitions);
    assert_eq!(problems, []);
    render(&definitions.table[0], &definitions, &records.iter().collect::<Vec<_>>())
}

#[test]
fn spread_interval_missing_cells_and_best_values_are_written() {
    let text = rendered(records::tests::DEFINITIONS, records::tests::RECORDS).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(
        lines[..5],
        [
            "| model | seeds | valid, NFE 1 | valid, NFE 2 | KL |",
            "|---|---:|---:|---:|---:|",
            "| latent | 5 | 99.18 ± 0.50 | 98.00 [97.50, 98.25] | – |",
            "| none | 1 | – | **99.10** | 1,234.500 |",
            "",
        ]
    );
}

#[test]
fn rows_follow_the_records() {
    let mut lines: Vec<&str> = records::tests::RECORDS.lines().collect();
    lines[1..].reverse();
    let text = rendered(records::tests::DEFINITIONS, &lines.join("\n")).unwrap();
    let place = |name| text.find(&format!("| {name} |")).unwrap();
    assert!(place("none") < place("latent"), "{text}");
}

#[test]
fn bold_needs_a_direction_peers_and_no_reference() {
    let bold = |within: &str, seeds: &str| {
        let definitions = records::tests::DEFINITIONS.replace("best_within = []", within);
        let text = rendered(&definitions, &records::tests::RECORDS.replace("\"seeds\":1}", seeds)).unwrap();
        text.lines().filter(|line| line.contains("**")).map(str::to_string).collect::<Vec<_>>()
    };
    assert_eq!(bold("best_within = []", "\"seeds\":1}"), ["| none | 1 | – | **99.10** | 1,234.500 |"]);
    // Nothing to compare with: another model, or a reference.
    let nothing: [&str; 0] = [];
    assert_eq!(bold("best_within = [\"model\"]", "\"seeds\":1}"), nothing);
    assert_eq!(bold("best_within = []", "\"seeds\":1,\"reference\":true}"), nothing);
    assert_eq!(bold("", "\"seeds\":1}"), nothing);
}

#[test]
fn a_record_may_have_digits_of_its_own() {
    let records = records::tests::RECORDS.replace("\"value\":99.1,", "\"value\":99.1,\"digits\":1,");
    assert!(rendered(records::tests::DEFINITIONS, &records).unwrap().contains("| **99.1** |"));
}

#[test]
fn two_records_for_a_cell_and_records_without_one_are_problems() {
    let twice = format!("{0}{1}\n", records::tests::RECORDS, records::tests::RECORDS.lines().nth(1).unwrap());
    let problems = rendered(records::tests::DEFINITIONS, &twice).unwrap_err();
    assert_eq!((problems.len(), problems[0].line), (1, 6));
    assert!(problems[0].message.contains("line 2 has the same cell"), "{}", problems[0].message);
    let hidden = records::tests::RECORDS.replace("\"nfe\":1", "\"nfe\":16");
    let problems = rendered(records::tests::DEFINITIONS, &hidden).unwrap_err();
    assert_eq!((problems.len(), problems[0].line), (1, 2));
    assert!(problems[0].message.contains("no column"), "{}", problems[0].message);
}

#[test]
fn numbers_have_commas_between_thousands() {
    for (value, digits, expected) in [
        (0.0, 0, "0"),
        (999.96, 1, "1,000.0"),
        (-1234.5, 1, "-1,234.5"),
        (103_812.0, 0, "103,812"),
        (1e6, 0, "1,000,000"),
        (12.3456, 4, "12.3456"),
    ] {
        assert_eq!(number(value, digits), expected);
    }
}
