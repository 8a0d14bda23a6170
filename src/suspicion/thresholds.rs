//! The language of thresholds: from which counts on listening is suspicious.
//!
//! A file, like a rule. Every number in it is data, and every comparison is in a name. Numbers that
//! cannot be are refused where they stand.

use std::fmt;
use std::num::NonZeroU64;

use serde::{Deserialize, Serialize};

use super::Signal;
use crate::money::{Percent, decimal_text, fixed};
use crate::toml_error;

/// Which signals are looked for, from which counts on, and which of them hold plays. A signal that
/// is absent is not looked for.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Suspicion {
    /// One listener's plays in the pool.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub listener_plays: Option<ListenerPlays>,
    /// One recording's share of a listener's plays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recording_of_listener: Option<ShareOf>,
    /// One artist's share of a listener's plays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artist_of_listener: Option<ShareOf>,
    /// One listener's share of a recording's plays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub listener_of_recording: Option<ShareOf>,
    /// Groups of listeners who play nearly the same recordings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alike: Option<Alike>,
    /// A recording's share of plays, to its share of equal listener budgets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pro_rata_to_user_centric: Option<RatioOf>,
}

/// So many plays by one listener.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ListenerPlays {
    /// So many are enough.
    pub plays_at_least: NonZeroU64,
    /// Whether such plays are held, or only reported.
    #[serde(default)]
    pub hold: bool,
}

/// A share, and so many plays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ShareOf {
    /// Such a part is enough, if the plays are too.
    pub share_at_least: Share,
    /// So many plays are enough: those of which the share is taken.
    pub plays_at_least: NonZeroU64,
    /// Whether such plays are held, or only reported.
    #[serde(default)]
    pub hold: bool,
}

/// Listeners who play nearly the same recordings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Alike {
    /// The recordings that both of two listeners play, of those that either plays.
    pub likeness_at_least: Likeness,
    /// So many listeners are a group.
    pub listeners_at_least: Several,
    /// So many recordings a listener must play to be looked at: a short list is easily the same.
    pub recordings_at_least: NonZeroU64,
    /// Whether such plays are held, or only reported.
    #[serde(default)]
    pub hold: bool,
}

/// A ratio, and so many plays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct RatioOf {
    /// So many times is enough, if the plays are too.
    pub ratio_at_least: Ratio,
    /// So many plays of the recording are enough.
    pub plays_at_least: NonZeroU64,
    /// Whether such plays are held, or only reported.
    #[serde(default)]
    pub hold: bool,
}

/// What is wrong with thresholds.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SuspicionError {
    /// Not TOML, or not this language.
    #[error("{line}:{column}: {reason}")]
    Text {
        /// From 1.
        line: usize,
        /// From 1.
        column: usize,
        /// What is wrong.
        reason: String,
    },
    /// There is nothing to look for.
    #[error("no signal: name at least one, such as [listener_plays] with plays_at_least = 40000")]
    Nothing,
}

impl Default for Suspicion {
    /// What the program looks for where nobody says otherwise; nothing is held.
    fn default() -> Self {
        Self::parse(Self::DEFAULTS).unwrap_or(Self::NONE) // a test reads them
    }
}

impl Suspicion {
    /// The text of the defaults.
    pub const DEFAULTS: &str = include_str!("defaults.toml");
    /// Nothing is looked for.
    const NONE: Self = Self {
        listener_plays: None,
        recording_of_listener: None,
        artist_of_listener: None,
        listener_of_recording: None,
        alike: None,
        pro_rata_to_user_centric: None,
    };

    /// Reads thresholds from their own file.
    pub fn parse(text: &str) -> Result<Self, SuspicionError> {
        let suspicion: Self = toml::from_str(text).map_err(|error| {
            let (line, column, reason) = toml_error(text, &error);
            SuspicionError::Text { line, column, reason }
        })?;
        suspicion.check()?;
        Ok(suspicion)
    }

    /// Refuses what has no meaning. The numbers have been looked at where they were read.
    pub fn check(&self) -> Result<(), SuspicionError> {
        if *self == Self::NONE { Err(SuspicionError::Nothing) } else { Ok(()) }
    }

    /// Whether a signal holds plays; none where it is not looked for.
    pub fn hold(&self, signal: Signal) -> Option<bool> {
        match signal {
            Signal::ListenerPlays => self.listener_plays.map(|said| said.hold),
            Signal::RecordingOfListener => self.recording_of_listener.map(|said| said.hold),
            Signal::ArtistOfListener => self.artist_of_listener.map(|said| said.hold),
            Signal::ListenerOfRecording => self.listener_of_recording.map(|said| said.hold),
            Signal::Alike => self.alike.map(|said| said.hold),
            Signal::ProRataToUserCentric => self.pro_rata_to_user_centric.map(|said| said.hold),
        }
    }

    /// True if any signal holds plays.
    pub fn holds(&self) -> bool {
        Signal::ALL.into_iter().any(|signal| self.hold(signal) == Some(true))
    }
}

/// A part of a whole: over 0 to 100 percent, with up to six decimals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Share(Percent);

/// How alike two sets are: 70 to 100 percent, with up to six decimals. Under that, whoever follows
/// the charts is alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Likeness(Percent);

/// So many times: 1 to 1,000,000, with up to six decimals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ratio(u64);

/// How many make a group: 2 to 1,000,000,000.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Several(u64);

const MILLION: u64 = 1_000_000;

impl Share {
    /// Reads a share such as `80` or `99.5`.
    pub fn parse(text: &str) -> Result<Self, String> {
        let percent = Percent::parse(text).map_err(|e| e.to_string())?;
        if percent == Percent::ZERO {
            return Err("every share is at least 0 percent; say more".to_owned());
        }
        Ok(Self(percent))
    }

    /// True if a part is at least this share of the whole.
    pub fn is_reached(self, part: u64, whole: u64) -> bool {
        u128::from(part) * u128::from(Percent::WHOLE.units())
            >= u128::from(whole) * u128::from(self.0.units())
    }
}

impl Likeness {
    const LEAST: u32 = 70_000_000;

    /// Reads a likeness such as `90`.
    pub fn parse(text: &str) -> Result<Self, String> {
        let percent = Percent::parse(text).map_err(|e| e.to_string())?;
        if percent.units() < Self::LEAST {
            return Err("a likeness is 70 to 100 percent".to_owned());
        }
        Ok(Self(percent))
    }

    /// Units of 10⁻⁸ of the whole.
    pub(super) const fn units(self) -> u32 {
        self.0.units()
    }

    /// True if two sets that share so many of so many are alike.
    pub fn is_reached(self, both: usize, either: usize) -> bool {
        both as u128 * u128::from(Percent::WHOLE.units())
            >= either as u128 * u128::from(self.0.units())
    }
}

impl Ratio {
    /// Reads a ratio such as `5` or `2.5`.
    pub fn parse(text: &str) -> Result<Self, String> {
        let units = u64::try_from(fixed(text, 6).map_err(|e| e.to_string())?).ok();
        let inside = units.filter(|units| (MILLION..=MILLION * MILLION).contains(units));
        inside.map(Self).ok_or_else(|| "a ratio is 1 to 1000000".to_owned())
    }

    /// In units of 10⁻⁶.
    pub(super) const fn millionths(self) -> u64 {
        self.0
    }
}

impl Several {
    const MAX: u64 = 1_000_000_000;

    /// Checks how many make a group.
    pub fn new(count: u64) -> Result<Self, String> {
        let inside = (2..=Self::MAX).contains(&count);
        inside.then_some(Self(count)).ok_or_else(|| "a group has at least 2 listeners".to_owned())
    }

    /// The number.
    pub const fn get(self) -> u64 {
        self.0
    }
}

impl fmt::Display for Ratio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = format!("{}.{:06}", self.0 / MILLION, self.0 % MILLION);
        f.write_str(text.trim_end_matches('0').trim_end_matches('.'))
    }
}

impl<'de> Deserialize<'de> for Several {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(u64::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

/// A decimal number is written and read as text.
macro_rules! as_text {
    ($type:ident, $what:literal, $shown:expr) => {
        impl Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(&$shown(self))
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = decimal_text(deserializer, $what)?;
                Self::parse(&text).map_err(|e| serde::de::Error::custom(format!("{text:?}: {e}")))
            }
        }
    };
}

as_text!(Share, "share", |share: &Share| share.0);
as_text!(Likeness, "likeness", |likeness: &Likeness| likeness.0);
as_text!(Ratio, "ratio", |ratio: &Ratio| *ratio);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_look_for_everything_and_hold_nothing() {
        let defaults = Suspicion::parse(Suspicion::DEFAULTS).unwrap();
        assert_eq!(defaults, Suspicion::default());
        for signal in Signal::ALL {
            assert_eq!(defaults.hold(signal), Some(false));
        }
        let text = toml::to_string(&defaults).unwrap();
        assert_eq!(Suspicion::parse(&text), Ok(defaults));
    }

    #[test]
    fn a_wrong_number_is_refused_where_it_stands() {
        let share = "[recording_of_listener]\nplays_at_least = 1\nshare_at_least = ";
        let alike =
            "[alike]\nrecordings_at_least = 8\nlisteners_at_least = 20\nlikeness_at_least = ";
        for (text, line, words) in [
            (format!("{share}\"0\""), 3, "every share is at least 0 percent"),
            (format!("{share}\"101\""), 3, "outside 0 to 100 percent"),
            (format!("{share}0.5"), 3, "write the share as text"),
            (format!("{alike}69.999999"), 4, "write the likeness as text"),
            (format!("{alike}\"69.999999\""), 4, "70 to 100 percent"),
            ("[listener_plays]\nplays_at_least = 0".to_owned(), 2, "nonzero"),
            ("[listener_plays]\nplays_above = 7".to_owned(), 2, "unknown field `plays_above`"),
            ("[listener]\nplays_at_least = 7".to_owned(), 1, "unknown field `listener`"),
            ("[listener_plays]\n".to_owned(), 1, "missing field `plays_at_least`"),
        ] {
            match Suspicion::parse(&text) {
                Err(SuspicionError::Text { line: found, reason, .. }) => {
                    assert_eq!(found, line, "{reason}");
                    assert!(reason.contains(words), "{reason}");
                }
                other => panic!("{text}: {other:?}"),
            }
        }
        assert_eq!(Suspicion::parse(""), Err(SuspicionError::Nothing));
    }

    #[test]
    fn a_share_is_compared_exactly() {
        let third = Share::parse("33.333333").unwrap();
        assert!(third.is_reached(1, 3));
        assert!(!Share::parse("33.333334").unwrap().is_reached(1, 3));
        assert!(Share::parse("100").unwrap().is_reached(u64::MAX, u64::MAX));
        assert!(!Share::parse("100").unwrap().is_reached(u64::MAX - 1, u64::MAX));
    }
}
