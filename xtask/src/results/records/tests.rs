use super::*;

/// A table with two columns of values and one of seeds.
pub(in super::super) const DEFINITIONS: &str = r#"
[metric.valid]
unit = "percent"
digits = 2
best = "highest"

[metric.kl]
unit = "nats"
digits = 3

[[table]]
name = "grids"
rows = ["model"]
best_within = []
columns = [
    { title = "seeds", field = "seeds" },
    { title = "valid, NFE {}", metric = "valid", nfe = [1, 2] },
    { title = "KL", metric = "kl" },
]
"#;

/// A spread, an interval, a missing cell, a value above a thousand, and shared fields.
pub(in super::super) const RECORDS: &str = r#"{"table":"grids","shared":{"task":"grids","dataset":"4x4","seeds":5,"command":"vmd train","revision":"abc","processor":"a CPU"}}
{"table":"grids","model":"latent","metric":"valid","nfe":1,"value":99.18,"spread":0.5}
{"table":"grids","model":"latent","metric":"valid","nfe":2,"value":98,"ci95":[97.5,98.25]}
{"table":"grids","model":"none","metric":"valid","nfe":2,"value":99.1,"seeds":1}
{"table":"grids","model":"none","metric":"kl","value":1234.5,"seeds":1}
"#;

/// The records of `text`, and the lines with problems.
fn parsed(text: &str) -> (Vec<Record>, Vec<Problem>) {
    let file = Document { path: "lab/results/a.jsonl".into(), text: text.into() };
    parse(&[file], &Definitions::parse(DEFINITIONS).unwrap())
}

#[test]
fn shared_fields_hold_unless_a_record_says_otherwise() {
    let (records, problems) = parsed(RECORDS);
    assert_eq!(problems, []);
    assert_eq!(records.iter().map(|record| record.line).collect::<Vec<_>>(), [2, 3, 4, 5]);
    assert_eq!((records[0].text("seeds"), records[2].text("seeds")), ("5".into(), "1".into()));
    assert_eq!(records[1].pair("ci95"), Some([97.5, 98.25]));
}

#[test]
fn records_that_cannot_be_judged_are_named_with_their_line() {
    let good = r#"{"table":"grids","task":"t","dataset":"d","model":"m","metric":"kl","value":1,"source":"a paper"}"#;
    assert_eq!(parsed(good).1, []);
    for (old, new, expected) in [
        (r#","source":"a paper""#, "", "no `seeds`"),
        (r#""model":"m","#, "", "no `model`"),
        (r#""kl""#, r#""lk""#, "unknown metric `lk`"),
        (r#""grids""#, r#""grid""#, "unknown table `grid`"),
        (r#""dataset""#, r#""data""#, "field `data`"),
        (r#""value":1"#, r#""value":"1 %""#, "no number"),
        ("}", "", "not a JSON object"),
    ] {
        let problems = parsed(&format!("{good}\n{}\n", good.replace(old, new))).1;
        assert_eq!(problems.len(), 1, "{expected}");
        assert_eq!((problems[0].path.as_str(), problems[0].line), ("lab/results/a.jsonl", 2), "{expected}");
        assert!(problems[0].message.contains(expected), "{}", problems[0].message);
        assert!(!problems[0].remedy.is_empty());
    }
}
