//! Which term applies.

use std::sync::Arc;

use super::document::{Agreement, PoolTerm, RecordingConditions, RoyaltyTerm};
use crate::catalog::{Recording, Right};
use crate::ident::{Name, Territory};
use crate::period::{AsOf, Period};

/// Which agreement, which version of it, and which term.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AgreementRef {
    /// The agreement's id.
    pub id: Name,
    /// Its version.
    pub version: String,
    /// `pool 1`, `royalty 3`, … counted as they stand in the file.
    pub term: String,
}

/// What is asked about.
#[derive(Debug, Clone, Copy)]
pub struct Case<'a> {
    /// The service, or the source of a sale.
    pub service: &'a Name,
    /// The offer, or the channel of a sale.
    pub offer: &'a Name,
    /// Where.
    pub territory: Territory,
    /// Which right.
    pub right: Right,
    /// When.
    pub as_of: AsOf,
}

/// A pool's term and where it stands.
#[derive(Debug, Clone)]
pub struct PoolMatch<'a> {
    /// The term.
    pub term: &'a PoolTerm,
    /// Where it stands.
    pub reference: AgreementRef,
}

/// A royalty's term and where it stands.
#[derive(Debug, Clone)]
pub struct RoyaltyMatch<'a> {
    /// The term.
    pub term: &'a RoyaltyTerm,
    /// Where it stands.
    pub reference: Arc<AgreementRef>,
}

/// Two terms apply and neither is narrower than the other.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0} and {1} both apply and neither is narrower")]
pub struct Ambiguous(pub String, pub String);

/// All agreements as of a month's cut-off.
#[derive(Debug, Default)]
pub struct Agreements {
    agreements: Vec<Agreement>,
    /// (payer, agreement, term), ordered by payer.
    by_payer: Vec<(Name, usize, usize)>,
}

impl Agreements {
    /// Orders the agreements; each id must stand once.
    pub fn new(mut agreements: Vec<Agreement>) -> Self {
        agreements.sort_by(|a, b| a.id.cmp(&b.id));
        let mut by_payer: Vec<(Name, usize, usize)> = Vec::new();
        for (at, agreement) in agreements.iter().enumerate() {
            let terms = agreement.royalties.iter().enumerate();
            by_payer.extend(terms.map(|(term, royalty)| (royalty.payer.clone(), at, term)));
        }
        by_payer.sort();
        Self { agreements, by_payer }
    }

    /// True if the party pays on any of its receipts.
    pub fn pays_on(&self, party: &str) -> bool {
        self.by_payer.binary_search_by(|(payer, ..)| payer.as_str().cmp(party)).is_ok()
    }

    /// Every pool term that applies to a revenue, for any right.
    pub fn pools(
        &self,
        service: &Name,
        offer: &Name,
        territory: Territory,
        period: Period,
    ) -> Vec<PoolMatch<'_>> {
        let applies = |term: &PoolTerm| {
            term.service == *service
                && term.offers.as_ref().is_none_or(|offers| offers.contains(offer))
                && term.territories.as_ref().is_none_or(|places| places.set.covers(territory))
        };
        let mut found = Vec::new();
        for right in [Right::Recording, Right::Composition] {
            let of_right = |term: &PoolTerm| term.right == right && applies(term);
            let any = self.agreements.iter().filter(|a| a.pools.iter().any(of_right));
            let Some(day) = AsOf::Month(period).day(any.map(|a| a.validity)) else { continue };
            for agreement in self.agreements.iter().filter(|a| a.validity.covers(day)) {
                for (index, term) in agreement.pools.iter().enumerate().filter(|(_, t)| of_right(t))
                {
                    let reference = agreement.reference("pool", index);
                    found.push(PoolMatch { term, reference });
                }
            }
        }
        found
    }

    /// The royalty that a payer owes on its receipts for a recording, if any.
    ///
    /// Of several terms that apply, the one whose conditions include those of all others wins.
    pub fn royalty(
        &self,
        payer: &Name,
        recording: &Recording,
        case: Case<'_>,
    ) -> Result<Option<RoyaltyMatch<'_>>, Ambiguous> {
        let start = self.by_payer.partition_point(|(name, ..)| name < payer);
        let of_payer = self.by_payer[start..].iter().take_while(|(name, ..)| name == payer);
        let mut found: Vec<(&Agreement, usize, &RoyaltyTerm)> = of_payer
            .map(|(_, agreement, term)| (&self.agreements[*agreement], *term))
            .map(|(agreement, term)| (agreement, term, &agreement.royalties[term]))
            .filter(|(_, _, term)| term.holds(recording, case))
            .collect();
        let Some(day) = case.as_of.day(found.iter().map(|(agreement, ..)| agreement.validity))
        else {
            return Ok(None);
        };
        found.retain(|(agreement, ..)| agreement.validity.covers(day));
        let narrowest = found.iter().max_by_key(|(.., term)| term.named().count_ones());
        let Some(&(agreement, index, term)) = narrowest else { return Ok(None) };
        for &(other, other_index, rival) in &found {
            let same = std::ptr::eq(rival, term);
            if !same && !term.narrower_than(rival) {
                let name = |agreement: &Agreement, index| {
                    format!("royalty {} of {}", index + 1, agreement.id)
                };
                return Err(Ambiguous(name(agreement, index), name(other, other_index)));
            }
        }
        let reference = Arc::new(agreement.reference("royalty", index));
        Ok(Some(RoyaltyMatch { term, reference }))
    }
}

impl Agreement {
    fn reference(&self, kind: &str, index: usize) -> AgreementRef {
        AgreementRef {
            id: self.id.clone(),
            version: self.version.clone(),
            term: format!("{kind} {}", index + 1),
        }
    }
}

impl RoyaltyTerm {
    fn holds(&self, recording: &Recording, case: Case<'_>) -> bool {
        self.services.as_ref().is_none_or(|services| services.contains(case.service))
            && self.offers.as_ref().is_none_or(|offers| offers.contains(case.offer))
            && self.territories.as_ref().is_none_or(|places| places.set.covers(case.territory))
            && self.right.is_none_or(|right| right == case.right)
            && self.recordings.as_ref().is_none_or(|conditions| conditions.hold(recording))
    }

    /// Which conditions are named, a bit each.
    fn named(&self) -> u16 {
        let none = RecordingConditions::default();
        let recordings = self.recordings.as_ref().unwrap_or(&none);
        let named = [
            self.services.is_some(),
            self.offers.is_some(),
            self.territories.is_some(),
            self.right.is_some(),
            recordings.artist.is_some(),
            recordings.label.is_some(),
            recordings.release.is_some(),
            recordings.work.is_some(),
            recordings.recording.is_some(),
        ];
        named.iter().fold(0, |bits, named| bits << 1 | u16::from(*named))
    }

    /// True if these conditions name all that the others name, and more.
    fn narrower_than(&self, other: &Self) -> bool {
        let (ours, theirs) = (self.named(), other.named());
        ours != theirs && ours & theirs == theirs
    }
}

impl RecordingConditions {
    fn hold(&self, recording: &Recording) -> bool {
        self.artist.as_ref().is_none_or(|artist| recording.artists.first() == Some(artist))
            && self.label.as_ref().is_none_or(|label| recording.label.as_ref() == Some(label))
            && self.release.as_ref().is_none_or(|release| recording.releases.contains(release))
            && self.work.as_ref().is_none_or(|work| recording.work.as_ref() == Some(work))
            && self.recording.as_ref().is_none_or(|id| *id == recording.recording)
    }
}
