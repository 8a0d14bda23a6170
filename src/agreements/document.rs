//! One agreement as its file says it.

use std::sync::Arc;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::allocate::Rule;
use crate::catalog::Right;
use crate::digest::Canonical;
use crate::ident::{Name, RecordingId, TerritorySet};
use crate::money::{Percent, decimal_text};
use crate::period::{Validity, parse_day};

/// Why a file is not an agreement.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{line}:{column}: {reason}")]
pub struct AgreementError {
    /// The line, from 1.
    pub line: usize,
    /// The character in it, from 1.
    pub column: usize,
    /// What is wrong.
    pub reason: String,
}

/// A dated agreement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Agreement {
    /// Its id; a later file with the same id supersedes it.
    pub id: Name,
    /// From when until when.
    pub validity: Validity,
    /// What is shared.
    pub pools: Vec<PoolTerm>,
    /// What is paid on.
    pub royalties: Vec<RoyaltyTerm>,
    /// The first twelve digits of the SHA-256 of its terms: comments and layout do not count.
    pub version: String,
}

/// What part of an offer's revenue is shared, and how.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "PoolText", into = "PoolText")]
pub struct PoolTerm {
    /// Whose revenue.
    pub service: Name,
    /// Of which offers; of all if absent.
    pub offers: Option<Vec<Name>>,
    /// Where; everywhere if absent.
    pub territories: Option<Places>,
    /// For which right.
    pub right: Right,
    /// Percent of net revenue.
    pub rate: Percent,
    /// How it is shared over recordings.
    pub sharing: Sharing,
}

/// How a pool is shared, as the agreement says it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sharing {
    /// By a rule that has a name.
    Named(&'static str, Arc<Rule>),
    /// By a rule of its own.
    Written(Arc<Rule>),
}

impl Sharing {
    /// The rule.
    pub const fn rule(&self) -> &Arc<Rule> {
        let (Self::Named(_, rule) | Self::Written(rule)) = self;
        rule
    }
}

/// A pool term as its file says it: a model or a rule.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct PoolText {
    service: Name,
    #[serde(default, deserialize_with = "listed", skip_serializing_if = "Option::is_none")]
    offers: Option<Vec<Name>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    territories: Option<Places>,
    right: Right,
    #[serde(deserialize_with = "percent", serialize_with = "as_text")]
    rate: Percent,
    #[serde(skip_serializing_if = "Option::is_none")]
    model: Option<RuleName>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<Rule>,
}

impl TryFrom<PoolText> for PoolTerm {
    type Error = String;

    fn try_from(text: PoolText) -> Result<Self, String> {
        let sharing = match (text.model, text.rule) {
            (Some(RuleName(name)), None) => {
                let rule = Rule::named(name).ok_or("the model has no rule")?;
                Sharing::Named(name, Arc::new(rule))
            }
            (None, Some(rule)) => {
                rule.check().map_err(|e| e.to_string())?;
                Sharing::Written(Arc::new(rule))
            }
            (None, None) => return Err("the pool has neither a model nor a rule".to_owned()),
            (Some(_), Some(_)) => {
                return Err(
                    "the pool has a model and a rule; write the model into the rule".to_owned()
                );
            }
        };
        let PoolText { service, offers, territories, right, rate, .. } = text;
        Ok(Self { service, offers, territories, right, rate, sharing })
    }
}

impl From<PoolTerm> for PoolText {
    fn from(term: PoolTerm) -> Self {
        let (model, rule) = match term.sharing {
            Sharing::Named(name, _) => (Some(RuleName(name)), None),
            Sharing::Written(rule) => (None, Some((*rule).clone())),
        };
        let PoolTerm { service, offers, territories, right, rate, .. } = term;
        Self { service, offers, territories, right, rate, model, rule }
    }
}

/// What a rights holder pays on from its receipts. All conditions that are named must hold; one
/// that is absent always holds.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct RoyaltyTerm {
    /// Who pays.
    pub payer: Name,
    /// On receipts from these services, or sources of sales.
    #[serde(default, deserialize_with = "listed", skip_serializing_if = "Option::is_none")]
    pub services: Option<Vec<Name>>,
    /// From these offers, or channels of sales.
    #[serde(default, deserialize_with = "listed", skip_serializing_if = "Option::is_none")]
    pub offers: Option<Vec<Name>>,
    /// From there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub territories: Option<Places>,
    /// For that right.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub right: Option<Right>,
    /// For those recordings.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recordings: Option<RecordingConditions>,
    /// Who is paid, and which percentage of the payer's receipts.
    pub participants: Vec<Participant>,
}

/// One who is paid on.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Participant {
    /// Who.
    pub party: Name,
    /// Percent of the payer's receipts.
    #[serde(deserialize_with = "percent", serialize_with = "as_text")]
    pub rate: Percent,
}

/// Which recordings a term is about.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct RecordingConditions {
    /// Whose first artist this is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artist: Option<Name>,
    /// Whose label this is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<Name>,
    /// That are on this release.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release: Option<Name>,
    /// That record this work.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub work: Option<Name>,
    /// This one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recording: Option<RecordingId>,
}

/// A set of territories, kept as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Places {
    text: String,
    /// The set.
    pub set: TerritorySet,
}

impl<'de> Deserialize<'de> for Places {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let set =
            TerritorySet::parse(&text).map_err(|e| D::Error::custom(format!("{text:?}: {e}")))?;
        Ok(Self { text, set })
    }
}

impl Serialize for Places {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

fn listed<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<Name>>, D::Error> {
    let names = Vec::deserialize(deserializer)?;
    if names.is_empty() {
        return Err(D::Error::custom(
            "an empty list matches nothing: leave it out to match everything",
        ));
    }
    Ok(Some(names))
}

fn percent<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Percent, D::Error> {
    let text = decimal_text(deserializer, "percentage")?;
    Percent::parse(&text).map_err(|e| D::Error::custom(format!("{text:?}: {e}")))
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes fields by reference")]
fn as_text<S: Serializer>(percent: &Percent, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(percent)
}

/// One of the names that rules have.
struct RuleName(&'static str);

impl<'de> Deserialize<'de> for RuleName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let name = Rule::NAMES.into_iter().find(|name| *name == text);
        name.map(Self).ok_or_else(|| D::Error::unknown_variant(&text, &Rule::NAMES))
    }
}

impl Serialize for RuleName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    agreement: Header,
    #[serde(default)]
    pool: Vec<toml::Spanned<PoolTerm>>,
    #[serde(default)]
    royalty: Vec<toml::Spanned<RoyaltyTerm>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    id: Name,
    valid_from: toml::Spanned<toml::value::Datetime>,
    valid_to: Option<toml::Spanned<toml::value::Datetime>>,
}

impl Agreement {
    /// Reads an agreement, or says where it is wrong.
    pub fn parse(text: &str) -> Result<Self, AgreementError> {
        let at = |offset: usize, reason: String| {
            let (line, column) = crate::place_in(text, offset);
            AgreementError { line, column, reason }
        };
        let document: Document = toml::from_str(text).map_err(|e| {
            let (line, column, reason) = crate::toml_error(text, &e);
            AgreementError { line, column, reason }
        })?;
        let day = |date: &toml::Spanned<toml::value::Datetime>| {
            parse_day(&date.as_ref().to_string())
                .map_err(|e| at(date.span().start, format!("{e}, without a time")))
        };
        let header = &document.agreement;
        let from = day(&header.valid_from)?;
        let to = header.valid_to.as_ref().map(day).transpose()?;
        let to_at = header.valid_to.as_ref().map_or(0, |date| date.span().start);
        let validity = Validity::new(Some(from), to).map_err(|e| at(to_at, e.to_string()))?;
        for term in &document.royalty {
            check(term.as_ref()).map_err(|reason| at(term.span().start, reason))?;
        }
        let pools: Vec<PoolTerm> =
            document.pool.into_iter().map(toml::Spanned::into_inner).collect();
        let royalties: Vec<RoyaltyTerm> =
            document.royalty.into_iter().map(toml::Spanned::into_inner).collect();
        let id = document.agreement.id;
        let version = version(&id, validity, &pools, &royalties);
        Ok(Self { id, validity, pools, royalties, version })
    }
}

fn check(term: &RoyaltyTerm) -> Result<(), String> {
    let payer = &term.payer;
    if term.participants.is_empty() {
        return Err(format!("the royalty of {payer} has no participants"));
    }
    for (index, participant) in term.participants.iter().enumerate() {
        let party = &participant.party;
        if party == payer {
            return Err(format!("{payer} cannot pay a royalty to itself"));
        }
        if term.participants[..index].iter().any(|earlier| earlier.party == *party) {
            return Err(format!("{party} stands twice among the participants of {payer}"));
        }
    }
    if Percent::rest(term.participants.iter().map(|p| p.rate)).is_none() {
        return Err(format!(
            "the participants of {payer} are paid over 100 percent of its receipts"
        ));
    }
    Ok(())
}

fn version(id: &Name, validity: Validity, pools: &[PoolTerm], royalties: &[RoyaltyTerm]) -> String {
    let json = |terms: serde_json::Result<String>| terms.unwrap_or_default(); // text keys only
    let day = |day: Option<chrono::NaiveDate>| day.map_or_else(String::new, |day| day.to_string());
    Canonical::new("tantieme agreement 1")
        .text(id.as_str())
        .text(&day(validity.from))
        .text(&day(validity.to))
        .text(&json(serde_json::to_string(pools)))
        .text(&json(serde_json::to_string(royalties)))
        .digest()
        .short()
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"
[agreement]
id = "north-2026"
valid_from = 2026-01-01

[[pool]]
service = "cloud"
offers = ["svip"]
right = "recording"
rate = "55"
model = "user_centric"

[[royalty]]
payer = "label-north"
recordings = { artist = "mei" }
participants = [ { party = "mei", rate = "18" }, { party = "producer-k", rate = 3 } ]
"#;

    fn error(text: &str) -> String {
        Agreement::parse(text).unwrap_err().to_string()
    }

    #[test]
    fn the_version_is_of_the_content_alone() {
        let agreement = Agreement::parse(GOOD).unwrap();
        let commented = Agreement::parse(&format!("# a remark\n{GOOD}")).unwrap();
        assert_eq!(agreement, commented);
        let other = Agreement::parse(&GOOD.replace("\"55\"", "\"56\"")).unwrap();
        assert_ne!(agreement.version, other.version);
    }

    #[test]
    fn what_is_wrong_is_named_with_its_place() {
        let unknown = error(&GOOD.replace("offers", "ofers"));
        assert!(unknown.starts_with("8:1: unknown field `ofers`"), "{unknown}");
        let model = error(&GOOD.replace("user_centric", "by_magic"));
        assert!(model.starts_with("11:9: unknown variant `by_magic`"), "{model}");
        let over = error(&GOOD.replace("\"18\"", "\"98\""));
        assert_eq!(
            over,
            "13:1: the participants of label-north are paid over 100 percent of its receipts"
        );
        let percent = error(&GOOD.replace("\"55\"", "\"155\""));
        assert!(percent.ends_with("\"155\": outside 0 to 100 percent"), "{percent}");
        let float = error(&GOOD.replace("\"55\"", "55.5"));
        assert!(float.ends_with("write the percentage as text, such as \"12.5\""), "{float}");
        let itself = error(&GOOD.replace("party = \"mei\"", "party = \"label-north\""));
        assert!(itself.ends_with("label-north cannot pay a royalty to itself"), "{itself}");
        let misplaced = error(&GOOD.replace("recordings = {", "recording = {"));
        assert!(misplaced.contains("unknown field `recording`"), "{misplaced}");
        for (list, place) in [("offers = [\"svip\"]", "8:10"), ("recordings = {", "15:")] {
            let empty = match list {
                "recordings = {" => GOOD.replace(list, "services = []\nrecordings = {"),
                _ => GOOD.replace(list, "offers = []"),
            };
            let empty = error(&empty);
            assert!(
                empty.starts_with(place) && empty.contains("an empty list matches nothing"),
                "{empty}"
            );
        }
        let dates = error(&GOOD.replace("2026-01-01", "2026-01-01\nvalid_to = 2025-01-01"));
        assert_eq!(dates, "5:12: valid_to is before valid_from");
    }
}
