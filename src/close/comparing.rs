//! What other rules would have paid of a month's pools.

use std::collections::BTreeMap;

use super::CloseError;
use super::freeze::freeze;
use super::manifest::Manifest;
use super::pools::{PoolInputs, Pools, failed};
use super::run::Run;
use crate::allocate::{AllocateError, Allocation, Model, RecordingAmount, Rule};
use crate::catalog::Catalogue;
use crate::compare::{Bought, Comparison, Extraction, NotExtracted, Purchase};
use crate::facts::Workspace;
use crate::ident::RecordingId;
use crate::money::{AmountOutOfRange, Currency, Micros};
use crate::period::Period;
use crate::settle::{Pool, Refusal};
use crate::usage::Listening as _;

/// A rule that is compared, by the name it is called here.
#[derive(Debug, Clone)]
pub struct Proposal {
    /// What it is called.
    pub name: String,
    /// The rule for all pools; none for each pool's own, as agreed.
    pub rule: Option<Rule>,
}

/// The pools of one currency under every proposal.
#[derive(Debug)]
pub struct Compared {
    /// In what.
    pub currency: Currency,
    /// Artist by artist.
    pub comparison: Comparison,
    /// All pools together.
    pub amount: Micros,
    /// Listeners of every pool, added up: who has two offers counts twice.
    pub listeners: u64,
    /// Recordings without a known artist.
    pub without_artist: u64,
    /// The largest pool, into which the accounts are bought.
    pub bought_into: String,
    /// What they take out of it, by proposal; none where the rule would not share it.
    pub extractions: Vec<Option<Extraction>>,
}

/// What proposals would make of a month: of what was frozen for its close, or, before that, of
/// what is known now. Nothing is posted, and of a freeze only its files are kept.
pub async fn compare(
    workspace: &Workspace,
    period: Period,
    proposals: &[Proposal],
    baseline: usize,
    purchase: Option<Purchase>,
) -> Result<Vec<Compared>, CloseError> {
    let data = workspace.data();
    let manifest = manifest(workspace, period).await?;
    manifest.check_files(&data)?;
    let planned = manifest.plan(&data)?;
    let catalogue = manifest.recordings(&data)?;
    let threads = workspace.means.threads;
    let keys = (&planned.keys, planned.clearances.as_slice());
    let pools = Pools::new(&data, &manifest, keys, &catalogue, threads);
    let comparing = Comparing { pools: &pools, catalogue: &catalogue, proposals, baseline };
    let mut by_currency: BTreeMap<Currency, Vec<&Pool>> = BTreeMap::new();
    for pool in &planned.pools {
        by_currency.entry(pool.origin.currency).or_default().push(pool);
    }
    let compared = by_currency.into_iter();
    compared.map(|(currency, pools)| comparing.of(currency, &pools, purchase)).collect()
}

/// The manifest of the month's close; without one, of a freeze that is not entered anywhere. Rows
/// in quarantine are left out, as nothing is paid.
pub(super) async fn manifest(
    workspace: &Workspace,
    period: Period,
) -> Result<Manifest, CloseError> {
    let mut tx = workspace.store.read().await?;
    let run = Run::live(&mut tx, period).await?;
    drop(tx);
    let hash = match run {
        Some(run) => run.manifest,
        None => match freeze(workspace, period, None).await {
            Ok(frozen) => frozen.manifest,
            Err(CloseError::Refused { refusals, period }) => {
                let left_out = refusals.iter().find_map(|refusal| match refusal {
                    Refusal::Quarantine { count } => Some(*count),
                    _ => None,
                });
                match left_out {
                    Some(count) => freeze(workspace, period, Some(count)).await?.manifest,
                    None => return Err(CloseError::Refused { period, refusals }),
                }
            }
            Err(error) => return Err(error),
        },
    };
    Manifest::read(&workspace.data(), period, hash)
}

struct Comparing<'a, 'p> {
    pools: &'p Pools<'a>,
    catalogue: &'a Catalogue,
    proposals: &'p [Proposal],
    baseline: usize,
}

impl Comparing<'_, '_> {
    fn of(
        &self,
        currency: Currency,
        pools: &[&Pool],
        purchase: Option<Purchase>,
    ) -> Result<Compared, CloseError> {
        let names = self.proposals.iter().map(|proposal| proposal.name.clone());
        let mut comparison = Comparison::new(names, self.baseline);
        let too_large = |pool| move |e: AmountOutOfRange| failed(pool, &e);
        let largest = pools.iter().max_by_key(|pool| pool.total());
        let (mut amount, mut listeners) = (Micros::ZERO, 0);
        let mut extractions = vec![None; self.proposals.len()];
        for pool in pools {
            amount = amount.plus(pool.total()).map_err(too_large(pool))?;
            let rules: Vec<&Rule> =
                self.proposals.iter().map(|proposal| rule(proposal, pool)).collect();
            let opened = self.pools.open(pool, &rules, true)?;
            listeners += opened.scan.listeners()?;
            let artist = |id: &RecordingId| {
                self.catalogue.recording(id.as_str()).and_then(|found| found.artists.first())
            };
            let raw = self.pools.allocate(pool, &Rule::plain(Model::ProRata), &opened)?.recordings;
            comparison.count(&raw, artist);
            for (place, rule) in rules.iter().enumerate() {
                let allocation = self.allocation(pool, rule, &raw, &opened)?;
                comparison.add(place, &allocation, artist).map_err(too_large(pool))?;
            }
            if let Some(purchase) = purchase.filter(|_| largest == Some(pool)) {
                extractions = self.extractions(pool, &rules, &opened, purchase)?;
            }
        }
        let without_artist = comparison.without_artist();
        let bought_into = largest.map_or_else(String::new, |pool| pool.origin.key());
        Ok(Compared {
            currency,
            comparison,
            amount,
            listeners,
            without_artist,
            bought_into,
            extractions,
        })
    }

    /// What a rule makes of a pool. Where it counts none of the plays, nobody gets anything.
    fn allocation(
        &self,
        pool: &Pool,
        rule: &Rule,
        raw: &[RecordingAmount],
        opened: &PoolInputs<'_>,
    ) -> Result<Allocation, CloseError> {
        let shared = self.pools.allocate(pool, rule, opened)?;
        let too_large = |e: AmountOutOfRange| failed(pool, &e);
        let mut set_aside = shared.set_aside.plus(shared.waits).map_err(too_large)?;
        let mut recordings = shared.recordings;
        if recordings.is_empty() {
            let unpaid =
                |row: &RecordingAmount| RecordingAmount { amount: Micros::ZERO, ..row.clone() };
            recordings = raw.iter().map(unpaid).collect();
            set_aside = pool.total();
        }
        let (plays, listeners) = (shared.plays, shared.listeners);
        Ok(Allocation { recordings, plays, listeners, set_aside })
    }

    fn extractions(
        &self,
        pool: &Pool,
        rules: &[&Rule],
        opened: &PoolInputs<'_>,
        purchase: Purchase,
    ) -> Result<Vec<Option<Extraction>>, CloseError> {
        let fees = opened.fees.as_ref();
        let bought = Bought::new(purchase, &opened.scan, &opened.attributes, fees)?;
        let extract = |rule: &&Rule| {
            let extracted = self.pools.with_inputs(pool, opened, |inputs| {
                bought.extract(rule, pool.total(), inputs.reach, inputs.payers)
            });
            match extracted {
                Ok(extraction) => Ok(Some(extraction)),
                Err(NotExtracted::Allocate(
                    AllocateError::NoPlays | AllocateError::NothingCounts { .. },
                )) => Ok(None),
                Err(error) => Err(failed(pool, &format!("with bought accounts: {error}"))),
            }
        };
        rules.iter().map(extract).collect()
    }
}

fn rule<'a>(proposal: &'a Proposal, pool: &'a Pool) -> &'a Rule {
    proposal.rule.as_ref().unwrap_or(&pool.rule)
}
