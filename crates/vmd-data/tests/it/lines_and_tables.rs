//! Lines, CSV columns and tables: splits, epochs, encoding and errors.

use std::collections::HashMap;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use flate2::Compression;
use flate2::read::GzEncoder;
use proptest::prelude::*;
use tempfile::TempDir;
use vmd_core::DataSource;
use vmd_data::text::{
    CsvColumn, LineSet, LineSource, Lines, MAX_VALUES, Shares, Split, Table, TableSource, TextError,
    Vocabulary,
};

const SPLITS: [Split; 3] = [Split::Train, Split::Validation, Split::Test];

fn file(content: impl AsRef<[u8]>) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a writable temporary folder");
    let path = folder.path().join("data");
    fs::write(&path, content).expect("a writable temporary folder");
    (folder, path)
}

fn lines(content: &str) -> Result<Lines, TextError> {
    Lines::read(&file(content).1, None)
}

fn column(content: &str, column: CsvColumn) -> Result<Lines, TextError> {
    let (_folder, path) = file(content);
    Lines::read(&path, Some(&column))
}

fn texts(lines: &Lines) -> Vec<&str> {
    lines.iter().collect()
}

fn named(name: &str) -> CsvColumn {
    CsvColumn::Name(name.into())
}

fn table(content: &str) -> Result<Table, TextError> {
    let (_folder, path) = file(content);
    Table::read(&path, MAX_VALUES)
}

#[test]
fn lines_are_read_whatever_their_ends_and_blank_ones_are_passed_over() {
    let read = |content| {
        let (_folder, path) = file(content);
        Lines::read(&path, None).map(|lines| texts(&lines).join("|"))
    };
    assert_eq!(read("b\r\n\r\n a \n  \nb").unwrap(), "b| a |b");
    assert_eq!(read("\u{feff}x\n").unwrap(), "x");
    for nothing in ["", "\n\n", " \r\n"] {
        let error = read(nothing).unwrap_err().to_string();
        assert!(error.contains("no lines"), "{error}");
    }
}

#[test]
fn columns_are_found_by_name_or_number() {
    let csv = "id, smiles\n1,CC\n2,\"C,\nN\"\n3,\n";
    let found = |lines: Lines| texts(&lines).join("|");
    assert_eq!(found(column(csv, named("smiles")).unwrap()), "CC|C,\nN");
    assert_eq!(found(column(csv, CsvColumn::Number(1)).unwrap()), "id|1|2|3");
    assert_eq!(found(column("\u{feff}a\nx\n", named("a")).unwrap()), "x");
    for (asked, parts) in [
        (named("name"), ["no column `name`", "`id`, `smiles`"]),
        (CsvColumn::Number(3), ["no column 3", "1, 2"]),
        (CsvColumn::Number(0), ["no column 0", "1, 2"]),
    ] {
        let error = column(csv, asked).unwrap_err().to_string();
        assert!(parts.iter().all(|part| error.contains(part)), "{error}");
    }
    let error = column("a,b\n1\n", named("a")).unwrap_err().to_string();
    assert!(error.contains("line: 2") && error.contains("correct"), "{error}");
    let config: Vec<CsvColumn> = serde_json::from_str(r#"["smiles",2]"#).unwrap();
    assert_eq!(config, [named("smiles"), CsvColumn::Number(2)]);
}

#[test]
fn packed_files_and_hostile_ones() {
    let mut packed = Vec::new();
    std::io::copy(&mut GzEncoder::new(&b"ab\ncd\n"[..], Compression::fast()), &mut packed).unwrap();
    let (_folder, path) = file(&packed);
    assert_eq!(texts(&Lines::read(&path, None).unwrap()), ["ab", "cd"]);
    assert_eq!(texts(&Lines::read(&path, Some(&named("ab"))).unwrap()), ["cd"]);
    let (_folder, path) = file(&packed[..packed.len() - 9]);
    for error in [
        Lines::read(&path, None).unwrap_err(),
        Lines::read(&path, Some(&named("ab"))).unwrap_err(),
        Table::read(&path, 9).unwrap_err(),
    ] {
        assert!(matches!(error, TextError::Damaged { .. }), "{error}");
    }
    let (_folder, path) = file(b"ab\nc\xff\n");
    let error = Lines::read(&path, None).unwrap_err().to_string();
    assert!(error.contains("line 2, column 2") && error.contains("UTF-8"), "{error}");
    for error in [Lines::read(&path, Some(&named("ab"))).unwrap_err(), Table::read(&path, 9).unwrap_err()] {
        assert!(error.to_string().contains("line 2") && error.to_string().contains("correct"), "{error}");
    }
    let folder = tempfile::tempdir().unwrap();
    for error in [Lines::read(folder.path(), None).unwrap_err(), Table::read(folder.path(), 9).unwrap_err()] {
        assert!(matches!(error, TextError::NotAFile { .. }), "{error}");
    }
}

#[test]
fn lines_are_closed_and_filled_up() {
    let (_folder, path) = file("abc\n");
    let set = LineSet::new(Lines::read(&path, None).unwrap(), Vocabulary::Text27, 6).unwrap();
    let all = Shares { train: 1.0, validation: 0.0, test: 0.0 };
    let source = LineSource::new(Arc::new(set), Split::Train, all, 1).unwrap();
    let mut tokens = [0; 6];
    source.fill(5, &mut tokens);
    assert_eq!((tokens, source.vocab(), source.seq_len()), ([1, 2, 3, 27, 27, 27], 28, 6));
    assert_eq!(Vocabulary::Text27.decode_line(&tokens), "abc");
}

#[test]
fn long_lines_and_missing_characters_are_placed() {
    let read = || lines("ab\n\nabcd\nabc\nabcdef\n").unwrap();
    let error = LineSet::new(read(), Vocabulary::Text27, 4).unwrap_err();
    assert!(
        matches!(error, TextError::LongLines { line: 3, count: 2, longest: 6, seq_len: 4, .. }),
        "{error}"
    );
    assert!(error.to_string().contains("set seq_len to 7"), "{error}");
    assert!(LineSet::new(read(), Vocabulary::Text27, 7).is_ok());
    assert!(LineSet::new(read(), Vocabulary::Text27, 0).is_err());
    let lines = column("x,y\n1,ab\n2,aß\n", named("y")).unwrap();
    let error = LineSet::new(lines, Vocabulary::Text27, 9).unwrap_err().to_string();
    assert!(error.contains("line 3, column 2") && error.contains("'ß'"), "{error}");
}

#[test]
fn a_part_without_examples_is_refused() {
    let set = Arc::new(LineSet::new(lines("a\nb\n").unwrap(), Vocabulary::Text27, 2).unwrap());
    let error = LineSource::new(set, Split::Test, Shares::default(), 0).unwrap_err().to_string();
    assert!(
        error.contains("none of the 2 examples is in the test split") && error.contains("raise"),
        "{error}"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn lines_are_split_without_loss_and_visited_once_an_epoch(n in 20_u64..400, seed: u64) {
        let content: String = (0..n).map(|i| format!("{i}\n")).collect();
        let set = Arc::new(LineSet::new(lines(&content).unwrap(), Vocabulary::Bytes, 5).unwrap());
        let mut seen: HashMap<String, u64> = HashMap::new();
        for part in SPLITS {
            let source = LineSource::new(set.clone(), part, Shares::default(), seed).unwrap();
            let other = LineSource::new(set.clone(), part, Shares::default(), seed ^ 1).unwrap();
            prop_assert!(source.lines().eq(other.lines()), "the split depends on the seed");
            let len = source.len();
            for epoch in 0..3 {
                let mut lines: Vec<&str> = (0..len).map(|i| source.line(epoch * len + i)).collect();
                let order = lines.clone();
                lines.sort_unstable();
                let mut part_lines: Vec<&str> = source.lines().collect();
                part_lines.sort_unstable();
                prop_assert_eq!(lines, part_lines);
                if part != Split::Train {
                    prop_assert!(order.iter().eq(&Vec::from_iter((0..len).map(|i| other.line(i)))));
                }
            }
            source.lines().for_each(|line| *seen.entry(line.into()).or_default() += 1);
        }
        prop_assert_eq!(seen.len() as u64, n);
        prop_assert!(seen.values().all(|&count| count == 1));
    }

    #[test]
    fn tables_keep_every_row(rows in proptest::collection::vec(("[a-c]{0,2}", "[\",x\n ]{0,3}"), 20..60)) {
        let mut writer = csv::Writer::from_writer(Vec::new());
        writer.write_record(["one", "two"]).unwrap();
        rows.iter().for_each(|(one, two)| writer.write_record([one, two]).unwrap());
        let table = table(&String::from_utf8(writer.into_inner().unwrap()).unwrap()).unwrap();
        for (tokens, (one, two)) in table.rows().zip(&rows) {
            prop_assert_eq!(table.vocabulary().row(tokens), Some(vec![&**one, &**two]));
        }
        prop_assert_eq!(table.rows().count(), rows.len());
        let table = Arc::new(table);
        let count = |part| {
            let source = TableSource::new(table.clone(), part, Shares::default(), 3).unwrap();
            let mut epoch: Vec<Vec<u32>> = (0..source.len()).map(|i| {
                let mut tokens = vec![0; 2];
                source.fill(i + 2 * source.len(), &mut tokens);
                tokens
            }).collect();
            let mut stored: Vec<Vec<u32>> = source.rows().map(<[u32]>::to_vec).collect();
            epoch.sort();
            stored.sort();
            assert_eq!(epoch, stored);
            stored.len()
        };
        prop_assert_eq!(SPLITS.map(count).iter().sum::<usize>(), rows.len());
    }
}

#[test]
fn training_lines_come_in_another_order_every_epoch() {
    let content: String = (0..200).map(|i| format!("{i}\n")).collect();
    let set = Arc::new(LineSet::new(lines(&content).unwrap(), Vocabulary::Bytes, 5).unwrap());
    let source = LineSource::new(set, Split::Train, Shares::default(), 3).unwrap();
    let epoch = |n: u64| Vec::from_iter((0..source.len()).map(|i| source.line(n * source.len() + i)));
    assert!(epoch(0) != epoch(1) && epoch(1) != epoch(2));
    // The file is sorted; its splits are not contiguous.
    let positions: Vec<u32> = source.lines().map(|line| line.parse().unwrap()).collect();
    assert!(positions.iter().any(|&n| n >= 190) && positions.iter().any(|&n| n < 10));
}

#[test]
fn tokens_of_a_table_are_numbered_through_its_columns() {
    let table = table("city,size\nRome,2\nBern,10\nRome,10\n").unwrap();
    assert_eq!(table.rows().collect::<Vec<_>>(), [[1, 3], [0, 2], [1, 2]]);
    assert_eq!(table.vocabulary().domains(), [0..2, 2..4]);
    let source = TableSource::new(Arc::new(table), Split::Train, Shares::default(), 0).unwrap();
    assert_eq!((source.seq_len(), source.vocab(), source.len()), (2, 4, 3));
}

#[test]
fn the_order_of_rows_does_not_change_a_vocabulary() {
    let [a, b] = ["c\nx\ny\nz\n", "c\nz\ny\nx\n"].map(|content| table(content).unwrap());
    assert_eq!(a.vocabulary(), b.vocabulary());
}

#[test]
fn tables_that_are_none_are_refused() {
    for (content, parts) in [
        ("", ["no rows", "content"]),
        ("a,b\n", ["no rows", "content"]),
        ("a,b\n1,2\n1\n", ["line: 3", "correct"]),
        ("a,a\n1,2\n", ["column `a`", "rename"]),
    ] {
        let error = table(content).unwrap_err().to_string();
        assert!(parts.iter().all(|part| error.contains(part)), "{error}");
    }
    let (_folder, path) = file("a,b\n1,1\n1,2\n1,3\n1,4\n");
    assert!(Table::read(&path, 4).is_ok());
    let error = Table::read(&path, 3).unwrap_err().to_string();
    assert!(error.contains("line 5: column `b` has more than 3") && error.contains("round it"), "{error}");
}
