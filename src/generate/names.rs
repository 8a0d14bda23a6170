//! Names that nobody bears.

use super::random::Random;

const FIRST: [&str; 24] = [
    "Ablen", "Brixi", "Corvel", "Drusko", "Elvane", "Fenwig", "Gorla", "Hestrin", "Ivorel",
    "Jukko", "Kalwen", "Lurrin", "Mosvel", "Nimbra", "Oskrel", "Pirrow", "Quillo", "Rastin",
    "Sibbel", "Tavrin", "Ulvey", "Vonnik", "Wexel", "Zorrin",
];
const ADJECTIVES: [&str; 32] = [
    "Amber", "Barley", "Candle", "Copper", "Damson", "Ember", "Fallow", "Glass", "Harrow",
    "Hollow", "Indigo", "Juniper", "Kestrel", "Lantern", "Marble", "Mellow", "Nettle", "Northern",
    "Oaken", "Paper", "Pewter", "Quarry", "Quiet", "Russet", "Saffron", "Salt", "Silver", "Slow",
    "Tallow", "Velvet", "Willow", "Winter",
];
const NOUNS: [&str; 32] = [
    "Anchor", "Arcade", "Bellows", "Bridge", "Button", "Cellar", "Compass", "Cradle", "Engine",
    "Ferry", "Garden", "Harbour", "Hinge", "Kettle", "Ladder", "Ledger", "Meadow", "Mirror",
    "Needle", "Orchard", "Parade", "Pocket", "Quarter", "Radio", "Saddle", "Season", "Sparrow",
    "Station", "Thimble", "Tunnel", "Weather", "Whistle",
];
const HOUSES: [&str; 4] = ["Records", "Recordings", "Sound", "Phonogram"];

fn one(of: &[&'static str], random: &mut Random) -> &'static str {
    of[usize::try_from(random.below(of.len() as u64)).unwrap_or_default()]
}

/// Two words in one, such as `Copperkettle`.
fn compound(random: &mut Random) -> String {
    one(&ADJECTIVES, random).to_owned() + &one(&NOUNS, random).to_lowercase()
}

/// A person.
pub(super) fn person(random: &mut Random) -> String {
    format!("{} {}", one(&FIRST, random), compound(random))
}

/// A label.
pub(super) fn house(random: &mut Random) -> String {
    format!("{} {}", compound(random), one(&HOUSES, random))
}

/// A recording.
pub(super) fn title(random: &mut Random) -> String {
    format!("{} {}", one(&ADJECTIVES, random), one(&NOUNS, random))
}
