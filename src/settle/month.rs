//! A month's money to its lines.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::receipt::{Proof, Receipt};
use super::{Account, Kind, Line, LineId, Origin, Pool, Suspense};
use crate::agreements::Agreements;
use crate::allocate::{OnNoPlays, RecordingAmount};
use crate::catalog::Catalogue;
use crate::columnar::Key;
use crate::ident::RecordingId;
use crate::money::{AmountOutOfRange, ApportionError, Micros, apportion};
use crate::period::Period;
use crate::sales::{RoundingDifference, Sale, Sold};

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
