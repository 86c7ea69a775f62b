//! Describes the settings of a table's figures.

use super::definitions::Table;
use super::records::Record;
use super::table::distinct;

/// Settings in the order of the caption, with the words before them.
const SETTINGS: [(&str, &str); 10] = [
    ("sampler", "sampler "),
    ("temperature", "temperature "),
    ("latent", "latent: "),
    ("n", "n: "),
    ("seeds", "seeds: "),
    ("processor", ""),
    ("precision", "precision "),
    ("revision", "revision "),
    ("source", "other figures from "),
    ("command", ""),
];

/// Settings with more values than this are omitted; the records contain them.
const MAX_VALUES: usize = 3;

/// Settings formatted as code.
const CODE: [&str; 2] = ["revision", "command"];

/// One paragraph: the notation, and every setting that is not a column.
pub(super) fn of(table: &Table, records: &[&Record]) -> String {
    let has = |field: &str| records.iter().any(|record| record.fields.contains_key(field));
    let notes = [
        ("spread", "± is the standard deviation over seeds"),
        ("ci95", "brackets are 95 % intervals"),
        ("range", "brackets are the smallest and the largest round"),
    ];
    let mut parts: Vec<String> =
        notes.iter().filter(|(field, _)| has(field)).map(|(_, note)| (*note).to_string()).collect();
    let is_column = |field: &str| {
        table.rows.iter().any(|row| row == field)
            || table.columns.iter().any(|column| column.field.as_deref() == Some(field))
            || table.columns.iter().any(|column| column.filter.contains_key(field))
            || table.hide.iter().any(|hidden| hidden == field)
    };
    for (field, before) in SETTINGS.iter().filter(|(field, _)| !is_column(field)) {
        let values = distinct(field, records);
        let code = if CODE.contains(field) { "`" } else { "" };
        let written: Vec<String> = values.iter().map(|value| format!("{code}{value}{code}")).collect();
        match written.len() {
            0 => {}
            1..=MAX_VALUES => parts.push(format!("{before}{}", written.join(" or "))),
            _ => parts.push(format!("{field}: see the records")),
        }
    }
    format!("Settings: {}.\n", parts.join("; "))
}

#[cfg(test)]
mod tests {
    use super::super::definitions::Definitions;
    use super::super::{Document, records};
    use super::*;

    fn caption(definitions: &str, records: &str) -> String {
        let definitions = Definitions::parse(definitions).unwrap();
        let file = Document { path: "lab/results/a.jsonl".into(), text: records.into() };
        let (records, _) = records::parse(&[file], &definitions);
        of(&definitions.table[0], &records.iter().collect::<Vec<_>>())
    }

    #[test]
    fn settings_that_no_column_shows_are_named() {
        let text = caption(records::tests::DEFINITIONS, records::tests::RECORDS);
        assert_eq!(
            text,
            "Settings: ± is the standard deviation over seeds; brackets are 95 % intervals; a CPU; \
             revision `abc`; `vmd train`.\n"
        );
    }

    #[test]
    fn values_that_differ_are_all_named_up_to_a_limit() {
        let definitions = records::tests::DEFINITIONS.replace("field = \"seeds\"", "field = \"model\"");
        assert!(caption(&definitions, records::tests::RECORDS).contains("; seeds: 5 or 1; "));
        let mut records = records::tests::RECORDS.to_string();
        for (i, seeds) in ["1}", "\"ci95\":[97.5,98.25]}", "0.5}"].iter().enumerate() {
            records = records.replacen(seeds, &seeds.replace('}', &format!(",\"revision\":\"{i}\"}}")), 1);
        }
        assert!(caption(&definitions, &records).contains("; revision: see the records; "), "{records}");
    }
}
