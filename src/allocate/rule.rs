//! The language of rules: a model, and what is done to plays before it.
//!
//! A rule is a file. Every number in it is data: nothing about a service is in the code, and the
//! named rules that others have published are files in this language.

use serde::{Deserialize, Serialize};

use super::factor::Factor;
use super::modifiers::{Band, Budgets, Cap, Factors, OnNoPlays, Professional, Subject, Threshold};
use crate::suspicion::Suspicion;
use crate::toml_error;

/// The most that one play may count for, in units of the last decimal that the factors need.
const WEIGHT_MAX: u128 = 1_000_000_000_000;

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
    /// Which suspicious plays do not count at all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold: Option<Suspicion>,
    /// Which recordings count at all.
    #[serde(default)]
    pub eligible: Vec<Threshold>,
    /// What one listener's plays count for at most.
    #[serde(default)]
    pub cap: Option<Cap>,
    /// How much a play counts.
    #[serde(default)]
    pub factors: Factors,
    /// Artists who reach a threshold, and how much their plays count.
    #[serde(default)]
    pub professional: Option<Professional>,
    /// How much an artist's plays count, the more there are.
    #[serde(default)]
    pub bands: Vec<Band>,
    /// What becomes of the part of those who pay and play nothing.
    #[serde(default)]
    pub on_no_plays: OnNoPlays,
    /// What each listener's part is.
    #[serde(default)]
    pub budgets: Budgets,
    /// The rules of a blend, and what part each has.
    #[serde(default)]
    pub parts: Vec<Part>,
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
}

impl Rule {
    /// A model and nothing else.
    pub fn plain(model: Model) -> Self {
        Self {
            model,
            hold: None,
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
            let (line, column, reason) = toml_error(text, &error);
            RuleError::Text { line, column, reason }
        })?;
        rule.check()?;
        Ok(rule)
    }

    /// True if a pool's plays and listeners are all that a recording's part depends on, beside its
    /// own: the two plainest rules.
    pub fn is_told_by_totals(&self) -> bool {
        let plain = *self == Self::plain(self.model);
        plain && matches!(self.model, Model::ProRata | Model::UserCentric)
    }

    /// True if every play counts as one.
    pub fn counts_plays_as_they_are(&self) -> bool {
        self.eligible.is_empty() && self.professional.is_none() && self.factors.is_empty()
    }

    /// True if it shares by what each listener paid.
    pub fn asks_for_fees(&self) -> bool {
        self.model == Model::ScaledUser
            || self.budgets == Budgets::Fees
            || self.parts.iter().any(|part| part.rule.asks_for_fees())
    }

    /// Every threshold in it, those of its parts too.
    pub fn thresholds(&self) -> Vec<Threshold> {
        let own = self.eligible.iter().copied();
        let professional = self.professional.map(|professional| professional.threshold);
        let parts = self.parts.iter().flat_map(|part| part.rule.thresholds());
        own.chain(professional).chain(parts).collect()
    }

    /// One text for all that it says: the model's name if it is plain.
    pub fn canonical(&self) -> String {
        if *self == Self::plain(self.model) {
            return self.model.as_str().to_owned();
        }
        serde_json::to_string(self).unwrap_or_default() // texts and numbers only
    }

    /// True if active plays count otherwise than others.
    pub fn asks_for_active(&self) -> bool {
        self.factors.active.is_some() || self.parts.iter().any(|part| part.rule.asks_for_active())
    }

    /// True if it asks what a recording is, or whose.
    pub fn asks_for_attributes(&self) -> bool {
        let plain = self.counts_plays_as_they_are()
            && self.bands.is_empty()
            && self.model != Model::EqualPerArtist
            && self.hold.as_ref().is_none_or(|hold| hold.artist_of_listener.is_none());
        !plain || self.parts.iter().any(|part| part.rule.asks_for_attributes())
    }

    /// Refuses what has no meaning.
    pub fn check(&self) -> Result<(), RuleError> {
        use RuleError::Sense;
        let sense = |holds: bool, otherwise| if holds { Ok(()) } else { Err(Sense(otherwise)) };
        let plain = *self
            == Self {
                parts: self.parts.clone(),
                hold: self.hold.clone(),
                on_no_plays: self.on_no_plays,
                ..Self::plain(self.model)
            };
        sense(
            self.hold.as_ref().is_none_or(Suspicion::holds),
            "nothing is held: say hold = true in a signal of hold, or leave it out",
        )?;
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
            let holds = self.parts.iter().any(|part| part.rule.hold.is_some());
            sense(!holds, "hold belongs to the whole blend")?;
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
        let mut thresholds =
            self.eligible.iter().copied().chain(self.professional.map(|p| p.threshold));
        sense(
            thresholds.all(Threshold::is_clear),
            "a threshold needs plays_at_least or plays_above, or listeners_at_least or \
             listeners_above, and not both of a pair",
        )?;
        sense(
            self.professional.is_none_or(|p| p.threshold.of == Subject::Artist),
            "professional is about artists: of = \"artist\"",
        )?;
        let places = self.places();
        sense(places <= 6, "the factors of this rule need over six decimals together; round them")?;
        let most = |family: &Vec<Factor>| {
            let largest = family.iter().copied().max().unwrap_or(Factor::ONE).max(Factor::ONE);
            u128::from(largest.units(places_of(family)))
        };
        let weight = self.families().iter().map(most).fold(1_u128, u128::saturating_mul);
        sense(weight <= WEIGHT_MAX, "the factors of this rule multiply to over 10^12; lower them")
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
        self.families().iter().map(|family| places_of(family)).sum()
    }
}

/// How many decimals the factors of a family need.
fn places_of(family: &[Factor]) -> u32 {
    family.iter().map(|factor| factor.places()).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(factors: &str) -> Result<Rule, RuleError> {
        Rule::parse(&format!("model = \"pro_rata\"\n[factors]\n{factors}\n"))
    }

    #[test]
    fn the_weight_of_a_play_has_a_bound_in_units_of_its_last_decimal() {
        let three = "content = { noise = 1000 }\nai = { generated = \"1000\" }\nactive = 1000";
        assert_eq!(rule(three).map(|rule| rule.places()), Ok(0));
        // 10⁹ plays, and in units of 10⁻⁴ over 10¹².
        let finer = three.replace("noise = 1000", "noise = 1000, speech = \"0.0001\"");
        assert!(matches!(rule(&finer), Err(RuleError::Sense(words)) if words.contains("10^12")));
        assert!(rule(&finer.replace("0.0001", "0.001")).is_ok());
    }

    #[test]
    fn every_name_is_a_rule() {
        for name in Rule::NAMES {
            assert!(Rule::named(name).is_some_and(|rule| rule.check().is_ok()), "{name}");
        }
        assert_eq!(Rule::named("blend"), None);
    }
}
