//! Orders and shipments: the rules, and the files in `datasets`.

use std::collections::HashSet;
use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use vmd_tasks::lines::{MAX_ORDER, order_is_consistent, order_json};
use vmd_tasks::table::{SHIPMENT_COLUMNS, shipment_is_consistent, shipment_row};

/// Seed of the files in `datasets`.
const SEED: u64 = 1;

fn dataset(file: &str) -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../datasets")).join(file)
}

fn orders_file() -> String {
    (0..1500).map(|index| order_json(SEED, index) + "\n").collect()
}

fn shipments_file() -> String {
    let rows = (0..3000).map(|index| shipment_row(SEED, index).join(",") + "\n");
    SHIPMENT_COLUMNS.join(",") + "\n" + &String::from_iter(rows)
}

/// Run `cargo test -p vmd-tasks --test it records -- --ignored` to regenerate the files.
#[test]
#[ignore = "writes into the repository"]
fn write_the_files() {
    fs::write(dataset("orders/orders.jsonl"), orders_file()).unwrap();
    fs::write(dataset("shipments/shipments.csv"), shipments_file()).unwrap();
}

#[test]
fn the_files_are_what_the_generators_make() {
    for (folder, file, made) in
        [("orders", "orders.jsonl", orders_file()), ("shipments", "shipments.csv", shipments_file())]
    {
        let stored = fs::read(dataset(folder).join(file)).unwrap();
        assert!(stored == made.as_bytes(), "{folder}/{file}");
        let digest: String = Sha256::digest(&stored).iter().map(|byte| format!("{byte:02x}")).collect();
        let description = fs::read_to_string(dataset(folder).join("dataset.toml")).unwrap();
        assert!(description.contains(&digest), "{folder}/dataset.toml lacks {digest}");
    }
    assert!(orders_file().len() < 200_000 && shipments_file().len() < 250_000);
}

#[test]
fn orders_are_short_valid_and_consistent() {
    for index in 0..20_000 {
        let order = order_json(2, index);
        assert!(order.is_ascii() && order.len() <= MAX_ORDER && !order.contains('\n'), "{order}");
        let value: Value = serde_json::from_str(&order).unwrap();
        assert!(order_is_consistent(&value), "{order}");
    }
}

#[test]
fn the_limit_of_an_order_is_reached_and_no_more() {
    let longest = (0..200_000).map(|index| order_json(3, index).len()).max();
    assert!(longest.is_some_and(|longest| longest > MAX_ORDER - 4 && longest <= MAX_ORDER), "{longest:?}");
}

/// Changing one field of an order breaks a rule.
#[test]
fn every_rule_of_an_order_is_checked() {
    let sound = json!({
        "id": 123, "to": {"land": "DE", "tel": "+49007"}, "cur": "EUR",
        "items": [["cup", 2, 6], ["pen", 1, 2]], "total": 14, "paid": true
    });
    assert!(order_is_consistent(&sound));
    for (pointer, broken) in [
        ("/id", json!(124)),
        ("/id", json!("123")),
        ("/id", json!(11)),
        ("/to/land", json!("FR")),
        ("/to/land", json!("XX")),
        ("/to/tel", json!("+48007")),
        ("/to/tel", json!("+490070")),
        ("/to/tel", json!("+49o07")),
        ("/to", json!({"land": "DE", "tel": "+49007", "zip": 1})),
        ("/cur", json!("GBP")),
        ("/items", json!([])),
        ("/items", json!([["pen", 1, 2], ["cup", 2, 6]])),
        ("/items/0", json!(["cup", 2, 7])),
        ("/items/0/1", json!(0)),
        ("/items/0/0", json!("pen")),
        ("/total", json!(15)),
        ("/total", json!(14.5)),
        ("/paid", json!(false)),
        ("/paid", json!("yes")),
    ] {
        let mut order = sound.clone();
        *order.pointer_mut(pointer).unwrap() = broken;
        assert!(!order_is_consistent(&order), "{order}");
    }
    let mut more = sound;
    more["note"] = json!(1);
    assert!(!order_is_consistent(&more));
    for other in [json!(null), json!([]), json!({}), json!("x")] {
        assert!(!order_is_consistent(&other));
    }
}

#[test]
fn orders_vary() {
    let orders: HashSet<String> = (0..10_000).map(|index| order_json(4, index)).collect();
    // About 10·90·1000 headers times more than a thousand baskets: duplicates are rare.
    assert!(orders.len() > 9_990, "{}", orders.len());
    let unpaid = orders.iter().filter(|order| order.contains("false")).count();
    assert!((1000..5000).contains(&unpaid), "{unpaid}");
}

#[test]
fn shipments_are_consistent_and_one_changed_value_is_seen() {
    let rows: Vec<Vec<String>> = (0..3000).map(|index| shipment_row(5, index)).collect();
    let mut noticed = [0; SHIPMENT_COLUMNS.len()];
    for (row, other) in rows.iter().zip(&rows[1..]) {
        let values: Vec<&str> = row.iter().map(String::as_str).collect();
        assert_eq!(values.len(), SHIPMENT_COLUMNS.len());
        assert!(shipment_is_consistent(&values), "{values:?}");
        for column in 0..values.len() {
            let mut changed = values.clone();
            changed[column] = &other[column];
            noticed[column] += usize::from(!shipment_is_consistent(&changed));
        }
    }
    // Every column depends on others, the day only through trucks on Sundays.
    assert!(noticed.iter().all(|&count| count > 10), "{noticed:?}");
    let values: Vec<&str> = rows[0].iter().map(String::as_str).collect();
    assert!(!shipment_is_consistent(&values[1..]) && !shipment_is_consistent(&[]));
}

#[test]
fn records_are_functions_of_seed_and_index() {
    assert_eq!(order_json(1, 7), order_json(1, 7));
    assert_ne!(order_json(1, 7), order_json(2, 7));
    assert_eq!(shipment_row(1, 7), shipment_row(1, 7));
    assert!((0..9).any(|index| shipment_row(1, index) != shipment_row(2, index)));
}
