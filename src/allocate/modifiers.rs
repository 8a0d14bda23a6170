//! What a rule may do to plays before its model shares by them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::factor::Factor;
use crate::catalog::{Ai, Content};
use crate::ident::{Name, RecordingId};

/// A least number of plays or of listeners, or both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Threshold {
    /// Whose plays are counted.
    pub of: Subject,
    /// So many raw plays are enough.
    #[serde(default)]
    pub plays_at_least: Option<u64>,
    /// More raw plays than this are needed.
    #[serde(default)]
    pub plays_above: Option<u64>,
    /// So many distinct listeners are enough.
    #[serde(default)]
    pub listeners_at_least: Option<u64>,
    /// More distinct listeners than this are needed.
    #[serde(default)]
    pub listeners_above: Option<u64>,
    /// In which time.
    #[serde(default)]
    pub within: Within,
    /// Where.
    #[serde(default)]
    pub scope: Scope,
}

/// Whose plays a threshold counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Subject {
    /// The recording's.
    Recording,
    /// Those of all recordings of its first artist. A recording of nobody known is its own artist.
    Artist,
}

/// The time in which a threshold counts.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Within {
    /// The month of the pool.
    #[default]
    Period,
    /// The twelve months that end with it.
    TwelveMonths,
}

/// The usage in which a threshold counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// All offers and territories of the service.
    #[default]
    Service,
    /// The pool's own plays.
    Pool,
}

/// What one listener's plays count for at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Cap {
    /// So many plays: k. The listener's raw eligible plays are L.
    pub plays: u32,
    /// What k does.
    pub mode: CapMode,
}

/// The three readings of a listener cap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CapMode {
    /// All plays together count for k at most: each for min(k, L) / L.
    Clamp,
    /// All plays together count for k: each for k / L.
    Normalise,
    /// Plays above k count half: each for (k + (L − k) / 2) / L.
    Half,
}

impl CapMode {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Clamp, Self::Normalise, Self::Half];

    /// As files write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Clamp => "clamp",
            Self::Normalise => "normalise",
            Self::Half => "half",
        }
    }
}

/// How much a play counts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Factors {
    /// By class of content.
    #[serde(default)]
    pub content: BTreeMap<Content, Factor>,
    /// By how much of a recording was made by a machine.
    #[serde(default)]
    pub ai: BTreeMap<Ai, Factor>,
    /// Of plays that the listener chose.
    #[serde(default)]
    pub active: Option<Factor>,
    /// Of named groups of recordings.
    #[serde(default)]
    pub groups: Vec<Group>,
}

impl Factors {
    /// True if every play counts as one.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Recordings that have a name of their own in a rule.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Group {
    /// What it is called.
    pub name: String,
    /// How much a play of one of them counts.
    pub factor: Factor,
    /// The recordings.
    #[serde(default)]
    pub recordings: Vec<RecordingId>,
    /// All recordings of which one of these is the first artist.
    #[serde(default)]
    pub artists: Vec<Name>,
}

/// Artists who reach a threshold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Professional {
    /// What must be reached.
    pub threshold: Threshold,
    /// How much a play of one of theirs counts.
    pub factor: Factor,
}

/// A range of an artist's weighted plays, from where the band before ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Band {
    /// Up to so many plays; without a limit in the last band.
    #[serde(default)]
    pub up_to: Option<u64>,
    /// How much a play in it counts.
    pub factor: Factor,
}

/// What becomes of the part of those who pay and play nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum OnNoPlays {
    /// It is in the pool.
    #[default]
    Pool,
    /// It is held for the next month.
    Carry,
    /// The service keeps it.
    Retain,
}

/// What each listener's part is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Budgets {
    /// All have the same.
    #[default]
    Equal,
    /// By what they paid.
    Fees,
}

impl Threshold {
    /// True if it says one thing about plays, or about listeners, or of each.
    pub(super) fn is_clear(self) -> bool {
        let plays = [self.plays_at_least, self.plays_above];
        let listeners = [self.listeners_at_least, self.listeners_above];
        let said = |pair: [Option<u64>; 2]| pair.iter().flatten().count();
        said(plays) + said(listeners) > 0 && said(plays) < 2 && said(listeners) < 2
    }

    /// True if so many plays and listeners reach it.
    pub fn is_reached(self, plays: u64, listeners: u64) -> bool {
        self.plays_at_least.is_none_or(|least| plays >= least)
            && self.plays_above.is_none_or(|bound| plays > bound)
            && self.listeners_at_least.is_none_or(|least| listeners >= least)
            && self.listeners_above.is_none_or(|bound| listeners > bound)
    }
}
