//! The month's pools: every revenue row and the agreements that share it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::Origin;
use crate::agreements::{AgreementRef, Agreements};
use crate::allocate::{OnNoPlays, Rule};
use crate::catalog::{Revenue, Right};
use crate::money::{Currency, Micros, Percent};
use crate::sales::SalesOverflow;
use crate::usage::UsageKey;

/// One pool of one month.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pool {
    /// Which it is.
    pub origin: Arc<Origin>,
    /// What the service earned, net.
    pub revenue: Micros,
    /// Which part of it is shared.
    pub rate: Percent,
    /// What is shared: revenue × rate, rounded once, half to even; never more than is left of the
    /// revenue after the right before it.
    pub amount: Micros,
    /// What earlier months left undistributed of the same key and currency, shared with it; under
    /// 0 what they gave too much.
    pub carried: Micros,
    /// How.
    pub rule: Arc<Rule>,
    /// How many paid, as the revenue's row says.
    pub subscribers: Option<u64>,
    /// By which agreement.
    pub agreement: Arc<AgreementRef>,
}

/// What earlier months left undistributed of a pool.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Opening {
    /// service/offer/territory/right: see [`Origin::key`].
    pub pool: String,
    /// In what.
    pub currency: Currency,
    /// How much; under 0 where a published month has given more since than it had left.
    pub amount: Micros,
}

impl Pool {
    /// All that is shared.
    pub fn total(&self) -> Micros {
        self.amount.plus(self.carried).unwrap_or(Micros::MAX) // `plan` has added them up
    }

    /// Whose plays share it.
    pub fn usage_key(&self) -> UsageKey {
        UsageKey {
            period: self.origin.period,
            service: self.origin.service.clone(),
            offer: self.origin.offer.clone(),
            territory: self.origin.territory,
        }
    }
}

/// Why a month cannot be frozen as it stands.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Plays whose revenue nobody reported.
    #[error("usage of {0} has no revenue row; import one (0 says that nothing was earned)")]
    UsageWithoutRevenue(String),
    /// Revenue that no agreement shares.
    #[error(
        "revenue of {0} has no [[pool]] in any agreement in force; import an agreement that shares it"
    )]
    RevenueWithoutPool(String),
    /// Two agreements, or two terms, share the same revenue for the same right.
    #[error("{right} of {key} is shared twice: by {first} and by {second}")]
    TwoPools {
        /// The revenue's key.
        key: String,
        /// The right.
        right: Right,
        /// One of them.
        first: String,
        /// The other.
        second: String,
    },
    /// The rights together take over 100 %.
    #[error("the pools of {0} together take over 100 percent of its revenue")]
    OverShared(String),
    /// A pool and what is carried into it do not fit.
    #[error("the pool {0} and what earlier months left in it add up to more than can be held")]
    TooLarge(String),
    /// A rule that shares by what listeners paid, and nobody said it.
    #[error(
        "{rule} shares {key} by what each listener paid: import it with `tantieme import listeners`"
    )]
    NoListeners {
        /// The pool's revenue.
        key: String,
        /// Where the rule stands.
        rule: String,
    },
    /// A rule that asks how many paid, and nobody said it.
    #[error(
        "{rule} sets aside the part of those who pay for {key} and play nothing: say how many pay with `tantieme \
         import listeners`, or in the column subscribers of its revenue"
    )]
    NoPayers {
        /// The pool's revenue.
        key: String,
        /// Where the rule stands.
        rule: String,
    },
    /// Nothing was imported for the month.
    #[error("there is nothing to settle: no revenue and no sales")]
    Nothing,
    /// Rows that were not taken.
    #[error(
        "{count} rows that may be of this month stand in quarantine: supersede their batch by a \
         corrected file with --replace, or leave them out with --accept-quarantine {count}"
    )]
    Quarantine {
        /// How many.
        count: u64,
    },
    /// Some of these rows would settle no more under their batch's name.
    #[error(
        "{0} of these rows may be sales of a batch that is settled, for which --replace pays nothing more: export \
         them, correct them, import them as a batch of their own"
    )]
    QuarantineSettled(usize),
    /// Another number was accepted than stands in quarantine.
    #[error(
        "--accept-quarantine {accepted} was given and {count} rows stand in quarantine: look again"
    )]
    QuarantineCount {
        /// How many stand there.
        count: u64,
        /// How many were accepted.
        accepted: u64,
    },
    /// A sealed file that is gone or was changed.
    #[error(
        "sealed file {path} of batch {batch} {problem}: withdraw the batch and import its file again"
    )]
    SealedFile {
        /// The file.
        path: String,
        /// The batch.
        batch: String,
        /// What is wrong.
        problem: String,
    },
    /// Sales of one item that do not fit together.
    #[error("{0}: correct a batch of them with --replace, or withdraw it")]
    Sales(SalesOverflow),
    /// Listeners hashed with another secret.
    #[error("batch {batch} was sealed with the secret {theirs}, and this workspace's is {ours}")]
    Secret {
        /// The batch.
        batch: String,
        /// Its secret's fingerprint.
        theirs: String,
        /// This workspace's.
        ours: String,
    },
}

/// What was imported of a month, by its keys.
#[derive(Debug, Default)]
pub struct Imported<'a> {
    /// Of which there are plays.
    pub usage: &'a [UsageKey],
    /// Of which it is known what listeners paid.
    pub listeners: &'a [UsageKey],
    /// What earlier months left undistributed.
    pub openings: &'a [Opening],
}

/// The pools that the revenue of a month makes, by key and right; or all that stands against it.
pub fn plan(
    revenue: &[Revenue],
    agreements: &Agreements,
    imported: &Imported<'_>,
) -> Result<Vec<Pool>, Vec<Refusal>> {
    let mut refusals = Vec::new();
    let mut pools = BTreeMap::new();
    for row in revenue {
        let key = UsageKey {
            period: row.period,
            service: row.service.clone(),
            offer: row.offer.clone(),
            territory: row.territory,
        };
        let found = agreements.pools(&row.service, &row.offer, row.territory, row.period);
        if found.is_empty() {
            refusals.push(Refusal::RevenueWithoutPool(key.to_string()));
        }
        if Percent::rest(found.iter().map(|pool| pool.term.rate)).is_none() {
            refusals.push(Refusal::OverShared(key.to_string()));
        }
        let mut of_right: BTreeMap<Right, AgreementRef> = BTreeMap::new();
        let mut left = row.net_revenue;
        for pool in found {
            let right = pool.term.right;
            let name = |at: &AgreementRef| format!("{} of {}", at.term, at.id);
            if let Some(first) = of_right.insert(right, pool.reference.clone()) {
                let (first, second) = (name(&first), name(&pool.reference));
                refusals.push(Refusal::TwoPools { key: key.to_string(), right, first, second });
            }
            let origin = Arc::new(Origin {
                sale: false,
                period: row.period,
                service: row.service.clone(),
                offer: row.offer.clone(),
                territory: row.territory,
                right,
                currency: row.currency,
                sale_date: None,
                returned: false,
                release: None,
            });
            // Two halves of an odd micro may both round up: the later right gives way.
            let amount = row.net_revenue.percent(pool.term.rate).min(left);
            left = left.minus(amount).unwrap_or(Micros::ZERO); // never under zero
            // A pool gives back what it has, and the rest waits for the next.
            let carried = imported.carried(&origin).max(-amount);
            if amount.plus(carried).is_err() {
                refusals.push(Refusal::TooLarge(origin.key()));
            }
            let pool = Pool {
                revenue: row.net_revenue,
                rate: pool.term.rate,
                amount,
                carried,
                rule: pool.term.sharing.rule().clone(),
                subscribers: row.subscribers,
                agreement: Arc::new(pool.reference),
                origin: origin.clone(),
            };
            refusals.extend(imported.lacks(&pool));
            pools.insert(origin, pool);
        }
    }
    let distinct: BTreeSet<&UsageKey> = imported.usage.iter().collect();
    for key in distinct {
        let earned = revenue.iter().any(|row| {
            row.service == key.service && row.offer == key.offer && row.territory == key.territory
        });
        if !earned {
            refusals.push(Refusal::UsageWithoutRevenue(key.to_string()));
        }
    }
    if refusals.is_empty() { Ok(pools.into_values().collect()) } else { Err(refusals) }
}

impl Imported<'_> {
    fn carried(&self, origin: &Origin) -> Micros {
        let key = origin.key();
        let of_pool =
            |opening: &&Opening| opening.pool == key && opening.currency == origin.currency;
        self.openings.iter().find(of_pool).map_or(Micros::ZERO, |opening| opening.amount)
    }

    /// What the pool's rule asks for and was not imported.
    fn lacks(&self, pool: &Pool) -> Option<Refusal> {
        let key = pool.usage_key();
        if self.listeners.contains(&key) || !self.usage.contains(&key) {
            return None;
        }
        let agreement = &pool.agreement;
        let rule = format!("{} of {}", agreement.term, agreement.id);
        let key = key.to_string();
        if pool.rule.asks_for_fees() {
            Some(Refusal::NoListeners { key, rule })
        } else if pool.rule.on_no_plays != OnNoPlays::Pool && pool.subscribers.is_none() {
            Some(Refusal::NoPayers { key, rule })
        } else {
            None
        }
    }
}
