//! Shipments as table rows.

use vmd_core::{Purpose, index_below, keyed_rng};

/// Column names of [`shipment_row`].
pub const SHIPMENT_COLUMNS: [&str; 9] =
    ["city", "country", "currency", "region", "weight", "distance", "service", "day", "customs"];

/// City and country.
const CITIES: [(&str, &str); 24] = [
    ("Berlin", "DE"),
    ("Bologna", "IT"),
    ("Boston", "US"),
    ("Bristol", "GB"),
    ("Chicago", "US"),
    ("Denver", "US"),
    ("Fukuoka", "JP"),
    ("Geneva", "CH"),
    ("Hamburg", "DE"),
    ("Kobe", "JP"),
    ("Leeds", "GB"),
    ("Lyon", "FR"),
    ("Malmo", "SE"),
    ("Milan", "IT"),
    ("Montreal", "CA"),
    ("Munich", "DE"),
    ("Nantes", "FR"),
    ("Osaka", "JP"),
    ("Paris", "FR"),
    ("Recife", "BR"),
    ("Santos", "BR"),
    ("Toronto", "CA"),
    ("Uppsala", "SE"),
    ("Zurich", "CH"),
];

/// Country, currency and region.
const COUNTRIES: [(&str, &str, &str); 10] = [
    ("BR", "BRL", "south"),
    ("CA", "CAD", "america"),
    ("CH", "CHF", "efta"),
    ("DE", "EUR", "union"),
    ("FR", "EUR", "union"),
    ("GB", "GBP", "efta"),
    ("IT", "EUR", "union"),
    ("JP", "JPY", "asia"),
    ("SE", "SEK", "union"),
    ("US", "USD", "america"),
];

const WEIGHTS: [&str; 5] = ["letter", "light", "medium", "heavy", "bulk"];

const DISTANCES: [&str; 4] = ["city", "near", "far", "abroad"];

/// The service for a weight (row) and a distance (column).
const SERVICES: [[&str; 4]; 5] = [
    ["bike", "post", "post", "airmail"],
    ["bike", "van", "rail", "airmail"],
    ["van", "van", "rail", "cargo"],
    ["truck", "truck", "rail", "cargo"],
    ["truck", "truck", "barge", "ship"],
];

const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/// Shipment `index` of a seed, one value for each of [`SHIPMENT_COLUMNS`].
///
/// The city determines the country; the country determines currency and region; weight and distance
/// determine the service. Trucks do not run on Sundays. Customs apply abroad, unless the region is
/// the union.
#[must_use]
pub fn shipment_row(seed: u64, index: u64) -> Vec<String> {
    let rng = &mut keyed_rng(seed, index, Purpose::Data);
    let (city, country) = CITIES[index_below(rng, CITIES.len())];
    let (_, currency, region) = land(country).expect("every city is in a country of the list");
    let (weight, distance) = (index_below(rng, WEIGHTS.len()), index_below(rng, DISTANCES.len()));
    let service = SERVICES[weight][distance];
    let days = if service == "truck" { DAYS.len() - 1 } else { DAYS.len() };
    let day = DAYS[index_below(rng, days)];
    let (weight, distance) = (WEIGHTS[weight], DISTANCES[distance]);
    let customs = customs(distance, region);
    [city, country, currency, region, weight, distance, service, day, customs].map(String::from).to_vec()
}

/// Whether a row obeys every rule of [`shipment_row`] and contains only its values.
#[must_use]
pub fn shipment_is_consistent(row: &[&str]) -> bool {
    let &[city, country, currency, region, weight, distance, service, day, customs_due] = row else {
        return false;
    };
    let place = |list: &[&str], value: &str| list.iter().position(|&known| known == value);
    let (Some(weight), Some(column)) = (place(&WEIGHTS, weight), place(&DISTANCES, distance)) else {
        return false;
    };
    CITIES.contains(&(city, country))
        && land(country) == Some((country, currency, region))
        && SERVICES[weight][column] == service
        && DAYS.contains(&day)
        && !(service == "truck" && day == "sun")
        && customs(distance, region) == customs_due
}

fn land(country: &str) -> Option<(&'static str, &'static str, &'static str)> {
    COUNTRIES.into_iter().find(|(name, ..)| *name == country)
}

fn customs(distance: &str, region: &str) -> &'static str {
    if distance == "abroad" && region != "union" { "yes" } else { "no" }
}
