//! Names for containers that were given none: a property and a person, as Docker's and Podman's users know them.

const PROPERTIES: &[&str] = &[
    "admiring", "agile", "amused", "brave", "bright", "calm", "clever", "cool", "curious", "dazzling", "eager",
    "elated", "elegant", "festive", "focused", "gentle", "gifted", "great", "happy", "hopeful", "jolly", "keen",
    "kind", "lucid", "lively", "modest", "musing", "nifty", "patient", "quiet", "quick", "serene", "sharp", "stoic",
    "tender", "upbeat", "vibrant", "vigilant", "wise", "zen",
];

const PERSONS: &[&str] = &[
    "archimedes",
    "babbage",
    "bardeen",
    "bell",
    "bohr",
    "boole",
    "carson",
    "cerf",
    "curie",
    "darwin",
    "dijkstra",
    "dirac",
    "einstein",
    "euler",
    "faraday",
    "fermat",
    "fermi",
    "franklin",
    "galileo",
    "gauss",
    "germain",
    "goodall",
    "hamilton",
    "hawking",
    "hopper",
    "hypatia",
    "kepler",
    "knuth",
    "lamarr",
    "leavitt",
    "lovelace",
    "maxwell",
    "meitner",
    "mendel",
    "newton",
    "noether",
    "pascal",
    "perlman",
    "ritchie",
    "shannon",
    "tesla",
    "thompson",
    "torvalds",
    "turing",
    "wiles",
    "wu",
];

/// A name for a container with this id: the same for the same id and the same try.
pub fn random(id: &str, attempt: usize) -> String {
    let number = |range: std::ops::Range<usize>| id.get(range).and_then(|hex| usize::from_str_radix(hex, 16).ok());
    let (first, second) = (number(0..6).unwrap_or_default(), number(6..12).unwrap_or_default());
    let property = PROPERTIES[(first + attempt) % PROPERTIES.len()];
    let person = PERSONS[second % PERSONS.len()];
    if attempt < PROPERTIES.len() { format!("{property}_{person}") } else { format!("{property}_{person}{attempt}") }
}
