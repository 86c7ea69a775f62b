//! Orders as JSON.

use rand::Rng;
use serde_json::{Map, Value};
use vmd_core::{Purpose, index_below, keyed_rng};

/// Maximum number of characters of an order.
pub const MAX_ORDER: usize = 120;

/// Country, currency and telephone prefix.
const LANDS: [(&str, &str, &str); 10] = [
    ("AT", "EUR", "+43"),
    ("BR", "BRL", "+55"),
    ("CH", "CHF", "+41"),
    ("DE", "EUR", "+49"),
    ("FR", "EUR", "+33"),
    ("GB", "GBP", "+44"),
    ("IE", "EUR", "+353"),
    ("IN", "INR", "+91"),
    ("JP", "JPY", "+81"),
    ("PL", "PLN", "+48"),
];

/// Goods in alphabetical order, with unit prices.
const GOODS: [(&str, u64); 12] = [
    ("bag", 25),
    ("book", 14),
    ("box", 3),
    ("cap", 11),
    ("cup", 6),
    ("desk", 59),
    ("ink", 8),
    ("lamp", 32),
    ("map", 5),
    ("pen", 2),
    ("rug", 47),
    ("vase", 18),
];

/// Orders with a total of at least this may be unpaid.
const CREDIT: u64 = 100;

/// Order `index` of a seed: one line of JSON with at most [`MAX_ORDER`] ASCII characters.
///
/// The country determines the currency and the telephone prefix. The product determines its price.
/// Products are distinct and in alphabetical order. `total` is the sum of quantity times price.
/// `id` has three digits; the last is the sum of the others modulo 10. An order whose total is
/// below 100 is paid.
///
/// ```
/// use vmd_tasks::lines::{order_is_consistent, order_json};
/// let order = serde_json::from_str(&order_json(1, 0))?;
/// assert!(order_is_consistent(&order));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[must_use]
pub fn order_json(seed: u64, index: u64) -> String {
    let rng = &mut keyed_rng(seed, index, Purpose::Data);
    let (land, currency, prefix) = LANDS[index_below(rng, LANDS.len())];
    let (tens, ones) = (1 + index_below(rng, 9), index_below(rng, 10));
    let number = index_below(rng, 1000);
    let goods = basket(rng);
    let total: u64 = goods.iter().map(|&(_, quantity, price)| quantity * price).sum();
    let paid = index_below(rng, 2) == 0 || total < CREDIT;
    let items = goods.iter().map(|(name, quantity, price)| format!(r#"["{name}",{quantity},{price}]"#));
    format!(
        concat!(
            r#"{{"id":{}{}{},"to":{{"land":"{}","tel":"{}{:03}"}},"#,
            r#""cur":"{}","items":[{}],"total":{},"paid":{}}}"#
        ),
        tens,
        ones,
        (tens + ones) % 10,
        land,
        prefix,
        number,
        currency,
        Vec::from_iter(items).join(","),
        total,
        paid
    )
}

/// Whether a value is an order that obeys every rule of [`order_json`]. It must have exactly the
/// fields of an order, in any order.
#[must_use]
pub fn order_is_consistent(order: &Value) -> bool {
    is_order(order).is_some_and(|consistent| consistent)
}

/// One or two distinct goods with quantity and price.
fn basket<R: Rng + ?Sized>(rng: &mut R) -> Vec<(&'static str, u64, u64)> {
    let first = index_below(rng, GOODS.len());
    // Half of the draws have no second product; the others choose uniformly among the remaining
    // products.
    let other = index_below(rng, 2 * (GOODS.len() - 1));
    let other = if other >= first { other + 1 } else { other };
    let mut places = vec![first];
    places.extend((other < GOODS.len()).then_some(other));
    places.sort_unstable();
    let line = |place: usize| (GOODS[place].0, 1 + index_below(rng, 9) as u64, GOODS[place].1);
    places.into_iter().map(line).collect()
}

/// Whether all rules hold; `None` if the shape is wrong.
fn is_order(order: &Value) -> Option<bool> {
    let order = fields(order, &["cur", "id", "items", "paid", "to", "total"])?;
    let to = fields(order.get("to")?, &["land", "tel"])?;
    let land = to.get("land")?.as_str()?;
    let (_, currency, prefix) = LANDS.iter().find(|(name, ..)| *name == land)?;
    let number = to.get("tel")?.as_str()?.strip_prefix(prefix)?;
    let id = order.get("id")?.as_u64()?;
    let (total, paid) = (order.get("total")?.as_u64()?, order.get("paid")?.as_bool()?);
    let items = order.get("items")?.as_array()?;
    let goods: Vec<(usize, u64)> = items.iter().map(line).collect::<Option<_>>()?;
    Some(
        order.get("cur")?.as_str()? == *currency
            && number.len() == 3
            && number.bytes().all(|byte| byte.is_ascii_digit())
            && (100..1000).contains(&id)
            && id % 10 == (id / 100 + id / 10 % 10) % 10
            && (1..=2).contains(&goods.len())
            && goods.is_sorted_by(|a, b| a.0 < b.0)
            && goods.iter().map(|(_, cost)| cost).sum::<u64>() == total
            && (paid || total >= CREDIT),
    )
}

/// The object, if it has exactly these keys.
fn fields<'a>(value: &'a Value, keys: &[&str]) -> Option<&'a Map<String, Value>> {
    value.as_object().filter(|map| map.len() == keys.len() && keys.iter().all(|&key| map.contains_key(key)))
}

/// Index of the product and total price of one line of an order, if its unit price is right.
fn line(value: &Value) -> Option<(usize, u64)> {
    let [name, quantity, price] = value.as_array()?.as_slice() else { return None };
    let place = GOODS.iter().position(|(good, _)| name.as_str() == Some(good))?;
    let quantity = quantity.as_u64().filter(|quantity| (1..10).contains(quantity))?;
    (price.as_u64() == Some(GOODS[place].1)).then_some((place, quantity * GOODS[place].1))
}
