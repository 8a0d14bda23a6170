//! A receipt: money of one recording, divided over those who hold the right in it and those whom
//! they pay on.

use std::sync::Arc;

use super::month::{Facts, SettleError};
use super::{Account, Kind, Line, LineId, Origin, Suspense};
use crate::agreements::AgreementRef;
use crate::catalog::{Claim, Fact as _, Recording};
use crate::digest::Canonical;
use crate::ident::{Name, RecordingId};
use crate::money::{Micros, Percent, apportion, common_weights};

/// How many hands money passes through in one month before it is parked.
const CHAIN_MAX: usize = 16;

/// How many royalties one receipt may set in motion before the rest is parked.
const ROYALTIES_MAX: usize = 10_000;

/// Who has been paid on the way down from a claim, and how many royalties that has made.
struct Chain {
    parties: Vec<Name>,
    royalties: usize,
}

/// Money of one recording on its way to those who hold the right in it.
#[derive(Clone)]
pub(super) struct Receipt<'a> {
    pub(super) origin: &'a Arc<Origin>,
    /// What the names of its lines begin with.
    pub(super) naming: &'a Canonical,
    pub(super) from: Account,
    pub(super) recording: Option<RecordingId>,
    pub(super) plays: i64,
    pub(super) amount: Micros,
    pub(super) agreement: Option<Arc<AgreementRef>>,
    /// The line that brought it, if a party pays on what it received.
    pub(super) parent: Option<LineId>,
}

impl Receipt<'_> {
    pub(super) fn line(&self, kind: Kind, credit: Account, rule: &str) -> Line {
        let sides = (kind, &self.from, &credit);
        let recording = self.recording.as_ref();
        let id = Line::name(self.naming, recording, sides, self.parent, rule);
        Line {
            id,
            parent: self.parent,
            kind,
            debit: self.from.clone(),
            credit,
            origin: self.origin.clone(),
            recording: self.recording.clone(),
            plays: self.plays,
            base: self.amount,
            rate: None,
            amount: self.amount,
            agreement: self.agreement.clone(),
            note: None,
        }
    }

    /// Money that cannot be paid, and why. `rule` tells apart what is held for one recording.
    pub(super) fn held(&self, reason: Suspense, amount: Micros, note: &str, rule: &str) -> Line {
        let line = self.line(reason.kind(), Account::Suspense(reason), rule);
        Line { amount, note: Some(note.to_owned()), ..line }
    }

    /// Divides the money over the claims in force; what nobody claims is the last key.
    pub(super) fn settle(
        &self,
        facts: &Facts,
        out: &mut dyn FnMut(Line),
    ) -> Result<(), SettleError> {
        let catalogue = &facts.catalogue;
        let Some(recording) =
            self.recording.as_ref().and_then(|id| catalogue.recording(id.as_str()))
        else {
            out(self.held(
                Suspense::Unmatched,
                self.amount,
                "the recording is not in the catalogue",
                "",
            ));
            return Ok(());
        };
        let case = self.origin.case();
        let claims = catalogue.claims_on(recording, case.right, case.territory, case.as_of);
        let shares: Vec<_> = claims.iter().map(|claim| claim.share).collect();
        let Some((mut weights, whole)) = common_weights(&shares) else {
            let note = "the claims' fractions have no common denominator";
            out(self.held(Suspense::Parked, self.amount, note, ""));
            return Ok(());
        };
        let claimed = weights.iter().try_fold(0_u128, |sum, weight| sum.checked_add(*weight));
        let Some(rest) = claimed.and_then(|claimed| whole.checked_sub(claimed)) else {
            let names: Vec<String> =
                claims.iter().map(|c| format!("{} {}", c.party, c.share)).collect();
            let note = format!("claims add up to over 100 percent: {}", names.join(", "));
            out(self.held(Suspense::Disputed, self.amount, &note, ""));
            return Ok(());
        };
        weights.push(rest);
        let parts = apportion(self.amount, &weights)?;
        for (claim, part) in claims.iter().zip(&parts) {
            self.pay_claim(facts, recording, claim, *part, out)?;
        }
        if rest > 0 {
            let unclaimed = parts.last().copied().unwrap_or_default();
            let note =
                if claims.is_empty() { "no claim" } else { "claims add up to under 100 percent" };
            out(self.held(Suspense::Unclaimed, unclaimed, note, ""));
        }
        Ok(())
    }

    fn pay_claim(
        &self,
        facts: &Facts,
        recording: &Recording,
        claim: &Claim,
        amount: Micros,
        out: &mut dyn FnMut(Line),
    ) -> Result<(), SettleError> {
        let rate = Some(claim.share.to_string());
        if facts.catalogue.party(claim.party.as_str()).is_none() {
            let note = format!("{} claims it and is not among the parties", claim.party);
            out(Line { rate, ..self.held(Suspense::Parked, amount, &note, &claim.key()) });
            return Ok(());
        }
        let credit = Account::Payable(claim.party.clone());
        let line = Line { rate, amount, ..self.line(Kind::Share, credit, &claim.key()) };
        let mut chain = Chain { parties: vec![claim.party.clone()], royalties: 0 };
        let paid = line.clone();
        out(line);
        pay_on(facts, self.naming, recording, &paid, &mut chain, out)
    }
}

/// What the payee of a line pays on of it: its participants' rates, the payer keeping the rest.
fn pay_on(
    facts: &Facts,
    naming: &Canonical,
    recording: &Recording,
    received: &Line,
    chain: &mut Chain,
    out: &mut dyn FnMut(Line),
) -> Result<(), SettleError> {
    let Some(payer) = received.credit.party() else { return Ok(()) };
    let receipt = Receipt {
        origin: &received.origin,
        naming,
        from: received.credit.clone(),
        recording: received.recording.clone(),
        plays: received.plays,
        amount: received.amount,
        agreement: None,
        parent: Some(received.id),
    };
    let parked =
        |amount: Micros, note: &str, rule: &str| receipt.held(Suspense::Parked, amount, note, rule);
    let term = match facts.agreements.royalty(payer, recording, received.origin.case()) {
        Ok(None) => return Ok(()),
        Ok(Some(term)) => term,
        Err(ambiguous) => {
            out(parked(received.amount, &ambiguous.to_string(), ""));
            return Ok(());
        }
    };
    let mut participants: Vec<_> = term.term.participants.iter().collect();
    participants.sort_by(|a, b| a.party.cmp(&b.party));
    let kept = Percent::rest(participants.iter().map(|p| p.rate)).unwrap_or(Percent::ZERO);
    let rates = participants.iter().map(|p| p.rate).chain([kept]);
    let weights: Vec<u128> = rates.map(|rate| u128::from(rate.units())).collect();
    let parts = apportion(received.amount, &weights)?;
    for (participant, part) in participants.into_iter().zip(parts) {
        let party = &participant.party;
        let terms = |line: Line| Line {
            rate: Some(participant.rate.to_string()),
            agreement: Some(term.reference.clone()),
            ..line
        };
        let endless = chain.parties.len() >= CHAIN_MAX || chain.royalties >= ROYALTIES_MAX;
        chain.royalties += 1;
        if chain.parties.contains(party) || endless {
            let way = match chain.parties.len() >= CHAIN_MAX {
                true => "after too many hands".to_owned(),
                false if endless => format!("after {ROYALTIES_MAX} royalties on one receipt"),
                false => "in a circle".to_owned(),
            };
            let note = format!("{party} would be paid {way}: {}", names(&chain.parties));
            out(terms(parked(part, &note, party.as_str())));
        } else if facts.catalogue.party(party.as_str()).is_none() {
            let note = format!("{party} is owed a royalty and is not among the parties");
            out(terms(parked(part, &note, party.as_str())));
        } else {
            let credit = Account::Payable(party.clone());
            let line = receipt.line(Kind::Royalty, credit, "");
            let line = terms(Line { amount: part, ..line });
            let paid = line.clone();
            out(line);
            chain.parties.push(party.clone());
            pay_on(facts, naming, recording, &paid, chain, out)?;
            chain.parties.pop();
        }
    }
    Ok(())
}

fn names(chain: &[Name]) -> String {
    chain.iter().map(Name::as_str).collect::<Vec<_>>().join(" → ")
}

/// Watches the lines that one account pays and proves that they add up.
pub(super) struct Proof<'a> {
    account: Account,
    expected: Micros,
    found: i128,
    out: &'a mut dyn FnMut(Line),
}

impl<'a> Proof<'a> {
    pub(super) fn new(account: &Account, expected: Micros, out: &'a mut dyn FnMut(Line)) -> Self {
        Self { account: account.clone(), expected, found: 0, out }
    }

    pub(super) fn take(&mut self, line: Line) {
        if line.debit == self.account {
            self.found += i128::from(line.amount.micros());
        }
        (self.out)(line);
    }

    pub(super) fn check(self, what: impl FnOnce() -> String) -> Result<(), SettleError> {
        if self.found == i128::from(self.expected.micros()) {
            return Ok(());
        }
        let (expected, found) = (self.expected.to_string(), format!("{} micros", self.found));
        Err(SettleError::NotConserved { what: what(), expected, found })
    }
}
