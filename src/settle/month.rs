//! A month's money to its lines.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Account, Kind, Line, LineId, Origin, Pool, Suspense};
use crate::agreements::{AgreementRef, Agreements};
use crate::allocate::{OnNoPlays, RecordingAmount};
use crate::catalog::{Catalogue, Claim, Fact as _, Recording};
use crate::columnar::Key;
use crate::digest::Canonical;
use crate::ident::{Name, RecordingId};
use crate::money::{AmountOutOfRange, ApportionError, Micros, Percent, apportion, common_weights};
use crate::period::Period;
use crate::sales::{RoundingDifference, Sale, Sold};

/// How many hands money passes through in one month before it is parked.
const CHAIN_MAX: usize = 16;

/// How many royalties one receipt may set in motion before the rest is parked.
const ROYALTIES_MAX: usize = 10_000;

/// Who has been paid on the way down from a claim, and how many royalties that has made.
struct Chain {
    parties: Vec<Name>,
    royalties: usize,
}

/// All that a settlement depends on, as of the month's cut-off.
#[derive(Debug)]
pub struct Facts {
    /// The month that is settled.
    pub period: Period,
    /// Parties, recordings, claims.
    pub catalogue: Catalogue,
    /// Agreements.
    pub agreements: Agreements,
    /// Sales that settle in the month.
    pub sales: Vec<Sale>,
    /// What rounding them left.
    pub rounding: Vec<RoundingDifference>,
}

/// Why a month could not be settled. Each of these is a defect, not an input's fault.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum SettleError {
    /// The lines do not add up to what they divide.
    #[error("{what} is not conserved: {expected} came in and {found} went out")]
    NotConserved {
        /// The pool or sale.
        what: String,
        /// What it holds.
        expected: String,
        /// What its lines add up to.
        found: String,
    },
    /// Money could not be divided.
    #[error(transparent)]
    Apportion(#[from] ApportionError),
    /// Plays that cannot be counted.
    #[error("the plays of pool {0} add up to more than can be held")]
    Plays(String),
    /// A sum does not fit.
    #[error(transparent)]
    Range(#[from] AmountOutOfRange),
}

/// The one order of lines in files and hashes: by payee, currency and name, so that one payee's
/// lines stand together.
pub fn order(line: &Line, key: &mut Key) {
    key.clear().text(&line.credit.to_string());
    key.bytes(line.origin.currency.code().as_bytes()).bytes(&line.id.bytes());
}

/// What a pool gives each recording, and what its rule takes out before.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Allocated {
    /// By recording; none if there is nobody to share it over.
    pub recordings: Vec<RecordingAmount>,
    /// All plays of the pool.
    pub plays: u64,
    /// Listeners whose plays count.
    pub listeners: u64,
    /// The part of those who pay and play nothing.
    pub set_aside: Micros,
    /// What earlier months left and this one cannot share: its listeners have not paid enough.
    pub waits: Micros,
}

/// Money of one recording on its way to those who hold the right in it.
#[derive(Clone)]
struct Receipt<'a> {
    origin: &'a Arc<Origin>,
    /// What the names of its lines begin with.
    naming: &'a Canonical,
    from: Account,
    recording: Option<RecordingId>,
    plays: i64,
    amount: Micros,
    agreement: Option<Arc<AgreementRef>>,
    /// The line that brought it, if a party pays on what it received.
    parent: Option<LineId>,
}

/// Settles a pool with what it gives each recording; without recordings it goes to
/// `undistributed`. The lines come in no particular order; see [`order`].
pub fn settle_pool(
    facts: &Facts,
    pool: &Pool,
    Allocated { recordings, plays: played, set_aside, waits, .. }: &Allocated,
    out: &mut dyn FnMut(Line),
) -> Result<(), SettleError> {
    let naming = Line::naming(facts.period, &pool.origin);
    let account = Account::Pool(pool.origin.key().into());
    let too_many = |_| SettleError::Plays(pool.origin.key());
    let count = |plays| i64::try_from(plays).map_err(too_many);
    let funding = Receipt {
        origin: &pool.origin,
        naming: &naming,
        from: Account::Service(pool.origin.service.clone()),
        recording: None,
        plays: count(*played)?,
        amount: pool.amount,
        agreement: Some(pool.agreement.clone()),
        parent: None,
    };
    let funded = Line {
        base: pool.revenue,
        rate: Some(pool.rate.to_string()),
        ..funding.line(Kind::Pool, account.clone(), "")
    };
    out(funded);
    if !pool.carried.is_zero() {
        let before = Receipt {
            from: Account::Suspense(Suspense::Undistributed),
            amount: pool.carried,
            agreement: None,
            ..funding.clone()
        };
        out(before.line(Kind::Carried, account.clone(), ""));
    }
    let mut proof = Proof::new(&account, pool.total(), out);
    let whole = Receipt { from: account.clone(), amount: pool.total(), ..funding };
    if recordings.is_empty() {
        let note = if *played == 0 { "no plays" } else { "the rule counts none of the plays" };
        proof.take(whole.held(Suspense::Undistributed, pool.total(), note, ""));
    } else {
        let note = "the part of those who paid and played nothing";
        match pool.rule.on_no_plays {
            OnNoPlays::Pool => {}
            OnNoPlays::Carry => {
                proof.take(whole.held(Suspense::Undistributed, *set_aside, note, ""));
            }
            OnNoPlays::Retain => {
                let service = Account::Retained(pool.origin.service.clone());
                let kept = whole.line(Kind::Retained, service, "");
                proof.take(Line { amount: *set_aside, note: Some(note.to_owned()), ..kept });
            }
        }
    }
    if !waits.is_zero() {
        let note = "more than listeners paid: it waits for the next month";
        proof.take(whole.held(Suspense::Undistributed, *waits, note, "waits"));
    }
    for recording in recordings {
        let receipt = Receipt {
            origin: &pool.origin,
            naming: &naming,
            from: account.clone(),
            recording: Some(recording.recording.clone()),
            plays: count(recording.plays)?,
            amount: recording.amount,
            agreement: Some(pool.agreement.clone()),
            parent: None,
        };
        receipt.settle(facts, &mut |line| proof.take(line))?;
    }
    proof.check(|| format!("pool {}", pool.origin.key()))
}

/// Settles what a pool of a published month gives more or less, since held plays were let go or
/// are held again: line by line what it gives now less what it gave. `facts` are those that it was
/// settled by; the lines are of `period`, the open month. They add up to 0.
pub fn settle_adjustment(
    (facts, period): (&Facts, Period),
    pool: &Pool,
    [before, now]: &[Allocated; 2],
    out: &mut dyn FnMut(Line),
) -> Result<(), SettleError> {
    let mut lines: BTreeMap<LineId, (Line, Micros, Micros, i64)> = BTreeMap::new();
    settle_pool(facts, pool, before, &mut |line| {
        let (id, amount, plays) = (line.id, line.amount, line.plays);
        lines.insert(id, (line, amount, Micros::ZERO, -plays));
    })?;
    settle_pool(facts, pool, now, &mut |line| {
        let (id, amount, plays) = (line.id, line.amount, line.plays);
        let changed = lines.entry(id).or_insert((line, Micros::ZERO, Micros::ZERO, 0));
        (changed.2, changed.3) = (amount, changed.3 + plays);
    })?;
    let naming = Line::naming(period, &pool.origin);
    let account = Account::Pool(pool.origin.key().into());
    let mut proof = Proof::new(&account, Micros::ZERO, out);
    for (original, (line, gave, gives, plays)) in lines {
        let amount = gives.minus(gave)?;
        if amount.is_zero() {
            continue;
        }
        // What is held stays what it is, so that it is counted where it is held.
        let kind = if line.credit.party().is_some() { Kind::Adjustment } else { line.kind };
        let sides = (kind, &line.debit, &line.credit);
        let rule = format!("adjusts {original}");
        let id = Line::name(&naming, line.recording.as_ref(), sides, None, &rule);
        let note = format!(
            "line {original} of {} gave {gave}, and gives {gives} with what is let go now",
            pool.origin.period
        );
        let (base, note) = (amount, Some(note));
        proof.take(Line { id, parent: None, kind, plays, base, rate: None, amount, note, ..line });
    }
    proof.check(|| format!("what pool {} gives more or less", pool.origin.key()))
}

/// Settles the sales, and what rounding them left.
pub fn settle_sales(facts: &Facts, out: &mut dyn FnMut(Line)) -> Result<(), SettleError> {
    for sale in &facts.sales {
        settle_sale(facts, sale, out)?;
    }
    for difference in &facts.rounding {
        settle_rounding(facts, difference, out);
    }
    Ok(())
}

fn settle_sale(facts: &Facts, sale: &Sale, out: &mut dyn FnMut(Line)) -> Result<(), SettleError> {
    let key = &sale.key;
    let release = match &key.sold {
        Sold::Release(release) => Some(release.clone()),
        Sold::Recording(_) => None,
    };
    let origin = Arc::new(Origin {
        sale: true,
        period: key.period,
        service: key.source.clone(),
        offer: key.channel.clone(),
        territory: key.territory,
        right: key.right,
        currency: key.currency,
        sale_date: key.sale_date,
        returned: key.returned,
        release: release.clone(),
    });
    let naming = Line::naming(facts.period, &origin);
    let from = Account::Source(key.source.clone());
    let of = |recording: Option<RecordingId>, amount: Micros| Receipt {
        origin: &origin,
        naming: &naming,
        from: from.clone(),
        recording,
        plays: sale.quantity,
        amount,
        agreement: None,
        parent: None,
    };
    let mut proof = Proof::new(&from, sale.amount, out);
    match (&key.sold, release) {
        (Sold::Recording(recording), _) => {
            of(Some(recording.clone()), sale.amount).settle(facts, &mut |line| proof.take(line))?;
        }
        (Sold::Release(_), release) => {
            let recordings: Vec<RecordingId> = release
                .iter()
                .flat_map(|release| facts.catalogue.release(release))
                .map(|recording| recording.recording.clone())
                .collect();
            if recordings.is_empty() {
                let held = of(None, sale.amount);
                proof.take(held.held(
                    Suspense::Unmatched,
                    sale.amount,
                    "no recording is on this release",
                    "",
                ));
            } else {
                let parts = apportion(sale.amount, &vec![1; recordings.len()])?;
                for (recording, part) in recordings.into_iter().zip(parts) {
                    of(Some(recording), part).settle(facts, &mut |line| proof.take(line))?;
                }
            }
        }
    }
    proof.check(|| format!("sale by {}", key.source))
}

fn settle_rounding(facts: &Facts, difference: &RoundingDifference, out: &mut dyn FnMut(Line)) {
    let origin = Arc::new(Origin {
        sale: true,
        period: facts.period,
        service: difference.source.clone(),
        offer: difference.source.clone(),
        territory: crate::ident::Territory::WORLD,
        right: crate::catalog::Right::Recording,
        currency: difference.currency,
        sale_date: None,
        returned: false,
        release: None,
    });
    let naming = Line::naming(facts.period, &origin);
    let receipt = Receipt {
        origin: &origin,
        naming: &naming,
        from: Account::Source(difference.source.clone()),
        recording: None,
        plays: 0,
        amount: difference.amount,
        agreement: None,
        parent: None,
    };
    if !difference.amount.is_zero() {
        out(receipt.line(Kind::Rounding, Account::Rounding, ""));
    }
}

impl Receipt<'_> {
    fn line(&self, kind: Kind, credit: Account, rule: &str) -> Line {
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
    fn held(&self, reason: Suspense, amount: Micros, note: &str, rule: &str) -> Line {
        let line = self.line(reason.kind(), Account::Suspense(reason), rule);
        Line { amount, note: Some(note.to_owned()), ..line }
    }

    /// Divides the money over the claims in force; what nobody claims is the last key.
    fn settle(&self, facts: &Facts, out: &mut dyn FnMut(Line)) -> Result<(), SettleError> {
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
struct Proof<'a> {
    account: Account,
    expected: Micros,
    found: i128,
    out: &'a mut dyn FnMut(Line),
}

impl<'a> Proof<'a> {
    fn new(account: &Account, expected: Micros, out: &'a mut dyn FnMut(Line)) -> Self {
        Self { account: account.clone(), expected, found: 0, out }
    }

    fn take(&mut self, line: Line) {
        if line.debit == self.account {
            self.found += i128::from(line.amount.micros());
        }
        (self.out)(line);
    }

    fn check(self, what: impl FnOnce() -> String) -> Result<(), SettleError> {
        if self.found == i128::from(self.expected.micros()) {
            return Ok(());
        }
        let (expected, found) = (self.expected.to_string(), format!("{} micros", self.found));
        Err(SettleError::NotConserved { what: what(), expected, found })
    }
}
