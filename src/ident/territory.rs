//! Where a right holds and where a play was: countries of ISO 3166-1, and the world.

use std::fmt;

/// The officially assigned two-letter codes of ISO 3166-1, and `XK`, which the trade uses.
const COUNTRIES: &str = "\
AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS \
BT BV BW BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE \
EG EH ER ES ET FI FJ FK FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM \
HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC \
LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA \
NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW \
SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO \
TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW XK";

/// A country, or `WW` where a report does not tell countries apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Territory([u8; 2]);

/// Why a text is not a territory or a set of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TerritoryError {
    /// Not two capital letters of ISO 3166-1.
    #[error("not a territory (a country code of ISO 3166-1 such as CN, or WW)")]
    Code,
    /// Not `WW`, `CN|TW` or `WW-US`.
    #[error("not a set of territories (write WW, CN|TW or WW-US)")]
    Set,
}

impl Territory {
    /// The whole world, not told apart by country.
    pub const WORLD: Self = Self(*b"WW");

    /// Reads a two-letter code in capitals.
    pub fn parse(text: &str) -> Result<Self, TerritoryError> {
        let code: [u8; 2] = text.as_bytes().try_into().map_err(|_| TerritoryError::Code)?;
        let known = text == "WW" || COUNTRIES.split(' ').any(|known| known == text);
        known.then_some(Self(code)).ok_or(TerritoryError::Code)
    }

    /// The code.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or("WW") // made from ASCII only
    }

    /// A place of its own for each pair of letters.
    fn index(self) -> usize {
        usize::from(self.0[0] - b'A') * 26 + usize::from(self.0[1] - b'A')
    }
}

impl fmt::Display for Territory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl serde::Serialize for Territory {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> serde::Deserialize<'de> for Territory {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

/// A set of territories: the world, some countries, or the world without some.
///
/// `WW` covers every country and also a play of no known country; `WW-US` does not cover the
/// latter, since it might have been in the United States.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TerritorySet([u64; 11]); // 26 × 26 pairs of letters in 704 bits

impl TerritorySet {
    /// Everywhere.
    pub const WORLD: Self = Self([u64::MAX; 11]);
    const NOWHERE: Self = Self([0; 11]);

    /// Reads `WW`, `CN|TW` or `WW-US` (several exclusions: `WW-US-CA`).
    pub fn parse(text: &str) -> Result<Self, TerritoryError> {
        let territory = |code| match Territory::parse(code) {
            Ok(country) if country != Territory::WORLD => Ok(country),
            _ => Err(TerritoryError::Set),
        };
        if text == "WW" {
            return Ok(Self::WORLD);
        }
        if let Some(excluded) = text.strip_prefix("WW-") {
            let mut set = Self::WORLD.without(Territory::WORLD);
            for code in excluded.split('-') {
                set = set.without(territory(code)?);
            }
            return Ok(set);
        }
        let mut set = Self::NOWHERE;
        for code in text.split('|') {
            let index = territory(code)?.index();
            set.0[index / 64] |= 1 << (index % 64);
        }
        Ok(set)
    }

    fn without(mut self, territory: Territory) -> Self {
        let index = territory.index();
        self.0[index / 64] &= !(1 << (index % 64));
        self
    }

    /// True if the right holds there.
    pub fn covers(&self, territory: Territory) -> bool {
        let index = territory.index();
        self.0[index / 64] >> (index % 64) & 1 == 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_cover_what_they_say() {
        let covers = |set: &str, place: &str| {
            TerritorySet::parse(set).unwrap().covers(Territory::parse(place).unwrap())
        };
        assert!(covers("WW", "CN") && covers("WW", "WW"));
        assert!(covers("CN|TW", "TW") && !covers("CN|TW", "US") && !covers("CN|TW", "WW"));
        assert!(covers("WW-US", "CN") && !covers("WW-US", "US") && !covers("WW-US", "WW"));
        assert!(!covers("WW-US-CA", "CA"));
        for text in ["", "ZZ", "cn", "CN,TW", "CN|", "WW-", "WW-ZZ", "WW|CN", "WW-WW"] {
            assert_eq!(TerritorySet::parse(text), Err(TerritoryError::Set), "{text}");
        }
    }
}
