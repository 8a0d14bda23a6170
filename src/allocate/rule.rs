//! The language of rules: a model, and what is done to plays before it.
//!
//! A rule stands as a table in a `[[pool]]` of an agreement, or as a file of its own. Every number
//! in it is data: nothing about a service is in the code, and the named rules that others have
//! published are files in this language.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::factor::Factor;
use crate::ident::{Name, RecordingId};

/// The most that one play may count for, in units of the last decimal that the factors need.
const WEIGHT_MAX: u64 = 1_000_000_000_000;

/// How weighted plays become money.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Model {
    /// By plays.
    ProRata,
    /// A part for each listener, equal or by their fees, spread over that listener's own plays.
    UserCentric,
    /// An equal part for each listener, split equally over the artists played, then by plays.
    EqualPerArtist,
    /// By plays, but from no listener more than their fee.
    ScaledUser,
    /// Several rules, each with a part of the pool.
    Blend,
}

impl Model {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::ProRata, Self::UserCentric, Self::EqualPerArtist, Self::ScaledUser, Self::Blend];

    /// As files write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ProRata => "pro_rata",
            Self::UserCentric => "user_centric",
            Self::EqualPerArtist => "equal_per_artist",
            Self::ScaledUser => "scaled_user",
            Self::Blend => "blend",
        }
    }

    /// True if the money of one listener never depends on what others play.
    pub const fn is_per_listener(self) -> bool {
        matches!(self, Self::UserCentric | Self::EqualPerArtist | Self::ScaledUser)
    }
}

/// A rule: a model and its modifiers, in the order in which they are applied.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// The model.
    pub model: Model,
    /// Which recordings count at all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub eligible: Vec<Threshold>,
    /// What one listener's plays count for at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cap: Option<Cap>,
    /// How much a play counts.
    #[serde(default, skip_serializing_if = "Factors::is_empty")]
    pub factors: Factors,
    /// Artists who reach a threshold, and how much their plays count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub professional: Option<Professional>,
    /// How much an artist's plays count, the more there are.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub bands: Vec<Band>,
    /// What becomes of the part of those who pay and play nothing.
    #[serde(default, skip_serializing_if = "is_default")]
    pub on_no_plays: OnNoPlays,
    /// What each listener's part is.
    #[serde(default, skip_serializing_if = "is_default")]
    pub budgets: Budgets,
    /// The rules of a blend, and what part each has.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<Part>,
}

/// A least number of plays or of listeners, or both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Threshold {
    /// Whose plays are counted.
    pub of: Subject,
    /// So many raw plays are enough.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plays_at_least: Option<u64>,
    /// More raw plays than this are needed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plays_above: Option<u64>,
    /// So many distinct listeners are enough.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub listeners_at_least: Option<u64>,
    /// More distinct listeners than this are needed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub listeners_above: Option<u64>,
    /// In which time.
    #[serde(default, skip_serializing_if = "is_default")]
    pub within: Within,
    /// Where.
    #[serde(default, skip_serializing_if = "is_default")]
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
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
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
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub content: BTreeMap<Content, Factor>,
    /// By how much of a recording was made by a machine.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub ai: BTreeMap<Ai, Factor>,
    /// Of plays that the listener chose.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub active: Option<Factor>,
    /// Of named groups of recordings.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<Group>,
}

impl Factors {
    /// True if every play counts as one.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

macro_rules! attribute {
    ($(#[$about:meta])* $name:ident { $($(#[$of:meta])* $value:ident = $text:literal,)* }) => {
        $(#[$about])*
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
        #[serde(rename_all = "snake_case")]
        pub enum $name { $($(#[$of])* $value,)* }

        impl $name {
            /// Reads it as files write it.
            pub fn parse(text: &str) -> Option<Self> {
                match text {
                    $($text => Some(Self::$value),)*
                    _ => None,
                }
            }
        }
    };
}

attribute! {
    /// A class of content.
    Content {
        /// Music, and what says nothing of itself.
        #[default]
        Music = "music",
        /// Rain, a fan, white noise.
        Noise = "noise",
        /// Speech.
        Speech = "speech",
    }
}

attribute! {
    /// How much of a recording was made by a machine.
    Ai {
        /// Nothing, or nobody says.
        #[default]
        None = "none",
        /// A part of it.
        Assisted = "assisted",
        /// All of it.
        Generated = "generated",
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
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub recordings: Vec<RecordingId>,
    /// All recordings of which one of these is the first artist.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
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
    #[serde(default, skip_serializing_if = "Option::is_none")]
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

/// One rule of a blend.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Part {
    /// Its part of the pool, by the weights of all parts.
    pub weight: Factor,
    /// The rule.
    pub rule: Rule,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// What is wrong with a rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RuleError {
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
    /// A modifier that the model has no use for, or numbers that cannot be.
    #[error("{0}")]
    Sense(&'static str),
    /// A threshold that says nothing, or two things.
    #[error(
        "a threshold needs plays_at_least or plays_above, or listeners_at_least or listeners_above, and not both of a pair"
    )]
    Threshold,
}

impl Rule {
    /// A model and nothing else.
    pub fn plain(model: Model) -> Self {
        Self {
            model,
            eligible: Vec::new(),
            cap: None,
            factors: Factors::default(),
            professional: None,
            bands: Vec::new(),
            on_no_plays: OnNoPlays::Pool,
            budgets: Budgets::Equal,
            parts: Vec::new(),
        }
    }

    /// The rules that have names: every model that needs nothing else, and what others have
    /// published, as files in this language.
    pub fn named(name: &str) -> Option<Self> {
        let text = match name {
            "artist_centric" => include_str!("presets/artist_centric.toml"),
            "threshold" => include_str!("presets/threshold.toml"),
            _ => {
                let model = Model::ALL.into_iter().find(|model| model.as_str() == name)?;
                return (model != Model::Blend).then(|| Self::plain(model));
            }
        };
        Self::parse(text).ok()
    }

    /// The names that [`Rule::named`] knows.
    pub const NAMES: [&'static str; 6] = [
        "pro_rata",
        "user_centric",
        "equal_per_artist",
        "scaled_user",
        "artist_centric",
        "threshold",
    ];

    /// Reads a rule from its own file.
    pub fn parse(text: &str) -> Result<Self, RuleError> {
        let rule: Self = toml::from_str(text).map_err(|error| {
            let at = error.span().map_or(0, |span| span.start.min(text.len()));
            let before = text.get(..at).unwrap_or_default();
            let line = before.rsplit('\n').next().unwrap_or_default();
            RuleError::Text {
                line: before.matches('\n').count() + 1,
                column: line.chars().count() + 1,
                reason: error.message().to_owned(),
            }
        })?;
        rule.check()?;
        Ok(rule)
    }

    /// True if active plays count otherwise than others.
    pub fn asks_for_active(&self) -> bool {
        self.factors.active.is_some() || self.parts.iter().any(|part| part.rule.asks_for_active())
    }

    /// True if it asks what a recording is, or whose.
    pub fn asks_for_attributes(&self) -> bool {
        let plain = self.eligible.is_empty()
            && self.factors.is_empty()
            && self.professional.is_none()
            && self.bands.is_empty()
            && self.model != Model::EqualPerArtist;
        !plain || self.parts.iter().any(|part| part.rule.asks_for_attributes())
    }

    /// Refuses what has no meaning.
    pub fn check(&self) -> Result<(), RuleError> {
        use RuleError::Sense;
        let sense = |holds: bool, otherwise| if holds { Ok(()) } else { Err(Sense(otherwise)) };
        let plain = *self
            == Self {
                parts: self.parts.clone(),
                on_no_plays: self.on_no_plays,
                ..Self::plain(self.model)
            };
        if self.model == Model::Blend {
            sense(
                !self.parts.is_empty(),
                "a blend needs parts, such as parts = [ { weight = \"1\", rule = { model = \"pro_rata\" } } ]",
            )?;
            sense(plain, "the modifiers of a blend belong into the rules of its parts")?;
            sense(
                self.parts.iter().any(|part| part.weight.units(6) > 0),
                "all parts of the blend weigh nothing",
            )?;
            let inner = |part: &Part| part.rule.on_no_plays == OnNoPlays::Pool;
            sense(self.parts.iter().all(inner), "on_no_plays belongs to the whole blend")?;
            return self.parts.iter().try_for_each(|part| part.rule.check());
        }
        sense(self.parts.is_empty(), "only a blend has parts")?;
        let per_listener = self.model.is_per_listener();
        sense(
            self.cap.is_none() || !per_listener,
            "a cap changes nothing where each listener has a part of their own; leave it out",
        )?;
        sense(
            self.cap.is_none_or(|cap| cap.plays > 0),
            "a cap of 0 plays leaves nothing; say at least 1",
        )?;
        sense(
            self.bands.is_empty() || !per_listener,
            "bands need the plays of all listeners in one sum, so the model must be pro_rata",
        )?;
        sense(self.bands.is_empty() || self.cap.is_none(), "bands and a cap cannot be combined")?;
        let fees = self.budgets == Budgets::Fees;
        sense(!fees || self.model == Model::UserCentric, "budgets = \"fees\" is for user_centric")?;
        let rising = self.bands.windows(2).all(|pair| {
            pair[0].up_to.is_some_and(|end| pair[1].up_to.is_none_or(|next| end < next))
        });
        sense(
            rising && self.bands.last().is_none_or(|last| last.up_to.is_none()),
            "bands need a rising up_to each, and none in the last",
        )?;
        let thresholds = self.eligible.iter().chain(self.professional.iter().map(|p| &p.threshold));
        thresholds.copied().try_for_each(Threshold::check)?;
        sense(
            self.professional.is_none_or(|p| p.threshold.of == Subject::Artist),
            "professional is about artists: of = \"artist\"",
        )?;
        let places = self.places();
        sense(places <= 6, "the factors of this rule need over six decimals together; round them")?;
        let most = |family: &Vec<Factor>| family.iter().copied().chain([Factor::ONE]).max();
        let largest = self.families().iter().filter_map(most).try_fold(1_u64, |product, factor| {
            product
                .checked_mul(factor.units(factor.places()))
                .filter(|product| *product <= WEIGHT_MAX)
        });
        sense(largest.is_some(), "the factors of this rule multiply to over 10^12; lower them")
    }

    /// Factors that multiply each other; of those in one family, one at most applies.
    fn families(&self) -> Vec<Vec<Factor>> {
        let factors = &self.factors;
        let mut families = vec![
            factors.content.values().copied().collect(),
            factors.ai.values().copied().collect(),
            factors.active.into_iter().collect(),
            self.professional.iter().map(|professional| professional.factor).collect(),
        ];
        families.extend(factors.groups.iter().map(|group| vec![group.factor]));
        families
    }

    /// How many decimals of a play the factors need together: d.
    pub fn places(&self) -> u32 {
        let most = |family: &Vec<Factor>| family.iter().map(|factor| factor.places()).max();
        self.families().iter().filter_map(most).sum()
    }
}

impl Threshold {
    fn check(self) -> Result<(), RuleError> {
        let plays = [self.plays_at_least, self.plays_above];
        let listeners = [self.listeners_at_least, self.listeners_above];
        let said = |pair: [Option<u64>; 2]| pair.iter().flatten().count();
        let one = said(plays) + said(listeners) > 0 && said(plays) < 2 && said(listeners) < 2;
        if one { Ok(()) } else { Err(RuleError::Threshold) }
    }

    /// True if so many plays and listeners reach it.
    pub fn is_reached(self, plays: u64, listeners: u64) -> bool {
        self.plays_at_least.is_none_or(|least| plays >= least)
            && self.plays_above.is_none_or(|bound| plays > bound)
            && self.listeners_at_least.is_none_or(|least| listeners >= least)
            && self.listeners_above.is_none_or(|bound| listeners > bound)
    }
}
